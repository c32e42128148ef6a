#include "drivers/supervision.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>

#include "drivers/signals.hpp"

namespace drover::drivers {
namespace {

constexpr std::size_t read_size = 65536;
constexpr std::size_t connections_max = 32;
constexpr std::size_t command_size_max = 256;
constexpr auto rescan_interval = std::chrono::milliseconds{20};
constexpr auto kill_patience = std::chrono::seconds{30};
constexpr auto own_stop_timeout = std::chrono::seconds{5};

TaskExit exit_of(int status) {
    TaskExit exit;
    exit.finished_at = wall_now();
    if (WIFSIGNALED(status)) {
        exit.signal = WTERMSIG(status);
        exit.exit_code = 128 + exit.signal;
    } else {
        exit.exit_code = WEXITSTATUS(status);
    }
    return exit;
}

}  // namespace

Supervision::Supervision(RunDirectory run) : run_{std::move(run)} {}

Result<StartReport> Supervision::start(TaskOrder order) {
    order_ = std::move(order);
    auto lock = run_.lock();
    if (!lock) return tl::unexpected{lock.error()};
    lock_ = std::move(*lock);
    if (auto stored = run_.store_executor(lock_.get()); !stored) {
        return tl::unexpected{stored.error()};
    }
    if (run_.exit()) return fail(Errc::conflict, run_.path() + ": this attempt has run already");
    if (auto caught = catch_signals(); !caught) return tl::unexpected{caught.error()};
    if (auto opened = open_logs(); !opened) return tl::unexpected{opened.error()};
    auto listener = run_.listen();
    if (!listener) return tl::unexpected{listener.error()};
    listener_ = std::move(*listener);
    return launch();
}

Result<void> Supervision::catch_signals() {
    sigset_t caught;
    ::sigemptyset(&caught);
    for (const int number : {SIGCHLD, SIGTERM, SIGINT}) ::sigaddset(&caught, number);
    ::sigprocmask(SIG_BLOCK, &caught, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    signals_.reset(::signalfd(-1, &caught, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_.valid()) return fail_errno("cannot receive", "signals", errno);
    return {};
}

Result<void> Supervision::open_logs() {
    if (order_.logs.disabled) return {};
    for (const char* stream : {".stdout", ".stderr"}) {
        outputs_.push_back({{}, {order_.log_dir, order_.task + stream, order_.logs}});
        if (auto opened = outputs_.back().log.open(); !opened) return opened;
    }
    return {};
}

Result<StartReport> Supervision::launch() {
    auto task = fork_task(order_);
    if (!task) return tl::unexpected{task.error()};
    main_ = task->pid;
    const auto process = identify(main_);
    if (!process) return fail(Errc::internal, "cannot read the task's /proc entry; mount /proc");
    const WallTime started_at = wall_now();
    if (auto stored = run_.store_task({*process, started_at, order_.alloc_id}); !stored) {
        return tl::unexpected{stored.error()};
    }
    if (auto released = release_task(*task, order_); !released) {
        return tl::unexpected{released.error()};
    }
    if (!outputs_.empty()) {
        outputs_[0].pipe = std::move(task->out);
        outputs_[1].pipe = std::move(task->err);
        for (const auto& output : outputs_) ::fcntl(output.pipe.get(), F_SETFL, O_NONBLOCK);
    }
    return StartReport{main_, started_at};
}

void Supervision::undo() {
    if (main_ != 0) {
        // The unreaped child holds its pid, and the group its number.
        ::kill(-main_, SIGKILL);
        ::kill(main_, SIGKILL);
        while (!childless_) {
            kill_descendants();
            reap();
            if (!childless_) ::poll(nullptr, 0, 5);
        }
        ::unlink((run_.path() + "/task").c_str());
    }
}

Result<void> Supervision::run() {
    while (!(exit_ && childless_)) {
        wait_for_something();
        const auto now = Clock::now();
        if (main_ != 0 && kill_at_ && now >= *kill_at_) {
            ::kill(-main_, SIGKILL);
            kill_at_.reset();
        }
        if (exit_ && !childless_) {
            kill_descendants();
            reap();
        }
        if (give_up_at_ && now >= *give_up_at_) break;  // unkillable: stuck inside the kernel
    }
    drain();
    return run_.store_exit(*exit_);
}

int Supervision::wait_ms() const {
    if (exit_) return static_cast<int>(rescan_interval.count());
    if (!kill_at_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void Supervision::wait_for_something() {
    std::vector<pollfd> waited;
    waited.push_back({signals_.get(), POLLIN, 0});
    const bool room = connections_.size() < connections_max;
    waited.push_back({room ? listener_.get() : -1, POLLIN, 0});
    for (const auto& output : outputs_) waited.push_back({output.pipe.get(), POLLIN, 0});
    const std::size_t first_connection = waited.size();
    for (const auto& connection : connections_) {
        waited.push_back({connection.socket.get(), POLLIN, 0});
    }
    if (::poll(waited.data(), waited.size(), wait_ms()) <= 0) return;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
        if (waited[2 + i].revents != 0) copy_some(outputs_[i]);
    }
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        if (waited[first_connection + i].revents != 0) on_command(connections_[i]);
    }
    std::erase_if(connections_, [](const auto& connection) { return !connection.socket.valid(); });
    if (waited[1].revents != 0) on_connection();
    if (waited[0].revents != 0) on_signal();
}

void Supervision::on_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        // Somebody ends us, most likely the host's service manager: the task ends in good order.
        if (info.ssi_signo != SIGCHLD) stop(order_.stop_signal, own_stop_timeout);
    }
    reap();
}

void Supervision::reap() {
    while (true) {
        siginfo_t ended{};
        if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0) {
            childless_ = errno == ECHILD;
            return;
        }
        if (ended.si_pid == 0) return;
        // Before reaping, while the dead leader still reserves the group's number for its group.
        if (ended.si_pid == main_) ::kill(-main_, SIGKILL);
        int status = 0;
        ::waitpid(ended.si_pid, &status, 0);
        if (ended.si_pid == main_) on_main_ended(status);
    }
}

