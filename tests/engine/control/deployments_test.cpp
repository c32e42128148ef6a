// How often the leader looks at a deployment: news from many clients is one piece of news.
#include "engine/control/deployments.hpp"

#include <gtest/gtest.h>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::control {
namespace {

using namespace scheduler::testing;
using std::chrono::milliseconds;

// Rollouts of services on one node, and the leader who watches them.
struct Watched {
    Harness harness;
    Deployments deployments;
    Prng prng{1};
    Instant now{std::chrono::seconds{100}};

    Watched() { harness.add_nodes(1); }

    void run(const std::string& id) {
        auto job = make_job(id, 3);
        set_update(job, 1);
        harness.run(std::move(job));
    }
    // One more of the job's allocations proves itself. Its leader hears of it.
    void make_one_healthy(const std::string& id) {
        for (const auto& row : harness.live(id)) {
            if (row->body.deployment_status().healthy()) continue;
            harness.report(row, "running", [](schema::Allocation& news) {
                news.mutable_deployment_status()->set_healthy(true);
            });
            state::Changes changes;
            changes.allocations.push_back(harness.view().allocation(row->id));
            return deployments.changed(changes);
        }
        ADD_FAILURE() << "all of them have";
    }
    [[nodiscard]] std::vector<EntryPtr> work() {
        return deployments.work(harness.view(), {now, harness.wall}, prng);
    }
    // The entry is committed.
    void commit(const EntryPtr& entry) {
        harness.apply(*entry);
        deployments.applied(state::to_uuid(entry->request_id()));
    }
};

TEST(Deployments, the_first_news_is_answered_at_once_and_the_next_after_a_second) {
    Watched watched;
    watched.run("web");
    watched.make_one_healthy("web");
    const auto first = watched.work();
    ASSERT_EQ(first.size(), 1U);
    watched.commit(first.front());
    const Instant looked = watched.now;

    watched.make_one_healthy("web");
    EXPECT_TRUE(watched.work().empty()) << "it rests";
    watched.now += milliseconds{300};
    watched.make_one_healthy("web");
    EXPECT_TRUE(watched.work().empty());
    EXPECT_EQ(watched.deployments.next_deadline(), looked + second);

    watched.now = looked + second - Duration{1};
    EXPECT_TRUE(watched.work().empty());
    watched.now = looked + second;
    EXPECT_EQ(watched.work().size(), 1U) << "one entry for both pieces of news";
}

TEST(Deployments, each_of_them_rests_by_itself) {
    Watched watched;
    watched.run("web");
    watched.run("api");
    watched.make_one_healthy("web");
    EXPECT_EQ(watched.work().size(), 1U);
    watched.now += milliseconds{100};
    watched.make_one_healthy("api");
    EXPECT_EQ(watched.work().size(), 1U) << "another's rest is not its own";
}

TEST(Deployments, nothing_more_is_asked_for_while_an_entry_is_under_way) {
    Watched watched;
    watched.run("web");
    watched.make_one_healthy("web");
    const auto first = watched.work();
    ASSERT_EQ(first.size(), 1U);
    watched.now += 5 * second;
    watched.make_one_healthy("web");
    EXPECT_TRUE(watched.work().empty());
    watched.commit(first.front());
    EXPECT_EQ(watched.work().size(), 0U) << "the evaluation that it asks for sees this news too";
    watched.now += 5 * second;
    watched.make_one_healthy("web");
    EXPECT_EQ(watched.work().size(), 1U);
}

}  // namespace
}  // namespace drover::control
