// See draft.hpp.
#include "engine/server/draft.hpp"

#include <algorithm>
#include <utility>

#include "engine/state/features.hpp"

namespace drover::server {

bool is_write(const schema::Request& request) {
    switch (request.body_case()) {
        case schema::Request::kQuery:
        case schema::Request::kPlanJob:
        case schema::Request::BODY_NOT_SET:
            return false;
        case schema::Request::kRegisterJob:
        case schema::Request::kDeregisterJob:
        case schema::Request::kEvaluateJob:
        case schema::Request::kStopAllocation:
        case schema::Request::kRegisterNode:
        case schema::Request::kUpdateNodeStatus:
        case schema::Request::kUpdateNodeEligibility:
        case schema::Request::kUpdateAllocations:
        case schema::Request::kUpdateDeployment:
        case schema::Request::kRegisterServer:
        case schema::Request::kRestoreSnapshot:
        case schema::Request::kTransferLeadership:
        case schema::Request::kRemovePeer:
        case schema::Request::kFinalizeUpgrade:
        case schema::Request::kUpdateNodeDrain:
        case schema::Request::kSetSchedulerConfiguration:
        case schema::Request::kRevertJob:
        case schema::Request::kSetJobStability:
        case schema::Request::kScaleJob:
        case schema::Request::kTagJobVersion:
        case schema::Request::kReconcileSummaries:
        case schema::Request::kDispatchJob:
        case schema::Request::kForcePeriodicJob:
        case schema::Request::kCollectGarbage:
        case schema::Request::kRehearse:
            return true;
    }
    return false;
}

Result<Draft> draft(const DraftContext& context) {
    switch (context.request.body_case()) {
        case schema::Request::kRegisterJob:
            return draft_register_job(context);
        case schema::Request::kDeregisterJob:
            return draft_deregister_job(context);
        case schema::Request::kEvaluateJob:
            return draft_evaluate_job(context);
        case schema::Request::kStopAllocation:
            return draft_stop_allocation(context);
        case schema::Request::kRegisterNode:
            return draft_register_node(context);
        case schema::Request::kUpdateNodeStatus:
            return draft_node_status(context);
        case schema::Request::kUpdateNodeEligibility:
            return draft_node_eligibility(context);
        case schema::Request::kUpdateNodeDrain:
            return draft_node_drain(context);
        case schema::Request::kUpdateAllocations:
            return draft_update_allocations(context);
        case schema::Request::kUpdateDeployment:
            return draft_update_deployment(context);
        case schema::Request::kRegisterServer:
            return draft_register_server(context);
        case schema::Request::kFinalizeUpgrade:
            return draft_finalize_upgrade(context);
        case schema::Request::kRehearse:
            return draft_rehearsal(context);
        case schema::Request::kRestoreSnapshot:
            return draft_restore_snapshot(context);
        case schema::Request::kSetSchedulerConfiguration:
            return draft_scheduler_configuration(context);
        case schema::Request::kRevertJob:
            return draft_revert_job(context);
        case schema::Request::kSetJobStability:
            return draft_set_job_stability(context);
        case schema::Request::kScaleJob:
            return draft_scale_job(context);
        case schema::Request::kTagJobVersion:
            return draft_tag_job_version(context);
        case schema::Request::kDispatchJob:
            return draft_dispatch_job(context);
        case schema::Request::kForcePeriodicJob:
            return draft_force_periodic_job(context);
        case schema::Request::kCollectGarbage:
            return draft_collect_garbage(context);
        case schema::Request::kReconcileSummaries:
            return draft_reconcile_summaries(context);
        case schema::Request::kQuery:
        case schema::Request::kPlanJob:
        case schema::Request::kTransferLeadership:
        case schema::Request::kRemovePeer:
        case schema::Request::BODY_NOT_SET:
            break;
    }
    return fail(Errc::invalid_argument, "the request has no body that changes anything");
}

std::shared_ptr<schema::Entry> entry_for(const DraftContext& context) {
    auto entry = control::new_entry(context.mint);
    const auto& who = context.request.authentication();
    if (!context.request.request_id().empty()) entry->set_request_id(context.request.request_id());
    if (!who.node_id().empty()) {
        entry->mutable_actor()->set_kind(schema::Actor::NODE);
        entry->mutable_actor()->set_name(state::to_uuid(who.node_id()).text());
    } else {
        entry->mutable_actor()->set_kind(who.token().empty() ? schema::Actor::ANONYMOUS
                                                             : schema::Actor::TOKEN);
    }
    return entry;
}

control::EntryPtr sealed(std::shared_ptr<schema::Entry> entry) {
    control::seal(*entry);
    return entry;
}

std::string namespace_of(const schema::Request& request) {
    return request.namespace_().empty() ? "default" : request.namespace_();
}

Result<Draft> draft_register_server(const DraftContext& context) {
    const auto& server = context.request.register_server().server();
    if (server.raft_id() == 0) {
        return fail(Errc::invalid_argument,
                    "server.raft_id is 0; it is minted from the server's id");
    }
    if (server.address().empty()) {
        return fail(Errc::invalid_argument,
                    "server.address is empty; name the host:port where other servers reach it");
    }
    const state::ServerPtr holder = context.view.server(server.raft_id());
    if (holder && !holder->id().empty() && holder->id() != server.id()) {
        return fail(Errc::conflict, "server.raft_id " + std::to_string(server.raft_id()) +
                                        " belongs to " + holder->name() +
                                        "; start the newcomer with an empty data_dir");
    }
    auto entry = entry_for(context);
    *entry->mutable_register_server()->mutable_server() = server;
    return Draft{sealed(std::move(entry))};
}

// Whether every server supports the level is decided where the entry is applied.
Result<Draft> draft_finalize_upgrade(const DraftContext& context) {
    std::uint32_t level = context.request.finalize_upgrade().level();
    if (level == 0) level = newest_level_of_any(context.view);
    const std::uint32_t now = context.view.feature_level();
    if (level < state::effective_level(now)) {
        return fail(Errc::invalid_argument, "level " + std::to_string(level) +
                                                " is below the cluster's, which is " +
                                                std::to_string(now) +
                                                " and never goes down; leave it out to finalize "
                                                "the upgrade to what the servers support");
    }
    if (level == now) return Draft{};
    auto entry = entry_for(context);
    entry->mutable_change_feature_level()->set_level(level);
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_rehearsal(const DraftContext& context) {
    auto entry = entry_for(context);
    entry->mutable_rehearse();
    return Draft{sealed(std::move(entry))};
}

std::uint32_t newest_level_of_any(const state::StateView& view) {
    std::uint32_t newest = state::effective_level(view.feature_level());
    for (const state::ServerPtr& server : view.servers()) {
        newest = std::max(newest, state::newest_level_of(*server));
    }
    return newest;
}

}  // namespace drover::server
