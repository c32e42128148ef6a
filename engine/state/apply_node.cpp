// Nodes and servers: registration, status, eligibility, events.
#include "engine/schema/node.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/state/apply.hpp"

namespace drover::state {

namespace {

constexpr int events_kept = 10;
constexpr std::int64_t ns_per_second = 1'000'000'000;

void append_event(schema::Node& node, schema::NodeEvent event, std::uint64_t index) {
    event.set_create_index(index);
    *node.add_events() = std::move(event);
    int surplus = node.events_size() - events_kept;
    if (surplus > 0) node.mutable_events()->DeleteSubrange(0, surplus);
}

schema::NodeEvent cluster_event(std::string message, std::int64_t wall_ns) {
    schema::NodeEvent event;
    event.set_message(std::move(message));
    event.set_subsystem("Cluster");
    event.set_timestamp(wall_ns);
    return event;
}

// What servers know better than the node's own report.
void keep_known(schema::Node& node, const schema::Node& stored) {
    node.set_create_index(stored.create_index());
    node.set_status(stored.status());
    node.set_status_description(stored.status_description());
    node.set_status_updated_at(stored.status_updated_at());
    node.set_scheduling_eligibility(stored.scheduling_eligibility());
    if (node.computed_class().empty()) node.set_computed_class(stored.computed_class());
    if (node.secret_id().empty()) node.set_secret_id(stored.secret_id());
    node.clear_drain_strategy();
    if (stored.has_drain_strategy()) *node.mutable_drain_strategy() = stored.drain_strategy();
    node.clear_last_drain();
    if (stored.has_last_drain()) *node.mutable_last_drain() = stored.last_drain();
    *node.mutable_events() = stored.events();
    node.set_last_missed_heartbeat_index(
        std::max(node.last_missed_heartbeat_index(), stored.last_missed_heartbeat_index()));
    node.set_last_alloc_update_index(
        std::max(node.last_alloc_update_index(), stored.last_alloc_update_index()));
}

void introduce(schema::Node& node, const Context& context) {
    node.set_create_index(context.index());
    if (node.status().empty()) node.set_status("initializing");
    node.set_status_updated_at(context.wall_ns / ns_per_second);
    node.set_scheduling_eligibility(node.has_drain_strategy() ? "ineligible" : "eligible");
    node.clear_events();
    append_event(node, cluster_event("Node registered", context.wall_ns), context.index());
}

bool unresponsive(const std::string& status) {
    return status == "down" || status == "disconnected";
}

void set_status(schema::Node& node, const std::string& status, std::uint64_t index) {
    if (unresponsive(status) && !unresponsive(node.status())) {
        node.set_last_missed_heartbeat_index(index);
    }
    if (status == "ready" && node.status() != "ready") node.set_last_missed_heartbeat_index(0);
    node.set_status(status);
}

Result<void> unknown_node(const std::string& raw_id) {
    return fail(Errc::not_found, "node " + to_uuid(raw_id).text() + " not found");
}

Result<void> bad_value(const char* field, const std::string& value, const char* allowed) {
    return fail(Errc::invalid_argument, std::string{"node "} + field + " \"" + value +
                                            "\" is not known: use one of " + allowed);
}

}  // namespace

Result<void> apply_body(Context& context, const schema::NodeRegistration& body) {
    if (auto checked = check_id("a node", body.node().id()); !checked) return checked;
    if (auto checked = check_ids("an evaluation", body.evaluations()); !checked) return checked;
    schema::Node node = body.node();
    if (node.node_pool().empty()) node.set_node_pool("default");
    NodePtr stored = context.node(to_uuid(node.id()));
    if (stored)
        keep_known(node, *stored);
    else
        introduce(node, context);
    node.set_modify_index(context.index());
    context.write.put_node(std::make_shared<schema::Node>(std::move(node)));
    upsert_evaluations(context, body.evaluations());
    return {};
}

Result<void> apply_body(Context& context, const schema::NodeStatusChange& body) {
    NodePtr stored = context.node(to_uuid(body.node_id()));
    if (!stored) return unknown_node(body.node_id());
    bool responsive = body.status() == "initializing" || body.status() == "ready";
    if (!responsive && !unresponsive(body.status())) {
        return bad_value("status", body.status(), "initializing, ready, down, disconnected");
    }
    if (auto checked = check_ids("an evaluation", body.evaluations()); !checked) return checked;
    auto node = std::make_shared<schema::Node>(*stored);
    set_status(*node, body.status(), context.index());
    node->set_status_updated_at(body.updated_at_s() != 0 ? body.updated_at_s()
                                                         : context.wall_ns / ns_per_second);
    if (body.has_event()) append_event(*node, body.event(), context.index());
    node->set_modify_index(context.index());
    context.write.put_node(std::move(node));
    upsert_evaluations(context, body.evaluations());
    return {};
}

Result<void> apply_body(Context& context, const schema::NodeEligibilityChange& body) {
    NodePtr stored = context.node(to_uuid(body.node_id()));
    if (!stored) return unknown_node(body.node_id());
    bool eligible = body.eligibility() == "eligible";
    if (!eligible && body.eligibility() != "ineligible") {
        return bad_value("eligibility", body.eligibility(), "eligible, ineligible");
    }
    if (eligible && stored->has_drain_strategy()) {
        return fail(Errc::conflict,
                    "can not set node's scheduling eligibility to eligible while it is draining");
    }
    if (auto checked = check_ids("an evaluation", body.evaluations()); !checked) return checked;
    auto node = std::make_shared<schema::Node>(*stored);
    node->set_scheduling_eligibility(body.eligibility());
    if (body.has_event()) append_event(*node, body.event(), context.index());
    node->set_modify_index(context.index());
    context.write.put_node(std::move(node));
    upsert_evaluations(context, body.evaluations());
    return {};
}

namespace {

void note_drain(schema::Node& node, const schema::NodeDrainChange& body, bool went_on) {
    schema::DrainMetadata& noted = *node.mutable_last_drain();
    if (body.has_strategy()) {
        if (!went_on) noted.set_started_at(body.updated_at_ns());
        noted.set_status("draining");
    } else {
        noted.set_status(body.outcome());
    }
    noted.set_updated_at(body.updated_at_ns());
    if (body.meta_size() > 0) *noted.mutable_meta() = body.meta();
}

}  // namespace

Result<void> apply_body(Context& context, const schema::NodeDrainChange& body) {
    NodePtr stored = context.node(to_uuid(body.node_id()));
    if (!stored) return unknown_node(body.node_id());
    if (!body.has_strategy() && body.outcome() != "complete" && body.outcome() != "canceled") {
        return bad_value("drain outcome", body.outcome(), "complete, canceled");
    }
    if (auto checked = check_ids("an evaluation", body.evaluations()); !checked) return checked;
    auto node = std::make_shared<schema::Node>(*stored);
    if (body.has_strategy() || stored->has_drain_strategy()) {
        note_drain(*node, body, stored->has_drain_strategy());
    }
    if (body.has_strategy()) {
        *node->mutable_drain_strategy() = body.strategy();
        node->set_scheduling_eligibility("ineligible");
    } else {
        node->clear_drain_strategy();
        if (body.mark_eligible()) node->set_scheduling_eligibility("eligible");
    }
    if (body.has_event()) append_event(*node, body.event(), context.index());
    node->set_modify_index(context.index());
    context.write.put_node(std::move(node));
    upsert_evaluations(context, body.evaluations());
    return {};
}

namespace {

std::string title(const schema::ServerInfo& server) {
    const std::string release = server.release().empty() ? "unknown" : server.release();
    return server.name() + " (release " + release + ")";
}

}  // namespace

std::string servers_without(const Tables& tables, std::uint32_t level) {
    std::string without;
    for (const ServerPtr& server : tables.servers.all()) {
        if (supports(*server, level)) continue;
        without += (without.empty() ? "" : ", ") + title(*server);
    }
    return without;
}

// A server that went back to a release without the cluster's level could not apply what is in the
// log: it is told so, and what it said when it could stays in the table.
Result<void> apply_body(Context& context, const schema::ServerRegistration& body) {
    std::uint64_t raft_id = body.server().raft_id();
    if (raft_id == 0) return fail(Errc::invalid_argument, "a server needs a raft_id above 0");
    const auto* stored = context.tables().servers.find(raft_id);
    if (body.remove()) {
        if (stored == nullptr) {
            return fail(Errc::not_found, "server " + std::to_string(raft_id) + " not found");
        }
        context.write.erase_server(raft_id);
        return {};
    }
    const std::uint32_t level = effective_level(context.tables().feature_level);
    if (!supports(body.server(), level)) {
        return fail(Errc::unsupported,
                    title(body.server()) + " does not support the cluster's feature " +
                        level_text(level) + "; start a release that does on that server");
    }
    auto row = std::make_shared<schema::ServerInfo>(body.server());
    row->set_create_index(stored != nullptr ? (*stored)->create_index() : context.index());
    row->set_modify_index(context.index());
    context.write.put_server(std::move(row));
    return {};
}

// Decided here and not by the proposer: a server may have gone back, or come, since it looked.
Result<void> apply_body(Context& context, const schema::FeatureLevelChange& body) {
    std::uint32_t now = context.tables().feature_level;
    if (body.level() < now) {
        return fail(Errc::conflict, "the feature level is " + std::to_string(now) +
                                        " and never goes down; asked for " +
                                        std::to_string(body.level()));
    }
    const std::string without = servers_without(context.tables(), body.level());
    if (!without.empty()) {
        return fail(Errc::conflict, "feature level " + std::to_string(body.level()) +
                                        " is not supported by " + without +
                                        "; upgrade these servers, or remove them from the cluster");
    }
    context.write.set_feature_level(body.level());
    return {};
}

Result<void> apply_body(Context& context, const schema::Rehearsal&) {
    context.write.set_rehearsals(context.tables().rehearsals + 1);
    return {};
}

}  // namespace drover::state
