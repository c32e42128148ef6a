#include "engine/client/core.hpp"

#include <tuple>

#include "engine/base/match.hpp"
#include "engine/client/instants.hpp"
#include "engine/client/records.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {
namespace {

// Which record of a job an allocation was placed for.
using JobName = std::tuple<std::string, std::string, std::uint64_t, std::uint64_t>;

JobName name_of(const schema::Job& job) {
    return {job.namespace_(), job.id(), job.create_index(), job.version()};
}
JobName name_of_job(const schema::Allocation& allocation) {
    return {allocation.namespace_(), allocation.job_id(), allocation.job_create_index(),
            allocation.job_version()};
}

bool is_newer(const schema::Allocation& allocation, const AllocationRunner& runner) {
    return allocation.alloc_modify_index() > runner.assignment().modify_index();
}

}  // namespace

Client::Core::Core(std::shared_ptr<const Config> config,
                   const std::vector<std::pair<std::string, std::string>>& durable, Instant now,
                   Prng prng)
    : config_{std::move(config)},
      prng_{prng},
      now_{now},
      journal_{durable},
      registration_{now},
      watch_{now},
      reports_{now} {}

Result<void> Client::Core::restore(const records::Stored& stored, Instant now) {
    for (const auto& [id, kept] : stored.allocations) {
        auto assignment =
            Assignment::check(std::make_shared<const schema::Allocation>(kept.record.allocation()));
        if (!assignment) {
            return fail(Errc::corrupt, "client state: " + assignment.error().message);
        }
        runners_.emplace(id, AllocationRunner{std::move(*assignment), kept, now});
    }
    return {};
}

void Client::Core::step(Instant now, WallTime wall, const std::vector<Input>& inputs,
                        std::vector<Effect>& effects) {
    now_ = now;
    wall_ = wall;
    Turn turn{now, wall, *config_, prng_, journal_, effects};
    if (!begun_) begin(turn);
    for (const auto& input : inputs) {
        std::visit([&](const auto& news) { on(news, turn); }, input);
    }
    registration_.advance(post_, turn);
    if (registration_.registered()) watch_.advance(post_, turn);
    touch_due(turn);
    settle(turn);
    if (registration_.registered()) reports_.advance(post_, turn);
    journal_.flush(effects);
}

void Client::Core::begin(Turn& turn) {
    begun_ = true;
    schema::ClientAgentRecord agent;
    agent.set_format(records::format);
    agent.set_node_id(config_->node->id());
    journal_.put(records::agent_key(),
                 std::make_shared<const std::string>(agent.SerializeAsString()));
    for (auto& [id, runner] : runners_) runner.recover(turn);
    touch_all();
}

std::optional<Instant> Client::Core::next_deadline() const {
    std::optional<Instant> next = registration_.deadline();
    if (registration_.registered()) {
        next = earlier(next, watch_.deadline());
        next = earlier(next, reports_.deadline(*config_));
    }
    next = earlier(next, deadlines_.next());
    for (const Uuid& id : bounded_) {
        const AllocationRunner& runner = runners_.at(id);
        next = earlier(next, runner.end_of_run(now_, wall_));
        next = earlier(next, reach_limit(runner));
    }
    return next;
}

std::vector<AllocationSummary> Client::Core::allocations() const {
    std::vector<AllocationSummary> all;
    for (const auto& [id, runner] : runners_) all.push_back(runner.summary());
    return all;
}

// ---- news

void Client::Core::on(const TimePassed&, Turn&) {}

void Client::Core::on(const ResponseReceived& news, Turn& turn) {
    const bool was_registered = registration_.registered();
    if (registration_.on(news, post_, turn)) {
        if (was_registered && !registration_.registered()) watch_.forget_index();
        if (registration_.take_wish_for_reports()) reports_.repeat(turn.now);
        return;
    }
    switch (watch_.on(news, turn)) {
        case AllocationWatch::Outcome::list:
            take_list(news.response->allocations(), turn);
            return;
        case AllocationWatch::Outcome::node_unknown:
            node_unknown(turn);
            return;
        case AllocationWatch::Outcome::nothing_new:
            return;
        case AllocationWatch::Outcome::not_ours:
            break;
    }
    switch (reports_.on(news, turn)) {
        case ReportBatch::Outcome::taken:
            registration_.reports_taken(turn.now);
            return;
        case ReportBatch::Outcome::node_unknown:
            node_unknown(turn);
            return;
        case ReportBatch::Outcome::refused:
        case ReportBatch::Outcome::not_ours:
            return;
    }
}

