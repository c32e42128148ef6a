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

TextId text_of(const Uuid& id) { return TextId{id.text()}; }

JobKey job_of(const schema::Evaluation& row) { return JobKey{row.namespace_(), row.job_id()}; }
JobKey job_of(const schema::Deployment& row) { return JobKey{row.namespace_(), row.job_id()}; }

std::uint64_t class_key_of(const schema::Node& node) {
    if (node.computed_class().empty()) return 0;
    return std::max<std::uint64_t>(schema::hash128(node.computed_class(), 0).low, 1);
}

void count_live(LiveByJob& live, const JobKey& key, int by) {
    const std::uint64_t* before = live.find(key);
    std::uint64_t now = (before != nullptr ? *before : 0) + static_cast<std::uint64_t>(by);
    if (now == 0)
        live.erase(key);
    else
        live.put(key, now);
}

// An entry whose row changes with every change of the allocation.
template <class Tree, class KeyOf, class Row>
void move_row(Tree& tree, const AllocationRow* before, const AllocationRow* after, KeyOf key_of,
              const Row& row) {
    if (before != nullptr && (after == nullptr || key_of(*before) != key_of(*after))) {
        tree.erase(key_of(*before));
    }
    if (after != nullptr) tree.put(key_of(*after), row);
}

// An entry that says only that the key is there: left alone while the key stays.
template <class Tree, class KeyOf, class Row>
void move_mark(Tree& tree, const AllocationRow* before, const AllocationRow* after, KeyOf key_of,
               const Row& row) {
    bool same = before != nullptr && after != nullptr && key_of(*before) == key_of(*after);
    if (!same) move_row(tree, before, after, key_of, row);
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

}  // namespace

void index_allocation(Derived& derived, const AllocationRow* before, const AllocationPtr& after) {
    const AllocationRow* now = after.get();
    auto by_node = [](const AllocationRow& row) { return OwnedKey<Uuid>{row.node_id, row.id}; };
    auto by_job = [](const AllocationRow& row) { return OwnedKey<JobKey>{job_of(row), row.id}; };
    auto by_evaluation = [](const AllocationRow& row) {
        return OwnedKey<Uuid>{to_uuid(row.body.eval_id()), row.id};
    };
    auto by_deployment = [](const AllocationRow& row) {
        return OwnedKey<Uuid>{to_uuid(row.body.deployment_id()), row.id};
    };
    auto by_text = [](const AllocationRow& row) { return text_of(row.id); };
    move_row(derived.allocations_by_node, before, now, by_node, after);
    move_row(derived.allocations_by_job, before, now, by_job, after);
    move_mark(derived.allocations_by_evaluation, before, now, by_evaluation, Present{});
    move_mark(derived.allocations_by_deployment, before, now, by_deployment, Present{});
    move_mark(derived.allocation_text, before, now, by_text,
              before != nullptr ? before->id : now->id);
    if (before != nullptr && !before->terminal()) {
        free_node(derived.usage_by_node, *before);
        count_live(derived.live_by_job, job_of(*before), -1);
    }
    if (now != nullptr && !now->terminal()) {
        use_node(derived.usage_by_node, *now);
        count_live(derived.live_by_job, job_of(*now), 1);
    }
}

void index_evaluation(Derived& derived, const EvaluationPtr& row) {
    Uuid id = to_uuid(row->id());
    derived.evaluations_by_job.put({job_of(*row), id}, row);
    derived.evaluation_text.put(text_of(id), id);
}

void unindex_evaluation(Derived& derived, const schema::Evaluation& row) {
    Uuid id = to_uuid(row.id());
    derived.evaluations_by_job.erase({job_of(row), id});
    derived.evaluation_text.erase(text_of(id));
}

void index_deployment(Derived& derived, const DeploymentPtr& row) {
    Uuid id = to_uuid(row->id());
    derived.deployments_by_job.put({job_of(*row), id}, row);
    derived.deployment_text.put(text_of(id), id);
}

void unindex_deployment(Derived& derived, const schema::Deployment& row) {
    Uuid id = to_uuid(row.id());
    derived.deployments_by_job.erase({job_of(row), id});
    derived.deployment_text.erase(text_of(id));
}

void index_node(Derived& derived, const NodePtr& row) {
    const Uuid id = to_uuid(row->id());
    const auto before = derived.node_facts.put(
        id, {row, capacity_of(*row), class_key_of(*row), ready_for_placement(*row)});
    if (!before) derived.node_text.put(text_of(id), id);
}

void unindex_node(Derived& derived, const Uuid& id) {
    derived.node_facts.erase(id);
    derived.node_text.erase(text_of(id));
}

Derived rebuild_derived(const Tables& tables) {
    Derived derived;
    for (const AllocationPtr& row : tables.allocations.all()) {
        index_allocation(derived, nullptr, row);
    }
    for (const EvaluationPtr& row : tables.evaluations.all()) index_evaluation(derived, row);
    for (const DeploymentPtr& row : tables.deployments.all()) index_deployment(derived, row);
    for (const NodePtr& row : tables.nodes.all()) index_node(derived, row);
    return derived;
}

}  // namespace drover::state
