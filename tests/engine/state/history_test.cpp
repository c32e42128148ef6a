// Random histories: whatever is applied, digests, derived indexes and counters equal what a rebuild
// from the rows gives; a snapshot gives the same state back; views stay what they were.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/schema/scheduler_configuration.pb.h"
#include "engine/state/row_hash.hpp"
#include "tests/engine/state/fixture.hpp"

namespace drover::state {
namespace {

using namespace testing;

class Dice {
public:
    explicit Dice(std::uint64_t seed) : prng_{seed} {}
    std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>(prng_.below(bound));
    }
    std::string job() { return one_of({"a", "b", "c", "a", "b", "c", "a/1", "a/2"}); }
    std::string one_of(std::initializer_list<const char*> words) {
        return *(words.begin() + below(static_cast<std::uint32_t>(words.size())));
    }

private:
    Prng prng_;
};

schema::Entry random_plan(Dice& dice, const State& state) {
    schema::Entry entry;
    schema::Plan& plan = *entry.mutable_apply_plan()->mutable_plan();
    std::string job_id = dice.job();
    if (JobPtr job = state.view().job(job_key(job_id))) *plan.mutable_job() = *job;
    plan.set_evaluation_id(evaluation_id(dice.below(8)).raw());
    for (std::uint32_t i = dice.below(4); i > 0; --i) {
        schema::NodeAllocations& node = *plan.add_placements();
        schema::Allocation allocation = make_allocation(dice.below(12), job_id, dice.below(3));
        if (dice.below(2) == 0) allocation.set_deployment_id(deployment_id(dice.below(3)).raw());
        if (dice.below(3) == 0) {
            allocation.set_previous_allocation(allocation_id(dice.below(12)).raw());
        }
        AllocationPtr stored = state.view().allocation(to_uuid(allocation.id()));
        if (stored) allocation.set_job_id(std::string{stored->body.job_id()});
        *node.add_allocations() = allocation;
    }
    for (std::uint32_t i = dice.below(2); i > 0; --i) {
        schema::Allocation& stop = *plan.add_stops()->add_allocations();
        stop.set_id(allocation_id(dice.below(12)).raw());
        stop.set_client_status(dice.one_of({"", "lost", "unknown"}));
    }
    if (dice.below(3) == 0) {
        schema::Deployment& deployment = *plan.mutable_deployment();
        deployment.set_id(deployment_id(dice.below(3)).raw());
        deployment.set_namespace_("default");
        deployment.set_job_id(job_id);
        deployment.set_status("running");
        deployment.add_task_groups()->set_group("web");
    }
    return entry;
}

// Often one that somebody has registered again, or that is not over.
schema::Entry reaping_of_a_job(Dice& dice, const State& state) {
    schema::Entry entry;
    const std::string id = dice.one_of({"a", "b", "a/1", "a/2", "a/3"});
    schema::UnusedJob& unused = *entry.mutable_reap()->add_jobs();
    unused.set_namespace_("default");
    unused.set_job_id(id);
    const JobPtr job = state.view().job(job_key(id));
    if (job) unused.set_job_modify_index(job->job_modify_index() - dice.below(2));
    return entry;
}

schema::Entry random_entry(Dice& dice, const State& state) {
    schema::Entry entry;
    switch (dice.below(16)) {
        case 0:
            *entry.mutable_register_job()->mutable_job() =
                make_job(dice.job(), static_cast<int>(dice.below(4)));
            // Who is registered again keeps its parent: drafts see to that.
            if (entry.register_job().job().id().starts_with("a/")) {
                entry.mutable_register_job()->mutable_job()->set_parent_id("a");
            }
            if (dice.below(2) == 0) {
                entry.mutable_register_job()->set_periodic_launch_ns(1 + dice.below(99));
            }
            break;
        case 10: {
            auto& change = *entry.mutable_change_node_drain();
            change.set_node_id(node_id(dice.below(3)).raw());
            change.set_updated_at_ns(1 + dice.below(99));
            change.set_mark_eligible(dice.below(2) == 0);
            if (dice.below(2) == 0) {
                change.mutable_strategy()->set_deadline(dice.below(99));
            } else {
                change.set_outcome(dice.one_of({"complete", "canceled"}));
            }
            break;
        }
        case 11:
            entry.mutable_change_scheduler_configuration()
                ->mutable_configuration()
                ->set_scheduler_algorithm(dice.one_of({"binpack", "spread"}));
            break;
        case 12: {
            schema::Job child = make_job("a/" + dice.one_of({"1", "2", "3"}));
            child.set_parent_id("a");
            child.set_dispatched(dice.below(2) == 0);
            child.set_dispatch_idempotency_token(dice.one_of({"", "x", "y"}));
            *entry.mutable_register_job()->mutable_job() = child;
            break;
        }
        case 13: {
            auto& tagging = *entry.mutable_tag_job_version();
            tagging.set_namespace_("default");
            tagging.set_job_id(dice.job());
            tagging.set_version(dice.below(3));
            if (dice.below(3) == 0) {
                tagging.set_remove(dice.one_of({"x", "y"}));
            } else {
                tagging.mutable_tag()->set_name(dice.one_of({"x", "y"}));
            }
            break;
        }
        case 14:
            entry.mutable_reconcile_summaries();
            break;
        case 15:
            entry = reaping_of_a_job(dice, state);
            break;
        case 1:
            entry.mutable_deregister_job()->set_namespace_("default");
            entry.mutable_deregister_job()->set_job_id(dice.job());
            entry.mutable_deregister_job()->set_purge(dice.below(2) == 0);
            break;
        case 2:
            entry.mutable_register_node()->mutable_node()->set_id(node_id(dice.below(3)).raw());
            break;
        case 3: {
            auto& change = *entry.mutable_change_node_status();
            change.set_node_id(node_id(dice.below(3)).raw());
            change.set_status(dice.one_of({"ready", "down", "disconnected", "initializing"}));
            break;
        }
        case 4:
            *entry.mutable_upsert_evaluations()->add_evaluations() =
                make_evaluation(dice.below(8), dice.job(),
                                dice.one_of({"pending", "blocked", "complete", "failed"}));
            break;
        case 5: {
            auto& reap = *entry.mutable_reap();
            reap.add_evaluation_ids(evaluation_id(dice.below(8)).raw());
            reap.add_allocation_ids(allocation_id(dice.below(12)).raw());
            reap.add_deployment_ids(deployment_id(dice.below(3)).raw());
            break;
        }
        case 6: {
            auto& status = *entry.mutable_change_deployment()->mutable_status();
            status.set_deployment_id(deployment_id(dice.below(3)).raw());
            status.set_status(dice.one_of({"running", "paused", "failed", "successful"}));
            break;
        }
        case 7: {
            auto& report = *entry.mutable_update_allocations()->add_allocations();
            report.set_id(allocation_id(dice.below(12)).raw());
            report.set_client_status(dice.one_of({"running", "complete", "failed", "pending"}));
            if (dice.below(2) == 0) {
                report.mutable_deployment_status()->set_healthy(dice.below(2) == 0);
            }
            break;
        }
        default:
            return random_plan(dice, state);
    }
    return entry;
}

template <class Tree>
std::vector<std::string> dump(const Tree& tree, auto text) {
    std::vector<std::string> out;
    auto range = tree.all();
    for (auto at = range.begin(); at != range.end(); ++at) out.push_back(text(at.key(), *at));
    return out;
}

std::string key_text(const OwnedKey<Uuid>& key) { return key.owner.text() + key.id.text(); }
std::string key_text(const OwnedKey<JobKey>& key) { return key.owner.id + key.id.text(); }

// Jobs without their numbers, which depend on how the state came to be.
std::vector<std::string> dump_jobs_in_use(const Derived& derived) {
    Uuid greatest;
    greatest.bytes.fill(0xff);
    return dump(derived.jobs_in_use, [&](const JobKey& key, const JobInUse& job) {
        std::string text = key.namespace_ + "/" + key.id + " " + std::to_string(job.stored) + " " +
                           std::to_string(job.live);
        const auto ids =
            derived.allocations_by_job.between({job.number, Uuid{}}, {job.number, greatest});
        for (auto at = ids.begin(); at != ids.end(); ++at) text += " " + at.key().id.text();
        return text;
    });
}

std::vector<std::vector<std::string>> dump(const Derived& derived) {
    auto keys = [](const auto& key, const auto&) { return key_text(key); };
    auto keys_and_bodies = [](const auto& key, const auto& row) {
        return key_text(key) + row->SerializeAsString();
    };
    auto allocations = [](const Uuid& node, const auto& work) {
        std::string text = node.text();
        for (auto at = work->ids().first(); !at.at_end(); at.next()) text += at.key().text();
        return text;
    };
    auto usage = [](const Uuid& key, const Usage& row) {
        return key.text() + std::to_string(row.cpu_mhz) + "/" + std::to_string(row.memory_mb) +
               "/" + std::to_string(row.disk_mb) + "/" + std::to_string(row.allocations);
    };
    auto facts = [](const Uuid& key, const NodeFacts& row) {
        return key.text() + row.node->SerializeAsString() + (row.ready ? "ready" : "") +
               std::to_string(row.class_key) + "/" + std::to_string(row.capacity.cpu_mhz) + "/" +
               std::to_string(row.capacity.memory_mb) + "/" + std::to_string(row.capacity.disk_mb) +
               "/" + std::to_string(row.capacity.allocations);
    };
    return {dump(derived.work_by_node, allocations),
            dump_jobs_in_use(derived),
            dump(derived.allocations_by_evaluation, keys),
            dump(derived.allocations_by_deployment, keys),
            dump(derived.evaluations_by_job, keys_and_bodies),
            dump(derived.deployments_by_job, keys_and_bodies),
            dump(derived.usage_by_node, usage),
            dump(derived.node_facts, facts)};
}

Digest digest_of_rows(const Tables& tables) {
    Digest sum = feature_level_hash(tables.feature_level);
    sum += rehearsals_hash(tables.rehearsals);
    auto add = [&sum](Table table, const auto& tree) {
        for (const auto& row : tree.all()) sum += row_hash(table, *row);
    };
    add(Table::nodes, tables.nodes);
    add(Table::jobs, tables.jobs);
    add(Table::job_versions, tables.job_versions);
    add(Table::job_summaries, tables.job_summaries);
    add(Table::evaluations, tables.evaluations);
    add(Table::deployments, tables.deployments);
    add(Table::servers, tables.servers);
    add(Table::periodic_launches, tables.periodic_launches);
    if (const auto& row = tables.scheduler_configuration) sum += row_hash(Table::settings, *row);
    for (const AllocationPtr& row : tables.allocations.all()) {
        sum += row_hash(Table::allocations, row->body.unpack());
    }
    for (const AllocationJob& row : tables.allocation_jobs.all()) {
        sum += row_hash(Table::allocation_jobs, *row.job);
    }
    return sum;
}

RC_GTEST_PROP(History, KeepsEverythingConsistent, (std::uint64_t seed)) {
    Dice dice{seed};
    World world;
    std::vector<std::pair<StateView, std::vector<SnapshotSection>>> kept;
    for (int step = 0; step < 120; ++step) {
        Digest before = world.state.digest();
        ApplyResult result = world.apply(random_entry(dice, world.state));
        RC_ASSERT(result.outcome == Applied::done || result.outcome == Applied::refused);
        if (result.outcome == Applied::refused) RC_ASSERT(world.state.digest() == before);
        if (step % 40 == 20) {
            kept.emplace_back(world.state.view(), write_snapshot(world.state.view()));
        }
    }
    StateView view = world.state.view();
    RC_ASSERT(view.digest() == digest_of_rows(view.tables()));
    RC_ASSERT(dump(view.tables().derived) == dump(rebuild_derived(view.tables())));
    for (const auto& [old_view, sections] : kept) {
        RC_ASSERT(write_snapshot(old_view) == sections);
    }
    std::uint64_t held = 0;
    for (const AllocationJob& row : view.tables().allocation_jobs.all()) held += row.allocations;
    RC_ASSERT(held == view.tables().allocations.size());
}

// A name at one version of a job at most, and children counted as they stand.
void check_jobs(const StateView& view) {
    std::map<std::string, schema::JobChildrenSummary> children;
    for (const JobPtr& job : view.jobs()) {
        std::set<std::string> tags;
        for (const JobPtr& version : view.job_versions(key_of(*job))) {
            if (version->has_version_tag()) {
                RC_ASSERT(tags.insert(version->version_tag().name()).second);
            }
        }
        auto& counted = children[job->parent_id()];
        if (job->status() == "pending") counted.set_pending(counted.pending() + 1);
        if (job->status() == "running") counted.set_running(counted.running() + 1);
        if (job->status() == "dead") counted.set_dead(counted.dead() + 1);
    }
    const JobSummaryPtr parent = view.job_summary(job_key("a"));
    if (!parent || !parent->has_children()) return;
    RC_ASSERT(parent->children().SerializeAsString() == children["a"].SerializeAsString());
}

// The parent is there from the first entry to the last: a child of nobody is counted by nobody.
RC_GTEST_PROP(History, ChildrenAreCountedAsTheyStand, (std::uint64_t seed)) {
    Dice dice{seed};
    World world;
    schema::Entry level;
    level.mutable_change_feature_level()->set_level(2);
    world.apply(level);
    schema::Job parent = make_job("a");
    parent.mutable_parameterized_job();
    world.register_job(parent);
    for (int step = 0; step < 120; ++step) {
        const schema::Entry entry = random_entry(dice, world.state);
        const bool about_parent =
            entry.register_job().job().id() == "a" || entry.deregister_job().job_id() == "a" ||
            (!entry.reap().jobs().empty() && entry.reap().jobs(0).job_id() == "a");
        if (!about_parent) world.apply(entry);
        check_jobs(world.state.view());
    }
    RC_ASSERT(world.state.view().job_summary(job_key("a"))->has_children());
}

RC_GTEST_PROP(History, TheDigestMayBePutOff, (std::uint64_t seed)) {
    Dice dice{seed};
    World world;
    State later;
    for (int step = 0; step < 120; ++step) {
        if (step % 30 == 0) later.put_off_digest();
        schema::Entry entry = random_entry(dice, world.state);
        const ApplyResult result = world.apply(entry);
        entry.set_wall_ns(world.wall_ns);
        RC_ASSERT(later.apply(world.state.applied_index(), entry).outcome == result.outcome);
        if (step % 30 < 25) continue;
        later.settle_digest();
        RC_ASSERT(later.digest() == world.state.digest());
    }
    RC_ASSERT(write_snapshot(later.view()) == write_snapshot(world.state.view()));
}

RC_GTEST_PROP(Snapshot, GivesTheSameStateBack, (std::uint64_t seed)) {
    Dice dice{seed};
    World world;
    for (int step = 0; step < 80; ++step) world.apply(random_entry(dice, world.state));
    auto sections = write_snapshot(world.state.view());
    auto restored = read_snapshot(sections);
    RC_ASSERT(restored.has_value());
    RC_ASSERT(restored->digest() == world.state.digest());
    RC_ASSERT(restored->applied_index() == world.state.applied_index());
    RC_ASSERT(write_snapshot(restored->view()) == sections);
    StateView before = world.state.view();
    StateView after = restored->view();
    RC_ASSERT(dump(after.tables().derived) == dump(before.tables().derived));
    RC_ASSERT(after.tables().last_index == before.tables().last_index);
    // And the two go on as one.
    for (int step = 0; step < 40; ++step) {
        schema::Entry entry = random_entry(dice, world.state);
        entry.set_wall_ns(1'800'000'000'000'000'000 + step);
        std::uint64_t index = world.state.applied_index() + 1;
        RC_ASSERT(world.state.apply(index, entry).outcome == restored->apply(index, entry).outcome);
        RC_ASSERT(world.state.digest() == restored->digest());
    }
}

RC_GTEST_PROP(Copy, OfAStateIsAWorldOfItsOwn, (std::uint64_t seed)) {
    Dice dice{seed};
    World world;
    for (int step = 0; step < 60; ++step) world.apply(random_entry(dice, world.state));
    State copy = world.state;
    State fork = State::fork(world.state.view());
    auto sections = write_snapshot(world.state.view());
    for (int step = 0; step < 60; ++step) world.apply(random_entry(dice, world.state));
    RC_ASSERT(write_snapshot(copy.view()) == sections);
    RC_ASSERT(write_snapshot(fork.view()) == sections);
}

TEST(Snapshot, DamageIsNamed) {
    World world;
    world.register_node(1);
    world.register_job(make_job("a"), 1);
    world.place(make_allocation(1, "a"));
    const auto sections = write_snapshot(world.state.view());
    auto message = [](std::vector<SnapshotSection> damaged) {
        auto state = read_snapshot(damaged);
        return state ? std::string{"accepted"} : state.error().message;
    };
    auto find = [](std::vector<SnapshotSection>& all, const std::string& name) {
        return std::find_if(all.begin(), all.end(),
                            [&name](const auto& one) { return one.name == name; });
    };
    auto copy = sections;
    copy.pop_back();
    EXPECT_EQ(message(copy), "snapshot section \"servers\": is missing");
    copy = sections;
    copy.push_back({"quotas", {}});
    EXPECT_EQ(message(copy),
              "snapshot section \"quotas\" is not known to this release: restore it with the "
              "release that wrote it");
    copy = sections;
    find(copy, "nodes")->records[0] = "\xff\xff";
    EXPECT_EQ(message(copy), "snapshot section \"nodes\": record 0 is malformed");
    copy = sections;
    find(copy, "jobs")->records.clear();
    EXPECT_EQ(message(copy),
              "snapshot section \"jobs\": does not have the digest that was written with it");
    copy = sections;
    find(copy, "allocation_jobs")->records.clear();
    EXPECT_EQ(message(copy), "snapshot section \"allocations\": record 0 is malformed");
    EXPECT_EQ(message(sections), "accepted");
}

TEST(Snapshot, AFieldThatThisReleaseDoesNotKnowSurvivesStateAndSnapshot) {
    World world;
    world.register_node(1);
    schema::Job job = make_job("a");
    job.GetReflection()->MutableUnknownFields(&job)->AddVarint(1999, 42);
    world.register_job(job, 1);
    schema::Allocation allocation = make_allocation(1, "a");
    allocation.GetReflection()->MutableUnknownFields(&allocation)->AddVarint(1999, 43);
    world.place(allocation);
    world.report(1, "running");
    auto restored = read_snapshot(write_snapshot(world.state.view()));
    ASSERT_TRUE(restored);
    JobPtr kept = restored->view().job(job_key("a"));
    EXPECT_EQ(kept->GetReflection()->GetUnknownFields(*kept).field(0).varint(), 42U);
    AllocationPtr row = restored->view().allocation(allocation_id(1));
    const schema::Allocation body = row->body.unpack();
    EXPECT_EQ(body.GetReflection()->GetUnknownFields(body).field(0).varint(), 43U);
    EXPECT_EQ(row->body.client_status(), "running");
}

}  // namespace
}  // namespace drover::state
