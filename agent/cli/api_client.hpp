// The agent's HTTP API as the commands use it: JSON in, JSON out, errors as sentences.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/flags.hpp"
#include "engine/base/result.hpp"
#include "engine/schema/json_value.hpp"
#include "io/http_client.hpp"

namespace drover::agent::cli {

// The flags that every command which talks to an agent takes.
[[nodiscard]] const std::vector<FlagSpec>& client_flags();

struct Reply {
    schema::JsonValue json;
    std::uint64_t index{};
    bool known_leader{};
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

class ApiClient {
public:
    // Address, region, namespace and token from the flags, then the environment (NOMAD_ADDR, …).
    [[nodiscard]] static Result<ApiClient> create(const Flags& flags);

    // Errors: "Unexpected response code: 404 (job not found)"; Errc::not_found for 404.
    [[nodiscard]] Result<Reply> get(const std::string& path, const Parameters& parameters = {});
    [[nodiscard]] Result<Reply> put(const std::string& path, const schema::JsonValue& body,
                                    const Parameters& parameters = {});
    [[nodiscard]] Result<Reply> remove(const std::string& path, const Parameters& parameters = {});
    // A body that is no JSON.
    [[nodiscard]] Result<Reply> put_file(const std::string& path, std::string bytes);
    // A body that comes piece by piece, until the receiver returns false or it ends.
    [[nodiscard]] Result<void> stream(const std::string& path, const Parameters& parameters,
                                      const io::HttpClient::Receiver& receiver);

    [[nodiscard]] const std::string& address() const { return address_; }
    [[nodiscard]] const std::string& region() const { return region_; }
    [[nodiscard]] const std::string& namespace_name() const { return namespace_; }

private:
    [[nodiscard]] Result<Reply> send(const std::string& method, const std::string& path,
                                     const Parameters& parameters, std::string body);
    [[nodiscard]] std::string target(const std::string& path, const Parameters& parameters) const;

    std::unique_ptr<io::HttpClient> http_;
    std::string address_, region_, namespace_;
};

// Escapes one segment of a path.
[[nodiscard]] std::string segment(const std::string& text);

}  // namespace drover::agent::cli
