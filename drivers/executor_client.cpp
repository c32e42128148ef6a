#include "drivers/executor_client.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace drover::drivers {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto answer_timeout = std::chrono::seconds{10};
constexpr auto end_patience = std::chrono::seconds{15};

int ms_until(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

// Reads to the end of the stream.
Result<std::string> receive(int socket, Clock::time_point deadline) {
    std::string bytes;
    std::array<char, 4096> buffer;
    while (bytes.size() < 65536) {
        pollfd waited{socket, POLLIN, 0};
        const int ready = ::poll(&waited, 1, ms_until(deadline));
        if (ready < 0 && errno != EINTR) return fail_errno("cannot hear", "the executor", errno);
        if (ready == 0) return fail(Errc::timed_out, "the executor did not answer in time");
        if (ready < 0) continue;
        const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count < 0) return fail_errno("cannot hear", "the executor", errno);
        if (count == 0) break;
        bytes.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return bytes;
}

Result<void> send(int socket, std::string_view bytes, Clock::time_point deadline) {
    while (!bytes.empty()) {
        const ssize_t count =
            ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail_errno("cannot speak to", "the executor", errno);
        pollfd waited{socket, POLLOUT, 0};
        if (::poll(&waited, 1, ms_until(deadline)) == 0) {
            return fail(Errc::timed_out, "the executor did not listen in time");
        }
    }
    return {};
}

// What posix_spawn needs, freed with its owner.
class SpawnPlan {
public:
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }

    // The agent blocks and ignores signals for its own reasons; the executor starts afresh.
    void reset_signals() {
        sigset_t every;
        sigset_t none;
        ::sigfillset(&every);
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigdefault(&attributes, &every);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }

    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
};

Result<pid_t> spawn(const std::vector<std::string>& command, const RunDirectory& run, int socket) {
    SpawnPlan plan;
    plan.reset_signals();
    const std::string log = run.path() + "/executor.log";
    ::posix_spawn_file_actions_adddup2(&plan.actions, socket, 0);
    ::posix_spawn_file_actions_addopen(&plan.actions, 1, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_addopen(&plan.actions, 2, log.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(const_cast<char*>(run.path().c_str()));
    arguments.push_back(nullptr);
    std::array<char*, 1> no_environment{nullptr};
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, command.front().c_str(), &plan.actions, &plan.attributes,
                                    arguments.data(), no_environment.data());
    if (error != 0) return fail_errno("cannot start the executor", command.front(), error);
    return pid;
}

// An executor forks once more and the process that was spawned leaves at once; killing it is only
// for one that is no executor and would keep us waiting.
void reap(pid_t spawned) {
    ::kill(spawned, SIGKILL);
    int status = 0;
    while (::waitpid(spawned, &status, 0) < 0 && errno == EINTR) {
    }
}

std::string last_words(const RunDirectory& run) {
    auto log = read_file(run.path() + "/executor.log", 1U << 20U).value_or(std::string{});
    while (!log.empty() && log.back() == '\n') log.pop_back();
    return log.empty() ? "" : "; its last words: " + log.substr(log.rfind('\n') + 1);
}

Result<std::string> ask_once(const RunDirectory& run, const std::string& command,
                             Clock::time_point deadline) {
    auto connection = run.connect();
    if (!connection) return tl::unexpected{connection.error()};
    if (auto sent = send(connection->get(), command + "\n", deadline); !sent) {
        return tl::unexpected{sent.error()};
    }
    auto answer = receive(connection->get(), deadline);
    if (answer && !answer->ends_with('\n')) {
        return fail(Errc::internal, "the executor hung up instead of answering");
    }
    return answer;
}

Result<void> verdict_of(std::string_view answer) {
    if (answer == "ok\n") return {};
    if (answer == "ended\n") return fail(Errc::not_found, "the task has ended");
    std::string message{"the executor answered: "};
    message += answer.substr(0, answer.find('\n'));
    return fail(Errc::internal, std::move(message));
}

Result<void> ask(const RunDirectory& run, const std::string& command) {
    const auto deadline = Clock::now() + answer_timeout;
    while (true) {
        const auto answer = ask_once(run, command, deadline);
        if (answer) return verdict_of(*answer);
        // An executor on its way out closes its socket an instant before it lets go of its lock, so
        // whoever is refused asks again until it is clear which it is.
        if (run.exit() || !run.executor_lives()) {
            return fail(Errc::not_found, "the task has ended");
        }
        if (Clock::now() >= deadline) return tl::unexpected{answer.error()};
        ::poll(nullptr, 0, 2);
    }
}

bool wait_for_end(const RunDirectory& run) {
    const auto deadline = Clock::now() + end_patience;
    while (run.executor_lives()) {
        if (Clock::now() >= deadline) return false;
        const auto executor = run.executor();
        const auto watch = executor ? watch_process(*executor) : fail(Errc::not_found, "");
        // Just started or just ended: it has no identity, but a lock, for an instant.
        pollfd waited{watch ? watch->get() : -1, POLLIN, 0};
        ::poll(&waited, 1, watch ? ms_until(deadline) : 5);
    }
    return true;
}

// What an executor that was itself killed may have left: the main process was killed with it by
// the kernel, its children were not.
void kill_orphans(const TaskRecord& task) {
    if (task.process.boot != boot_id()) return;
    if (is_alive(task.process)) ::kill(-task.process.pid, SIGKILL);
    // Without its leader, a session's number alone proves nothing; the allocation's id does.
    const std::string mark = "NOMAD_ALLOC_ID=" + task.alloc_id;
    constexpr int rounds_max = 10;
    for (int round = 0; round < rounds_max; ++round) {
        bool found = false;
        for (const pid_t member : members_of_session(task.process.pid)) {
            const auto process = identify(member);
            if (!process || process->start_ticks < task.process.start_ticks) continue;
            if (task.alloc_id.empty() || !was_started_with(member, mark)) continue;
            signal_process(*process, SIGKILL);
            found = true;
        }
        if (!found) return;
        ::poll(nullptr, 0, 5);
    }
}

}  // namespace

