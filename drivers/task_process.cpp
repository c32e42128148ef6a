#include "drivers/task_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

namespace drover::drivers {
namespace {

constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_program(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
}

std::string_view path_of(const TaskOrder& order) {
    constexpr std::string_view name = "PATH=";
    for (const auto& variable : order.environment) {
        if (variable.starts_with(name)) return std::string_view{variable}.substr(name.size());
    }
    return default_path;
}

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("cannot create", "a pipe", errno);
    return Pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

// Everything the child needs, made before the fork: what can fail with a message fails here.
struct Preparation {
    std::string program;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    std::optional<UserIds> user;
    Pipe release, failure, out, err;
};

char* c_text(const std::string& text) { return const_cast<char*>(text.c_str()); }

Result<Preparation> prepare(const TaskOrder& order) {
    Preparation made;
    auto program = find_command(order);
    if (!program) return tl::unexpected{program.error()};
    made.program = std::move(*program);
    made.arguments.push_back(c_text(order.command));
    for (const auto& argument : order.arguments) made.arguments.push_back(c_text(argument));
    made.arguments.push_back(nullptr);
    for (const auto& variable : order.environment) made.environment.push_back(c_text(variable));
    made.environment.push_back(nullptr);
    if (!order.user.empty()) {
        auto user = resolve_user(order.user);
        if (!user) return tl::unexpected{user.error()};
        if (user->user != ::geteuid() && ::geteuid() != 0) {
            return fail(Errc::permission_denied,
                        "user \"" + order.user +
                            "\": only an agent that runs as root can start a "
                            "task as somebody else; remove the user or run the agent as root");
        }
        if (::geteuid() == 0) made.user = std::move(*user);
    }
    for (Pipe* pipe : {&made.release, &made.failure, &made.out, &made.err}) {
        auto ends = make_pipe();
        if (!ends) return tl::unexpected{ends.error()};
        *pipe = std::move(*ends);
    }
    return made;
}

// In the child: says which step failed, and ends.
[[noreturn]] void give_up(const Preparation& made, std::string_view step) {
    const std::string report = std::string{step} + ": " + errno_text(errno);
    (void)write_fully(made.failure.write.get(), report, "");
    ::_exit(127);
}

void adjust_oom_score(const Preparation& made, std::int64_t score) {
    const UniqueFd file{::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)};
    if (!file.valid() || !write_fully(file.get(), std::to_string(score), "")) {
        give_up(made, "cannot set oom_score_adj to " + std::to_string(score));
    }
}

void become(const Preparation& made, const UserIds& user) {
    if (::setgroups(user.groups.size(), user.groups.data()) != 0) give_up(made, "setgroups");
    if (::setgid(user.group) != 0) give_up(made, "setgid");
    if (::setuid(user.user) != 0) give_up(made, "setuid");
}

void redirect_output(const Preparation& made, bool discarded) {
    const UniqueFd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (!nothing.valid()) give_up(made, "cannot open /dev/null");
    const int out = discarded ? nothing.get() : made.out.write.get();
    const int err = discarded ? nothing.get() : made.err.write.get();
    if (::dup2(nothing.get(), 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) {
        give_up(made, "cannot redirect standard streams");
    }
}

void reset_signals() {
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void run_child(const TaskOrder& order, Preparation& made) {
    made.release.write.reset();
    made.failure.read.reset();
    if (::setsid() < 0) give_up(made, "setsid");
    char byte = 0;
    // End of file: the executor is gone or has thought better of it.
    if (::read(made.release.read.get(), &byte, 1) != 1) ::_exit(127);
    redirect_output(made, order.logs.disabled);
    reset_signals();
    if (order.oom_score_adjustment) adjust_oom_score(made, *order.oom_score_adjustment);
    if (made.user) become(made, *made.user);
    // After the change of user, which would clear it: the task must not outlive its executor
    // unseen, since nobody could tell how it ended.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(made, "prctl");
    if (::chdir(order.directory.c_str()) != 0) {
        give_up(made, "cannot enter working directory " + order.directory);
    }
    ::execve(made.program.c_str(), made.arguments.data(), made.environment.data());
    give_up(made, "cannot execute " + made.program);
}

}  // namespace

Result<std::string> find_command(const TaskOrder& order) {
    const std::string& command = order.command;
    const std::string remedy =
        "; give an absolute path, a path inside the task directory or a name in PATH";
    if (command.starts_with('/')) {
        if (is_program(command)) return command;
        return fail(Errc::not_found, "command \"" + command + "\" is not an executable file");
    }
    for (const auto& beside :
         {order.task_dir + "/local/" + command, order.task_dir + "/" + command}) {
        if (is_program(beside)) return beside;
    }
    std::string_view path = path_of(order);
    const std::string searched{path};
    while (!path.empty() && command.find('/') == std::string::npos) {
        const std::size_t colon = std::min(path.find(':'), path.size());
        const std::string candidate = std::string{path.substr(0, colon)} + "/" + command;
        if (candidate.starts_with('/') && is_program(candidate)) return candidate;
        path.remove_prefix(std::min(colon + 1, path.size()));
    }
    return fail(Errc::not_found, "command \"" + command + "\" was found neither in " +
                                     order.task_dir + " nor in PATH (" + searched + ")" + remedy);
}

Result<UserIds> resolve_user(const std::string& user) {
    std::vector<char> buffer(16384);
    passwd entry{};
    passwd* found = nullptr;
    uid_t number = 0;
    const auto parsed = std::from_chars(user.data(), user.data() + user.size(), number);
    const bool numeric = parsed.ec == std::errc{} && parsed.ptr == user.data() + user.size();
    if (numeric) {
        ::getpwuid_r(number, &entry, buffer.data(), buffer.size(), &found);
    } else {
        ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    }
    if (found == nullptr) {
        return fail(Errc::not_found, "user \"" + user + "\" does not exist on this host");
    }
    UserIds ids{entry.pw_uid, entry.pw_gid, std::vector<gid_t>(256)};
    int count = static_cast<int>(ids.groups.size());
    if (::getgrouplist(entry.pw_name, entry.pw_gid, ids.groups.data(), &count) < 0) {
        return fail(Errc::unsupported, "user \"" + user + "\" is in more than 256 groups");
    }
    ids.groups.resize(static_cast<std::size_t>(count));
    return ids;
}

Result<TaskProcess> fork_task(const TaskOrder& order) {
    auto made = prepare(order);
    if (!made) return tl::unexpected{made.error()};
    const pid_t pid = ::fork();
    if (pid < 0) return fail_errno("cannot fork for", order.command, errno);
    if (pid == 0) run_child(order, *made);
    TaskProcess task;
    task.pid = pid;
    task.release = std::move(made->release.write);
    task.failure = std::move(made->failure.read);
    if (!order.logs.disabled) {
        task.out = std::move(made->out.read);
        task.err = std::move(made->err.read);
    }
    return task;
}

Result<void> release_task(TaskProcess& task, const TaskOrder& order) {
    const std::string_view go = "x";
    if (auto released = write_fully(task.release.get(), go, "the task's release"); !released) {
        return released;
    }
    task.release.reset();
    std::string reason;
    std::array<char, 1024> buffer;
    while (true) {
        const ssize_t count = ::read(task.failure.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        reason.append(buffer.data(), static_cast<std::size_t>(count));
    }
    task.failure.reset();
    if (reason.empty()) return {};
    return fail(Errc::invalid_argument, "task \"" + order.task + "\": " + reason);
}

}  // namespace drover::drivers
