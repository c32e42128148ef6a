#include "engine/scheduler/classify.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/scheduler/reschedule.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/view.hpp"

namespace drover::scheduler {
namespace {

using state::ClientStatus;
using state::DesiredStatus;

constexpr Duration reschedule_window = std::chrono::seconds{1};

AllocationSet Classes::* class_of_stopped(const state::AllocationRow& row) {
    // A batch allocation that was drained keeps its slot: it is not to run again.
    return row.body.desired_transition().migrate_disable_placement() ? &Classes::untainted
                                                                     : &Classes::ignore;
}

AllocationSet Classes::* class_on_disconnected(const state::AllocationRow& row) {
    if (row.client_status == ClientStatus::unknown) return &Classes::untainted;
    if (row.client_status == ClientStatus::pending) return &Classes::lost;
    return lost_after(row).count() == 0 ? &Classes::lost : &Classes::disconnecting;
}

AllocationSet Classes::* class_on_down(const state::AllocationRow& row) {
    if (!replaced_on_disconnect(row)) {
        if (row.client_status == ClientStatus::unknown) return &Classes::untainted;
        if (row.client_status == ClientStatus::running) return &Classes::disconnecting;
    }
    return &Classes::lost;
}

// The first rule that applies decides.
AllocationSet Classes::* class_of(const state::AllocationRow& row, const TaintedNodes& tainted,
                                  WallTime now) {
    const bool reconnect = needs_to_reconnect(row);
    const bool failed = row.client_status == ClientStatus::failed;
    if (reconnect && failed && row.desired_status == DesiredStatus::run) {
        return &Classes::reconnecting;
    }
    if (row.server_terminal() && !reconnect) return class_of_stopped(row);
    if (row.terminal() && !reconnect) {
        return is_canary(row) && should_migrate(row) ? &Classes::migrate : &Classes::untainted;
    }
    if (is_expired(row, now)) return &Classes::expiring;
    if (reconnect && failed && row.desired_status == DesiredStatus::stop) return &Classes::ignore;

    const auto taint = tainted.find(row.node_id);
    const bool is_tainted = taint != tainted.end();
    const schema::Node* node = is_tainted ? taint->second.get() : nullptr;
    if (node != nullptr && node->status() == "disconnected") return class_on_disconnected(row);
    if (should_migrate(row)) return &Classes::migrate;
    if (!is_tainted || (node != nullptr && node->status() == "ready")) {
        return reconnect ? &Classes::reconnecting : &Classes::untainted;
    }
    if (node == nullptr) return &Classes::lost;
    if (node->status() == "down") return class_on_down(row);
    return &Classes::untainted;
}

enum class Filter : std::uint8_t { keep, drop, consider };

Filter filter_batch(const state::AllocationRow& row) {
    const auto transition = row.body.desired_transition();
    if (transition.migrate_disable_placement()) return Filter::keep;
    if (transition.reschedule()) return Filter::consider;
    if (row.desired_status == DesiredStatus::stop) {
        if (ran_successfully(row)) return Filter::keep;
        return last_reschedule_failed(row) ? Filter::consider : Filter::drop;
    }
    if (row.desired_status == DesiredStatus::evict) return Filter::drop;
    return row.client_status == ClientStatus::failed ? Filter::consider : Filter::keep;
}

Filter filter_service(const state::AllocationRow& row) {
    if (row.server_terminal()) {
        return last_reschedule_failed(row) ? Filter::consider : Filter::drop;
    }
    const bool gone =
        row.client_status == ClientStatus::complete || row.client_status == ClientStatus::lost;
    return gone ? Filter::drop : Filter::consider;
}

std::optional<RescheduleTime> time_of(const state::AllocationRow& row,
                                      const RescheduleInputs& inputs, bool is_follow_up) {
    if (inputs.disconnecting) return next_reschedule_from(row, inputs.now);
    if (row.client_status == ClientStatus::unknown && is_follow_up) {
        return next_reschedule_from(row, last_unknown(row).value_or(inputs.now));
    }
    return next_reschedule(row);
}

void consider(const state::AllocationPtr& allocation, const RescheduleInputs& inputs,
              Rescheduling& found) {
    const auto& row = *allocation;
    const auto transition = row.body.desired_transition();
    // A deployment decides about its own failures.
    const bool deployed = inputs.deployment != nullptr && !transition.reschedule() &&
                          row.body.deployment_id() == inputs.deployment->id();
    const auto keep = [&] { found.untainted.emplace(row.id, allocation); };
    if (deployed) return keep();
    if (transition.force_reschedule() && row.client_terminal()) {
        found.now.emplace(row.id, allocation);
        return;
    }
    if (inputs.disconnecting && !replaced_on_disconnect(row)) return keep();

    const bool has_follow_up = !row.body.followup_eval_id().empty();
    const bool is_follow_up =
        has_follow_up && state::to_uuid(row.body.followup_eval_id()) == inputs.evaluation_id;
    const auto time = time_of(row, inputs, is_follow_up);
    if (!time || !time->eligible) return keep();
    if (is_follow_up || time->at - inputs.now <= reschedule_window) {
        found.now.emplace(row.id, allocation);
        return;
    }
    keep();
    if (!has_follow_up || inputs.disconnecting) found.later.push_back({allocation, time->at});
}

}  // namespace

AllocationSet without(AllocationSet set, const AllocationSet& taken) {
    for (const auto& [id, allocation] : taken) set.erase(id);
    return set;
}

AllocationSet together(AllocationSet set, const AllocationSet& more) {
    set.insert(more.begin(), more.end());
    return set;
}

bool should_migrate(const state::AllocationRow& row) {
    return row.body.desired_transition().migrate();
}

bool is_canary(const state::AllocationRow& row) { return row.body.deployment_status().canary(); }

bool ran_successfully(const state::AllocationRow& row) {
    const auto tasks = row.body.task_states();
    return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(), [](const auto& task) {
        return task.state() == "dead" && !task.failed();
    });
}

