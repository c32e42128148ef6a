// Field options -> names in a job file, once per process.
#include "engine/jobspec/field_map.hpp"

#include <google/protobuf/descriptor.h>

#include <functional>
#include <memory>

#include "engine/base/ensure.hpp"
#include "engine/schema/options.pb.h"

namespace drover::jobspec {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

FieldMap make_map(const Descriptor& type) {
    FieldMap map;
    for (int i = 0; i < type.field_count(); ++i) {
        const FieldDescriptor* field = type.field(i);
        const auto& options = field->options();
        if (options.GetExtension(schema::hcl_label)) {
            map.label = field;
            continue;
        }
        const std::string& name = options.GetExtension(schema::hcl);
        if (name == "-") continue;
        map.fields.emplace(name.empty() ? field->name() : name, field);
    }
    return map;
}

using FieldMaps = std::map<std::string, FieldMap, std::less<>>;  // by the full name of the message

void add_with_parts(const Descriptor& type, FieldMaps& maps) {
    if (!maps.emplace(type.full_name(), make_map(type)).second) return;
    for (int i = 0; i < type.field_count(); ++i) {
        if (const Descriptor* part = type.field(i)->message_type()) add_with_parts(*part, maps);
    }
}

}  // namespace

std::vector<std::string> FieldMap::names() const {
    std::vector<std::string> all;
    for (const auto& [name, field] : fields) all.push_back(name);
    return all;
}

// Everything that a job can hold is mapped at the first call, so that later calls only read.
const FieldMap& field_map_of(const Descriptor& type) {
    static const auto maps = [&type] {
        FieldMaps built;
        const Descriptor* job = type.file()->pool()->FindMessageTypeByName("drover.schema.Job");
        add_with_parts(job != nullptr ? *job : type, built);
        return built;
    }();
    const auto found = maps.find(type.full_name());
    ENSURE(found != maps.end());
    return found->second;
}

FieldForm form_of(const FieldDescriptor& field) {
    const Descriptor* type = field.message_type();
    if (type == nullptr) return FieldForm::attribute;
    if (!field.is_repeated()) return FieldForm::block;
    const std::string& key = field.options().GetExtension(schema::as_map);
    if (key.empty()) return FieldForm::blocks;
    const bool pair = type->field_count() == 2 && type->FindFieldByName("key") != nullptr &&
                      type->FindFieldByName("value") != nullptr;
    return pair ? FieldForm::pairs : FieldForm::labelled_map;
}

bool is_duration(const FieldDescriptor& field) {
    return field.options().GetExtension(schema::duration);
}

}  // namespace drover::jobspec
