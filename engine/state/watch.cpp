// Watch keys: which ones a change touches, and who registered them.
#include "engine/state/watch.hpp"

#include <array>
#include <functional>
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

using Wanted = std::function<bool(Table, WatchScope)>;
using Visit = std::function<void(const WatchKey&)>;

// The keys of one table's rows. What nobody waits for is not even named: to make a key costs more
// than to look for it.
class Keys {
public:
    Keys(Table table, const Wanted& wanted, const Visit& visit) : table_{table}, visit_{visit} {
        for (const auto scope : scopes)
            wanted_[static_cast<std::size_t>(scope)] = wanted(table, scope);
    }
    void any() const {
        if (wants(WatchScope::any)) visit_(watch_any(table_));
    }
    void row(const Uuid& id) const {
        if (wants(WatchScope::row)) visit_(watch_row(table_, id));
    }
    void row(const JobKey& key) const {
        if (wants(WatchScope::row)) visit_(watch_row(table_, key));
    }
    void job(const JobKey& key) const {
        if (wants(WatchScope::job)) visit_(watch_of_job(table_, key));
    }
    void by(WatchScope scope, const Uuid& owner) const {
        if (wants(scope)) visit_(watch_by(table_, scope, owner));
    }
    [[nodiscard]] bool wants(WatchScope scope) const {
        return wanted_[static_cast<std::size_t>(scope)];
    }

private:
    static constexpr std::array scopes{
        WatchScope::any,  WatchScope::row,        WatchScope::job,       WatchScope::node,
        WatchScope::work, WatchScope::evaluation, WatchScope::deployment};
    Table table_;
    const Visit& visit_;
    std::array<bool, scopes.size()> wanted_{};
};

// Whom an allocation belongs to, apart from its node.
struct Owners {
    std::string_view namespace_, job;
    Uuid evaluation, deployment;
    friend bool operator==(const Owners&, const Owners&) = default;
};

void visit_allocations(const std::vector<AllocationPtr>& allocations, const Keys& keys) {
    if (!allocations.empty()) keys.any();
    std::optional<Owners> before;  // a plan places a thousand for the same
    for (const AllocationPtr& row : allocations) {
        const PackedAllocation& body = row->body;
        keys.row(row->id);
        keys.by(WatchScope::node, row->node_id);
        // Both move together where it was the servers that changed it.
        if (keys.wants(WatchScope::work) && body.alloc_modify_index() == body.modify_index()) {
            keys.by(WatchScope::work, row->node_id);
        }
        const Owners owners{body.namespace_(), body.job_id(), to_uuid(body.eval_id()),
                            to_uuid(body.deployment_id())};
        if (owners == before) continue;
        keys.job(job_of(*row));
        keys.by(WatchScope::evaluation, owners.evaluation);
        keys.by(WatchScope::deployment, owners.deployment);
        before = owners;
    }
}

// Some more than once.
void visit_keys(const Changes& changes, const Wanted& wanted, const Visit& visit) {
    const Keys nodes{Table::nodes, wanted, visit};
    if (!changes.nodes.empty()) nodes.any();
    for (const NodePtr& row : changes.nodes) nodes.row(to_uuid(row->id()));
    const Keys jobs{Table::jobs, wanted, visit};
    if (!changes.jobs.empty()) jobs.any();
    for (const JobPtr& row : changes.jobs) jobs.row(key_of(*row));
    const Keys summaries{Table::job_summaries, wanted, visit};
    if (!changes.job_summaries.empty()) summaries.any();
    for (const JobSummaryPtr& row : changes.job_summaries) {
        summaries.row(JobKey{row->namespace_(), row->job_id()});
    }
    const Keys evaluations{Table::evaluations, wanted, visit};
    if (!changes.evaluations.empty()) evaluations.any();
    for (const EvaluationPtr& row : changes.evaluations) {
        evaluations.row(to_uuid(row->id()));
        evaluations.job(JobKey{row->namespace_(), row->job_id()});
    }
    visit_allocations(changes.allocations, Keys{Table::allocations, wanted, visit});
    const Keys deployments{Table::deployments, wanted, visit};
    if (!changes.deployments.empty()) deployments.any();
    for (const DeploymentPtr& row : changes.deployments) {
        deployments.row(to_uuid(row->id()));
        deployments.job(JobKey{row->namespace_(), row->job_id()});
    }
    if (!changes.servers.empty()) Keys{Table::servers, wanted, visit}.any();
    if (!changes.periodic_launches.empty()) {
        Keys{Table::periodic_launches, wanted, visit}.any();
    }
    if (changes.settings) Keys{Table::settings, wanted, visit}.any();
}

}  // namespace

std::set<WatchKey> Changes::keys() const {
    std::set<WatchKey> keys;
    visit_keys(
        *this, [](Table, WatchScope) { return true; },
        [&](const WatchKey& key) { keys.insert(key); });
    return keys;
}

void Watchers::add(Waiter waiter, const std::vector<WatchKey>& keys) {
    remove(waiter);
    for (const WatchKey& key : keys) {
        waiters_[key].insert(waiter);
        ++waited_for_[{key.table, key.scope}];
    }
    keys_of_[waiter] = keys;
}

void Watchers::remove(Waiter waiter) {
    auto known = keys_of_.find(waiter);
    if (known == keys_of_.end()) return;
    for (const WatchKey& key : known->second) {
        const auto kind = waited_for_.find({key.table, key.scope});
        if (--kind->second == 0) waited_for_.erase(kind);
        auto at = waiters_.find(key);
        if (at == waiters_.end()) continue;
        at->second.erase(waiter);
        if (at->second.empty()) waiters_.erase(at);
    }
    keys_of_.erase(known);
}

std::vector<Watchers::Waiter> Watchers::woken(const Changes& changes) const {
    std::set<Waiter> woken;
    visit_keys(
        changes,
        [this](Table table, WatchScope scope) { return waited_for_.contains({table, scope}); },
        [&](const WatchKey& key) {
            const auto at = waiters_.find(key);
            if (at != waiters_.end()) woken.insert(at->second.begin(), at->second.end());
        });
    return {woken.begin(), woken.end()};
}

}  // namespace drover::state
