// How a message looks in a job file, worked out from the field options of the schema: names of
// attributes and blocks, and the field that holds the block's label. A new field needs no code
// here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace drover::jobspec {

struct FieldMap {
    // By the name in a job file. Fields that only servers set are absent.
    std::map<std::string, const google::protobuf::FieldDescriptor*, std::less<>> fields;
    const google::protobuf::FieldDescriptor* label = nullptr;

    [[nodiscard]] std::vector<std::string> names() const;
};

// What a field is in a job file.
enum class FieldForm {
    attribute,     // one value, or a list of values
    block,         // a message
    blocks,        // a list of messages
    pairs,         // a map: either a block of names and values, or an attribute
    labelled_map,  // a map of messages: blocks, whose label is the key
};

// Both live as long as the process.
[[nodiscard]] const FieldMap& field_map_of(const google::protobuf::Descriptor& type);
[[nodiscard]] FieldForm form_of(const google::protobuf::FieldDescriptor& field);
[[nodiscard]] bool is_duration(const google::protobuf::FieldDescriptor& field);

}  // namespace drover::jobspec
