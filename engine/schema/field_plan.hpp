// What the codecs need to know of each field, worked out once from its options.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace drover::schema {

struct FieldPlan {
    const google::protobuf::FieldDescriptor* field{};
    std::string json_name;
    bool uuid{};
    bool rfc3339{};
    bool empty_list{};
    bool omit_empty{};
    bool as_value{};
    bool secret{};
    bool hidden{};
    // For lists that stand for maps: the field that holds the key, and the one that holds the
    // value; without a value the whole message is the value.
    const google::protobuf::FieldDescriptor* map_key{};
    const google::protobuf::FieldDescriptor* map_value{};
    bool key_shown{};
};

struct MessagePlan {
    std::vector<FieldPlan> fields;  // in the order of the numbers
    // By JSON name, first as it is written and then in any letter case; null where there is none.
    [[nodiscard]] const FieldPlan* find(std::string_view json_name) const;
};

// Lives as long as the process.
[[nodiscard]] const MessagePlan& plan_of(const google::protobuf::Descriptor& type);

}  // namespace drover::schema
