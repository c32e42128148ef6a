// Random histories, and what must hold after every step of each of them. Seeds come from a loop, so
// a failure names the one that replays it.
#include <gtest/gtest.h>

#include <set>

#include "engine/scheduler/fit.hpp"
#include "engine/scheduler/ports.hpp"
#include "engine/scheduler/ranking.hpp"
#include "engine/schema/job.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler::testing {
namespace {

constexpr std::uint64_t seed_count = 150;
constexpr int steps = 60;
constexpr std::uint32_t node_count = 6;

schema::Node random_node(std::uint32_t number, Prng& prng) {
    auto node = make_node(number);
    auto& resources = *node.mutable_node_resources();
    resources.mutable_cpu()->set_cpu_shares(static_cast<std::int64_t>(1000 * prng.between(1, 4)));
    resources.mutable_memory()->set_memory_mb(static_cast<std::int64_t>(512 * prng.between(1, 6)));
    set_meta(node, "rack", "r" + std::to_string(prng.below(3)));
    if (prng.chance(1, 4)) set_attribute(node, "gpu", "yes");
    if (prng.chance(1, 5)) node.set_datacenter("dc2");
    return node;
}

void add_random_wishes(schema::Job& job, Prng& prng) {
    if (prng.chance(1, 4)) add_constraint(job, "", "distinct_hosts", "");
    if (prng.chance(1, 6)) add_constraint(job, "${meta.rack}", "distinct_property", "2");
    if (prng.chance(1, 6)) add_constraint(job, "${attr.gpu}", "is_set", "");
    if (prng.chance(1, 4)) job.add_spreads()->set_attribute("${meta.rack}");
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
        port.set_value(static_cast<std::int32_t>(8080 + prng.below(2)));
    } else if (prng.chance(1, 3)) {
        group.add_networks()->add_dynamic_ports()->set_label("any");
    }
}

schema::Job random_job(const std::string& id, bool batch, Prng& prng) {
    auto job = make_job(id, static_cast<int>(prng.below(6)), batch ? "batch" : "service");
    auto& task = *group_of(job).mutable_tasks(0);
    task.mutable_resources()->set_cpu(static_cast<std::int32_t>(100 * prng.between(1, 8)));
    task.mutable_resources()->set_memory_mb(static_cast<std::int32_t>(64 * prng.between(1, 8)));
    task.set_user("user-" + std::to_string(prng.below(3)));
    add_random_wishes(job, prng);
    if (!batch && prng.chance(1, 2)) {
        set_update(job, static_cast<int>(prng.between(1, 3)), prng.chance(1, 3) ? 1 : 0);
    }
    if (!batch && prng.chance(1, 4)) {
        group_of(job).mutable_disconnect()->set_lost_after(minute.count() * 5);
    }
    return job;
}

// What a plan does, for whoever reads a failure.
std::string describe(const state::StateView& before, const schema::SchedulerOutput& output) {
    std::string text = output.annotations().ShortDebugString() + "\n";
    if (before.job({"default", output.evaluation().job_id()}) != nullptr) {
        for (const auto& row : before.allocations_of({"default", output.evaluation().job_id()})) {
            text += "  had " + row->id.text().substr(0, 8) + " " + std::string{row->body.name()} +
                    " v" + std::to_string(row->body.job_version()) + " " +
                    std::string{row->body.desired_status()} + " " +
                    std::string{row->body.client_status()} +
                    (row->body.deployment_status().canary() ? " canary" : "") +
                    (row->body.desired_transition().migrate() ? " migrate" : "") +
                    (row->body.next_allocation().empty() ? "" : " replaced") + "\n";
        }
    }
    for (const auto& list : output.plan().stops()) {
        for (const auto& one : list.allocations()) {
            text += "  stop " + state::to_uuid(one.id()).text().substr(0, 8) + " " + one.name() +
                    ": " + one.desired_description() + "\n";
        }
    }
    for (const auto& one : placements(output)) {
        text += "  place " + state::to_uuid(one.id()).text().substr(0, 8) + " " + one.name() +
                " v" + std::to_string(one.job_version()) + " " + one.client_status() + "\n";
    }
    return text;
}

// One random history.
class History {
public:
    explicit History(std::uint64_t seed) : prng_{seed}, harness_{seed} {
        for (std::uint32_t number = 1; number <= node_count; ++number) {
            harness_.add(random_node(number, prng_));
        }
    }
    void step();

private:
    [[nodiscard]] static bool is_batch(const std::string& job) { return job == "sum"; }
    [[nodiscard]] std::string some_job() {
        return prng_.chance(1, 3) ? "sum" : prng_.chance(1, 2) ? "api" : "web";
    }
    void change_the_world();
    void change_a_node();
    void report_something();
    void evaluate(const std::string& job);
    void check_plan(const state::StateView& before, const schema::SchedulerOutput& output);
    void check_nodes();
    void check_job(const std::string& job);