Duration lost_after(const state::AllocationRow& row) {
    const auto* group = group_of(row);
    if (group == nullptr) return Duration{0};
    if (group->has_disconnect()) return Duration{group->disconnect().lost_after()};
    return Duration{group->max_client_disconnect()};
}

bool replaced_on_disconnect(const state::AllocationRow& row) {
    const auto* group = group_of(row);
    if (group == nullptr) return true;
    if (group->has_disconnect() && group->disconnect().has_replace()) {
        return group->disconnect().replace();
    }
    return !group->prevent_reschedule_on_lost();
}

bool needs_to_reconnect(const state::AllocationRow& row) {
    const bool possible = row.client_status == ClientStatus::unknown ||
                          row.client_status == ClientStatus::running ||
                          row.client_status == ClientStatus::failed;
    return possible && last_unknown(row).has_value();
}

bool is_expired(const state::AllocationRow& row, WallTime now) {
    if (row.client_status != ClientStatus::unknown) return false;
    const auto since = last_unknown(row);
    return since && *since + lost_after(row) <= now;
}

TaintedNodes tainted_nodes(const state::StateView& view,
                           const std::vector<state::AllocationPtr>& allocations) {
    TaintedNodes tainted;
    std::set<Uuid> seen;
    for (const auto& row : allocations) {
        if (!seen.insert(row->node_id).second) continue;
        auto node = view.node(row->node_id);
        const bool fine = node != nullptr && node->status() != "down" &&
                          node->status() != "disconnected" && !node->has_drain_strategy();
        if (!fine) tainted.emplace(row->node_id, std::move(node));
    }
    return tainted;
}

bool is_cut_off(const state::AllocationRow& row, const TaintedNodes& tainted) {
    if (row.client_terminal()) return false;
    const auto taint = tainted.find(row.node_id);
    if (taint == tainted.end()) return false;
    return taint->second == nullptr || taint->second->status() == "down";
}

Classes classify(const AllocationSet& all, const TaintedNodes& tainted, WallTime now) {
    Classes classes;
    for (const auto& [id, allocation] : all) {
        (classes.*class_of(*allocation, tainted, now)).emplace(id, allocation);
    }
    return classes;
}

Rescheduling reschedule(const AllocationSet& set, const RescheduleInputs& inputs) {
    Rescheduling found;
    for (const auto& [id, allocation] : set) {
        const auto& row = *allocation;
        if (inputs.disconnecting && row.client_status == ClientStatus::unknown) continue;
        if (!row.body.next_allocation().empty() && row.terminal()) continue;
        const Filter filter = inputs.batch ? filter_batch(row) : filter_service(row);
        if (filter == Filter::keep && !inputs.disconnecting)
            found.untainted.emplace(id, allocation);
        if (filter == Filter::consider) consider(allocation, inputs, found);
    }
    return found;
}

}  // namespace drover::scheduler