void Supervision::on_main_ended(int status) {
    main_ = 0;
    exit_ = exit_of(status);
    give_up_at_ = Clock::now() + kill_patience;
}

void Supervision::kill_descendants() {
    // Being the subreaper, we inherit every descendant whose parent has ended: killing our children
    // again and again reaches those that left the group, too.
    for (const pid_t child : children_of(::getpid())) ::kill(child, SIGKILL);
}

bool Supervision::copy_some(Output& output) {
    std::array<char, read_size> buffer;
    const ssize_t count = ::read(output.pipe.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return errno == EINTR;
    if (count <= 0) {
        output.pipe.reset();
        return false;
    }
    const auto written = output.log.write({buffer.data(), static_cast<std::size_t>(count)});
    if (!written && !output.complained) {
        std::fprintf(stderr, "output is lost: %s\n", written.error().message.c_str());
    }
    output.complained = !written;
    return true;
}

void Supervision::drain() {
    // Nobody we know of writes any more; the bound is for a stranger that was handed the pipe.
    constexpr int reads_max = 64;
    for (auto& output : outputs_) {
        for (int i = 0; i < reads_max && output.pipe.valid() && copy_some(output); ++i) {
        }
    }
}

void Supervision::on_connection() {
    UniqueFd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket.valid()) connections_.push_back({std::move(socket), {}});
}

void Supervision::on_command(Connection& connection) {
    std::array<char, command_size_max> buffer;
    const ssize_t count = ::read(connection.socket.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count > 0) connection.input.append(buffer.data(), static_cast<std::size_t>(count));
    const std::size_t newline = connection.input.find('\n');
    if (newline != std::string::npos) {
        const std::string answer = obey(connection.input.substr(0, newline)) + "\n";
        (void)::send(connection.socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    const bool waits_for_more = newline == std::string::npos && count > 0;
    if (!waits_for_more || connection.input.size() > command_size_max) connection.socket.reset();
}

std::string Supervision::obey(const std::string& command) {
    const std::size_t space = std::min(command.find(' '), command.size());
    const std::string verb = command.substr(0, space);
    const char* rest = command.data() + std::min(space + 1, command.size());
    const char* end = command.data() + command.size();
    int number = 0;
    const auto parsed = std::from_chars(rest, end, number);
    if (parsed.ec != std::errc{} || number < 1 || number > SIGRTMAX) {
        return "error bad signal in \"" + command + "\"";
    }
    if (verb == "signal") {
        if (main_ == 0) return "ended";
        ::kill(main_, number);
        return "ok";
    }
    if (verb != "stop") return "error unknown command \"" + command + "\"";
    std::int64_t timeout_ns = 0;
    const char* timeout = std::min(parsed.ptr + 1, end);
    if (std::from_chars(timeout, end, timeout_ns).ec != std::errc{} || timeout_ns < 0) {
        return "error bad timeout in \"" + command + "\"";
    }
    stop(number, Duration{timeout_ns});
    return "ok";
}

void Supervision::stop(int signal, Duration timeout) {
    if (main_ == 0) return;
    ::kill(-main_, signal);
    // A second stop may hurry the first, never delay it. A century is as good as never.
    const auto bounded = std::min<Duration>(timeout, std::chrono::hours{24 * 36500});
    const auto at = Clock::now() + bounded;
    kill_at_ = kill_at_ ? std::min(*kill_at_, at) : at;
}

}  // namespace drover::drivers
