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

}  // namespace
}  // namespace drover::control
