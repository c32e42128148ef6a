#include "engine/client/interpolation.hpp"

#include "engine/base/uuid.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {

Interpolation::Interpolation(const schema::Node& node, std::string_view region) {
    if (const auto id = Uuid::from_raw(node.id())) known_["node.unique.id"] = id->text();
    known_["node.unique.name"] = node.name();
    known_["node.datacenter"] = node.datacenter();
    known_["node.region"] = region;
    known_["node.class"] = node.node_class();
    known_["node.pool"] = node.node_pool();
    for (const auto& pair : node.attributes()) known_["attr." + pair.key()] = pair.value();
    for (const auto& pair : node.meta()) known_["meta." + pair.key()] = pair.value();
}

void Interpolation::add_environment(const Variables& environment) {
    for (const auto& [name, value] : environment) {
        known_[name] = value;
        known_["env[\"" + name + "\"]"] = value;
        known_["env." + name] = value;
    }
}

std::string Interpolation::text(std::string_view source) const {
    std::string result;
    while (!source.empty()) {
        const auto open = source.find("${");
        if (open == std::string_view::npos) break;
        if (open > 0 && source[open - 1] == '$') {
            result += source.substr(0, open - 1);
            result += "${";
            source.remove_prefix(open + 2);
            continue;
        }
        const auto close = source.find('}', open + 2);
        if (close == std::string_view::npos) break;
        result += source.substr(0, open);
        std::string_view name = source.substr(open + 2, close - open - 2);
        while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
        while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
        const auto found = known_.find(std::string{name});
        if (found != known_.end()) {
            result += found->second;
        } else {
            result += source.substr(open, close + 1 - open);
        }
        source.remove_prefix(close + 1);
    }
    result += source;
    return result;
}

void Interpolation::apply(schema::Value& value) const {
    switch (value.kind_case()) {
        case schema::Value::kText:
            value.set_text(text(value.text()));
            return;
        case schema::Value::kList:
            for (auto& item : *value.mutable_list()->mutable_items()) apply(item);
            return;
        case schema::Value::kObject:
            for (auto& field : *value.mutable_object()->mutable_fields()) {
                apply(*field.mutable_value());
            }
            return;
        case schema::Value::kNull:
        case schema::Value::kBoolean:
        case schema::Value::kInteger:
        case schema::Value::kReal:
        case schema::Value::KIND_NOT_SET:
            return;
    }
}

void Interpolation::apply(schema::Task& task) const {
    task.set_user(text(task.user()));
    for (auto& pair : *task.mutable_config()) apply(*pair.mutable_value());
}

}  // namespace drover::client
