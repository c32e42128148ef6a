// Looking ahead: what was proposed is there, in the order of the log, whoever looked before.
#include "engine/control/future.hpp"

#include "tests/engine/scheduler/harness.hpp"

namespace drover::control {
namespace {

using namespace scheduler::testing;

class Ahead : public ::testing::Test {
protected:
    // Registers a job: in the log, but not applied.
    std::uint64_t propose(const std::string& job) {
        auto entry = std::make_shared<schema::Entry>();
        *entry->mutable_register_job()->mutable_job() = make_job(job, 1);
        proposed.push_back(entry);
        future.proposed(++last, entry);
        return last;
    }
    void apply_next() {
        const EntryPtr next = proposed[applied_index];
        applied.apply(++applied_index, *next);
        future.applied(applied_index);
    }
    [[nodiscard]] bool knows(const std::string& job) {
        return future.view(applied.view()).job({"default", job}) != nullptr;
    }

    Future future{{}};
    state::State applied{{}};
    std::vector<EntryPtr> proposed;
    std::uint64_t last = 0, applied_index = 0;
};

TEST_F(Ahead, what_is_proposed_is_seen_before_it_is_applied) {
    propose("a");
    EXPECT_TRUE(knows("a"));
    EXPECT_EQ(applied.view().job({"default", "a"}), nullptr);
    propose("b");
    EXPECT_TRUE(knows("a") && knows("b"));
}

TEST_F(Ahead, what_was_applied_while_nobody_looked_is_not_lost) {
    propose("a");
    EXPECT_TRUE(knows("a"));
    propose("b");
    propose("c");
    apply_next();
    apply_next();  // "b", which the look ahead has never seen
    EXPECT_TRUE(knows("b"));
    EXPECT_TRUE(knows("c"));
}

// ---- what was seen is not worked out again

// A leader whose plans come back and are proposed before the earlier ones are applied.
class Foresight : public ::testing::Test {
protected:
    Foresight() {
        harness.add_nodes(40);
        for (const char* id : {"a", "b", "c"}) harness.register_job(make_job(id, 100));
        applied.emplace(state::State::fork(harness.view()));
        last = applied->applied_index();
    }
    EntryPtr propose(schema::Entry entry) {
        auto shared = std::make_shared<schema::Entry>(std::move(entry));
        shared->set_wall_ns(harness.wall.value());
        future.proposed(++last, shared);
        return shared;
    }
    EntryPtr propose_plan(const std::string& job, bool batches = true) {
        scheduler::PlanInputs inputs{.wall = harness.wall, .seed = last};
        inputs.batches = batches;
        const auto output =
            scheduler::plan(future.view(applied->view()), harness.make_evaluation(job), inputs);
        schema::Entry entry;
        *entry.mutable_apply_plan()->mutable_plan() = output.plan();
        *entry.mutable_apply_plan()->add_evaluations() = output.evaluation();
        return propose(std::move(entry));
    }
    // What is known of it must be what applying it comes to, in every row and index.
    void expect_foreseen(std::uint64_t index, const EntryPtr& entry) {
        const auto foreseen = future.take(index, *entry);
        auto result = applied->apply(index, *entry);
        ASSERT_TRUE(foreseen);
        EXPECT_EQ(foreseen->after.applied_index(), index);
        EXPECT_EQ(foreseen->after.digest(), applied->digest());
        EXPECT_EQ(foreseen->result.outcome, result.outcome);
        EXPECT_EQ(foreseen->result.changes.keys(), result.changes.keys());
        EXPECT_EQ(foreseen->result.changes.allocations.size(), result.changes.allocations.size());
        const auto view = applied->view();
        for (const auto& node : view.nodes()) {
            const Uuid id = state::to_uuid(node->id());
            EXPECT_EQ(foreseen->after.usage(id), view.usage(id));
        }
        EXPECT_FALSE(future.take(index, *entry)) << "given away once";
        future.applied(index);
    }

    Harness harness;
    Future future{{}};
    std::optional<state::State> applied;
    std::uint64_t last{};
};

TEST_F(Foresight, large_plans_come_to_what_was_seen) {
    const auto first = propose_plan("a");
    const auto second = propose_plan("b", false);
    const auto third = propose_plan("c");
    const std::uint64_t index = last - 2;
    (void)future.view(applied->view());
    expect_foreseen(index, first);
    expect_foreseen(index + 1, second);
    expect_foreseen(index + 2, third);
    // What was adopted is as good a beginning as what was applied.
    EXPECT_EQ(future.view(applied->view()).digest(), applied->digest());
}

TEST_F(Foresight, nothing_is_known_of_what_nobody_looked_at) {
    const auto entry = propose_plan("a");
    EXPECT_FALSE(future.take(last, *entry));
}

TEST_F(Foresight, nothing_is_known_behind_a_gap_before_all_is_looked_at_anew) {
    ++last;  // a change of the members, which is no command
    const std::uint64_t gap = last;
    const auto first = propose_plan("a");
    const auto second = propose_plan("b");
    (void)future.view(applied->view());
    EXPECT_FALSE(future.take(gap + 1, *first));
    applied->apply_empty(gap);
    future.applied(gap);
    EXPECT_FALSE(future.take(gap + 1, *first));
    EXPECT_FALSE(future.take(gap + 2, *second)) << "though nothing is missing between the two";
}

TEST_F(Foresight, another_entry_at_its_place_is_not_taken_for_it) {
    const auto entry = propose_plan("a");
    (void)future.view(applied->view());
    const schema::Entry other = *entry;
    EXPECT_FALSE(future.take(last, other));
    EXPECT_TRUE(future.take(last, *entry));
}

}  // namespace
}  // namespace drover::control
