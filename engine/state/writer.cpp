// Rows in and out, with everything that hangs on them.
#include "engine/state/writer.hpp"

#include "engine/base/ensure.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/schema/scheduler_configuration.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/state/row_hash.hpp"

namespace drover::state {

template <class Key, class Row>
struct HashedTable {
    Table table;
    CowTree<Key, HashedRow<Row>> Tables::* rows;
    std::vector<Key> Unhashed::* unhashed;
};

namespace {

constexpr HashedTable nodes{Table::nodes, &Tables::nodes, &Unhashed::nodes};
constexpr HashedTable jobs{Table::jobs, &Tables::jobs, &Unhashed::jobs};
constexpr HashedTable job_versions{Table::job_versions, &Tables::job_versions,
                                   &Unhashed::job_versions};
constexpr HashedTable job_summaries{Table::job_summaries, &Tables::job_summaries,
                                    &Unhashed::job_summaries};
constexpr HashedTable evaluations{Table::evaluations, &Tables::evaluations, &Unhashed::evaluations};
constexpr HashedTable deployments{Table::deployments, &Tables::deployments, &Unhashed::deployments};
constexpr HashedTable servers{Table::servers, &Tables::servers, &Unhashed::servers};
constexpr HashedTable periodic_launches{Table::periodic_launches, &Tables::periodic_launches,
                                        &Unhashed::periodic_launches};

template <class Key, class Row>
void hash_rows_of(const HashedTable<Key, Row>& in, Tables& tables, const Unhashed& unhashed) {
    for (const Key& key : unhashed.*in.unhashed) {
        const HashedRow<Row>* found = (tables.*in.rows).find(key);
        if (found == nullptr || found->hash) continue;
        HashedRow<Row> row{found->row, row_hash(in.table, **found)};
        tables.digests[static_cast<std::size_t>(in.table)] += *row.hash;
        (tables.*in.rows).put(key, std::move(row));
    }
}

Digest hash_of(const AllocationRow& row) { return row_hash(Table::allocations, row.body.bytes()); }

}  // namespace

void hash_rows(Tables& tables, const Unhashed& unhashed) {
    hash_rows_of(nodes, tables, unhashed);
    hash_rows_of(jobs, tables, unhashed);
    hash_rows_of(job_versions, tables, unhashed);
    hash_rows_of(job_summaries, tables, unhashed);
    hash_rows_of(evaluations, tables, unhashed);
    hash_rows_of(deployments, tables, unhashed);
    hash_rows_of(servers, tables, unhashed);
    hash_rows_of(periodic_launches, tables, unhashed);
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

template <class Key, class Row>
std::optional<HashedRow<Row>> TableWriter::put(const HashedTable<Key, Row>& in, const Key& key,
                                               const std::shared_ptr<const Row>& row) {
    HashedRow<Row> hashed{row, std::nullopt};
    if (unhashed_ == nullptr) add(in.table, *(hashed.hash = row_hash(in.table, *row)));
    auto before = (tables_.*in.rows).put(key, std::move(hashed));
    if (before && before->hash) subtract(in.table, *before->hash);
    if (unhashed_ != nullptr && (!before || before->hash)) (unhashed_->*in.unhashed).push_back(key);
    touched(in.table);
    return before;
}

template <class Key, class Row>
std::optional<HashedRow<Row>> TableWriter::erase(const HashedTable<Key, Row>& in, const Key& key) {
    auto before = (tables_.*in.rows).erase(key);
    if (!before) return before;
    if (before->hash) subtract(in.table, *before->hash);
    touched(in.table);
    return before;
}

void TableWriter::put_node(NodePtr row) {
    put(nodes, to_uuid(row->id()), row);
    index_node(tables_.derived, row);
    changes_.nodes.push_back(std::move(row));
}

void TableWriter::erase_node(const Uuid& id) {
    const auto before = erase(nodes, id);
    if (!before) return;
    unindex_node(tables_.derived, id);
    changes_.nodes.push_back(*before);
}

void TableWriter::put_job(JobPtr row) {
    put(jobs, key_of(*row), row);
    changes_.jobs.push_back(std::move(row));
}

void TableWriter::erase_job(const JobKey& key) {
    if (const auto before = erase(jobs, key)) changes_.jobs.push_back(*before);
}

void TableWriter::put_job_version(const JobPtr& row) {
    put(job_versions, JobVersionKey{key_of(*row), row->version()}, row);
}

void TableWriter::erase_job_version(const JobVersionKey& key) { erase(job_versions, key); }

void TableWriter::put_job_summary(JobSummaryPtr row) {
    put(job_summaries, JobKey{row->namespace_(), row->job_id()}, row);
    changes_.job_summaries.push_back(std::move(row));
}

void TableWriter::erase_job_summary(const JobKey& key) {
    if (const auto before = erase(job_summaries, key)) changes_.job_summaries.push_back(*before);
}

void TableWriter::put_evaluation(EvaluationPtr row) {
    if (const auto before = put(evaluations, to_uuid(row->id()), row)) {
        unindex_evaluation(tables_.derived, **before);
    }
    index_evaluation(tables_.derived, row);
    changes_.evaluations.push_back(std::move(row));
}

void TableWriter::erase_evaluation(const Uuid& id) {
    const auto before = erase(evaluations, id);
    if (!before) return;
    unindex_evaluation(tables_.derived, **before);
    changes_.evaluations.push_back(*before);
}

void TableWriter::put_allocation(AllocationPtr row) {
    ENSURE(!row->body.has_job() && row->job);
    add(Table::allocations, hash_of(*row));
    AllocationJobKey job_key = job_key_of(*row);
    auto before = tables_.allocations.put(row->id, row);
    // The new reference is taken before the old one is given back: often they are the same.
    if (!before || job_key_of(**before) != job_key) hold_job(job_key, row->job);
    if (before) {
        subtract(Table::allocations, hash_of(**before));
        AllocationJobKey old_key = job_key_of(**before);
        if (old_key != job_key) release_job(old_key);
    }
    index_allocation(tables_.derived, before ? before->get() : nullptr, row.get(), index_);
    changes_.allocations.push_back(std::move(row));
}

void TableWriter::erase_allocation(const Uuid& id) {
    auto before = tables_.allocations.erase(id);
    if (!before) return;
    subtract(Table::allocations, hash_of(**before));
    index_allocation(tables_.derived, before->get(), nullptr, index_);
    release_job(job_key_of(**before));
    changes_.allocations.push_back(*before);
}

void TableWriter::hold_job(const AllocationJobKey& key, const JobPtr& job) {
    const AllocationJob* held = tables_.allocation_jobs.find(key);
    AllocationJob row =
        held != nullptr ? *held : AllocationJob{job, row_hash(Table::allocation_jobs, *job), 0};
    if (held == nullptr) add(Table::allocation_jobs, row.hash);
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
    subtract(Table::allocation_jobs, row.hash);
    tables_.allocation_jobs.erase(key);
}

void TableWriter::put_deployment(DeploymentPtr row) {
    if (const auto before = put(deployments, to_uuid(row->id()), row)) {
        unindex_deployment(tables_.derived, **before);
    }
    index_deployment(tables_.derived, row);
    changes_.deployments.push_back(std::move(row));
}

void TableWriter::erase_deployment(const Uuid& id) {
    const auto before = erase(deployments, id);
    if (!before) return;
    unindex_deployment(tables_.derived, **before);
    changes_.deployments.push_back(*before);
}

void TableWriter::put_server(ServerPtr row) {
    put(servers, row->raft_id(), row);
    changes_.servers.push_back(std::move(row));
}

void TableWriter::erase_server(std::uint64_t raft_id) {
    if (const auto before = erase(servers, raft_id)) changes_.servers.push_back(*before);
}

void TableWriter::put_periodic_launch(PeriodicLaunchPtr row) {
    put(periodic_launches, JobKey{row->namespace_(), row->job_id()}, row);
    changes_.periodic_launches.push_back(std::move(row));
}

void TableWriter::erase_periodic_launch(const JobKey& key) {
    if (const auto before = erase(periodic_launches, key)) {
        changes_.periodic_launches.push_back(*before);
    }
}

void TableWriter::set_scheduler_configuration(SchedulerConfigurationPtr row) {
    add(Table::settings, row_hash(Table::settings, *row));
    if (const auto& before = tables_.scheduler_configuration) {
        subtract(Table::settings, row_hash(Table::settings, *before));
    }
    tables_.scheduler_configuration = std::move(row);
    changes_.settings = true;
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
