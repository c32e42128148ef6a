// The HTTP API as the tests use it: an agent's address, paths, JSON; and what the answer to a write
// allows one to conclude.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/schema/json_value.hpp"
#include "io/http_client.hpp"

namespace drover::agent::cluster {

using Json = schema::JsonValue;

// Members of members; null where one is missing.
[[nodiscard]] const Json& at(const Json& json, std::initializer_list<std::string_view> path);
[[nodiscard]] std::string text(const Json& json, std::initializer_list<std::string_view> path);
[[nodiscard]] std::uint64_t number(const Json& json, std::initializer_list<std::string_view> path);
// The elements of a list; none where it is no list.
[[nodiscard]] const Json::Array& items(const Json& json);

// What became of a write.
struct Written {
    enum class Fate : std::uint8_t {
        done,
        conflict,  // refused by EnforceIndex: it did not happen and never will
        refused,   // did not happen and never will, for another reason (no leader, nobody there)
        unknown    // may have happened, or may yet happen
    };
    Fate fate{Fate::unknown};
    std::uint64_t job_modify_index{};
    std::string answer;
};

// One connection to one agent; used by one thread.
class Api {
public:
    explicit Api(std::uint16_t port, std::chrono::seconds timeout = std::chrono::seconds{20});

    // The answer's JSON; none unless it is 200.
    [[nodiscard]] std::optional<Json> get(const std::string& path);
    // A null value where there is no such object (404); none where no answer came.
    [[nodiscard]] std::optional<Json> look_up(const std::string& path);
    // POST /v1/jobs.
    [[nodiscard]] Written register_job(const Json& body);
    [[nodiscard]] bool remove(const std::string& path);

private:
    std::unique_ptr<io::HttpClient> http_;
};

// ---- bodies for POST /v1/jobs

// A job that runs one command in `count` allocations: raw_exec, or the mock driver where the tests
// do not run as root.
[[nodiscard]] Json job(const std::string& id, int count);
// A job that runs nothing and carries a value: written only if the stored one still has `index`.
[[nodiscard]] Json register_job(const std::string& id, std::uint64_t value, std::uint64_t index);
// The value that a job of this kind carries.
[[nodiscard]] std::uint64_t value_of(const Json& job);

}  // namespace drover::agent::cluster
