// Watch keys: which ones a change touches, and who registered them.
#include "engine/state/watch.hpp"

#include <optional>
#include <string_view>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::state {

namespace {

// A namespace cannot hold a NUL, so that the two parts cannot run into each other.
std::string text_of(const JobKey& key) { return key.namespace_ + '\0' + key.id; }

}  // namespace

WatchKey watch_any(Table table) { return WatchKey{table, WatchScope::any, {}}; }

WatchKey watch_row(Table table, const Uuid& id) {
    return WatchKey{table, WatchScope::row, id.raw()};
}

WatchKey watch_row(Table table, const JobKey& key) {
    return WatchKey{table, WatchScope::row, text_of(key)};
}

WatchKey watch_of_job(Table table, const JobKey& key) {
    return WatchKey{table, WatchScope::job, text_of(key)};
}

WatchKey watch_by(Table table, WatchScope scope, const Uuid& owner) {
    return WatchKey{table, scope, owner.raw()};
}

namespace {

// Whom an allocation belongs to, apart from its node.
struct Owners {
    std::string_view namespace_, job;
    Uuid evaluation, deployment;
    friend bool operator==(const Owners&, const Owners&) = default;
};

void add_keys(std::set<WatchKey>& keys, const std::vector<AllocationPtr>& allocations) {
    const Table table = Table::allocations;
    std::optional<Owners> before;  // a plan places a thousand for the same
    for (const AllocationPtr& row : allocations) {
        const PackedAllocation& body = row->body;
        keys.insert(watch_row(table, row->id));
        keys.insert(watch_by(table, WatchScope::node, row->node_id));
        // Both move together where it was the servers that changed it.
        if (body.alloc_modify_index() == body.modify_index()) {
            keys.insert(watch_by(table, WatchScope::work, row->node_id));
        }
        const Owners owners{body.namespace_(), body.job_id(), to_uuid(body.eval_id()),
                            to_uuid(body.deployment_id())};
        if (owners == before) continue;
        keys.insert(watch_any(table));
        keys.insert(watch_of_job(table, job_of(*row)));
        keys.insert(watch_by(table, WatchScope::evaluation, owners.evaluation));
        keys.insert(watch_by(table, WatchScope::deployment, owners.deployment));
        before = owners;
    }
}

}  // namespace

std::set<WatchKey> Changes::keys() const {
    std::set<WatchKey> keys;
    for (const NodePtr& row : nodes) {
        keys.insert(watch_any(Table::nodes));
        keys.insert(watch_row(Table::nodes, to_uuid(row->id())));
    }
    for (const JobPtr& row : jobs) {
        keys.insert(watch_any(Table::jobs));
        keys.insert(watch_row(Table::jobs, key_of(*row)));
    }
    for (const JobSummaryPtr& row : job_summaries) {
        keys.insert(watch_any(Table::job_summaries));
        keys.insert(watch_row(Table::job_summaries, JobKey{row->namespace_(), row->job_id()}));
    }
    for (const EvaluationPtr& row : evaluations) {
        keys.insert(watch_any(Table::evaluations));
        keys.insert(watch_row(Table::evaluations, to_uuid(row->id())));
        keys.insert(watch_of_job(Table::evaluations, JobKey{row->namespace_(), row->job_id()}));
    }
    add_keys(keys, allocations);
    for (const DeploymentPtr& row : deployments) {
        keys.insert(watch_any(Table::deployments));
        keys.insert(watch_row(Table::deployments, to_uuid(row->id())));
        keys.insert(watch_of_job(Table::deployments, JobKey{row->namespace_(), row->job_id()}));
    }
    if (!servers.empty()) keys.insert(watch_any(Table::servers));
    if (!periodic_launches.empty()) keys.insert(watch_any(Table::periodic_launches));
    if (settings) keys.insert(watch_any(Table::settings));
    return keys;
}

void Watchers::add(Waiter waiter, const std::vector<WatchKey>& keys) {
    remove(waiter);
    for (const WatchKey& key : keys) waiters_[key].insert(waiter);
    keys_of_[waiter] = keys;
}

void Watchers::remove(Waiter waiter) {
    auto known = keys_of_.find(waiter);
    if (known == keys_of_.end()) return;
    for (const WatchKey& key : known->second) {
        auto at = waiters_.find(key);
        if (at == waiters_.end()) continue;
        at->second.erase(waiter);
        if (at->second.empty()) waiters_.erase(at);
    }
    keys_of_.erase(known);
}

std::vector<Watchers::Waiter> Watchers::woken(const Changes& changes) const {
    std::set<Waiter> woken;
    for (const WatchKey& key : changes.keys()) {
        auto at = waiters_.find(key);
        if (at != waiters_.end()) woken.insert(at->second.begin(), at->second.end());
    }
    return {woken.begin(), woken.end()};
}

}  // namespace drover::state
