// What the order of things does not decide. A state is the same whatever came first, and so is its
// plan, to the byte. Nodes that are known by other ids are another state: there the choice among
// equals may fall elsewhere, but as many are placed, as well, and for the same reasons no more.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

#include "engine/schema/canonical.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/placement_scores.hpp"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

// A permutation of 0 … count-1.
std::vector<std::uint32_t> some_order(std::uint32_t count, Prng& prng) {
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0U);
    for (std::uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[prng.below(i)]);
    return order;
}

// Two nodes suit a job equally well only where they are alike: their sizes are odd enough for that.
schema::Node some_node(std::uint32_t number, Prng& prng) {
    auto node = make_node(number);
    auto& resources = *node.mutable_node_resources();
    resources.mutable_cpu()->set_cpu_shares(static_cast<std::int64_t>(prng.between(900, 5'000)));
    resources.mutable_memory()->set_memory_mb(static_cast<std::int64_t>(prng.between(700, 6'000)));
    set_meta(node, "rack", "r" + std::to_string(prng.below(3)));
    if (prng.chance(1, 4)) set_attribute(node, "gpu", "yes");
    if (prng.chance(1, 6)) node.set_datacenter("dc2");
    return node;
}

// Some of them are alike.
std::vector<schema::Node> some_nodes(std::uint32_t count, Prng& prng) {
    std::vector<schema::Node> nodes;
    for (std::uint32_t number = 1; number <= count; ++number) {
        if (nodes.empty() || prng.chance(2, 3)) {
            nodes.push_back(some_node(number, prng));
            continue;
        }
        nodes.push_back(nodes[prng.below(nodes.size())]);
        nodes.back().set_id(node_id(number).raw());
        nodes.back().set_name("node-" + std::to_string(number));
    }
    return nodes;
}

schema::Job some_job(const std::string& id, Prng& prng) {
    auto job = make_job(id, static_cast<int>(prng.between(1, 40)));
    auto& resources = *group_of(job).mutable_tasks(0)->mutable_resources();
    resources.set_cpu(static_cast<std::int32_t>(prng.between(100, 900)));
    resources.set_memory_mb(static_cast<std::int32_t>(prng.between(64, 900)));
    if (prng.chance(1, 4)) {
        job.clear_datacenters();
        job.add_datacenters("dc1");
    }
    if (prng.chance(1, 5)) add_constraint(job, "", "distinct_hosts", "");
    if (prng.chance(1, 5)) add_constraint(job, "${attr.gpu}", "is_set", "");
    if (prng.chance(1, 3)) {
        auto& affinity = *job.add_affinities();
        affinity.set_l_target("${meta.rack}");
        affinity.set_r_target("r1");
        affinity.set_operand("=");
        affinity.set_weight(prng.chance(1, 2) ? 60 : -60);
    }
    auto& group = group_of(job);
    if (prng.chance(1, 4)) {
        auto& port = *group.add_networks()->add_reserved_ports();
        port.set_label("fixed");
        port.set_value(8080);
    } else if (prng.chance(1, 4)) {
        group.add_networks()->add_dynamic_ports()->set_label("any");
    }
    return job;
}

void add_wishes_for_others(schema::Job& job, Prng& prng) {
    if (prng.chance(1, 3)) job.add_spreads()->set_attribute("${meta.rack}");
    if (prng.chance(1, 4)) add_constraint(job, "${meta.rack}", "distinct_property", "2");
}

// ---- the same state, come about otherwise

RC_GTEST_PROP(Order, WhatWasRegisteredFirstChangesNoByteOfAPlan, (std::uint64_t seed)) {
    Prng prng{seed};
    const std::uint32_t node_count = 3 + static_cast<std::uint32_t>(prng.below(12));
    const auto nodes = some_nodes(node_count, prng);
    std::vector<schema::Job> jobs;
    for (const char* id : {"api", "web", "search"}) {
        jobs.push_back(some_job(id, prng));
        add_wishes_for_others(jobs.back(), prng);
    }
    const bool batches = prng.chance(1, 2);
    // Every job is planned on top of those before it; the first has all nodes to itself.
    const auto plans_of = [&](const std::vector<std::uint32_t>& node_order,
                              const std::vector<std::uint32_t>& job_order) {
        Harness harness{seed};
        harness.batches = batches;
        for (const auto i : node_order) harness.add(nodes[i]);
        for (const auto i : job_order) harness.register_job(jobs[i]);
        std::string plans;
        for (const auto& job : jobs) {
            auto output = harness.evaluate(job.id());
            // Which entry stored the job is all that may differ.
            auto& plan = *output.mutable_plan();
            plan.clear_job();
            plan.clear_deployment();
            for (auto& list : *plan.mutable_placements()) {
                for (auto& one : *list.mutable_allocations()) one.clear_job_create_index();
            }
            for (auto& batch : *plan.mutable_placement_batches()) {
                batch.mutable_common()->clear_job_create_index();
            }
            output.mutable_evaluation()->clear_job_modify_index();
            for (auto& one : *output.mutable_created()) one.clear_job_modify_index();
            plans += schema::canonical_bytes(output);
        }
        return plans;
    };
    const auto first = plans_of(some_order(node_count, prng), some_order(3, prng));
    RC_ASSERT(first == plans_of(some_order(node_count, prng), some_order(3, prng)));
}

// ---- nodes that are known by other ids

// What a plan comes to, whatever the nodes are called.
struct Outcome {
    std::vector<double> scores;  // ascending
    std::string refusal;         // why no more were placed

    friend bool operator==(const Outcome&, const Outcome&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
        out << outcome.scores.size() << " placed:";
        for (const double score : outcome.scores) out << " " << score;
        return out << "; " << outcome.refusal;
    }
};

Outcome outcome_of(const schema::SchedulerOutput& output) {
    Outcome outcome;
    for (auto placed : placements(output)) {
        outcome.scores.push_back(schema::best_norm_score(placed.metrics()));
    }
    std::ranges::sort(outcome.scores);
    for (auto failed : output.evaluation().failed_tg_allocs()) {
        // Nodes are named there.
        failed.mutable_value()->clear_placement_scores();
        failed.mutable_value()->clear_score_meta_data();
        outcome.refusal += failed.ShortDebugString();
    }
    return outcome;
}

RC_GTEST_PROP(Order, NodesByOtherIdsHoldAsManyAsWellAndRefuseForTheSameReasons,
              (std::uint64_t seed)) {
    Prng prng{seed};
    const std::uint32_t node_count = 2 + static_cast<std::uint32_t>(prng.below(12));
    const auto nodes = some_nodes(node_count, prng);
    const auto job = some_job("web", prng);
    const auto placed_on = [&](const std::vector<std::uint32_t>& numbers) {
        Harness harness{prng.next()};
        for (std::uint32_t i = 0; i < node_count; ++i) {
            schema::Node node = nodes[i];
            node.set_id(node_id(numbers[i] + 1).raw());
            node.set_name("node-" + std::to_string(numbers[i] + 1));
            harness.add(std::move(node));
        }
        return outcome_of(harness.run(job));
    };
    const Outcome first = placed_on(some_order(node_count, prng));
    const Outcome other = placed_on(some_order(node_count, prng));
    RC_ASSERT(first == other);
}

// ---- jobs that come in another order

// Jobs of one shape are interchangeable: whoever comes first takes what there is, and no room is
// left that another order would have filled.
RC_GTEST_PROP(Order, JobsOfOneShapeFillANodeWhoeverComesFirst, (std::uint64_t seed)) {
    Prng prng{seed};
    const std::uint32_t node_count = 2 + static_cast<std::uint32_t>(prng.below(6));
    const auto nodes = some_nodes(node_count, prng);
    const auto cpu = static_cast<std::int32_t>(prng.between(100, 900));
    std::vector<schema::Job> jobs;
    for (const char* id : {"api", "web", "search", "mail"}) {
        jobs.push_back(make_job(id, static_cast<int>(prng.between(1, 25))));
        group_of(jobs.back()).mutable_tasks(0)->mutable_resources()->set_cpu(cpu);
    }
    const auto filled = [&](const std::vector<std::uint32_t>& order) {
        Harness harness{prng.next()};
        for (const auto& node : nodes) harness.add(node);
        std::size_t placed = 0;
        for (const auto i : order) placed += placements(harness.run(jobs[i])).size();
        return placed;
    };
    const std::size_t first = filled(some_order(4, prng));
    RC_ASSERT(first == filled(some_order(4, prng)));
}

}  // namespace
}  // namespace drover::scheduler::testing