Result<StartReport> launch_executor(const std::vector<std::string>& command,
                                    const RunDirectory& run, const TaskOrder& order,
                                    Duration timeout) {
    const auto deadline = Clock::now() + timeout;
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("cannot create a socket for", run.path(), errno);
    }
    UniqueFd ours{ends[0]};
    UniqueFd theirs{ends[1]};
    const auto spawned = spawn(command, run, theirs.get());
    if (!spawned) return tl::unexpected{spawned.error()};
    theirs.reset();
    auto heard = send(ours.get(), order.encode(), deadline).and_then([&] {
        ::shutdown(ours.get(), SHUT_WR);
        return receive(ours.get(), deadline);
    });
    reap(*spawned);
    ours.reset();  // an executor that reports from here on undoes what it started
    if (heard && !heard->empty()) return StartReport::parse(*heard);
    const bool late = !heard && heard.error().code == Errc::timed_out;
    if (auto ended = end_run(run); !ended) return tl::unexpected{ended.error()};
    const std::string what = late ? "the executor took longer than the start timeout"
                                  : "the executor ended before the task started";
    return fail(late ? Errc::timed_out : Errc::internal, what + last_words(run));
}

Result<void> ask_to_signal(const RunDirectory& run, int signal) {
    return ask(run, "signal " + std::to_string(signal));
}

Result<void> ask_to_stop(const RunDirectory& run, int signal, Duration timeout) {
    const auto patience = std::max<std::int64_t>(timeout.count(), 0);
    auto asked = ask(run, "stop " + std::to_string(signal) + " " + std::to_string(patience));
    if (!asked && asked.error().code == Errc::not_found) return {};
    return asked;
}

Result<void> end_run(const RunDirectory& run) {
    if (run.executor_lives()) {
        const auto asked = ask_to_stop(run, SIGKILL, Duration{0});
        const auto executor = run.executor();
        if (!asked && executor) signal_process(*executor, SIGKILL);
        if (!wait_for_end(run)) {
            return fail(Errc::timed_out, "the task in " + run.path() +
                                             " could not be killed; see its processes with ps");
        }
    }
    if (const auto task = run.task(); task && !run.exit()) kill_orphans(*task);
    return {};
}

Result<void> end_runs(const std::string& task_dir, const std::string& except) {
    const std::string runs = task_dir + "/executor";
    DIR* listing = ::opendir(runs.c_str());
    if (listing == nullptr) return {};
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(listing)) {
        const std::string name = entry->d_name;
        if (is_plain_name(name) && runs + "/" + name != except) names.push_back(name);
    }
    ::closedir(listing);
    for (const auto& name : names) {
        if (auto ended = end_run(RunDirectory{runs + "/" + name}); !ended) return ended;
    }
    return {};
}

}  // namespace drover::drivers
