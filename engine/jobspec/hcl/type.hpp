// Type constraints, as `variable` blocks and convert() write them: string, list(number),
// object({port = number, tag = optional(string)}), ...
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "engine/jobspec/hcl/ast.hpp"
#include "engine/jobspec/hcl/value.hpp"

namespace drover::hcl {

struct Type {
    enum class Kind : std::uint8_t { any, string, number, boolean, list, set, map, object, tuple };
    Kind kind = Kind::any;
    std::vector<Type> elements{};           // one for list, set, map; one per position for tuple
    std::map<std::string, Type> members{};  // of object
    std::map<std::string, bool> optional_members{};

    [[nodiscard]] std::string text() const;
};

// The type that an expression names. The message of an error says what is wrong with it.
[[nodiscard]] tl::expected<Type, std::string> type_from(const Expression& expression);

// The value as that type. The message of an error names the part that does not fit.
[[nodiscard]] tl::expected<Value, std::string> convert(const Value& value, const Type& type);

}  // namespace drover::hcl
