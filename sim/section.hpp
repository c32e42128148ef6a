// One mapping of a YAML document, read key by key. Every key that is asked for counts as known;
// what is left over at the end is an error, as is a value of the wrong form. Errors carry file,
// line and column and are thrown inside the reader only: read_scenario turns them into a Result.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

struct ReadingError {
    Position position;
    std::string message;
};

Position position_of(const YAML::Node& node);

class Section {
public:
    // `path` names the section in errors: "world.net".
    Section(YAML::Node node, std::string path);

    [[nodiscard]] bool has(std::string_view key);
    [[nodiscard]] YAML::Node child(std::string_view key);  // undefined where absent
    [[nodiscard]] std::optional<std::string> text(std::string_view key);
    [[nodiscard]] std::string required_text(std::string_view key);
    [[nodiscard]] std::optional<bool> boolean(std::string_view key);
    [[nodiscard]] Position position() const { return position_of(node_); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[noreturn]] void refuse(std::string_view key, const std::string& message);

    // The value through one of the scalar parsers; its error gets the position.
    template <class T>
    std::optional<T> parsed(std::string_view key, Result<T> (*parse)(std::string_view)) {
        const auto written = text(key);
        if (!written) return std::nullopt;
        auto value = parse(*written);
        if (!value) refuse(key, value.error().message);
        return *value;
    }
    // A whole number between the bounds.
    std::optional<std::uint64_t> number(std::string_view key, std::uint64_t low,
                                        std::uint64_t high);
    // The list under a key (a single value stands for a list of one), each item in turn.
    void each(std::string_view key, const std::function<void(const YAML::Node&)>& visit);
    // Every key of the section that nobody asked for is an error.
    void finish();

private:
    YAML::Node node_;
    std::string path_;
    std::set<std::string, std::less<>> known_;
};

std::string scalar_text(const YAML::Node& node, const std::string& what);

}  // namespace drover::sim
