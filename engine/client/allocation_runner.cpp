#include "engine/client/allocation_runner.hpp"

#include <algorithm>
#include <utility>

#include "engine/client/duration_text.hpp"
#include "engine/client/instants.hpp"
#include "engine/client/task_events.hpp"

namespace drover::client {
namespace {

bool any_of(const std::vector<TaskFacts>& tasks, auto condition) {
    return std::any_of(tasks.begin(), tasks.end(), condition);
}

bool is_live(const TaskFacts& task) { return task.situation != Situation::dead; }
bool is_poststop(const TaskFacts& task) { return task.kind == TaskKind::poststop; }

// None where nobody waits for the health of such an allocation.
std::optional<HealthRules> health_rules(const Assignment& assignment) {
    const auto& group = assignment.group();
    const bool service = assignment.job().type() == "service";
    if (!assignment.allocation()->deployment_id().empty()) {
        if (assignment.runs_to_completion() || !group.has_update()) return std::nullopt;
        if (group.update().health_check() == "manual") return std::nullopt;
        return HealthRules{Duration{group.update().min_healthy_time()},
                           Duration{group.update().healthy_deadline()}};
    }
    if (!service || !group.has_migrate()) return std::nullopt;
    return HealthRules{Duration{group.migrate().min_healthy_time()},
                       Duration{group.migrate().healthy_deadline()}};
}

}  // namespace

AllocationRunner::AllocationRunner(Assignment assignment, Turn& turn)
    : assignment_{std::move(assignment)} {
    for (auto& name : assignment_.task_names()) {
        tasks_.emplace(name, TaskRunner{assignment_, name, turn});
    }
    recorded_ = save(turn);
    if (!assignment_.wants_run()) begin_stop(turn);
}

AllocationRunner::AllocationRunner(Assignment assignment, const records::StoredAllocation& stored,
                                   Instant now)
    : assignment_{std::move(assignment)},
      ground_{stored.record.directory_built() ? Ground::built : Ground::waiting},
      directory_built_{stored.record.directory_built()} {
    for (auto& name : assignment_.task_names()) {
        const auto found = stored.tasks.find(name);
        const auto record =
            found == stored.tasks.end() ? schema::ClientTaskRecord{} : found->second;
        tasks_.emplace(name, TaskRunner{assignment_, name, record, now});
    }
    if (stored.record.has_deployment_status()) {
        verdict_ = stored.record.deployment_status();
        verdict_deployment_ = stored.record.deployment_id();
    }
}

void AllocationRunner::recover(Turn& turn) {
    for (auto& [name, task] : tasks_) task.recover(assignment_, turn);
    if (!assignment_.wants_run()) begin_stop(turn);
}

bool AllocationRunner::servers_reached(const std::string& client_status, Turn& turn) {
    // A server that holds the allocation for ended may have replaced it: what was lost stays down.
    const bool wanted = !stopping_ && !is_terminal_client_status(client_status);
    bool changed = false;
    for (auto& [name, task] : tasks_) {
        if (!task.is_lost()) continue;
        changed = true;
        if (wanted) {
            task.servers_reached(assignment_, turn);
        } else {
            task.kill(ShutdownDelay::skip, assignment_, turn);
        }
    }
    return changed;
}

void AllocationRunner::update(Assignment assignment, Turn& turn) {
    if (assignment.task_names() != assignment_.task_names()) {
        turn.report(Severity::error,
                    "allocation " + assignment_.id().text() +
                        ": an update with other tasks than it was placed with is not applied");
        return;
    }
    const bool other_deployment =
        assignment.allocation()->deployment_id() != assignment_.allocation()->deployment_id();
    assignment_ = std::move(assignment);
    ++revision_;
    if (other_deployment) {
        health_.reset();
        verdict_.reset();
        verdict_deployment_.clear();
    }
    save(turn);
    const bool ended = is_terminal_client_status(assignment_.allocation()->client_status());
    if (!assignment_.wants_run() || ended) begin_stop(turn);
}

void AllocationRunner::begin_stop(Turn& turn) {
    const bool idle = std::none_of(tasks_.begin(), tasks_.end(), [](const auto& entry) {
        return entry.second.process_expected();
    });
    const bool skip = assignment_.skips_shutdown_delay() || idle;
    const Duration delay{skip ? 0 : assignment_.group().shutdown_delay()};
    const Instant at = after(turn.now, std::max(delay, Duration{}));
    kill_at_ = stopping_ ? std::min(*kill_at_, at) : at;
    stopping_ = true;
}

void AllocationRunner::remove(Turn& turn) {
    if (removed_) return;
    removed_ = true;
    stopping_ = true;
    kill_at_ = turn.now;
    kill_poststop_ = true;
}

void AllocationRunner::stop_out_of_reach(Duration limit, Turn& turn) {
    if (stopping_) return;
    for (auto& [name, task] : tasks_) {
        if (is_live(task.facts())) task.note(events::servers_unreachable(limit), turn);
    }
    stopping_ = true;
    kill_at_ = turn.now;
}

void AllocationRunner::on(const AllocationDirectoryBuilt&, Turn& turn) {
    if (ground_ != Ground::building) return;
    ground_ = Ground::built;
    directory_built_ = true;
    save(turn);
}

void AllocationRunner::on(const AllocationDirectoryFailed& news, Turn& turn) {
    if (ground_ != Ground::building) return;
    ground_ = Ground::failed;
    for (auto& [name, task] : tasks_) {
        task.fail_setup("the allocation's directory could not be built: " + news.reason, turn);
    }
}

bool AllocationRunner::all_tasks_dead() const {
    return std::all_of(tasks_.begin(), tasks_.end(),
                       [](const auto& entry) { return entry.second.is_dead(); });
}

bool AllocationRunner::awaits_disk() const {
    if (ground_ == Ground::recording || removed_) return true;
    if (ground_ == Ground::waiting && !all_tasks_dead()) return true;
    return std::any_of(tasks_.begin(), tasks_.end(),
                       [](const auto& entry) { return entry.second.awaits_disk(); });
}

void AllocationRunner::rest_if_idle() {
    const bool ending = removed_ || (stopping_ && !all_tasks_dead());
    if (ending || awaits_disk() || is_bounded()) return;
    const bool idle = std::all_of(tasks_.begin(), tasks_.end(),
                                  [](const auto& entry) { return entry.second.is_idle(); });
    if (!idle) return;
    for (auto& [name, task] : tasks_) task.rest();
    assignment_.rest();
}

std::vector<TaskFacts> AllocationRunner::facts() const {
    std::vector<TaskFacts> all;
    for (const auto& [name, task] : tasks_) all.push_back(task.facts());
    return all;
}

StateWriteId AllocationRunner::save(Turn& turn) {
    schema::ClientAllocationRecord record;
    record.set_directory_built(directory_built_);
    if (verdict_) {
        *record.mutable_deployment_status() = *verdict_;
        record.set_deployment_id(verdict_deployment_);
    }
    auto written = records::with_allocation(*assignment_.allocation(), record);
    assignment_.keep(written.bytes, written.part);
    return turn.journal.put(records::allocation_key(assignment_.id()), std::move(written.bytes));
}

void AllocationRunner::settle(bool clear, Turn& turn) {
    if (gone_) return;
    if (stopping_ && !killing_ && turn.now >= *kill_at_) {
        killing_ = true;
        // What was never set up has nothing to clean up after.
        if (ground_ != Ground::built) kill_poststop_ = true;
    }
    const auto limit = run_limit();
    if (limit && turn.wall >= *limit && !ran_too_long_ && !all_tasks_dead()) {
        ran_too_long_ = true;
        kill_poststop_ = true;
        end_tasks(events::ran_too_long(Duration{assignment_.group().max_run_duration()}), turn);
    }
    prepare(clear, turn);
    settle_tasks(turn);
    const auto tasks = facts();
    conclude(tasks, turn);
    watch_health(tasks, turn);
    if (removed_) dismantle(turn);
}

void AllocationRunner::prepare(bool clear, Turn& turn) {
    if (ground_ == Ground::recording) {
        if (turn.journal.is_durable(recorded_)) {
            ground_ = Ground::waiting;
        } else if (turn.journal.failure()) {
            ground_ = Ground::failed;
            for (auto& [name, task] : tasks_) {
                task.fail_setup(
                    "the agent could not store the allocation: " + *turn.journal.failure(), turn);
            }
        }
    }
    if (ground_ != Ground::waiting || !clear || stopping_ || killing_ || all_tasks_dead()) return;
    ground_ = Ground::building;
    for (auto& [name, task] : tasks_) task.note(events::building_directory(), turn);
    turn.ask(BuildAllocationDirectory{assignment_.id(), assignment_.task_names()});
}

// Every change of one task may concern the others, so everything is looked at until nothing moves.
// It ends: each round but the last takes some task a step further, and no task goes in circles
// without time or an answer passing.
void AllocationRunner::settle_tasks(Turn& turn) {
    while (true) {
        const auto before = facts();
        if (!killing_) choose_kill(before, turn);
        if (killing_) drive_kill(before, turn);
        lifecycle_.advance(facts());
        for (auto& [name, task] : tasks_) {
            const bool admitted = ground_ == Ground::built && lifecycle_.admits(task.facts().kind);
            task.advance(admitted, assignment_, turn);
        }
        if (facts() == before) return;
    }
}

void AllocationRunner::choose_kill(const std::vector<TaskFacts>& tasks, Turn& turn) {
    const auto works = [](const auto& task) { return is_live(task) && !is_poststop(task); };
    if (!any_of(tasks, works)) return;
    const TaskFacts* failed = nullptr;
    bool leader_dead = false;
    for (const auto& task : tasks) {
        if (is_live(task) || is_poststop(task)) continue;
        if (task.failed && failed == nullptr) failed = &task;
        if (!task.failed && task.leader) leader_dead = true;
    }
    const bool only_sidecars = std::all_of(tasks.begin(), tasks.end(), [](const auto& task) {
        return !is_live(task) || is_poststop(task) || is_sidecar(task.kind);
    });
    if (leader_dead) {
        end_tasks(events::leader_dead(), turn);
    } else if (failed != nullptr) {
        end_tasks(events::sibling_failed(failed->name), turn);
    } else if (only_sidecars) {
        end_tasks(events::main_tasks_dead(), turn);
    }
}

void AllocationRunner::end_tasks(schema::TaskEvent event, Turn& turn) {
    killing_ = true;
    for (auto& [name, task] : tasks_) {
        const auto now_known = task.facts();
        if (!is_live(now_known) || (is_poststop(now_known) && !kill_poststop_)) continue;
        task.note(event, turn);
    }
}

// The leader goes first and alone, so that it may still talk to the others; sidecars go last.
void AllocationRunner::drive_kill(const std::vector<TaskFacts>& tasks, Turn& turn) {
    const auto delay =
        assignment_.skips_shutdown_delay() ? ShutdownDelay::skip : ShutdownDelay::wait;
    const auto rank = [this](const TaskFacts& task) {
        if (is_poststop(task)) return kill_poststop_ ? 1 : 3;
        if (task.leader) return 0;
        return is_sidecar(task.kind) ? 2 : 1;
    };
    int turn_of = 3;
    for (const auto& task : tasks) {
        if (is_live(task)) turn_of = std::min(turn_of, rank(task));
    }
    if (turn_of == 3) return;
    for (const auto& task : tasks) {
        if (rank(task) <= turn_of) tasks_.at(task.name).kill(delay, assignment_, turn);
    }
}

void AllocationRunner::conclude(const std::vector<TaskFacts>& tasks, Turn& turn) {
    const bool failed = any_of(tasks, [](const auto& task) { return task.failed; });
    const bool running =
        any_of(tasks, [](const auto& task) { return task.situation == Situation::running; });
    const bool pending =
        any_of(tasks, [](const auto& task) { return task.situation == Situation::pending; });
    // An end is told only once it is one: until then its resources are not free.
    const bool working =
        any_of(tasks, [](const auto& task) { return is_live(task) && !is_poststop(task); });
    const std::string before = client_status_;
    if (ran_too_long_ && !running && !pending) {
        client_status_ = "complete";
        client_description_ = "The allocation exceeded its max_run_duration of " +
                              duration_text(Duration{assignment_.group().max_run_duration()});
    } else if (failed && !working) {
        client_status_ = "failed";
        client_description_ = "Failed tasks";
    } else if (running) {
        client_status_ = "running";
        client_description_ = "Tasks are running";
    } else if (pending) {
        client_status_ = "pending";
        client_description_ = "No tasks have started";
    } else {
        client_status_ = "complete";
        client_description_ = "All tasks have completed";
    }
    if (client_status_ != before) ++revision_;
    const bool deployed = !assignment_.allocation()->deployment_id().empty();
    const bool decided = verdict_ || assignment_.allocation()->deployment_status().has_healthy();
    if (client_status_ == "failed" && deployed && !decided) decide_health(false, turn);
}

void AllocationRunner::decide_health(bool healthy, Turn& turn) {
    verdict_.emplace();
    verdict_->set_healthy(healthy);
    verdict_->set_timestamp(turn.wall.value());
    verdict_deployment_ = assignment_.allocation()->deployment_id();
    ++revision_;
    save(turn);
}

void AllocationRunner::watch_health(const std::vector<TaskFacts>& tasks, Turn& turn) {
    const bool decided = verdict_ || assignment_.allocation()->deployment_status().has_healthy();
    if (decided || stopping_ || ground_ != Ground::built) {
        health_.reset();
        return;
    }
    if (!health_) {
        const auto rules = health_rules(assignment_);
        if (!rules) return;
        health_.emplace(*rules, turn.now);
    }
    const auto judged = health_->judge(tasks, turn.now);
    if (!judged) return;
    health_.reset();
    decide_health(judged->healthy, turn);
    if (judged->healthy) return;
    for (auto& [name, task] : tasks_) task.note(events::unhealthy(judged->reason), turn);
}

// Everything is asked to go before it is forgotten: an agent that dies in between asks again. And
// not before the end of every task is on disk: an agent that dies in between would otherwise start
// a task whose directory is gone.
void AllocationRunner::dismantle(Turn& turn) {
    const bool finished = std::all_of(tasks_.begin(), tasks_.end(),
                                      [](const auto& task) { return task.second.finished(); });
    if (!finished || ground_ == Ground::building) return;
    turn.ask(DestroyAllocationDirectory{assignment_.id()});
    for (const auto& [name, task] : tasks_) {
        turn.journal.erase(records::task_key(assignment_.id(), name));
    }
    turn.journal.erase(records::allocation_key(assignment_.id()));
    gone_ = true;
}

std::optional<WallTime> AllocationRunner::run_limit() const {
    const auto& group = assignment_.group();
    if (!assignment_.runs_to_completion() || group.max_run_duration() <= 0) return std::nullopt;
    const std::int64_t created = std::max<std::int64_t>(assignment_.allocation()->create_time(), 0);
    if (group.max_run_duration() > INT64_MAX - created) return std::nullopt;
    return WallTime{created + group.max_run_duration()};
}

std::optional<Instant> AllocationRunner::deadline() const {
    if (gone_) return std::nullopt;
    std::optional<Instant> next;
    for (const auto& [name, task] : tasks_) next = earlier(next, task.deadline());
    if (stopping_ && !killing_) next = earlier(next, kill_at_);
    if (health_) next = earlier(next, health_->deadline());
    return next;
}

bool AllocationRunner::is_bounded() const {
    const auto& group = assignment_.group();
    return run_limit() || (group.has_disconnect() && group.disconnect().has_stop_on_client_after());
}

std::optional<Instant> AllocationRunner::end_of_run(Instant now, WallTime wall) const {
    const auto limit = run_limit();
    if (gone_ || !limit || ran_too_long_ || all_tasks_dead()) return std::nullopt;
    return after(now, std::max(*limit - wall, Duration{}));
}

bool AllocationRunner::take_news() {
    std::uint64_t revision = revision_;
    for (const auto& [name, task] : tasks_) revision += task.revision();
    return std::exchange(told_revision_, revision) != revision;
}

schema::Allocation AllocationRunner::report() const {
    const auto& allocation = *assignment_.allocation();
    schema::Allocation told;
    told.set_id(allocation.id());
    told.set_namespace_(allocation.namespace_());
    told.set_node_id(allocation.node_id());
    told.set_job_id(allocation.job_id());
    told.set_task_group(allocation.task_group());
    told.set_client_status(client_status_);
    told.set_client_description(client_description_);
    for (const auto& [name, task] : tasks_) *told.add_task_states() = task.state();
    if (allocation.has_deployment_status()) {
        *told.mutable_deployment_status() = allocation.deployment_status();
    }
    if (verdict_ && verdict_deployment_ == allocation.deployment_id()) {
        told.mutable_deployment_status()->set_healthy(verdict_->healthy());
        told.mutable_deployment_status()->set_timestamp(verdict_->timestamp());
    }
    if (allocation.has_network_status()) {
        *told.mutable_network_status() = allocation.network_status();
    }
    return told;
}

AllocationSummary AllocationRunner::summary() const {
    AllocationSummary told{assignment_.id(), assignment_.allocation()->name(),
                           client_status_,   client_description_,
                           stopping_,        {}};
    for (const auto& [name, task] : tasks_) {
        told.tasks.push_back({name, std::make_shared<const schema::TaskState>(task.state()),
                              task.attempt(), task.process_expected()});
    }
    return told;
}

}  // namespace drover::client