void Client::Core::on(const RequestFailed& news, Turn& turn) {
    if (registration_.on(news, turn) || watch_.on(news, turn)) return;
    reports_.on(news, turn);
}

void Client::Core::on(const AllocationDirectoryBuilt& news, Turn& turn) {
    if (auto* runner = touch(news.allocation)) runner->on(news, turn);
}
void Client::Core::on(const AllocationDirectoryFailed& news, Turn& turn) {
    if (auto* runner = touch(news.allocation)) runner->on(news, turn);
}

template <class News>
void Client::Core::on_task(const News& news, Turn& turn) {
    if (auto* runner = touch(news.key.allocation)) runner->on_task(news, turn);
}
void Client::Core::on(const TaskStarted& news, Turn& turn) { on_task(news, turn); }
void Client::Core::on(const TaskStartFailed& news, Turn& turn) { on_task(news, turn); }
void Client::Core::on(const TaskExited& news, Turn& turn) { on_task(news, turn); }
void Client::Core::on(const TaskRecovered& news, Turn& turn) { on_task(news, turn); }
void Client::Core::on(const TaskRecoveryFailed& news, Turn& turn) { on_task(news, turn); }

// Those that wait for the end of another allocation go on when that end is on disk.
void Client::Core::on(const StateWritten& news, Turn&) {
    if (!journal_.written(news.write)) return;
    touched_.insert(awaiting_disk_.begin(), awaiting_disk_.end());
}

void Client::Core::on(const StateWriteFailed& news, Turn& turn) {
    if (!journal_.write_failed(news.write, news.reason)) return;
    turn.report(Severity::error, "the agent cannot store its state (" + news.reason +
                                     "): it starts no task until it is restarted; what runs "
                                     "keeps running");
    touch_all();
}

void Client::Core::node_unknown(Turn& turn) {
    registration_.forgotten(turn);
    watch_.forget_index();
}

// ---- what the servers want

void Client::Core::drop_unlisted(Turn& turn) {
    for (auto& [id, runner] : runners_) {
        if (listed_.contains(id)) continue;
        runner.remove(turn);
        touched_.insert(id);
    }
    for (auto id = refused_.begin(); id != refused_.end();) {
        if (!listed_.contains(*id)) reports_.withdraw(*id);
        id = listed_.contains(*id) ? std::next(id) : refused_.erase(id);
    }
}

void Client::Core::take_list(const schema::AllocationList& list, Turn& turn) {
    std::map<JobName, const schema::Job*> jobs;
    for (const auto& job : list.jobs()) jobs[name_of(job)] = &job;
    if (!list.changes_only()) listed_.clear();
    std::map<Uuid, const schema::Allocation*> told;
    for (const auto& allocation : list.allocations()) {
        if (const auto id = Uuid::from_raw(allocation.id())) told[*id] = &allocation;
    }
    for (const auto& [id, allocation] : told) listed_.insert(id);
    // Whatever must end comes first, so that what replaces it finds room.
    if (!list.changes_only()) drop_unlisted(turn);
    // Then they count on something that this agent never heard of, or not on what it runs.
    if (list.changes_only() && listed_.size() != list.total()) watch_.forget_index();
    const auto complete = [&jobs](const schema::Allocation& allocation) {
        auto whole = std::make_shared<schema::Allocation>(allocation);
        if (whole->has_job()) return whole;
        const auto job = jobs.find(name_of_job(allocation));
        if (job != jobs.end()) *whole->mutable_job() = *job->second;
        return whole;
    };
    for (const auto& [id, allocation] : told) {
        const auto known = runners_.find(id);
        if (known == runners_.end()) continue;
        // Most have not changed: they are not worth a copy.
        if (is_newer(*allocation, known->second))
            update(known->second, complete(*allocation), turn);
        if (known->second.servers_reached(allocation->client_status(), turn)) touched_.insert(id);
    }
    for (const auto& [id, allocation] : told) {
        if (runners_.contains(id) || refused_.contains(id)) continue;
        // Its end is known to the servers, and nothing of it is left here.
        if (is_terminal_client_status(allocation->client_status())) continue;
        add(complete(*allocation), turn);
    }
    for (const auto& [id, allocation] : told) {
        reports_.servers_believe(*allocation, watch_.index(), turn.now);
    }
    reports_.allow();
}

