// Flags as Go programs take them: -flag=value, -flag value, one dash or two, booleans alone or with
// =false. Flags may stand before or after positional arguments; "--" ends them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"

namespace drover::agent::cli {

struct FlagSpec {
    std::string_view name;
    bool takes_value{};
    std::string_view help;  // one line; empty hides it
};

class Flags {
public:
    // Errors name the flag and, where one is close, what was probably meant.
    [[nodiscard]] static Result<Flags> parse(const std::vector<FlagSpec>& known,
                                             const std::vector<std::string>& arguments);

    [[nodiscard]] bool on(std::string_view name) const;  // of a boolean; false where absent
    [[nodiscard]] bool on(std::string_view name, bool absent) const;
    [[nodiscard]] const std::string* value(std::string_view name) const;  // the last one
    [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
    [[nodiscard]] const std::vector<std::string>& positional() const { return positional_; }

private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
    std::vector<std::string> positional_;
};

}  // namespace drover::agent::cli
