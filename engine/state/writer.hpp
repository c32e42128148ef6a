// The only hand that writes tables. Every row goes in or out through here together with its digest,
// its derived indexes, the table's last index and the note of what changed. It decides nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/state/tables.hpp"
#include "engine/state/watch.hpp"

namespace drover::state {

// A derived index as a function of rows: what TableWriter keeps and what a rebuild must equal.
// A row that came (no before), changed, or went (no now).
// `index` is that of the entry; 0 where the rows are not new.
void index_allocation(Derived& derived, const AllocationRow* before, const AllocationRow* now,
                      std::uint64_t index);
void index_evaluation(Derived& derived, const EvaluationPtr& row);
void unindex_evaluation(Derived& derived, const schema::Evaluation& row);
void index_deployment(Derived& derived, const DeploymentPtr& row);
void unindex_deployment(Derived& derived, const schema::Deployment& row);
void index_node(Derived& derived, const NodePtr& row);
void unindex_node(Derived& derived, const Uuid& id);

// Rows that were put without being hashed: where a long log is replayed, most are gone before
// anybody asks for the digest. A key may stand here twice, or for a row that is no more.
struct Unhashed {
    std::vector<Uuid> nodes;
    std::vector<JobKey> jobs;
    std::vector<JobVersionKey> job_versions;
    std::vector<JobKey> job_summaries;
    std::vector<Uuid> evaluations;
    std::vector<Uuid> deployments;
    std::vector<std::uint64_t> servers;
    std::vector<JobKey> periodic_launches;
};
// Then the digests count every row.
void hash_rows(Tables& tables, const Unhashed& unhashed);

template <class Key, class Row>
struct HashedTable;

class TableWriter {
public:
    // Writes at `index`; what changed is appended to `changes`. Rows are hashed as they are put, or
    // else noted in `unhashed`.
    TableWriter(Tables& tables, std::uint64_t index, Changes& changes, Unhashed* unhashed = nullptr)
        : tables_{tables}, index_{index}, changes_{changes}, unhashed_{unhashed} {}

    [[nodiscard]] const Tables& tables() const { return tables_; }
    [[nodiscard]] std::uint64_t index() const { return index_; }

    void put_node(NodePtr row);
    void erase_node(const Uuid& id);
    void put_job(JobPtr row);
    void erase_job(const JobKey& key);
    void put_job_version(const JobPtr& row);
    void erase_job_version(const JobVersionKey& key);
    void put_job_summary(JobSummaryPtr row);
    void erase_job_summary(const JobKey& key);
    void put_evaluation(EvaluationPtr row);
    void erase_evaluation(const Uuid& id);
    // Counts the reference to the row's job, whose record appears with its first allocation and
    // goes with its last.
    void put_allocation(AllocationPtr row);
    void erase_allocation(const Uuid& id);
    void put_deployment(DeploymentPtr row);
    void erase_deployment(const Uuid& id);
    void put_server(ServerPtr row);
    void erase_server(std::uint64_t raft_id);
    void put_periodic_launch(PeriodicLaunchPtr row);
    void erase_periodic_launch(const JobKey& key);
    void set_scheduler_configuration(SchedulerConfigurationPtr row);
    void set_feature_level(std::uint32_t level);
    void set_rehearsals(std::uint64_t rehearsals);

private:
    // What was there.
    template <class Key, class Row>
    std::optional<HashedRow<Row>> put(const HashedTable<Key, Row>& in, const Key& key,
                                      const std::shared_ptr<const Row>& row);
    template <class Key, class Row>
    std::optional<HashedRow<Row>> erase(const HashedTable<Key, Row>& in, const Key& key);
    void touched(Table table);
    void add(Table table, const Digest& hash);
    void subtract(Table table, const Digest& hash);
    void hold_job(const AllocationJobKey& key, const JobPtr& job);
    void release_job(const AllocationJobKey& key);

    Tables& tables_;
    std::uint64_t index_;
    Changes& changes_;
    Unhashed* unhashed_;
};

}  // namespace drover::state
