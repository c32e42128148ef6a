// What job files may leave out or write shorter: operators as attributes of a constraint, one
// `port` block for two kinds of port, a task without a group, a vault for all tasks below.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <array>

#include "engine/jobspec/reader.hpp"
#include "engine/schema/job.pb.h"

namespace drover::jobspec {
namespace {

constexpr std::array<std::string_view, 8> operator_names{
    "version",          "semver",           "regexp",         "set_contains",
    "set_contains_any", "set_contains_all", "distinct_hosts", "distinct_property"};

bool is_operator(std::string_view name) {
    return std::find(operator_names.begin(), operator_names.end(), name) != operator_names.end();
}

// Constraint and Affinity have these fields in common, but no common type.
void set_operator(google::protobuf::Message& message, const std::string& name,
                  const std::string& value) {
    const auto set = [&](const char* field, const std::string& text) {
        message.GetReflection()->SetString(&message,
                                           message.GetDescriptor()->FindFieldByName(field), text);
    };
    set("operand", name);
    set(name == "distinct_property" ? "l_target" : "r_target", value);
}

// The message as that type, if it is one.
template <class Type>
Type* as(google::protobuf::Message& message) {
    if (message.GetDescriptor() != Type::descriptor()) return nullptr;
    return static_cast<Type*>(&message);
}

}  // namespace

bool Reader::take_attribute(const hcl::Attribute& attribute, const hcl::ScopedBlock& block,
                            Message& message) {
    if (is_operator(attribute.name)) return take_operator(attribute, block, message);
    const bool job_id = attribute.name == "id" && as<schema::Job>(message) != nullptr;
    const bool type = attribute.name == "type" && as<schema::ScalingPolicy>(message) != nullptr;
    if (!job_id && !type) return false;
    // The label may be given as an attribute here, and then wins.
    const auto value = evaluation_.evaluate(*attribute.value, *block.scope);
    if (value && !value->is_null()) {
        set_field(*value, attribute.value->range, attribute.name,
                  *field_map_of(*message.GetDescriptor()).label, message);
    }
    return true;
}

bool Reader::take_operator(const hcl::Attribute& attribute, const hcl::ScopedBlock& block,
                           Message& message) {
    if (as<schema::Constraint>(message) == nullptr && as<schema::Affinity>(message) == nullptr) {
        return false;
    }
    const auto value = evaluation_.evaluate(*attribute.value, *block.scope);
    if (!value) return true;
    const std::optional<std::string> text = hcl::to_string(*value);
    if (!text) {
        mismatch(attribute.value->range, attribute.name, "a string", *value);
        return true;
    }
    if (attribute.name == "distinct_hosts" && *text != "true" && *text != "false") {
        mismatch(attribute.value->range, attribute.name, "true or false", *value);
        return true;
    }
    set_operator(message, attribute.name, *text);
    return true;
}

bool Reader::take_block(const hcl::ScopedBlock& inner, Message& message) {
    if (auto* job = as<schema::Job>(message)) return take_job_block(inner, *job);
    if (auto* group = as<schema::TaskGroup>(message)) return take_group_block(inner, *group);
    if (auto* task = as<schema::Task>(message)) return take_task_block(inner, *task);
    if (auto* network = as<schema::NetworkResource>(message)) return take_port(inner, *network);
    return false;
}

bool Reader::take_inherited(const hcl::ScopedBlock& inner, Inherited& inherited) {
    if (inner.type == "secret") {
        read(inner, inherited.secrets.emplace_back());
        return true;
    }
    if (inner.type != "vault") return false;
    if (!inherited.vaults.empty()) report(inner.type_range, "only one \"vault\" is allowed here");
    read(inner, inherited.vaults.emplace_back());
    return true;
}

void Reader::inherit(const Inherited& from, schema::TaskGroup& group) {
    for (schema::Task& task : *group.mutable_tasks()) {
        if (!task.has_vault() && !from.vaults.empty()) *task.mutable_vault() = from.vaults[0];
        for (const schema::Secret& secret : from.secrets) {
            const bool own =
                std::any_of(task.secrets().begin(), task.secrets().end(),
                            [&](const schema::Secret& one) { return one.name() == secret.name(); });
            if (!own) *task.add_secrets() = secret;
        }
    }
}

bool Reader::take_job_block(const hcl::ScopedBlock& inner, schema::Job& job) {
    if (inner.type == "group") {
        group_ = {};
        schema::TaskGroup& group = *job.add_task_groups();
        read(inner, group);
        inherit(group_, group);
        return true;
    }
    if (inner.type != "task") return take_inherited(inner, job_);
    schema::TaskGroup& group = *job.add_task_groups();
    read(inner, *group.add_tasks());
    group.set_name(group.tasks(0).name());
    return true;
}

bool Reader::take_group_block(const hcl::ScopedBlock& inner, schema::TaskGroup&) {
    return take_inherited(inner, group_);
}

// The identity named "default", or not named at all, is a field of its own.
bool Reader::take_task_block(const hcl::ScopedBlock& inner, schema::Task& task) {
    if (inner.type != "identity") return false;
    schema::WorkloadIdentity identity;
    read(inner, identity);
    if (!identity.name().empty() && identity.name() != "default") {
        *task.add_identities() = std::move(identity);
        return true;
    }
    if (task.has_identity()) report(inner.type_range, "only one default identity is allowed");
    identity.set_name("default");
    *task.mutable_identity() = std::move(identity);
    return true;
}

bool Reader::take_port(const hcl::ScopedBlock& inner, schema::NetworkResource& network) {
    if (inner.type != "port") return false;
    schema::Port port;
    read(inner, port);
    if (port.value() > 0) {
        *network.add_reserved_ports() = std::move(port);
    } else {
        *network.add_dynamic_ports() = std::move(port);
    }
    return true;
}

void Reader::finish(const hcl::ScopedBlock& block, Message& message) {
    if (auto* scaling = as<schema::ScalingPolicy>(message)) finish_scaling(block, *scaling);
    if (auto* constraint = as<schema::Constraint>(message)) {
        if (constraint->operand().empty()) constraint->set_operand("=");
    }
    if (auto* affinity = as<schema::Affinity>(message)) {
        if (affinity->operand().empty()) affinity->set_operand("=");
    }
}

void Reader::finish_scaling(const hcl::ScopedBlock& block, schema::ScalingPolicy& scaling) {
    if (scaling.type() == "cpu") scaling.set_type("vertical_cpu");
    if (scaling.type() == "mem") scaling.set_type("vertical_mem");
    if (scaling.type().empty()) scaling.set_type("horizontal");
    if (!scaling.has_max() && scaling.type() == "horizontal") {
        report(block.type_range, "scaling needs \"max\"",
               "the largest count that may be asked for");
    }
}

void Reader::read_job(const hcl::ScopedBlock& block, schema::Job& job) {
    read(block, job);
    for (schema::TaskGroup& group : *job.mutable_task_groups()) inherit(job_, group);
}

}  // namespace drover::jobspec
