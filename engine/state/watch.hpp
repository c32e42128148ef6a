// Who waits for what. A read that blocks registers the keys it depends on; an applied entry names
// the keys it touched; only readers of a touched key are woken, and then run their query again.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/uuid.hpp"
#include "engine/state/types.hpp"

namespace drover::state {

// Which rows of a table: all of them, one, or those that belong to a job, a node, ...
// work: of a node, only what the servers changed; its own reports are no news to it.
enum class WatchScope : std::uint8_t { any, row, job, node, work, evaluation, deployment };

struct WatchKey {
    Table table{};
    WatchScope scope{};
    std::string key;  // empty for any; else see the makers below
    friend auto operator<=>(const WatchKey&, const WatchKey&) = default;
};

[[nodiscard]] WatchKey watch_any(Table table);
[[nodiscard]] WatchKey watch_row(Table table, const Uuid& id);
[[nodiscard]] WatchKey watch_row(Table table, const JobKey& key);
[[nodiscard]] WatchKey watch_of_job(Table table, const JobKey& key);
[[nodiscard]] WatchKey watch_by(Table table, WatchScope scope, const Uuid& owner);

// The rows that one entry changed: as they are now, or, where it removed them, as they were last.
struct Changes {
    std::vector<NodePtr> nodes;
    std::vector<JobPtr> jobs;
    std::vector<JobSummaryPtr> job_summaries;
    std::vector<EvaluationPtr> evaluations;
    std::vector<AllocationPtr> allocations;
    std::vector<DeploymentPtr> deployments;
    std::vector<ServerPtr> servers;
    std::vector<PeriodicLaunchPtr> periodic_launches;
    bool settings = false;

    [[nodiscard]] std::set<WatchKey> keys() const;
};

// A value, like everything in the engine: copied with its owner.
class Watchers {
public:
    using Waiter = std::uint64_t;

    void add(Waiter waiter, const std::vector<WatchKey>& keys);
    void remove(Waiter waiter);
    // In ascending order, each once. They stay registered.
    [[nodiscard]] std::vector<Waiter> woken(const Changes& changes) const;
    [[nodiscard]] std::size_t size() const { return keys_of_.size(); }

private:
    std::map<WatchKey, std::set<Waiter>> waiters_;
    std::map<Waiter, std::vector<WatchKey>> keys_of_;
    std::map<std::pair<Table, WatchScope>, std::size_t> waited_for_;  // how many keys of the kind
};

}  // namespace drover::state
