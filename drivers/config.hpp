// The `config` block of a task as its driver receives it: a plain tree of values, already evaluated
// and interpolated. Keys nobody reads are errors, so that a typing mistake never passes silently.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"

namespace drover::drivers {

struct ConfigValue {
    using List = std::vector<ConfigValue>;
    using Object = std::map<std::string, ConfigValue>;

    std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Object> value{};

    ConfigValue() = default;
    ConfigValue(bool truth) : value{truth} {}
    ConfigValue(int number) : value{std::int64_t{number}} {}
    ConfigValue(std::int64_t number) : value{number} {}
    ConfigValue(double number) : value{number} {}
    ConfigValue(const char* text) : value{std::string{text}} {}
    ConfigValue(std::string text) : value{std::move(text)} {}
    ConfigValue(List list) : value{std::move(list)} {}
    ConfigValue(Object object) : value{std::move(object)} {}

    friend bool operator==(const ConfigValue&, const ConfigValue&) = default;
};

using Config = ConfigValue::Object;

// Reads a Config key by key and remembers the first mistake. Scalars convert to each other where
// nothing is lost ("3" is the number 3, 8080 is the text "8080"), as users of HCL expect.
class ConfigReader {
public:
    // `place` opens every message, for example "task web: raw_exec config".
    ConfigReader(std::string place, const Config& config);

    std::optional<std::string> text(std::string_view key);
    std::optional<std::int64_t> number(std::string_view key);
    std::optional<bool> truth(std::string_view key);
    std::optional<Duration> duration(std::string_view key);  // "1m30s", or a number of nanoseconds
    std::vector<std::string> texts(std::string_view key);
    bool has(std::string_view key) const;
    // Marks a key as known without looking at its value.
    void accept(std::string_view key);
    void refuse(std::string_view key, std::string why);

    // The first mistake, an unknown key included; call it last.
    [[nodiscard]] Result<void> finish();

private:
    const ConfigValue* take(std::string_view key);

    std::string place_;
    const Config& config_;
    std::map<std::string, bool, std::less<>> known_;
    std::optional<Error> mistake_;
};

// "1h2m3.5s", "250ms", "10s"; none when malformed or beyond 292 years.
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace drover::drivers
