// How good the choices are: the same load as a scheduler that samples log2 N nodes would place it,
// on the same nodes, is never packed better by that one, and spreads end on their targets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/schema/job.pb.h"
#include "engine/schema/placement_scores.hpp"
#include "tests/engine/scheduler/harness.hpp"
#include "tests/engine/scheduler/sampling.hpp"

namespace drover::scheduler::testing {
namespace {

struct Work {
    int count;
    std::int64_t cpu_mhz;
    std::int64_t memory_mb;
    bool batch;
};

struct Load {
    std::string name;
    std::vector<state::Capacity> nodes;
    std::vector<Work> work;
};

constexpr std::int64_t disk_mb = 10;

state::Usage ask_of(const Work& work) {
    return {.cpu_mhz = work.cpu_mhz,
            .memory_mb = work.memory_mb,
            .memory_max_mb = work.memory_mb,
            .disk_mb = disk_mb,
            .allocations = 1};
}

schema::Node node_with(const state::Capacity& capacity, std::uint32_t number) {
    auto node = make_node(number);
    auto& resources = *node.mutable_node_resources();
    resources.mutable_cpu()->set_cpu_shares(capacity.cpu_mhz);
    resources.mutable_memory()->set_memory_mb(capacity.memory_mb);
    resources.mutable_disk()->set_disk_mb(capacity.disk_mb);
    return node;
}

schema::Job job_of(const Work& work, std::size_t number) {
    auto job =
        make_job("job-" + std::to_string(number), work.count, work.batch ? "batch" : "service");
    auto& group = group_of(job);
    group.mutable_ephemeral_disk()->set_size_mb(disk_mb);
    auto& resources = *group.mutable_tasks(0)->mutable_resources();
    resources.set_cpu(static_cast<std::int32_t>(work.cpu_mhz));
    resources.set_memory_mb(static_cast<std::int32_t>(work.memory_mb));
    return job;
}

double binpack_noted(schema::Allocation allocation) {
    schema::show_scores(*allocation.mutable_metrics());
    for (const auto& meta : allocation.metrics().score_meta_data()) {
        if (meta.node_id() != allocation.node_id()) continue;
        for (const auto& score : meta.scores()) {
            if (score.key() == "binpack") return score.value();
        }
    }
    ADD_FAILURE() << "the node that was chosen is not among those whose scores are noted";
    return 0;
}

Packing packed_by_drover(const Load& load, std::uint64_t seed) {
    Harness harness{seed};
    std::uint32_t number = 0;
    for (const auto& capacity : load.nodes) harness.add(node_with(capacity, ++number));
    Packing packing;
    for (std::size_t i = 0; i < load.work.size(); ++i) {
        for (const auto& placed : placements(harness.run(job_of(load.work[i], i)))) {
            packing.binpack += binpack_noted(placed);
            ++packing.placed;
        }
    }
    if (packing.placed > 0) packing.binpack /= packing.placed;
    const auto view = harness.view();
    for (const auto& usage : view.usages().all())
        packing.nodes_used += usage.allocations > 0 ? 1 : 0;
    return packing;
}

Packing packed_by_sampling(const Load& load, std::uint64_t seed) {
    Sampler sampler{load.nodes, seed};
    for (const auto& work : load.work) sampler.run(work.count, ask_of(work), work.batch);
    return sampler.packing();
}

constexpr state::Capacity equal_node{32'000, 128'000, 100 * 1024, 0};

// What the benchmarks place, and what a cluster that has been in use for a while looks like.
std::vector<Load> loads() {
    const std::vector<state::Capacity> equal(5'000, equal_node);
    const std::vector<state::Capacity> few(100, equal_node);
    std::vector<state::Capacity> mixed;
    Prng prng{7};
    for (int i = 0; i < 1'000; ++i) {
        mixed.push_back({static_cast<std::int64_t>(4'000 * prng.between(1, 8)),
                         static_cast<std::int64_t>(8'192 * prng.between(1, 16)), 100 * 1024, 0});
    }
    std::vector<Work> jobs;
    for (int i = 0; i < 30; ++i) {
        jobs.push_back({static_cast<int>(prng.between(10, 80)),
                        static_cast<std::int64_t>(100 * prng.between(1, 20)),
                        static_cast<std::int64_t>(128 * prng.between(1, 16)), prng.chance(1, 3)});
    }
    const std::vector<Work> ones(200, {1, 100, 128, false});
    return {{"plain/5000/1000", equal, {{1'000, 100, 128, false}}},
            {"batch/5000/1000", equal, {{1'000, 100, 128, true}}},
            {"ones/5000/1", equal, ones},
            {"many jobs on mixed nodes", mixed, jobs},
            {"many jobs on few nodes", few, jobs}};
}

TEST(Quality, APackingIsNeverWorseThanThatOfSampling) {
    for (const auto& load : loads()) {
        const auto ours = packed_by_drover(load, 1);
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            SCOPED_TRACE(load.name + ", sampled with seed " + std::to_string(seed));
            const auto sampled = packed_by_sampling(load, seed);
            EXPECT_GE(ours.placed, sampled.placed);
            EXPECT_GE(ours.binpack, sampled.binpack - 1e-6);
            EXPECT_LE(ours.nodes_used, sampled.nodes_used);
        }
        RecordProperty(load.name, std::to_string(ours.binpack));
    }
}

// The yardstick is one: where there is a choice it packs worse, or the comparison says nothing.
TEST(Quality, SamplingPacksWorseWhereThereIsAChoice) {
    const auto all = loads();
    const auto& ones = all[2];
    const auto ours = packed_by_drover(ones, 1);
    const auto sampled = packed_by_sampling(ones, 1);
    EXPECT_GT(ours.binpack, 2 * sampled.binpack);
    EXPECT_LT(10 * ours.nodes_used, sampled.nodes_used);
}

std::map<std::string, int> placed_by_rack(Harness& harness, schema::Job job, std::uint32_t racks) {
    for (std::uint32_t number = 1; number <= 3'000; ++number) {
        auto node = node_with(equal_node, number);
        set_meta(node, "rack", "r" + std::to_string(number % racks));
        harness.add(std::move(node));
    }
    const auto output = harness.run(std::move(job));
    std::map<std::string, int> counts;
    const auto view = harness.view();
    for (const auto& placed : placements(output)) {
        const auto node = view.node(state::to_uuid(placed.node_id()));
        for (const auto& pair : node->meta()) {
            if (pair.key() == "rack") ++counts[pair.value()];
        }
    }
    return counts;
}

// A difference of one weighs as much as the smallest rack has few: where hundreds stand in each, a
// better packing weighs more, and is meant to.
TEST(Quality, AnEvenSpreadEndsWithinOneOfItsTarget) {
    for (const int count : {1, 7, 50, 99, 1'000}) {
        for (const std::uint32_t racks : {2U, 3U, 50U}) {
            if (static_cast<std::uint32_t>(count) > 100 * racks) continue;
            SCOPED_TRACE(std::to_string(count) + " over " + std::to_string(racks));
            Harness harness;
            auto job = job_of({count, 100, 128, false}, 0);
            job.add_spreads()->set_attribute("${meta.rack}");
            const auto counts = placed_by_rack(harness, std::move(job), racks);
            int placed = 0;
            for (std::uint32_t rack = 0; rack < racks; ++rack) {
                const auto at = counts.find("r" + std::to_string(rack));
                const int here = at == counts.end() ? 0 : at->second;
                EXPECT_LE(std::abs(here - static_cast<double>(count) / racks), 1.0);
                placed += here;
            }
            EXPECT_EQ(placed, count);
        }
    }
}

TEST(Quality, ASpreadWithTargetsEndsWithinOneOfThem) {
    const std::map<std::string, int> percents{{"r0", 60}, {"r1", 30}, {"r2", 10}};
    for (const int count : {10, 37, 100, 1'000}) {
        SCOPED_TRACE(count);
        Harness harness;
        auto job = job_of({count, 100, 128, false}, 0);
        auto& spread = *job.add_spreads();
        spread.set_attribute("${meta.rack}");
        spread.set_weight(100);
        for (const auto& [rack, percent] : percents) {
            auto& target = *spread.add_spread_target();
            target.set_value(rack);
            target.set_percent(static_cast<std::uint32_t>(percent));
        }
        auto counts = placed_by_rack(harness, std::move(job), 3);
        for (const auto& [rack, percent] : percents) {
            EXPECT_LE(std::abs(counts[rack] - count * percent / 100.0), 1.0) << rack;
        }
    }
}

}  // namespace
}  // namespace drover::scheduler::testing
