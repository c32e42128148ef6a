// One block of a configuration file, read key by key: every key asked for counts as known, and what
// is left over is an error. Errors carry file, line and column where the file is HCL, and the path
// of the key always. Thrown inside the configuration reader only; merge_text turns them into a
// Result.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/jobspec/hcl/hcl.hpp"

namespace drover::agent {

struct ConfigError {
    std::string message;
};

// What errors need to know of the file.
struct ConfigSource {
    std::string name;
    const hcl::File* file{};  // null for JSON
};

class ConfigBlock {
public:
    ConfigBlock(const ConfigSource& source, std::vector<std::string> path, hcl::Object values);

    // Each leaves `target` alone where the key is absent.
    void read(std::string_view key, std::string& target);
    void read(std::string_view key, bool& target);
    void read(std::string_view key, Duration& target);
    void read(std::string_view key, double& target);
    void read(std::string_view key, std::vector<std::string>& target);
    void read(std::string_view key, std::map<std::string, std::string>& target);
    template <class Integer>
    void read_number(std::string_view key, Integer& target, std::int64_t low, std::int64_t high) {
        if (const auto value = number(key, low, high)) target = static_cast<Integer>(*value);
    }

    // The blocks of this type; several are merged, as in Nomad.
    [[nodiscard]] std::optional<ConfigBlock> block(std::string_view key);
    // The labelled blocks of this type, by label.
    [[nodiscard]] std::vector<std::pair<std::string, ConfigBlock>> labelled(std::string_view key);
    // Keys that are known and do nothing yet; those that are set are added to `set`.
    void accept(const std::vector<std::string_view>& keys, std::vector<std::string>& set);
    void accept_all() { everything_ = true; }

    // Every key that nobody asked for is an error.
    void finish() const;
    [[noreturn]] void refuse(std::string_view key, const std::string& message) const;

private:
    [[nodiscard]] const hcl::Value* take(std::string_view key);
    [[nodiscard]] std::optional<std::int64_t> number(std::string_view key, std::int64_t low,
                                                     std::int64_t high);
    [[nodiscard]] std::string path_of(std::string_view key) const;

    const ConfigSource* source_;
    std::vector<std::string> path_;
    hcl::Object values_;
    std::set<std::string, std::less<>> known_;
    bool everything_{};
};

}  // namespace drover::agent
