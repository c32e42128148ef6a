// The one codec between messages and the JSON that Nomad's tools speak. It reads field options and
// nothing else, so that a new field needs no code here.
//
//   key          PascalCase with acronyms in capitals; read in any letter case
//   null         an absent optional field, an empty list or map (unless empty_list)
//   duration     an integer of nanoseconds; times likewise, or RFC 3339 where the option says so
//   bytes        base64, or UUID text
//   unknown keys ignored, as Nomad does
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/schema/json_value.hpp"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace drover::schema {

struct JsonStyle {
    bool pretty = false;
    bool redact = true;  // blank fields marked secret
};

[[nodiscard]] JsonValue to_json_value(const google::protobuf::Message& message,
                                      const JsonStyle& style = {});
[[nodiscard]] std::string to_json(const google::protobuf::Message& message,
                                  const JsonStyle& style = {});

// The member of this name alone; null where the message's JSON has none.
[[nodiscard]] JsonValue to_json_member(const google::protobuf::Message& message,
                                       std::string_view name, const JsonStyle& style = {});

// Replaces what the JSON names and leaves the rest of the message alone. Errors name the path:
// "TaskGroups[0].Count: expected an integer, got a string".
[[nodiscard]] Result<void> from_json_value(const JsonValue& json,
                                           google::protobuf::Message& message);
[[nodiscard]] Result<void> from_json(std::string_view text, google::protobuf::Message& message,
                                     const JsonLimits& limits = {});

[[nodiscard]] std::string json_name(const google::protobuf::FieldDescriptor& field);

// Lists that stand for maps, and the objects of free-form values, sorted by key, the last of equal
// keys kept: two messages that mean the same are then equal. from_json leaves messages like that.
void normalise(google::protobuf::Message& message);

}  // namespace drover::schema