    Prng prng_;
    Harness harness_;
};

void History::change_a_node() {
    static const std::vector<std::string> statuses{"down", "disconnected", "ready", "ready"};
    const auto number = static_cast<std::uint32_t>(prng_.between(1, node_count));
    if (prng_.chance(1, 3)) {
        harness_.set_eligibility(number, prng_.chance(1, 2) ? "ineligible" : "eligible");
    } else {
        harness_.set_status(number, statuses[prng_.below(statuses.size())]);
    }
}

void History::report_something() {
    static const std::vector<std::string> statuses{"running", "running", "failed", "complete"};
    for (const auto& row : harness_.live(some_job())) {
        if (!prng_.chance(1, 2)) continue;
        const std::string status = statuses[prng_.below(statuses.size())];
        const bool healthy = prng_.chance(3, 4);
        harness_.report(row, status, [&](schema::Allocation& news) {
            if (news.deployment_id().empty() || status != "running") return;
            news.mutable_deployment_status()->set_healthy(healthy);
        });
    }
}

void History::change_the_world() {
    harness_.wall = harness_.wall + static_cast<std::int64_t>(prng_.below(90)) * second;
    const std::string job = some_job();
    switch (prng_.below(6)) {
        case 0:
            return harness_.register_job(random_job(job, is_batch(job), prng_));
        case 1:
            return change_a_node();
        case 2: {
            if (harness_.view().job({"default", job}) == nullptr) return;
            return harness_.deregister(job, prng_.chance(1, 3));
        }
        case 3: {
            const auto live = harness_.live(job);
            if (live.empty()) return;
            return harness_.transition(live[prng_.below(live.size())],
                                       [](auto& one) { one.set_migrate(true); });
        }
        default:
            return report_something();
    }
}

void History::check_plan(const state::StateView& before, const schema::SchedulerOutput& output) {
    for (const auto& [node, why] : refusals(before, output.plan())) {
        ADD_FAILURE() << "the plan applier would refuse " << node.text() << ": " << why;
    }
    int blocked = 0;
    for (const auto& created : output.created()) blocked += created.status() == "blocked" ? 1 : 0;
    EXPECT_LE(blocked, 1);
    EXPECT_EQ(blocked > 0 || output.evaluation().status() == "blocked",
              output.evaluation().failed_tg_allocs_size() > 0);
    for (const auto& pair : output.evaluation().failed_tg_allocs()) {
        const auto& metrics = pair.value();
        EXPECT_EQ(metrics.nodes_evaluated(), metrics.nodes_filtered() + metrics.nodes_exhausted())
            << "every node has a reason";
        std::int64_t reasons = 0;
        for (const auto& [reason, count] : to_map(metrics.constraint_filtered())) reasons += count;
        for (const auto& [reason, count] : to_map(metrics.dimension_exhausted())) reasons += count;
        EXPECT_EQ(reasons, metrics.nodes_evaluated());
    }
}

void History::check_nodes() {
    const auto view = harness_.view();
    for (const auto& node : view.nodes()) {
        const auto id = state::to_uuid(node->id());
        EXPECT_EQ(exceeded(capacity_of(*node), view.usage(id)), nullptr) << node->name();
        NodePorts ports{*node};
        for (const auto& row : view.allocations_on(id)) {
            if (row->terminal()) continue;
            EXPECT_TRUE(ports.add(row->body.allocated_resources())) << "a port is given twice";
        }
    }
}

void History::check_job(const std::string& name) {
    const auto job = harness_.view().job({"default", name});
    auto live = harness_.live(name);
    if (job == nullptr || job->stop()) {
        EXPECT_TRUE(live.empty()) << "a stopped job runs";
        return;
    }
    // What is unknown may come back, and its replacement runs meanwhile.
    std::erase_if(
        live, [](const auto& row) { return row->client_status == state::ClientStatus::unknown; });
    const auto& group = job->task_groups(0);
    std::set<std::string> names;
    int canaries = 0;
    for (const auto& row : live) {
        if (row->body.deployment_status().canary()) {
            ++canaries;
            continue;
        }
        EXPECT_TRUE(names.emplace(row->body.name()).second) << row->body.name() << " runs twice";
    }
    EXPECT_LE(canaries, group.update().canary());
    EXPECT_LE(static_cast<int>(live.size()) - canaries, group.count());
}

void History::evaluate(const std::string& job) {
    const std::string type = is_batch(job) ? "batch" : "service";
    const auto before = harness_.view();
    const auto output = harness_.evaluate(job, type);
    SCOPED_TRACE(describe(before, output));
    check_plan(before, output);
    check_job(job);
    check_nodes();
    const auto between = harness_.view();
    auto again = harness_.evaluate(job, type);
    // A rollout that ends leaves work behind that was its own before.
    if (again.plan().deployment_updates_size() > 0) again = harness_.evaluate(job, type);
    SCOPED_TRACE(describe(between, again));
    for (const auto& allocation : placements(again)) {
        EXPECT_NE(harness_.view().allocation(state::to_uuid(allocation.id()))->body.create_index(),
                  harness_.view().applied_index())
            << "a second run places " << allocation.name();
    }
    EXPECT_EQ(count_stops(again), 0) << "a second run stops something";
}

