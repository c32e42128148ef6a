#include "engine/client/task_runner.hpp"

#include <algorithm>
#include <utility>

#include "engine/client/environment.hpp"
#include "engine/client/instants.hpp"
#include "engine/client/records.hpp"
#include "engine/client/task_events.hpp"

namespace drover::client {
namespace {

using Record = schema::ClientTaskRecord;

constexpr StateWriteId announced_by_an_earlier_life{0};  // durable, and not by a write of ours
constexpr std::int64_t default_kill_timeout_ns = 5'000'000'000;

Duration kill_timeout_of(const schema::Task& task, const Config& config) {
    const std::int64_t asked =
        task.has_kill_timeout() ? task.kill_timeout() : default_kill_timeout_ns;
    return std::clamp(Duration{asked}, Duration{}, std::max(config.kill_timeout_max, Duration{}));
}

RestartRules rules_of(const Assignment& assignment, const schema::Task& task, TaskKind kind) {
    const auto& policy =
        task.has_restart_policy() ? task.restart_policy() : assignment.group().restart_policy();
    RestartRules rules;
    rules.attempts = static_cast<std::uint64_t>(std::max(policy.attempts(), 0));
    rules.interval = Duration{std::max<std::int64_t>(policy.interval(), 0)};
    rules.delay = Duration{std::max<std::int64_t>(policy.delay(), 0)};
    rules.mode = policy.mode() == "delay" ? OnExhausted::delay : OnExhausted::fail;
    const bool lasting_main = kind == TaskKind::main && !assignment.runs_to_completion();
    rules.on_success = lasting_main || is_sidecar(kind);
    return rules;
}

bool succeeded(const ExitStatus& status) {
    return status.exit_code == 0 && status.signal == 0 && !status.out_of_memory &&
           status.error.empty();
}

}  // namespace

TaskRunner::TaskRunner(const Assignment& assignment, std::string name, Turn& turn)
    : allocation_{assignment.id()},
      name_{std::move(name)},
      kind_{kind_of(*assignment.task(name_))},
      leader_{assignment.task(name_)->leader()},
      restarts_{turn.now},
      phase_{Waiting{}} {
    edit().set_task(name_);
    edit().set_state("pending");
    events::append(edit(), events::received(), turn.wall, turn.config.task_events_max);
    save(Record::IDLE, turn);
}

TaskRunner::TaskRunner(const Assignment& assignment, std::string name, const Record& record,
                       Instant now)
    : allocation_{assignment.id()},
      name_{std::move(name)},
      kind_{kind_of(*assignment.task(name_))},
      leader_{assignment.task(name_)->leader()},
      attempt_{record.attempt()},
      state_{record.state()},
      stage_{record.stage()},
      restarts_{now},
      phase_{Waiting{}} {
    edit().set_task(name_);
    if (state().state().empty()) edit().set_state("pending");
    if (!record.driver().empty()) {
        handle_ = TaskHandle{record.driver(), record.handle()};
        handle_attempt_ = record.handle_attempt();
    }
    if (stage_ == Record::ENDED) phase_ = Dead{StateWriteId{0}, false};
}

TaskFacts TaskRunner::facts() const {
    Situation situation = Situation::pending;
    if (state().state() == "running") situation = Situation::running;
    if (is<Dead>()) situation = Situation::dead;
    return {name_, kind_, leader_, situation, state().failed(), attempt_};
}

bool TaskRunner::process_expected() const {
    return is<Starting>() || is<Recovering>() || is<Running>() || is<DelayingStop>() ||
           is<Stopping>();
}

bool TaskRunner::may_have_process() const {
    const auto* announcing = std::get_if<Announcing>(&phase_);
    return process_expected() ||
           (announcing != nullptr && announcing->write == announced_by_an_earlier_life);
}

bool TaskRunner::awaits_disk() const { return is<Announcing>() || (is<Dead>() && !finished()); }

bool TaskRunner::finished() const {
    const auto* dead = std::get_if<Dead>(&phase_);
    return dead != nullptr && dead->forgotten;
}

void TaskRunner::recover(const Assignment& assignment, Turn& turn) {
    if (stage_ == Record::STARTED && handle_) {
        phase_ = Recovering{};
        turn.ask(RecoverTask{key(), *handle_, assignment.task(name_)});
    } else if (stage_ == Record::ANNOUNCED) {
        // Whether it was started nobody knows. Asking for the same attempt again attaches to it
        // if it was; the announcement is on disk already.
        phase_ = Announcing{announced_by_an_earlier_life};
    }
}

void TaskRunner::servers_reached(const Assignment& assignment, Turn& turn) {
    const auto* lost = std::get_if<Lost>(&phase_);
    if (lost == nullptr) return;
    ExitStatus status;
    status.error = "the task was lost while its agent was away: " + lost->reason;
    finish_attempt(status, assignment, turn);
}

void TaskRunner::announce(Turn& turn) {
    if (turn.journal.failure()) {
        fail_setup("the agent cannot store its state and starts no task until it is restarted: " +
                       *turn.journal.failure(),
                   turn);
        return;
    }
    ++attempt_;
    phase_ = Announcing{save(Record::ANNOUNCED, turn)};
}

void TaskRunner::start(const Assignment& assignment, Turn& turn) {
    if (handle_) turn.ask(DestroyTask{{allocation_, name_, *handle_attempt_}, *handle_});
    handle_.reset();
    handle_attempt_.reset();
    const auto environment = task_environment(turn.config, assignment, name_);
    auto task = std::make_shared<schema::Task>(*assignment.task(name_));
    environment.interpolation.apply(*task);
    std::optional<std::string> payload;
    if (task->has_dispatch_payload()) payload = assignment.job().payload();
    phase_ = Starting{};
    turn.ask(StartTask{key(),
                       assignment.allocation(),
                       std::move(task),
                       {environment.variables.begin(), environment.variables.end()},
                       std::move(payload)});
}

void TaskRunner::on(const TaskStarted& news, const Assignment& assignment, Turn& turn) {
    auto* starting = std::get_if<Starting>(&phase_);
    if (starting == nullptr || !is_latest(news.key)) return;
    const auto early_exit = std::move(starting->early_exit);
    handle_ = news.handle;
    handle_attempt_ = attempt_;
    phase_ = Running{};
    edit().set_state("running");
    edit().set_started_at(turn.wall.value());
    events::append(edit(), events::started(), turn.wall, turn.config.task_events_max);
    save(Record::STARTED, turn);
    if (early_exit) {
        finish_attempt(*early_exit, assignment, turn);
    } else if (kill_) {
        begin_stop(assignment, turn);
    }
}

void TaskRunner::on(const TaskStartFailed& news, const Assignment& assignment, Turn& turn) {
    if (!is<Starting>() || !is_latest(news.key)) return;
    note(events::driver_failed(news.reason), turn);
    if (kill_) {
        note(events::killed(), turn);
        die(false, turn);
        return;
    }
    decide(news.recoverable ? Ending::start_failed : Ending::start_failed_for_good, assignment,
           turn);
}

void TaskRunner::on(const TaskExited& news, const Assignment& assignment, Turn& turn) {
    if (!is_latest(news.key)) return;
    if (auto* starting = std::get_if<Starting>(&phase_)) {
        if (!starting->early_exit) starting->early_exit = news.status;
        return;
    }
    if (is<Running>() || is<DelayingStop>() || is<Stopping>() || is<Recovering>()) {
        finish_attempt(news.status, assignment, turn);
    }
}

void TaskRunner::on(const TaskRecovered& news, const Assignment& assignment, Turn& turn) {
    if (!is<Recovering>() || !is_latest(news.key)) return;
    phase_ = Running{};
    if (kill_) begin_stop(assignment, turn);
}

void TaskRunner::on(const TaskRecoveryFailed& news, Turn& turn) {
    if (!is<Recovering>() || !is_latest(news.key)) return;
    events::append(edit(), events::restore_failed(news.reason), turn.wall,
                   turn.config.task_events_max);
    if (kill_) {
        die(false, turn);
        return;
    }
    phase_ = Lost{news.reason};
    edit().set_state("pending");
    save(Record::STARTED, turn);
}

void TaskRunner::finish_attempt(const ExitStatus& status, const Assignment& assignment,
                                Turn& turn) {
    events::append(edit(), events::terminated(status), turn.wall, turn.config.task_events_max);
    if (kill_) {
        events::append(edit(), events::killed(), turn.wall, turn.config.task_events_max);
        die(false, turn);
        return;
    }
    decide(succeeded(status) ? Ending::succeeded : Ending::failed, assignment, turn);
}

void TaskRunner::decide(Ending ending, const Assignment& assignment, Turn& turn) {
    const auto rules = rules_of(assignment, *assignment.task(name_), kind_);
    const auto decision = restarts_.decide(rules, ending, turn.now, turn.prng);
    const std::uint32_t kept = turn.config.task_events_max;
    switch (decision.kind) {
        case RestartDecision::Kind::restart:
            events::append(edit(), events::restarting(decision.delay, decision.reason), turn.wall,
                           kept);
            edit().set_state("pending");
            edit().set_restarts(state().restarts() + 1);
            edit().set_last_restart(turn.wall.value());
            phase_ = BackingOff{after(turn.now, decision.delay)};
            save(Record::IDLE, turn);
            return;
        case RestartDecision::Kind::finished:
            die(false, turn);
            return;
        case RestartDecision::Kind::give_up:
            events::append(edit(), events::not_restarting(decision.reason), turn.wall, kept);
            die(true, turn);
            return;
    }
}

void TaskRunner::die(bool failed, Turn& turn) {
    edit().set_state("dead");
    edit().set_failed(failed);
    edit().set_finished_at(turn.wall.value());
    phase_ = Dead{save(Record::ENDED, turn), false};
}

void TaskRunner::kill(ShutdownDelay delay, const Assignment& assignment, Turn& turn) {
    if (is<Dead>()) return;
    const bool hurried = kill_ && *kill_ == ShutdownDelay::wait && delay == ShutdownDelay::skip;
    if (kill_ && !hurried) return;
    kill_ = delay;
    if (is<Running>()) {
        begin_stop(assignment, turn);
    } else if (is<DelayingStop>()) {
        note(events::skipping_shutdown_delay(), turn);
        send_stop(assignment, turn);
    } else if (!may_have_process()) {
        note(events::killed(), turn);
        die(false, turn);
    }
}

void TaskRunner::begin_stop(const Assignment& assignment, Turn& turn) {
    const auto task = assignment.task(name_);
    const Duration delay{task->shutdown_delay()};
    if (delay <= Duration{}) {
        send_stop(assignment, turn);
    } else if (*kill_ == ShutdownDelay::skip) {
        note(events::skipping_shutdown_delay(), turn);
        send_stop(assignment, turn);
    } else {
        note(events::waiting_shutdown_delay(delay), turn);
        phase_ = DelayingStop{after(turn.now, delay)};
    }
}

void TaskRunner::send_stop(const Assignment& assignment, Turn& turn) {
    const auto task = assignment.task(name_);
    const Duration timeout = kill_timeout_of(*task, turn.config);
    const auto* before = std::get_if<Stopping>(&phase_);
    Duration patience = std::max(turn.config.stop_retry, Duration{std::chrono::milliseconds{100}});
    if (before != nullptr) patience = std::min(2 * before->patience, 64 * patience);
    if (before == nullptr) note(events::killing(timeout), turn);
    phase_ = Stopping{after(after(turn.now, timeout), patience), patience};
    turn.ask(StopTask{key(), *handle_, task->kill_signal(), timeout});
}

void TaskRunner::fail_setup(const std::string& reason, Turn& turn) {
    if (is<Dead>() || may_have_process()) return;
    events::append(edit(), events::setup_failed(reason), turn.wall, turn.config.task_events_max);
    die(true, turn);
}

void TaskRunner::forget(Turn& turn) {
    auto* dead = std::get_if<Dead>(&phase_);
    if (dead == nullptr || dead->forgotten) return;
    dead->forgotten = true;
    if (handle_) turn.ask(DestroyTask{{allocation_, name_, *handle_attempt_}, *handle_});
    handle_.reset();
    handle_attempt_.reset();
}

void TaskRunner::note(schema::TaskEvent event, Turn& turn) {
    events::append(edit(), std::move(event), turn.wall, turn.config.task_events_max);
    save(stage_, turn);
}

void TaskRunner::advance(bool admitted, const Assignment& assignment, Turn& turn) {
    if (const auto* back = std::get_if<BackingOff>(&phase_)) {
        if (turn.now >= back->until) phase_ = Waiting{};
    }
    if (is<Waiting>() && admitted && !kill_) announce(turn);
    if (const auto* announcing = std::get_if<Announcing>(&phase_)) {
        if (turn.journal.is_durable(announcing->write)) {
            start(assignment, turn);
        } else if (turn.journal.failure()) {
            fail_setup(
                "the agent could not store that it starts the task: " + *turn.journal.failure(),
                turn);
        }
    }
    if (const auto* delaying = std::get_if<DelayingStop>(&phase_)) {
        if (turn.now >= delaying->until) send_stop(assignment, turn);
    } else if (const auto* stopping = std::get_if<Stopping>(&phase_)) {
        if (turn.now >= stopping->again_at) send_stop(assignment, turn);
    }
    // The driver keeps how the task ended until our own record of it is on disk.
    if (const auto* dead = std::get_if<Dead>(&phase_)) {
        if (turn.journal.is_durable(dead->write)) forget(turn);
    }
}

std::optional<Instant> TaskRunner::deadline() const {
    if (const auto* back = std::get_if<BackingOff>(&phase_)) return back->until;
    if (const auto* delaying = std::get_if<DelayingStop>(&phase_)) return delaying->until;
    if (const auto* stopping = std::get_if<Stopping>(&phase_)) return stopping->again_at;
    return std::nullopt;
}

StateWriteId TaskRunner::save(Record::Stage stage, Turn& turn) {
    stage_ = stage;
    Record record;
    record.set_stage(stage);
    record.set_attempt(attempt_);
    if (handle_) {
        record.set_driver(handle_->driver);
        record.set_handle(handle_->opaque);
        record.set_handle_attempt(*handle_attempt_);
    }
    auto written = records::with_state(state(), record);
    state_.keep(written.bytes, written.part);
    return turn.journal.put(records::task_key(allocation_, name_), std::move(written.bytes));
}

}  // namespace drover::client
