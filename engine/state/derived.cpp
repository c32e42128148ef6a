// The derived indexes: one function in, one function out for each kind of row, used both while
// entries are applied and for the rebuild after a restore, so that the two cannot differ.
#include <algorithm>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/canonical.hpp"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/state/state.hpp"
#include "engine/state/writer.hpp"

namespace drover::state {

namespace {

JobKey job_of(const schema::Evaluation& row) { return JobKey{row.namespace_(), row.job_id()}; }
JobKey job_of(const schema::Deployment& row) { return JobKey{row.namespace_(), row.job_id()}; }

std::uint64_t class_key_of(const schema::Node& node) {
    if (node.computed_class().empty()) return 0;
    return std::max<std::uint64_t>(schema::hash128(node.computed_class(), 0).low, 1);
}

void enter_job(Derived& derived, const AllocationRow& row) {
    const JobKey key = job_of(row);
    const JobInUse* before = derived.jobs_in_use.find(key);
    JobInUse job = before != nullptr ? *before : JobInUse{++derived.job_numbers, 0, 0};
    ++job.stored;
    if (!row.terminal()) ++job.live;
    derived.allocations_by_job.put({job.number, row.id}, Present{});
    derived.jobs_in_use.put(key, job);
}

void leave_job(Derived& derived, const AllocationRow& row) {
    const JobKey key = job_of(row);
    JobInUse job = *derived.jobs_in_use.find(key);
    --job.stored;
    if (!row.terminal()) --job.live;
    derived.allocations_by_job.erase({job.number, row.id});
    if (job.stored == 0)
        derived.jobs_in_use.erase(key);
    else
        derived.jobs_in_use.put(key, job);
}

bool same_for_its_job(const AllocationRow& before, const AllocationRow& now) {
    return before.terminal() == now.terminal() && before.body.job_id() == now.body.job_id() &&
           before.body.namespace_() == now.body.namespace_();
}

// Below whom it belongs to, where there is one: many have no deployment.
template <class OwnerOf>
void move_owner(AllocationsByOwner& tree, const AllocationRow* before, const AllocationRow* now,
                OwnerOf owner_of) {
    const Uuid had = before != nullptr ? owner_of(*before) : Uuid{};
    const Uuid has = now != nullptr ? owner_of(*now) : Uuid{};
    if (had == has) return;
    if (had != Uuid{}) tree.erase({had, before->id});
    if (has != Uuid{}) tree.put({has, now->id}, Present{});
}

void use_node(UsageByNode& usage, const AllocationRow& row) {
    const Usage* before = usage.find(row.node_id);
    Usage now = before != nullptr ? *before : Usage{};
    now += row.usage;
    usage.put(row.node_id, now);
}

void free_node(UsageByNode& usage, const AllocationRow& row) {
    Usage now = *usage.find(row.node_id);
    now -= row.usage;
    if (now.allocations == 0)
        usage.erase(row.node_id);
    else
        usage.put(row.node_id, now);
}

template <class Edit>
void edit_work(WorkByNode& work, const Uuid& node, const Edit& edit) {
    const auto* before = work.find(node);
    auto now =
        before != nullptr ? std::make_shared<NodeWork>(**before) : std::make_shared<NodeWork>();
    edit(*now);
    now->freeze();
    if (now->total() == 0)
        work.erase(node);
    else
        work.put(node, std::move(now));
}

// Reports of the node's own are no work for it.
void note_work(WorkByNode& work, const AllocationRow* before, const AllocationRow* now,
               std::uint64_t index) {
    const bool leaves = before != nullptr && (now == nullptr || now->node_id != before->node_id);
    const bool comes = now != nullptr && (before == nullptr || leaves);
    if (leaves) {
        edit_work(work, before->node_id, [&](NodeWork& one) { one.removed(before->id, index); });
    }
    if (now == nullptr) return;
    const std::uint64_t changed = now->body.alloc_modify_index();
    if (!comes && changed == before->body.alloc_modify_index()) return;
    edit_work(work, now->node_id, [&](NodeWork& one) { one.changed(now->id, changed, comes); });
}

}  // namespace

void index_allocation(Derived& derived, const AllocationRow* before, const AllocationRow* now,
                      std::uint64_t index) {
    note_work(derived.work_by_node, before, now, index);
    auto evaluation = [](const AllocationRow& row) { return to_uuid(row.body.eval_id()); };
    auto deployment = [](const AllocationRow& row) { return to_uuid(row.body.deployment_id()); };
    move_owner(derived.allocations_by_evaluation, before, now, evaluation);
    move_owner(derived.allocations_by_deployment, before, now, deployment);
    if (before == nullptr || now == nullptr || !same_for_its_job(*before, *now)) {
        if (before != nullptr) leave_job(derived, *before);
        if (now != nullptr) enter_job(derived, *now);
    }
    const bool used = before != nullptr && !before->terminal();
    const bool uses = now != nullptr && !now->terminal();
    if (used && uses && before->node_id == now->node_id && before->usage == now->usage) return;
    if (used) free_node(derived.usage_by_node, *before);
    if (uses) use_node(derived.usage_by_node, *now);
}

void index_evaluation(Derived& derived, const EvaluationPtr& row) {
    Uuid id = to_uuid(row->id());
    derived.evaluations_by_job.put({job_of(*row), id}, row);
}

void unindex_evaluation(Derived& derived, const schema::Evaluation& row) {
    Uuid id = to_uuid(row.id());
    derived.evaluations_by_job.erase({job_of(row), id});
}

void index_deployment(Derived& derived, const DeploymentPtr& row) {
    Uuid id = to_uuid(row->id());
    derived.deployments_by_job.put({job_of(*row), id}, row);
}

void unindex_deployment(Derived& derived, const schema::Deployment& row) {
    Uuid id = to_uuid(row.id());
    derived.deployments_by_job.erase({job_of(row), id});
}

void index_node(Derived& derived, const NodePtr& row) {
    const Uuid id = to_uuid(row->id());
    derived.node_facts.put(id,
                           {row, capacity_of(*row), class_key_of(*row), ready_for_placement(*row)});
}

void unindex_node(Derived& derived, const Uuid& id) { derived.node_facts.erase(id); }

Derived rebuild_derived(const Tables& tables) {
    Derived derived;
    for (const AllocationPtr& row : tables.allocations.all()) {
        index_allocation(derived, nullptr, row.get(), 0);
    }
    for (const EvaluationPtr& row : tables.evaluations.all()) index_evaluation(derived, row);
    for (const DeploymentPtr& row : tables.deployments.all()) index_deployment(derived, row);
    for (const NodePtr& row : tables.nodes.all()) index_node(derived, row);
    return derived;
}

}  // namespace drover::state
