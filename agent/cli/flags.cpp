#include "agent/cli/flags.hpp"

#include <algorithm>

#include "engine/jobspec/hcl/diagnostic.hpp"

namespace drover::agent::cli {
namespace {

const FlagSpec* find(const std::vector<FlagSpec>& known, std::string_view name) {
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const FlagSpec& one) { return one.name == name; });
    return found == known.end() ? nullptr : &*found;
}

tl::unexpected<Error> unknown(const std::vector<FlagSpec>& known, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& one : known) names.emplace_back(one.name);
    std::string message = "flag provided but not defined: -" + name;
    if (const auto near = hcl::closest(name, names)) message += " (did you mean -" + *near + "?)";
    return fail(Errc::invalid_argument, message);
}

bool is_truth(const std::string& text) {
    return text == "true" || text == "1" || text == "t" || text == "TRUE";
}
bool is_falsehood(const std::string& text) {
    return text == "false" || text == "0" || text == "f" || text == "FALSE";
}

}  // namespace

Result<Flags> Flags::parse(const std::vector<FlagSpec>& known,
                           const std::vector<std::string>& arguments) {
    Flags flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--") {
            flags.positional_.insert(flags.positional_.end(),
                                     arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                     arguments.end());
            break;
        }
        if (argument.size() < 2 || argument[0] != '-') {
            flags.positional_.push_back(argument);
            continue;
        }
        std::string name = argument.substr(argument[1] == '-' ? 2 : 1);
        const auto equals = name.find('=');
        std::optional<std::string> value;
        if (equals != std::string::npos) {
            value = name.substr(equals + 1);
            name.erase(equals);
        }
        const FlagSpec* const spec = find(known, name);
        if (spec == nullptr) return unknown(known, name);
        if (spec->takes_value && !value) {
            if (i + 1 == arguments.size())
                return fail(Errc::invalid_argument, "flag needs an argument: -" + name);
            value = arguments[++i];
        }
        if (!spec->takes_value && value && !is_truth(*value) && !is_falsehood(*value)) {
            return fail(Errc::invalid_argument,
                        "invalid boolean value \"" + *value + "\" for -" + name);
        }
        flags.values_[name].push_back(value.value_or("true"));
    }
    return flags;
}

bool Flags::on(std::string_view name) const { return on(name, false); }

bool Flags::on(std::string_view name, bool absent) const {
    const std::string* const told = value(name);
    return told == nullptr ? absent : is_truth(*told);
}

const std::string* Flags::value(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second.back();
}

std::vector<std::string> Flags::values(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace drover::agent::cli