void History::step() {
    change_the_world();
    if (prng_.chance(1, 2)) change_the_world();
    harness_.batches = prng_.chance(1, 2);
    evaluate(some_job());
}

TEST(Property, any_history_keeps_the_promises) {
    for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        History history{seed};
        for (int step = 0; step < steps; ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            history.step();
            if (::testing::Test::HasFailure()) return;
        }
    }
}

// A fleet with something on it already, and a group with random wishes.
struct Trial {
    explicit Trial(std::uint64_t seed) : prng{seed}, harness{seed} {
        for (std::uint32_t number = 1; number <= 40; ++number) {
            harness.add(random_node(number, prng));
        }
        auto other = make_job("other", 30);
        group_of(other).mutable_tasks(0)->mutable_resources()->set_cpu(300);
        harness.run(other);
        auto job = random_job("api", false, prng);
        group_of(job).set_count(static_cast<std::int32_t>(prng.between(1, 40)));
        harness.register_job(std::move(job));
    }
    Prng prng;
    Harness harness;
};

TEST(Property, the_heaps_choose_what_a_full_scan_would_choose) {
    for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Trial trial{seed};
        Prng& prng = trial.prng;
        const auto view = trial.harness.view();
        const auto job = view.job({"default", "api"});
        Fleet fleet{view, {"default", "api"}, seed};
        const PlanInputs inputs;
        const auto algorithm = prng.chance(1, 2) ? Algorithm::binpack : Algorithm::spread;
        Ranking ranking{fleet, shape_of(job, job->task_groups(0), inputs), algorithm};
        for (std::int64_t placed = 0; placed < ranking.shape().count + 5; ++placed) {
            Wish wish;
            for (std::uint64_t i = prng.below(3); i > 0; --i) {
                wish.penalised.push_back(node_id(static_cast<std::uint32_t>(prng.between(1, 40))));
            }
            const auto scanned = ranking.choose_by_full_scan(wish);
            const auto choice = ranking.choose(wish, prng);
            ASSERT_EQ(choice.has_value(), scanned.has_value());
            if (!choice) break;
            ASSERT_EQ(choice->node, *scanned) << "placement " << placed;
            fleet.place(choice->node, "web", ranking.shape().ask,
                        with_ports(ranking.shape(), choice->ports));
            EXPECT_EQ(exceeded(fleet.capacity(choice->node), fleet.used(choice->node)), nullptr);
        }
    }
}

TEST(Property, equal_inputs_give_equal_plans_whatever_came_before) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Trial left{seed}, right{seed};
        // The other one has asked a lot in between: nothing of that may show.
        for (int i = 0; i < 3; ++i) {
            static_cast<void>(plan(right.harness.view(), right.harness.make_evaluation("other"),
                                   PlanInputs{right.harness.wall, seed}));
        }
        auto evaluation = left.harness.make_evaluation("api");
        const PlanInputs inputs{left.harness.wall, seed};
        EXPECT_EQ(plan(left.harness.view(), evaluation, inputs).SerializeAsString(),
                  plan(right.harness.view(), evaluation, inputs).SerializeAsString());
    }
}

state::Digest committed(const state::StateView& on, schema::SchedulerOutput output) {
    auto state = state::State::fork(on);
    schema::Entry entry;
    entry.set_wall_ns(1);
    auto& result = *entry.mutable_apply_plan();
    *result.mutable_plan() = std::move(*output.mutable_plan());
    *result.add_evaluations() = std::move(*output.mutable_evaluation());
    EXPECT_EQ(state.apply(on.applied_index() + 1, entry).outcome, state::Applied::done);
    return state.digest();
}

TEST(Property, a_batch_comes_to_the_same_as_its_allocations_one_by_one) {
    std::uint64_t with_batches = 0;
    for (std::uint64_t seed = 1; seed <= seed_count; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Trial trial{seed};
        const auto view = trial.harness.view();
        const auto evaluation = trial.harness.make_evaluation("api");
        PlanInputs inputs{trial.harness.wall, seed};
        const auto whole = plan(view, evaluation, inputs);
        inputs.batches = true;
        const auto batches = plan(view, evaluation, inputs);
        EXPECT_TRUE(whole.plan().placement_batches().empty());
        with_batches += batches.plan().placement_batches().empty() ? 0 : 1;
        EXPECT_EQ(committed(view, whole), committed(view, batches));
    }
    EXPECT_GT(with_batches, seed_count / 3) << "else little was compared";
}

}  // namespace
}  // namespace drover::scheduler::testing
