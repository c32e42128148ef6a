// Requests of nodes about themselves, and about nodes. See draft.hpp.
#include <set>
#include <tuple>
#include <utility>

#include "engine/control/node_changes.hpp"
#include "engine/scheduler/node_class.hpp"
#include "engine/schema/node.pb.h"
#include "engine/server/draft.hpp"

namespace drover::server {
namespace {

tl::unexpected<Error> no_such_node(const std::string& id) {
    return fail(Errc::not_found, "node not found: " + state::to_uuid(id).text() +
                                     "; its agent registers it when it starts");
}

Result<void> check_registration(const schema::Node& node) {
    if (!Uuid::from_raw(node.id())) {
        return fail(Errc::invalid_argument, "node.id is not a UUID of 16 bytes");
    }
    if (node.name().empty()) return fail(Errc::invalid_argument, "node.name is empty");
    if (node.datacenter().empty()) return fail(Errc::invalid_argument, "node.datacenter is empty");
    if (node.secret_id().empty()) return fail(Errc::invalid_argument, "node.secret_id is empty");
    return {};
}

void copy_evaluations(std::vector<schema::Evaluation> from,
                      google::protobuf::RepeatedPtrField<schema::Evaluation>& to) {
    for (schema::Evaluation& evaluation : from) *to.Add() = std::move(evaluation);
}

using DeviceInstance = std::tuple<std::string, std::string, std::string, std::string, bool>;

std::set<DeviceInstance> instances_of(const schema::Node& node) {
    std::set<DeviceInstance> all;
    for (const auto& devices : node.node_resources().devices()) {
        for (const auto& one : devices.instances()) {
            all.emplace(devices.vendor(), devices.type(), devices.name(), one.id(), one.healthy());
        }
    }
    return all;
}

// What the scheduler would decide differently by; plain CPU and memory are capacity, and blocked
// evaluations hear of that. Instances of devices are no part of the class.
bool looks_different(const schema::Node& a, const schema::Node& b) {
    return a.computed_class() != b.computed_class() || a.name() != b.name() ||
           instances_of(a) != instances_of(b);
}

bool known_status(const std::string& status) {
    return status == "initializing" || status == "ready" || status == "down" ||
           status == "disconnected";
}

}  // namespace

Result<Draft> draft_register_node(const DraftContext& context) {
    const auto& request = context.request.register_node();
    if (const auto checked = check_registration(request.node()); !checked) {
        return tl::unexpected{checked.error()};
    }
    auto entry = entry_for(context);
    auto& body = *entry->mutable_register_node();
    schema::Node& node = *body.mutable_node();
    node = request.node();
    if (node.node_pool().empty()) node.set_node_pool("default");
    node.set_status_updated_at(context.mint.wall.value() / 1'000'000'000);
    node.set_computed_class(scheduler::computed_class(node));
    const state::NodePtr stored = context.view.node(state::to_uuid(node.id()));
    if (!stored) {
        // Only a heartbeat makes a node ready.
        node.set_status("initializing");
        return Draft{sealed(std::move(entry))};
    }
    if (!stored->secret_id().empty() && stored->secret_id() != node.secret_id()) {
        return fail(Errc::permission_denied,
                    "node.secret_id does not match the registered one of node " +
                        state::to_uuid(node.id()).text() +
                        "; a copied data_dir needs an id of its own");
    }
    node.set_status(stored->status());
    if (stored->status() == "down" || looks_different(*stored, node)) {
        copy_evaluations(control::node_evaluations(context.view, node, context.mint),
                         *body.mutable_evaluations());
    }
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_node_status(const DraftContext& context) {
    const auto& request = context.request.update_node_status();
    const state::NodePtr node = context.view.node(state::to_uuid(request.node_id()));
    if (!node) return no_such_node(request.node_id());
    if (!known_status(request.status())) {
        return fail(Errc::invalid_argument, "status is \"" + request.status() +
                                                "\"; it can be initializing, ready, down or "
                                                "disconnected");
    }
    const std::string status = control::granted_status(context.view, *node, request.status());
    if (status == node->status()) return Draft{nullptr};
    auto entry = entry_for(context);
    auto& body = *entry->mutable_change_node_status();
    body.set_node_id(node->id());
    body.set_status(status);
    body.set_updated_at_s(context.mint.wall.value() / 1'000'000'000);
    if (control::status_change_matters(node->status(), status)) {
        copy_evaluations(control::node_evaluations(context.view, *node, context.mint),
                         *body.mutable_evaluations());
    }
    return Draft{sealed(std::move(entry))};
}

namespace {

const char* drain_event(const schema::Node& node, bool begins) {
    if (!begins) return "Node drain disabled";
    return node.has_drain_strategy() ? "Node drain strategy updated" : "Node drain strategy set";
}

// The deadline is an instant from here on: whoever leads by then reads the same one.
void fill_strategy(schema::DrainStrategy& strategy, const schema::DrainSpec& spec,
                   const schema::Node& node, WallTime wall) {
    const bool goes_on = node.has_drain_strategy();
    strategy.set_deadline(spec.deadline());
    strategy.set_ignore_system_jobs(spec.ignore_system_jobs());
    strategy.set_started_at(goes_on ? node.drain_strategy().started_at() : wall.value());
    if (spec.deadline() < 0) strategy.set_force_deadline(wall.value());
    if (spec.deadline() > 0) {
        strategy.set_force_deadline((wall + Duration{spec.deadline()}).value());
    }
}

}  // namespace

Result<Draft> draft_node_drain(const DraftContext& context) {
    const auto& request = context.request.update_node_drain();
    const state::NodePtr node = context.view.node(state::to_uuid(request.node_id()));
    if (!node) return no_such_node(request.node_id());
    const bool begins = request.has_spec();
    const bool changes = begins || node->has_drain_strategy() ||
                         (request.mark_eligible() && !state::ready_for_placement(*node));
    if (!changes) return Draft{nullptr};
    auto entry = entry_for(context);
    auto& body = *entry->mutable_change_node_drain();
    body.set_node_id(node->id());
    body.set_updated_at_ns(context.mint.wall.value());
    *body.mutable_meta() = request.meta();
    control::add_node_event(*body.mutable_event(), "Drain", drain_event(*node, begins),
                            context.mint.wall);
    if (begins) {
        fill_strategy(*body.mutable_strategy(), request.spec(), *node, context.mint.wall);
    } else {
        body.set_outcome("canceled");
        body.set_mark_eligible(request.mark_eligible());
        if (request.mark_eligible()) {
            copy_evaluations(control::node_evaluations(context.view, *node, context.mint),
                             *body.mutable_evaluations());
        }
    }
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_node_eligibility(const DraftContext& context) {
    const auto& request = context.request.update_node_eligibility();
    const state::NodePtr node = context.view.node(state::to_uuid(request.node_id()));
    if (!node) return no_such_node(request.node_id());
    const std::string& wanted = request.eligibility();
    if (wanted != "eligible" && wanted != "ineligible") {
        return fail(Errc::invalid_argument,
                    "eligibility is \"" + wanted + "\"; it can be eligible or ineligible");
    }
    if (wanted == "eligible" && node->has_drain_strategy()) {
        return fail(Errc::invalid_argument,
                    "can not set node's scheduling eligibility to eligible while it is draining");
    }
    if (node->scheduling_eligibility() == wanted) return Draft{nullptr};
    auto entry = entry_for(context);
    auto& body = *entry->mutable_change_node_eligibility();
    body.set_node_id(node->id());
    body.set_eligibility(wanted);
    control::add_node_event(*body.mutable_event(), "Cluster",
                            "Node marked as " + wanted + " for scheduling", context.mint.wall);
    if (wanted == "eligible") {
        copy_evaluations(control::node_evaluations(context.view, *node, context.mint),
                         *body.mutable_evaluations());
    }
    return Draft{sealed(std::move(entry))};
}

}  // namespace drover::server
