// Rows in and out, with everything that hangs on them.
#include "engine/state/writer.hpp"

#include "engine/base/ensure.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/state/row_hash.hpp"

namespace drover::state {

AllocationJobKey job_key_of(const schema::Allocation& allocation) {
    return AllocationJobKey{JobKey{allocation.namespace_(), allocation.job_id()},
                            allocation.job_create_index(), allocation.job_version()};
}

void TableWriter::touched(Table table) {
    tables_.last_index[static_cast<std::size_t>(table)] = index_;
}

void TableWriter::add(Table table, const Digest& hash) {
    tables_.digests[static_cast<std::size_t>(table)] += hash;
    touched(table);
}

void TableWriter::subtract(Table table, const Digest& hash) {
    tables_.digests[static_cast<std::size_t>(table)] -= hash;
    touched(table);
}

void TableWriter::put_node(NodePtr row) {
    Uuid id = to_uuid(row->id());
    add(Table::nodes, row_hash(Table::nodes, *row));
    if (auto before = tables_.nodes.put(id, row)) {
        subtract(Table::nodes, row_hash(Table::nodes, **before));
    } else {
        index_node(tables_.derived, id);
    }
    changes_.nodes.push_back(std::move(row));
}

void TableWriter::erase_node(const Uuid& id) {
    auto before = tables_.nodes.erase(id);
    if (!before) return;
    subtract(Table::nodes, row_hash(Table::nodes, **before));
    unindex_node(tables_.derived, id);
    changes_.nodes.push_back(*before);
}

void TableWriter::put_job(JobPtr row) {
    add(Table::jobs, row_hash(Table::jobs, *row));
    if (auto before = tables_.jobs.put(key_of(*row), row)) {
        subtract(Table::jobs, row_hash(Table::jobs, **before));
    }
    changes_.jobs.push_back(std::move(row));
}

void TableWriter::erase_job(const JobKey& key) {
    auto before = tables_.jobs.erase(key);
    if (!before) return;
    subtract(Table::jobs, row_hash(Table::jobs, **before));
    changes_.jobs.push_back(*before);
}

void TableWriter::put_job_version(JobPtr row) {
    add(Table::job_versions, row_hash(Table::job_versions, *row));
    JobVersionKey key{key_of(*row), row->version()};
    if (auto before = tables_.job_versions.put(key, std::move(row))) {
        subtract(Table::job_versions, row_hash(Table::job_versions, **before));
    }
}

void TableWriter::erase_job_version(const JobVersionKey& key) {
    auto before = tables_.job_versions.erase(key);
    if (before) subtract(Table::job_versions, row_hash(Table::job_versions, **before));
}

void TableWriter::put_job_summary(JobSummaryPtr row) {
    add(Table::job_summaries, row_hash(Table::job_summaries, *row));
    JobKey key{row->namespace_(), row->job_id()};
    if (auto before = tables_.job_summaries.put(key, row)) {
        subtract(Table::job_summaries, row_hash(Table::job_summaries, **before));
    }
    changes_.job_summaries.push_back(std::move(row));
}

void TableWriter::erase_job_summary(const JobKey& key) {
    auto before = tables_.job_summaries.erase(key);
    if (!before) return;
    subtract(Table::job_summaries, row_hash(Table::job_summaries, **before));
    changes_.job_summaries.push_back(*before);
}

void TableWriter::put_evaluation(EvaluationPtr row) {
    add(Table::evaluations, row_hash(Table::evaluations, *row));
    if (auto before = tables_.evaluations.put(to_uuid(row->id()), row)) {
        subtract(Table::evaluations, row_hash(Table::evaluations, **before));
        unindex_evaluation(tables_.derived, **before);
    }
    index_evaluation(tables_.derived, row);
    changes_.evaluations.push_back(std::move(row));
}

void TableWriter::erase_evaluation(const Uuid& id) {
    auto before = tables_.evaluations.erase(id);
    if (!before) return;
    subtract(Table::evaluations, row_hash(Table::evaluations, **before));
    unindex_evaluation(tables_.derived, **before);
    changes_.evaluations.push_back(*before);
}

void TableWriter::put_allocation(AllocationPtr row) {
    ENSURE(!row->body->has_job() && row->job);
    add(Table::allocations, row->hash);
    AllocationJobKey job_key = job_key_of(*row->body);
    auto before = tables_.allocations.put(row->id, row);
    // The new reference is taken before the old one is given back: often they are the same.
    if (!before || job_key_of(*(*before)->body) != job_key) hold_job(job_key, row->job);
    if (before) {
        subtract(Table::allocations, (*before)->hash);
        AllocationJobKey old_key = job_key_of(*(*before)->body);
        if (old_key != job_key) release_job(old_key);
    }
    index_allocation(tables_.derived, before ? before->get() : nullptr, row);
    changes_.allocations.push_back(std::move(row));
}

void TableWriter::erase_allocation(const Uuid& id) {
    auto before = tables_.allocations.erase(id);
    if (!before) return;
    subtract(Table::allocations, (*before)->hash);
    index_allocation(tables_.derived, before->get(), nullptr);
    release_job(job_key_of(*(*before)->body));
    changes_.allocations.push_back(*before);
}

void TableWriter::hold_job(const AllocationJobKey& key, const JobPtr& job) {
    const AllocationJob* held = tables_.allocation_jobs.find(key);
    AllocationJob row = held != nullptr ? *held : AllocationJob{job, 0};
    if (held == nullptr) add(Table::allocation_jobs, row_hash(Table::allocation_jobs, *job));
    ++row.allocations;
    tables_.allocation_jobs.put(key, std::move(row));
}

void TableWriter::release_job(const AllocationJobKey& key) {
    const AllocationJob* held = tables_.allocation_jobs.find(key);
    ENSURE(held != nullptr && held->allocations > 0);
    AllocationJob row = *held;
    if (--row.allocations > 0) {
        tables_.allocation_jobs.put(key, std::move(row));
        return;
    }
    subtract(Table::allocation_jobs, row_hash(Table::allocation_jobs, *row.job));
    tables_.allocation_jobs.erase(key);
}

void TableWriter::put_deployment(DeploymentPtr row) {
    add(Table::deployments, row_hash(Table::deployments, *row));
    if (auto before = tables_.deployments.put(to_uuid(row->id()), row)) {
        subtract(Table::deployments, row_hash(Table::deployments, **before));
        unindex_deployment(tables_.derived, **before);
    }
    index_deployment(tables_.derived, row);
    changes_.deployments.push_back(std::move(row));
}

void TableWriter::erase_deployment(const Uuid& id) {
    auto before = tables_.deployments.erase(id);
    if (!before) return;
    subtract(Table::deployments, row_hash(Table::deployments, **before));
    unindex_deployment(tables_.derived, **before);
    changes_.deployments.push_back(*before);
}

void TableWriter::put_server(ServerPtr row) {
    add(Table::servers, row_hash(Table::servers, *row));
    if (auto before = tables_.servers.put(row->raft_id(), row)) {
        subtract(Table::servers, row_hash(Table::servers, **before));
    }
    changes_.servers.push_back(std::move(row));
}

void TableWriter::erase_server(std::uint64_t raft_id) {
    auto before = tables_.servers.erase(raft_id);
    if (!before) return;
    subtract(Table::servers, row_hash(Table::servers, **before));
    changes_.servers.push_back(*before);
}

void TableWriter::set_feature_level(std::uint32_t level) {
    add(Table::settings, feature_level_hash(level));
    subtract(Table::settings, feature_level_hash(tables_.feature_level));
    tables_.feature_level = level;
}

void TableWriter::set_rehearsals(std::uint64_t rehearsals) {
    add(Table::settings, rehearsals_hash(rehearsals));
    subtract(Table::settings, rehearsals_hash(tables_.rehearsals));
    tables_.rehearsals = rehearsals;
}

}  // namespace drover::state
