#include "engine/scheduler/node_explanation.hpp"

#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/placement_scores.hpp"
#include "engine/schema/value.pb.h"

namespace drover::scheduler {
namespace {

void write(google::protobuf::RepeatedPtrField<schema::IntPair>& pairs,
           const std::map<std::string, std::int32_t>& counts) {
    for (const auto& [key, count] : counts) {
        if (key.empty()) continue;
        auto& pair = *pairs.Add();
        pair.set_key(key);
        pair.set_value(count);
    }
}

std::string pool_of(const schema::Job& job) {
    return job.node_pool().empty() ? "default" : job.node_pool();
}

}  // namespace

void NodeExplanation::evaluate(const schema::Node& node) {
    ++evaluated_;
    ++datacenters_[node.datacenter()];
}

void NodeExplanation::filter(const schema::Node& node, const std::string& constraint) {
    ++filtered_;
    ++constraints_[constraint];
    ++classes_filtered_[node.node_class()];
}

void NodeExplanation::exhaust(const schema::Node& node, const std::string& dimension,
                              const GroupShape& shape) {
    ++exhausted_;
    ++dimensions_[dimension];
    ++classes_exhausted_[node.node_class()];
    for (const auto& task : shape.resources.tasks()) {
        auto& wanted = wanted_[task.task()];
        if (dimension == "cpu") {
            wanted.set_cpu(wanted.cpu() + static_cast<std::int32_t>(task.cpu().cpu_shares()));
        } else if (dimension == "memory") {
            wanted.set_memory_mb(wanted.memory_mb() +
                                 static_cast<std::int32_t>(task.memory().memory_mb()));
        }
    }
}

schema::AllocMetric NodeExplanation::metrics(const schema::Job& job) const {
    schema::AllocMetric metrics;
    metrics.set_node_pool(pool_of(job));
    metrics.set_nodes_evaluated(evaluated_);
    metrics.set_nodes_in_pool(evaluated_);
    metrics.set_nodes_filtered(filtered_);
    metrics.set_nodes_exhausted(exhausted_);
    write(*metrics.mutable_nodes_available(), datacenters_);
    write(*metrics.mutable_class_filtered(), classes_filtered_);
    write(*metrics.mutable_constraint_filtered(), constraints_);
    write(*metrics.mutable_class_exhausted(), classes_exhausted_);
    write(*metrics.mutable_dimension_exhausted(), dimensions_);
    for (const auto& [task, wanted] : wanted_) {
        if (!wanted.has_cpu() && !wanted.has_memory_mb()) continue;
        auto& pair = *metrics.add_resources_exhausted();
        pair.set_key(task);
        *pair.mutable_value() = wanted;
    }
    return metrics;
}

schema::AllocMetric explanation_of_one(const schema::Node& node, const schema::Job& job,
                                       Score score) {
    NodeExplanation one;
    one.evaluate(node);
    schema::AllocMetric metrics = one.metrics(job);
    schema::add_scores(*metrics.mutable_placement_scores(), node.id(),
                       {.norm = score, .binpack = score});
    return metrics;
}

}  // namespace drover::scheduler
