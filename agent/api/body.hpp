// Members of a request's body, found as Go finds them: under any letter case, and null is as good
// as absent.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/schema/json_value.hpp"

namespace drover::agent {

// Null where there is none, or the body is no object.
[[nodiscard]] const schema::JsonValue* member_of(const schema::JsonValue& body,
                                                 std::string_view name);
// False and 0 also where the member is something else.
[[nodiscard]] bool truth_of(const schema::JsonValue& body, std::string_view name);
[[nodiscard]] std::int64_t integer_of(const schema::JsonValue& body, std::string_view name);

}  // namespace drover::agent
