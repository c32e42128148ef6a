// Why nodes did not take a system job: the numbers of those looked at, filtered and exhausted, by
// class, constraint and dimension. It counts what it is told and decides nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/scheduler/group_shape.hpp"
#include "engine/scheduler/score.hpp"

namespace drover::scheduler {

class NodeExplanation {
public:
    void evaluate(const schema::Node& node);
    void filter(const schema::Node& node, const std::string& constraint);
    void exhaust(const schema::Node& node, const std::string& dimension, const GroupShape& shape);
    void place() { ++placed_; }

    [[nodiscard]] std::int32_t filtered() const { return filtered_; }
    [[nodiscard]] std::int32_t exhausted() const { return exhausted_; }
    [[nodiscard]] std::uint64_t placed() const { return placed_; }
    [[nodiscard]] schema::AllocMetric metrics(const schema::Job& job) const;

private:
    using Counts = std::map<std::string, std::int32_t>;
    std::int32_t evaluated_{}, filtered_{}, exhausted_{};
    std::uint64_t placed_{};
    Counts datacenters_, constraints_, dimensions_, classes_filtered_, classes_exhausted_;
    std::map<std::string, schema::Resources> wanted_;  // by task
};

// The explanation of one allocation, which had one node to choose from.
[[nodiscard]] schema::AllocMetric explanation_of_one(const schema::Node& node,
                                                     const schema::Job& job, Score score);

}  // namespace drover::scheduler
