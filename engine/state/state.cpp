// apply(): which entry goes to which applier, and what an entry that nobody knows means.
#include "engine/state/state.hpp"

#include <set>

#include "engine/base/ensure.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/state/apply.hpp"
#include "engine/state/writer.hpp"

namespace drover::state {

namespace {

Result<void> dispatch(Context& context, const schema::Entry& entry) {
    using Body = schema::Entry;
    switch (entry.body_case()) {
        case Body::kRegisterJob:
            return apply_body(context, entry.register_job());
        case Body::kDeregisterJob:
            return apply_body(context, entry.deregister_job());
        case Body::kRegisterNode:
            return apply_body(context, entry.register_node());
        case Body::kChangeNodeStatus:
            return apply_body(context, entry.change_node_status());
        case Body::kChangeNodeEligibility:
            return apply_body(context, entry.change_node_eligibility());
        case Body::kUpsertEvaluations:
            return apply_body(context, entry.upsert_evaluations());
        case Body::kApplyPlan:
            return apply_body(context, entry.apply_plan());
        case Body::kUpdateAllocations:
            return apply_body(context, entry.update_allocations());
        case Body::kTransitionAllocations:
            return apply_body(context, entry.transition_allocations());
        case Body::kChangeDeployment:
            return apply_body(context, entry.change_deployment());
        case Body::kReap:
            return apply_body(context, entry.reap());
        case Body::kRegisterServer:
            return apply_body(context, entry.register_server());
        case Body::kChangeFeatureLevel:
            return apply_body(context, entry.change_feature_level());
        case Body::kChangeJobStability:
            return apply_body(context, entry.change_job_stability());
        case Body::kChangeNodeDrain:
            return apply_body(context, entry.change_node_drain());
        case Body::kChangeSchedulerConfiguration:
            return apply_body(context, entry.change_scheduler_configuration());
        case Body::kReconcileSummaries:
            return apply_body(context, entry.reconcile_summaries());
        case Body::kTagJobVersion:
            return apply_body(context, entry.tag_job_version());
        case Body::kRehearse:
            return apply_body(context, entry.rehearse());
        case Body::kRestoreState:
        case Body::BODY_NOT_SET:
            break;
    }
    return fail(Errc::internal, "an entry that no applier takes reached them");
}

// The level that a server must support to apply the entry. What is behind a level must not be
// applied by a server without it, although its release may be able to read it. An entry that raises
// the level stops those who could not go on behind it; where it is refused, it is refused by all.
std::uint32_t level_to_apply(const schema::Entry& entry, const Tables& tables) {
    const std::uint32_t raised = entry.change_feature_level().level();
    const bool raises = raised > needed_level(entry) && servers_without(tables, raised).empty();
    return raises ? raised : needed_level(entry);
}

ApplyResult unknown_entry(const schema::Entry& entry, const StateConfig& config,
                          std::uint32_t needed) {
    ApplyResult result;
    if (entry.ignorable()) {
        result.outcome = Applied::skipped;
        return result;
    }
    result.outcome = Applied::unknown;
    const std::string what = "entry type " + std::to_string(entry.type());
    if (needed > config.supported_level) {
        result.error = level_not_supported(what, needed, config.supported_level);
        return result;
    }
    result.error = Error{Errc::unsupported,
                         what + " of feature " + level_text(needed) +
                             " is not known to this release: start the release that wrote it"};
    return result;
}

}  // namespace

State::State(StateConfig config) : config_{config} {}

State State::fork(const StateView& view, StateConfig config) {
    State state{config};
    state.tables_ = view.tables();
    return state;
}

ApplyResult State::apply(std::uint64_t index, const schema::Entry& entry) {
    ENSURE(index > tables_.applied_index);
    const std::uint32_t needed = level_to_apply(entry, tables_);
    if (entry.body_case() == schema::Entry::BODY_NOT_SET || needed > config_.supported_level) {
        ApplyResult result = unknown_entry(entry, config_, needed);
        if (result.outcome == Applied::skipped) tables_.applied_index = index;
        return result;
    }
    ApplyResult result;
    if (entry.has_restore_state()) {
        if (auto done = restore(index, entry.restore_state(), result.changes); !done) {
            result.outcome = Applied::refused;
            result.error = done.error();
        }
        tables_.applied_index = index;
        return result;
    }
    TableWriter writer{tables_, index, result.changes, unhashed_ ? &*unhashed_ : nullptr};
    Context context{writer, entry, config_};
    if (Result<void> done = dispatch(context, entry); !done) {
        result.outcome = Applied::refused;
        result.error = done.error();
    } else {
        context.finish();
    }
    tables_.applied_index = index;
    return result;
}

void State::settle_digest() {
    if (!unhashed_) return;
    hash_rows(tables_, *unhashed_);
    unhashed_.reset();
}

void State::force_servers(const std::vector<ServerPtr>& servers) {
    Changes changes;
    TableWriter write{tables_, tables_.applied_index, changes};
    std::set<std::uint64_t> before;
    for (const ServerPtr& row : view().servers()) before.insert(row->raft_id());
    for (const std::uint64_t raft_id : before) write.erase_server(raft_id);
    for (const ServerPtr& row : servers) write.put_server(row);
}

void State::apply_empty(std::uint64_t index) {
    ENSURE(index > tables_.applied_index);
    tables_.applied_index = index;
}

Changes State::apply_departures(std::uint64_t index, const std::vector<std::uint64_t>& raft_ids) {
    Changes changes;
    TableWriter write{tables_, index, changes};
    for (const std::uint64_t raft_id : raft_ids) write.erase_server(raft_id);
    apply_empty(index);
    return changes;
}

Digest State::digest() const {
    ENSURE(!unhashed_);
    Digest sum;
    for (const Digest& one : tables_.digests) sum += one;
    return sum;
}

StateView State::view() const {
    ENSURE(!unhashed_);
    auto tables = std::make_shared<Tables>(tables_);
    tables->freeze();
    return StateView{std::move(tables)};
}

}  // namespace drover::state
