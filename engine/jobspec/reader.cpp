// The generic part: every attribute and block of a body finds its field, or is an error.
#include "engine/jobspec/reader.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "engine/schema/job.pb.h"

namespace drover::jobspec {
namespace {

constexpr std::size_t error_count_max = 20;  // more of them help nobody

std::string example_of(const std::string& type) { return type + " \"NAME\" { ... }"; }

}  // namespace

bool Reader::enough() const { return evaluation_.diagnostics().size() >= error_count_max; }

void Reader::report(const hcl::Range& range, std::string summary, std::string detail) {
    if (!enough()) evaluation_.report(range, std::move(summary), std::move(detail));
}

void Reader::read(const hcl::ScopedBlock& block, Message& message) {
    read_label(block, message);
    for (const hcl::Attribute& attribute : block.body->attributes) {
        if (enough()) return;
        if (!take_attribute(attribute, block, message)) read_attribute(attribute, block, message);
    }
    for (const hcl::ScopedBlock& inner : hcl::blocks_of(*block.body, *block.scope, evaluation_)) {
        if (enough()) return;
        if (!take_block(inner, message)) read_block(inner, block, message);
    }
    finish(block, message);
}

void Reader::read_label(const hcl::ScopedBlock& block, Message& message) {
    const Field* label = field_map_of(*message.GetDescriptor()).label;
    // `scaling` of a group has no label: there its type is always the same.
    const bool may_lack = message.GetDescriptor() == schema::ScalingPolicy::descriptor();
    if (label == nullptr && !block.labels.empty()) {
        return report(block.labels[0].range, "\"" + block.type + "\" takes no label");
    }
    if (label == nullptr || (may_lack && block.labels.empty())) return;
    if (block.labels.empty()) {
        return report(block.type_range, "\"" + block.type + "\" needs a name",
                      example_of(block.type));
    }
    if (block.labels.size() > 1) {
        return report(block.labels[1].range, "\"" + block.type + "\" takes one label only",
                      example_of(block.type));
    }
    message.GetReflection()->SetString(&message, label, block.labels[0].text);
}

void Reader::unknown(const std::string& kind, const std::string& name, const hcl::Range& range,
                     const hcl::ScopedBlock& block, const Message& message) {
    const FieldMap& map = field_map_of(*message.GetDescriptor());
    const auto known = map.fields.find(name);
    if (known != map.fields.end()) {
        const bool is_attribute = form_of(*known->second) == FieldForm::attribute;
        return report(range, "\"" + name + "\" is " + (is_attribute ? "an attribute" : "a block"),
                      is_attribute ? "write " + name + " = ..." : "write " + name + " { ... }");
    }
    const std::optional<std::string> guess = hcl::closest(name, map.names());
    report(range, kind + " \"" + name + "\" is not known in " + block.type,
           guess ? "did you mean \"" + *guess + "\"?" : std::string{});
}

void Reader::read_attribute(const hcl::Attribute& attribute, const hcl::ScopedBlock& block,
                            Message& message) {
    const FieldMap& map = field_map_of(*message.GetDescriptor());
    const auto found = map.fields.find(attribute.name);
    const FieldForm form = found == map.fields.end() ? FieldForm::block : form_of(*found->second);
    if (form != FieldForm::attribute && form != FieldForm::pairs) {
        return unknown("attribute", attribute.name, attribute.name_range, block, message);
    }
    const auto value = evaluation_.evaluate(*attribute.value, *block.scope);
    if (!value || value->is_null()) return;
    const hcl::Range& range = attribute.value->range;
    if (form == FieldForm::pairs) {
        return set_pairs(*value, range, attribute.name, *found->second, message);
    }
    set_field(*value, range, attribute.name, *found->second, message);
}

void Reader::read_block(const hcl::ScopedBlock& inner, const hcl::ScopedBlock& outer,
                        Message& message) {
    const FieldMap& map = field_map_of(*message.GetDescriptor());
    const auto found = map.fields.find(inner.type);
    if (found == map.fields.end() || form_of(*found->second) == FieldForm::attribute) {
        return unknown("block", inner.type, inner.type_range, outer, message);
    }
    const Field& field = *found->second;
    const auto* reflection = message.GetReflection();
    switch (form_of(field)) {
        case FieldForm::blocks:
        case FieldForm::labelled_map:
            return read(inner, *reflection->AddMessage(&message, &field));
        case FieldForm::pairs: {
            if (reflection->FieldSize(message, &field) > 0) break;
            if (!inner.labels.empty()) {
                return report(inner.labels[0].range, "\"" + inner.type + "\" takes no label");
            }
            const auto value = hcl::to_value(*inner.body, *inner.scope, evaluation_);
            if (value) set_pairs(*value, inner.type_range, inner.type, field, message);
            return;
        }
        default:
            if (reflection->HasField(message, &field)) break;
            return read(inner, *reflection->MutableMessage(&message, &field));
    }
    report(inner.type_range, "only one \"" + inner.type + "\" is allowed in " + outer.type);
}

}  // namespace drover::jobspec