void Client::Core::update(AllocationRunner& runner, AllocationPtr allocation, Turn& turn) {
    touched_.insert(runner.assignment().id());
    auto assignment = Assignment::check(std::move(allocation));
    if (assignment) return runner.update(std::move(*assignment), turn);
    turn.report(Severity::error, "an update is not applied: " + assignment.error().message);
}

void Client::Core::add(const AllocationPtr& allocation, Turn& turn) {
    if (journal_.failure() && allocation->desired_status() == "run") {
        refuse(*allocation, "the agent cannot store its state: " + *journal_.failure(), turn);
        return;
    }
    auto assignment = Assignment::check(allocation);
    if (!assignment) {
        refuse(*allocation, assignment.error().message, turn);
        return;
    }
    const Uuid id = assignment->id();
    runners_.emplace(id, AllocationRunner{std::move(*assignment), turn});
    touched_.insert(id);
}

void Client::Core::refuse(const schema::Allocation& allocation, const std::string& reason,
                          Turn& turn) {
    turn.report(Severity::error, "allocation " + allocation.name() + " refused: " + reason);
    const auto id = Uuid::from_raw(allocation.id());
    schema::Allocation told;
    told.set_id(allocation.id());
    told.set_namespace_(allocation.namespace_());
    told.set_node_id(allocation.node_id());
    told.set_job_id(allocation.job_id());
    told.set_task_group(allocation.task_group());
    told.set_client_status("failed");
    told.set_client_description("Failed to add the allocation to its node: " + reason);
    refused_.insert(*id);
    reports_.offer(*id, told, turn.now);
}

// ---- what follows

AllocationRunner* Client::Core::touch(const Uuid& id) {
    const auto found = runners_.find(id);
    if (found == runners_.end()) return nullptr;
    touched_.insert(id);
    return &found->second;
}

void Client::Core::touch_all() {
    for (const auto& [id, runner] : runners_) touched_.insert(id);
}

void Client::Core::touch_due(Turn& turn) {
    for (const Uuid& id : deadlines_.due(turn.now)) touched_.insert(id);
    for (const Uuid& id : bounded_) {
        AllocationRunner& runner = runners_.at(id);
        const auto limit = reach_limit(runner);
        if (limit && turn.now >= *limit) {
            runner.stop_out_of_reach(
                Duration{runner.assignment().group().disconnect().stop_on_client_after()}, turn);
            touched_.insert(id);
        }
        const auto due = runner.end_of_run(turn.now, turn.wall);
        if (due && turn.now >= *due) touched_.insert(id);
    }
}

// None where the group lets its tasks run without servers, as most do.
std::optional<Instant> Client::Core::reach_limit(const AllocationRunner& runner) const {
    const auto& group = runner.assignment().group();
    if (runner.is_stopping() || runner.all_tasks_dead()) return std::nullopt;
    if (!group.has_disconnect() || !group.disconnect().has_stop_on_client_after()) {
        return std::nullopt;
    }
    return after(registration_.last_success(), Duration{group.disconnect().stop_on_client_after()});
}

// An allocation that replaces another on the same node waits until that one has ended.
bool Client::Core::is_clear(const AllocationRunner& runner) const {
    const auto blocks = [this](const std::string& raw) {
        const auto id = Uuid::from_raw(raw);
        const auto found = id ? runners_.find(*id) : runners_.end();
        return found != runners_.end() && found->second.is_stopping() &&
               !found->second.all_tasks_dead();
    };
    const auto& allocation = *runner.assignment().allocation();
    if (blocks(allocation.previous_allocation())) return false;
    for (const auto& preempted : allocation.preempted_allocations()) {
        if (blocks(preempted)) return false;
    }
    return true;
}

void Client::Core::settle_one(Runners::iterator runner, Turn& turn) {
    runner->second.settle(is_clear(runner->second), turn);
    deadlines_.set(runner->first, runner->second.deadline());
    bounded_.erase(runner->first);
    awaiting_disk_.erase(runner->first);
    if (!runner->second.gone()) {
        if (runner->second.is_bounded()) bounded_.insert(runner->first);
        if (runner->second.awaits_disk()) awaiting_disk_.insert(runner->first);
        if (runner->second.take_news()) {
            reports_.offer(runner->first, runner->second.report(), turn.now);
        }
        runner->second.rest_if_idle();
        return;
    }
    reports_.withdraw(runner->first);
    runners_.erase(runner);
}

void Client::Core::settle(Turn& turn) {
    for (const auto& id : std::exchange(touched_, {})) {
        const auto found = runners_.find(id);
        if (found != runners_.end()) settle_one(found, turn);
    }
}

}  // namespace drover::client
