// Reads: what they answer, in which pages, at which index, and what wakes a blocked reader.
#include "engine/state/query.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/base/prng.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/request.pb.h"
#include "tests/engine/state/fixture.hpp"

namespace drover::state {
namespace {

using namespace testing;

schema::Response ask(const World& world, const schema::Query& question,
                     std::string_view namespace_ = "default") {
    schema::Response response;
    query(world.state.view(), namespace_, question, response);
    return response;
}

std::vector<std::string> job_ids(const schema::Response& response) {
    std::vector<std::string> ids;
    for (const schema::Job& job : response.jobs().jobs()) ids.push_back(job.id());
    return ids;
}

using Ids = std::vector<std::string>;

struct Jobs : World {
    Jobs() {
        for (const char* id : {"web", "api", "api/v2", "batch"}) register_job(make_job(id));
        schema::Job other = make_job("web");
        other.set_namespace_("other");
        register_job(other);
    }
};

TEST(QueryJobs, ListsByNamespaceAndPrefix) {
    Jobs world;
    schema::Query list;
    list.mutable_list_jobs();
    EXPECT_EQ(job_ids(ask(world, list)), (Ids{"api", "api/v2", "batch", "web"}));
    EXPECT_EQ(job_ids(ask(world, list, "*")), (Ids{"api", "api/v2", "batch", "web", "web"}));
    EXPECT_EQ(job_ids(ask(world, list, "nobody")), Ids{});
    list.set_prefix("api");
    EXPECT_EQ(job_ids(ask(world, list)), (Ids{"api", "api/v2"}));
    list.set_reverse(true);
    EXPECT_EQ(job_ids(ask(world, list)), (Ids{"api/v2", "api"}));
}

TEST(QueryJobs, PagesJoinToTheWholeListInBothDirections) {
    Jobs world;
    for (bool reverse : {false, true}) {
        for (int size = 1; size < 7; ++size) {
            schema::Query list;
            list.mutable_list_jobs();
            list.set_reverse(reverse);
            Ids whole = job_ids(ask(world, list, "*"));
            list.set_per_page(size);
            Ids joined;
            do {
                schema::Response page = ask(world, list, "*");
                for (const std::string& id : job_ids(page)) joined.push_back(id);
                list.set_next_token(page.next_token());
                ASSERT_LE(joined.size(), whole.size());
            } while (!list.next_token().empty());
            EXPECT_EQ(joined, whole) << "pages of " << size << (reverse ? " backwards" : "");
        }
    }
}

TEST(QueryJobs, AnUnknownJobIsAFailureWithAnIndexToWaitFrom) {
    Jobs world;
    schema::Query one;
    one.set_job("nothing");
    schema::Response response = ask(world, one);
    EXPECT_EQ(response.failure().code(), static_cast<std::uint32_t>(Errc::not_found));
    EXPECT_EQ(response.failure().message(), "job not found");
    EXPECT_EQ(response.index(), world.state.view().table_index(Table::jobs));
}

TEST(QueryJobs, VersionsComeNewestFirst) {
    Jobs world;
    world.register_job(make_job("web", 5));
    schema::Query versions;
    versions.set_job_versions("web");
    schema::Response response = ask(world, versions);
    ASSERT_EQ(response.jobs().jobs_size(), 2);
    EXPECT_EQ(response.jobs().jobs(0).version(), 1U);
}

TEST(Query, FiltersAreRefusedNotIgnored) {
    Jobs world;
    schema::Query list;
    list.mutable_list_jobs();
    list.set_filter("ID == \"web\"");
    EXPECT_EQ(ask(world, list).failure().code(), static_cast<std::uint32_t>(Errc::unsupported));
}

struct Placed : World {
    Placed() {
        register_node(1);
        register_node(2);
        register_job(make_job("a", 3), 1);
        for (std::uint32_t i = 1; i <= 40; ++i) place(make_allocation(i, "a", 1 + i % 2));
    }
};

TEST(QueryAllocations, ListsComeWithTheDistinctJobs) {
    Placed world;
    schema::Query below;
    below.mutable_job_allocations()->set_job_id("a");
    schema::Response response = ask(world, below);
    EXPECT_EQ(response.allocations().allocations_size(), 40);
    EXPECT_EQ(response.allocations().jobs_size(), 1);
    EXPECT_FALSE(response.allocations().allocations(0).has_job());
    EXPECT_EQ(response.index(), world.state.applied_index());
}

TEST(QueryAllocations, OneAllocationEmbedsItsJob) {
    Placed world;
    schema::Query one;
    one.set_allocation(allocation_id(3).raw());
    EXPECT_EQ(ask(world, one).allocation().job().id(), "a");
}

TEST(QueryAllocations, PrefixesOfTheTextFormFindThem) {
    Placed world;
    std::string text = allocation_id(7).text();
    schema::Query list;
    list.mutable_list_allocations();
    for (std::size_t length : {8U, 13U, 36U}) {
        list.set_prefix(text.substr(0, length));
        schema::Response response = ask(world, list);
        ASSERT_EQ(response.allocations().allocations_size(), 1) << list.prefix();
        EXPECT_EQ(response.allocations().allocations(0).id(), allocation_id(7).raw());
    }
    list.set_prefix("");
    list.set_per_page(7);
    int seen = 0;
    do {
        schema::Response page = ask(world, list);
        seen += page.allocations().allocations_size();
        list.set_next_token(page.next_token());
    } while (!list.next_token().empty());
    EXPECT_EQ(seen, 40);
}

// Ids as they are minted: their text begins with what is random in them.
struct Minted : World {
    Minted() {
        register_node(1);
        register_job(make_job("a", 3), 1);
        Prng prng{7};
        for (std::uint32_t i = 1; i <= 300; ++i) {
            auto allocation = make_allocation(i, "a", 1);
            const Uuid id = Uuid::mint(WallTime{std::int64_t{1'700'000'000'000'000'000} + i}, prng);
            allocation.set_id(id.raw());
            place(std::move(allocation));
            texts.insert(id.text());
        }
    }
    std::set<std::string> texts;
};

TEST(QueryAllocations, ListsByAPrefixAreInTheOrderOfTheTextPageByPage) {
    Minted world;
    for (const char* prefix : {"a", "3f", "0", "c1", "f"}) {
        for (const bool reverse : {false, true}) {
            std::vector<std::string> expected;
            for (const auto& text : world.texts) {
                if (text.starts_with(prefix)) expected.push_back(text);
            }
            if (reverse) std::reverse(expected.begin(), expected.end());
            schema::Query list;
            list.mutable_list_allocations();
            list.set_prefix(prefix);
            list.set_reverse(reverse);
            list.set_per_page(4);
            std::vector<std::string> shown;
            do {
                const schema::Response page = ask(world, list);
                EXPECT_LE(page.allocations().allocations_size(), 4);
                for (const auto& row : page.allocations().allocations()) {
                    shown.push_back(to_uuid(row.id()).text());
                }
                list.set_next_token(page.next_token());
            } while (!list.next_token().empty());
            EXPECT_EQ(shown, expected) << prefix << (reverse ? " in reverse" : "");
        }
    }
}

TEST(QueryAllocations, AnEarlierJobOfTheSameNameIsShownOnlyOnRequest) {
    Placed world;
    schema::Entry purge;
    purge.mutable_deregister_job()->set_namespace_("default");
    purge.mutable_deregister_job()->set_job_id("a");
    purge.mutable_deregister_job()->set_purge(true);
    world.must(purge);
    world.register_job(make_job("a"));
    schema::Query below;
    below.mutable_job_allocations()->set_job_id("a");
    EXPECT_EQ(ask(world, below).allocations().allocations_size(), 0);
    below.mutable_job_allocations()->set_all(true);
    EXPECT_EQ(ask(world, below).allocations().allocations_size(), 40);
}

TEST(QueryNodeWork, MovesWithTheServersWishesAndNotWithTheClientsReports) {
    Placed world;
    schema::Query work;
    work.mutable_node_work()->set_node_id(node_id(1).raw());
    std::uint64_t before = ask(world, work).index();
    EXPECT_EQ(ask(world, work).allocations().allocations_size(), 20);
    world.report(2, "running");
    EXPECT_EQ(ask(world, work).index(), before);
    world.stop(2);
    EXPECT_EQ(ask(world, work).index(), world.state.applied_index());
    work.mutable_node_work()->set_node_id(node_id(9).raw());
    EXPECT_EQ(ask(world, work).failure().message(), "node not found");
}

TEST(QueryNodeWork, TellsThoseWhoKnowTheRestOfChangesOnly) {
    Placed world;
    schema::Query work;
    work.mutable_node_work()->set_node_id(node_id(1).raw());
    work.mutable_node_work()->set_known_index(ask(world, work).index());
    EXPECT_EQ(ask(world, work).allocations().allocations_size(), 20) << "not before level 2";
    schema::Entry level;
    level.mutable_change_feature_level()->set_level(2);
    world.must(level);
    schema::Response news = ask(world, work);
    EXPECT_EQ(news.allocations().allocations_size(), 0);
    EXPECT_TRUE(news.allocations().changes_only());
    EXPECT_EQ(news.allocations().total(), 20U);
    world.report(2, "running");
    EXPECT_EQ(ask(world, work).allocations().allocations_size(), 0) << "it said so itself";
    world.stop(2);
    news = ask(world, work);
    ASSERT_EQ(news.allocations().allocations_size(), 1);
    EXPECT_EQ(news.allocations().allocations(0).id(), allocation_id(2).raw());
    EXPECT_EQ(news.allocations().jobs_size(), 1);
    EXPECT_EQ(news.allocations().total(), 20U);
}

TEST(Query, WhatIsNotInTheStateIsNotAnsweredHere) {
    World world;
    schema::Query question;
    question.mutable_leader();
    EXPECT_EQ(ask(world, question).failure().code(), static_cast<std::uint32_t>(Errc::unsupported));
}

TEST(Watch, AWriteWakesOnlyTheReadersItConcerns) {
    Placed world;
    Watchers watchers;
    std::vector<schema::Query> questions(6);
    questions[0].mutable_node_work()->set_node_id(node_id(1).raw());
    questions[1].mutable_node_work()->set_node_id(node_id(2).raw());
    questions[2].set_job("a");
    questions[3].set_allocation(allocation_id(2).raw());
    questions[4].mutable_list_allocations();
    questions[5].mutable_list_nodes();
    for (std::size_t i = 0; i < questions.size(); ++i) {
        watchers.add(i, watch_keys("default", questions[i]));
    }
    schema::Entry report;
    auto& allocation = *report.mutable_update_allocations()->add_allocations();
    allocation.set_id(allocation_id(2).raw());
    allocation.set_client_status("running");
    world.apply(report);  // also the node's first report
    ApplyResult result = world.apply(report);
    EXPECT_EQ(watchers.woken(result.changes), (std::vector<std::uint64_t>{3, 4}));
    watchers.remove(3);
    EXPECT_EQ(watchers.woken(result.changes), (std::vector<std::uint64_t>{4}));
    EXPECT_EQ(watchers.size(), 5U);
    // What a node said itself is no work for it; what the servers want of it is.
    schema::Entry wish;
    auto& one = *wish.mutable_transition_allocations()->add_transitions();
    one.set_allocation_id(allocation_id(2).raw());
    one.mutable_transition()->set_migrate(true);
    result = world.apply(wish);
    EXPECT_EQ(watchers.woken(result.changes), (std::vector<std::uint64_t>{0, 4}));
}

TEST(Watch, EveryQueryThatIsAnsweredHereCanBeWaitedFor) {
    const auto* kinds = schema::Query::descriptor()->FindOneofByName("kind");
    const auto ours = [](const std::string& kind) {
        return kind != "raft_configuration" && kind != "raft_state" && kind != "leader" &&
               kind != "upgrade_status" && kind != "snapshot";
    };
    for (int i = 0; i < kinds->field_count(); ++i) {
        const auto* field = kinds->field(i);
        schema::Query question;
        if (field->message_type() != nullptr) {
            question.GetReflection()->MutableMessage(&question, field);
        } else {
            question.GetReflection()->SetString(&question, field, "x");
        }
        EXPECT_NE(watch_keys("default", question).empty(), ours(field->name())) << field->name();
        EXPECT_GE(watch_index(StateView{}, "default", question), 1U) << field->name();
    }
}

}  // namespace
}  // namespace drover::state
