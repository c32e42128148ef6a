// The only hand that writes tables. Every row goes in or out through here together with its digest,
// its derived indexes, the table's last index and the note of what changed. It decides nothing.
#pragma once

#include <cstdint>
#include <string>

#include "engine/state/tables.hpp"
#include "engine/state/watch.hpp"

namespace drover::state {

// A derived index as a function of rows: what TableWriter keeps and what a rebuild must equal.
// A row that came (no before), changed, or went (no after).
void index_allocation(Derived& derived, const AllocationRow* before, const AllocationPtr& after);
void index_evaluation(Derived& derived, const EvaluationPtr& row);
void unindex_evaluation(Derived& derived, const schema::Evaluation& row);
void index_deployment(Derived& derived, const DeploymentPtr& row);
void unindex_deployment(Derived& derived, const schema::Deployment& row);
void index_node(Derived& derived, const Uuid& id);
void unindex_node(Derived& derived, const Uuid& id);

class TableWriter {
public:
    // Writes at `index`; what changed is appended to `changes`.
    TableWriter(Tables& tables, std::uint64_t index, Changes& changes)
        : tables_{tables}, index_{index}, changes_{changes} {}

    [[nodiscard]] const Tables& tables() const { return tables_; }
    [[nodiscard]] std::uint64_t index() const { return index_; }

    void put_node(NodePtr row);
    void erase_node(const Uuid& id);
    void put_job(JobPtr row);
    void erase_job(const JobKey& key);
    void put_job_version(JobPtr row);
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
    void set_feature_level(std::uint32_t level);
    void set_rehearsals(std::uint64_t rehearsals);

private:
    void touched(Table table);
    void add(Table table, const Digest& hash);
    void subtract(Table table, const Digest& hash);
    void hold_job(const AllocationJobKey& key, const JobPtr& job);
    void release_job(const AllocationJobKey& key);

    Tables& tables_;
    std::uint64_t index_;
    Changes& changes_;
};

[[nodiscard]] AllocationJobKey job_key_of(const schema::Allocation& allocation);

}  // namespace drover::state
