#include "agent/api/body.hpp"

#include <algorithm>

namespace drover::agent {

using schema::JsonValue;

const JsonValue* member_of(const JsonValue& body, std::string_view name) {
    if (body.object() == nullptr) return nullptr;
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    for (const auto& [key, value] : *body.object()) {
        if (std::equal(key.begin(), key.end(), name.begin(), name.end(),
                       [&](char a, char b) { return lower(a) == lower(b); })) {
            return value.is_null() ? nullptr : &value;
        }
    }
    return nullptr;
}

bool truth_of(const JsonValue& body, std::string_view name) {
    const JsonValue* const value = member_of(body, name);
    return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

std::int64_t integer_of(const JsonValue& body, std::string_view name) {
    const JsonValue* const value = member_of(body, name);
    return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
}

}  // namespace drover::agent
