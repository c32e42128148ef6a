#include "drivers/mock.hpp"

#include <csignal>

#include "drivers/log_rotator.hpp"
#include "drivers/posix.hpp"
#include "drivers/record.hpp"
#include "drivers/signals.hpp"

namespace drover::drivers {
namespace {

constexpr const char* driver_name = "mock_driver";

struct Output {
    std::string text;
    std::int64_t repeats = 0;
    Duration interval{};
};

struct Script {
    Duration run_for{};
    Duration kill_after{};
    Duration start_block_for{};
    std::string start_error;
    bool start_error_recoverable = false;
    std::string signal_error;
    TaskExit exit;
    Output out, err;
};

void read_output(ConfigReader& reader, const std::string& stream, Output& output) {
    output.text = reader.text(stream + "_string").value_or("");
    output.repeats = reader.number(stream + "_repeat").value_or(0);
    output.interval = reader.duration(stream + "_repeat_duration").value_or(Duration{0});
    if (output.repeats < 0 || output.repeats > 10'000) {
        reader.refuse(stream + "_repeat", "must be from 0 to 10000");
    }
    if (output.interval < Duration{0} || output.interval > std::chrono::hours{24}) {
        reader.refuse(stream + "_repeat_duration", "must be from 0 to 24h");
    }
}

Result<Script> read_script(const TaskSpec& spec) {
    ConfigReader reader{"task \"" + spec.task + "\": mock_driver config", spec.config};
    Script script;
    for (auto [key, field] :
         {std::pair{"run_for", &script.run_for}, std::pair{"kill_after", &script.kill_after},
          std::pair{"start_block_for", &script.start_block_for}}) {
        *field = reader.duration(key).value_or(Duration{0});
        if (*field < Duration{0}) reader.refuse(key, "must not be negative");
    }
    if (script.start_block_for > std::chrono::hours{24}) {
        reader.refuse("start_block_for", "must be at most 24h");
    }
    script.start_error = reader.text("start_error").value_or("");
    script.start_error_recoverable = reader.truth("start_error_recoverable").value_or(false);
    script.signal_error = reader.text("signal_error").value_or("");
    const auto code = reader.number("exit_code").value_or(0);
    const auto signal = reader.number("exit_signal").value_or(0);
    if (code < 0 || code > 255) reader.refuse("exit_code", "must be from 0 to 255");
    if (signal < 0 || signal > SIGRTMAX) reader.refuse("exit_signal", "must be a signal's number");
    script.exit.exit_code = static_cast<int>(code);
    script.exit.signal = static_cast<int>(signal);
    script.exit.error = reader.text("exit_err_msg").value_or("");
    read_output(reader, "stdout", script.out);
    read_output(reader, "stderr", script.err);
    for (const char* key : {"plugin_exit_after", "driver_ip", "driver_advertise", "driver_port_map",
                            "exec_command", "fs_isolation"}) {
        reader.accept(key);
        if (reader.has(key)) reader.refuse(key, "is not offered by this release; remove it");
    }
    if (auto finished = reader.finish(); !finished) return tl::unexpected{finished.error()};
    return script;
}

std::string attempt_of(const TaskSpec& spec) {
    return spec.alloc_id + "/" + spec.task + "/" +
           (spec.attempt ? std::to_string(*spec.attempt) : "");
}

// All that another process needs to play the rest of the script. Output is not repeated.
std::string opaque_of(const std::string& id, WallTime started_at, const Script& script) {
    Record record;
    record.add("id", id);
    record.add("started_at", started_at.value());
    record.add("run_for", script.run_for.count());
    record.add("kill_after", script.kill_after.count());
    record.add("signal_error", script.signal_error);
    record.add("exit_code", std::int64_t{script.exit.exit_code});
    record.add("exit_signal", std::int64_t{script.exit.signal});
    record.add("exit_err_msg", script.exit.error);
    return record.encode();
}

Result<std::pair<Script, WallTime>> script_in(const TaskHandle& handle) {
    auto record = Record::parse(handle.opaque, "handle of mock_driver");
    if (handle.driver != driver_name || !record) {
        return fail(Errc::invalid_argument, "the handle is not one of mock_driver");
    }
    Script script;
    script.run_for = Duration{record->number("run_for")};
    script.kill_after = Duration{record->number("kill_after")};
    script.signal_error = record->text("signal_error");
    script.exit.exit_code = static_cast<int>(record->number("exit_code"));
    script.exit.signal = static_cast<int>(record->number("exit_signal"));
    script.exit.error = record->text("exit_err_msg");
    return std::pair{script, WallTime{record->number("started_at")}};
}

}  // namespace

struct MockDriver::Task {
    Script script;
    WallTime started_at{};
    ExitCallback on_exit;
    std::optional<TaskExit> exit;
    std::optional<LogRotator> out, err;
};

MockDriver::MockDriver() : thread_{[this] { run(); }} {}

MockDriver::~MockDriver() {
    {
        const std::lock_guard guard{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void MockDriver::run() {
    std::unique_lock guard{mutex_};
    while (!stopping_) {
        if (agenda_.empty()) {
            changed_.wait(guard);
        } else if (const auto next = agenda_.begin()->first; next > Clock::now()) {
            changed_.wait_until(guard, next);
        } else {
            const Action action = std::move(agenda_.begin()->second);
            agenda_.erase(agenda_.begin());
            guard.unlock();
            action();
            guard.lock();
        }
    }
}

bool MockDriver::sleep(Duration duration) {
    std::unique_lock guard{mutex_};
    return !changed_.wait_for(guard, duration, [this] { return stopping_; });
}

void MockDriver::at(Clock::time_point when, const std::shared_ptr<Task>& task, Action action) {
    // The task is held weakly: one that was destroyed has nothing left to do.
    agenda_.emplace(when, [weak = std::weak_ptr{task}, action = std::move(action)] {
        if (weak.lock()) action();
    });
    changed_.notify_all();
}

void MockDriver::end(const std::shared_ptr<Task>& task, TaskExit exit) {
    ExitCallback on_exit;
    {
        const std::lock_guard guard{mutex_};
        if (task->exit) return;
        exit.finished_at = wall_now();
        task->exit = exit;
        on_exit = std::move(task->on_exit);
    }
    if (on_exit) on_exit(std::move(exit));
}

void MockDriver::schedule_end(const std::shared_ptr<Task>& task, Duration from_now, TaskExit exit) {
    // A century is as good as never, and the clock can still count it.
    const Duration bounded = std::min<Duration>(from_now, std::chrono::hours{24 * 36500});
    std::weak_ptr weak{task};
    at(Clock::now() + bounded, task, [this, weak, exit = std::move(exit)] {
        if (const auto ending = weak.lock()) end(ending, exit);
    });
}

void MockDriver::schedule_output(const std::shared_ptr<Task>& task) {
    const auto begin = Clock::now();
    for (auto [output, log] :
         {std::pair{&task->script.out, &task->out}, std::pair{&task->script.err, &task->err}}) {
        if (!*log || output->text.empty()) continue;
        for (std::int64_t i = 1; i <= output->repeats; ++i) {
            at(begin + i * output->interval, task,
               [output = output, log = log, this, weak = std::weak_ptr{task}] {
                   const auto writing = weak.lock();
                   const std::lock_guard guard{mutex_};
                   if (writing && !writing->exit) (void)(*log)->write(output->text);
               });
        }
    }
}

Result<StartedTask> MockDriver::start(const TaskSpec& spec, ExitCallback on_exit) {
    auto script = read_script(spec);
    if (!script) return tl::unexpected{script.error()};
    if (!sleep(script->start_block_for)) return fail(Errc::overloaded, "the agent is stopping");
    if (!script->start_error.empty()) {
        const bool again = script->start_error_recoverable;
        return fail(again ? Errc::overloaded : Errc::invalid_argument, script->start_error);
    }
    if (auto again = attach(spec, on_exit)) return *again;
    auto task = std::make_shared<Task>();
    task->script = std::move(*script);
    task->started_at = wall_now();
    task->on_exit = std::move(on_exit);
    if (!spec.log_dir.empty() && !spec.logs.disabled && is_plain_name(spec.task)) {
        task->out.emplace(spec.log_dir, spec.task + ".stdout", spec.logs);
        task->err.emplace(spec.log_dir, spec.task + ".stderr", spec.logs);
        if (auto opened = task->out->open(); !opened) return tl::unexpected{opened.error()};
        if (auto opened = task->err->open(); !opened) return tl::unexpected{opened.error()};
        (void)task->out->write(task->script.out.text);
        (void)task->err->write(task->script.err.text);
    }
    const std::lock_guard guard{mutex_};
    const std::string number = spec.attempt ? "" : "#" + std::to_string(++started_);
    TaskHandle handle{driver_name,
                      opaque_of(attempt_of(spec) + number, task->started_at, task->script)};
    tasks_[handle.opaque] = task;
    if (spec.attempt) attempts_[attempt_of(spec)] = handle;
    schedule_output(task);
    schedule_end(task, task->script.run_for, task->script.exit);
    return StartedTask{std::move(handle), 0, task->started_at};
}

// This attempt was started before: the caller may have lost its handle.
std::optional<StartedTask> MockDriver::attach(const TaskSpec& spec, const ExitCallback& on_exit) {
    if (!spec.attempt) return std::nullopt;
    const std::lock_guard guard{mutex_};
    const auto known = attempts_.find(attempt_of(spec));
    if (known == attempts_.end()) return std::nullopt;
    const auto task = find(known->second);
    if (task->exit) {
        at(Clock::now(), task, [on_exit, exit = *task->exit] { on_exit(exit); });
    } else {
        task->on_exit = on_exit;
    }
    return StartedTask{known->second, 0, task->started_at};
}

std::shared_ptr<MockDriver::Task> MockDriver::find(const TaskHandle& handle) {
    const auto found = tasks_.find(handle.opaque);
    return found == tasks_.end() ? nullptr : found->second;
}

Result<Recovered> MockDriver::recover(const TaskHandle& handle, ExitCallback on_exit) {
    auto known = script_in(handle);
    if (!known) return tl::unexpected{known.error()};
    const std::lock_guard guard{mutex_};
    auto task = find(handle);
    if (!task) {
        task = std::make_shared<Task>();
        task->script = std::move(known->first);
        task->started_at = known->second;
        const Duration ran = wall_now() - task->started_at;
        tasks_[handle.opaque] = task;
        if (ran >= task->script.run_for) {
            task->exit = task->script.exit;
            task->exit->finished_at = task->started_at + task->script.run_for;
        } else {
            schedule_end(task, task->script.run_for - ran, task->script.exit);
        }
    }
    Recovered found;
    found.started_at = task->started_at;
    found.state = task->exit ? Recovered::State::exited : Recovered::State::running;
    found.exit = task->exit.value_or(TaskExit{});
    if (!task->exit) task->on_exit = std::move(on_exit);
    return found;
}

Result<void> MockDriver::stop(const TaskHandle& handle, const std::string& signal,
                              Duration kill_timeout) {
    const auto number = parse_signal(signal.empty() ? "SIGINT" : signal);
    if (!number) return tl::unexpected{number.error()};
    const std::lock_guard guard{mutex_};
    const auto task = find(handle);
    if (!task || task->exit) return {};
    const bool in_time = task->script.kill_after <= kill_timeout;
    TaskExit exit;
    exit.signal = in_time ? *number : SIGKILL;
    exit.exit_code = 128 + exit.signal;
    schedule_end(task, std::min(task->script.kill_after, kill_timeout), exit);
    return {};
}

Result<void> MockDriver::signal(const TaskHandle& handle, const std::string& name) {
    if (auto number = parse_signal(name); !number) return tl::unexpected{number.error()};
    const std::lock_guard guard{mutex_};
    const auto task = find(handle);
    if (!task || task->exit) return fail(Errc::not_found, "the task has ended");
    if (!task->script.signal_error.empty()) return fail(Errc::internal, task->script.signal_error);
    return {};
}

Result<void> MockDriver::destroy(const TaskHandle& handle) {
    const std::lock_guard guard{mutex_};
    std::erase_if(attempts_, [&](const auto& known) { return known.second == handle; });
    tasks_.erase(handle.opaque);
    return {};
}

Result<TaskStatus> MockDriver::inspect(const TaskHandle& handle) {
    const std::lock_guard guard{mutex_};
    const auto task = find(handle);
    if (!task) return TaskStatus{TaskStatus::State::unknown, 0, {}, {}};
    const auto state = task->exit ? TaskStatus::State::exited : TaskStatus::State::running;
    return TaskStatus{state, 0, task->started_at, task->exit.value_or(TaskExit{})};
}

DriverFingerprint MockDriver::fingerprint() {
    return {DriverFingerprint::Health::healthy, "Healthy", {{"driver.mock_driver", "1"}}};
}

DriverCapabilities MockDriver::capabilities() const { return {true, false, "none"}; }

Result<void> MockDriver::validate(const TaskSpec& spec) const {
    return read_script(spec).map([](const Script&) {});
}

}  // namespace drover::drivers
