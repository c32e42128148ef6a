#include "drivers/executor.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "drivers/run_directory.hpp"
#include "drivers/supervision.hpp"
#include "drivers/task_order.hpp"

namespace drover::drivers {
namespace {

constexpr std::size_t order_size_max = 64U << 20U;

void complain(const std::string& message) {
    std::fprintf(stderr, "%lld executor %d: %s\n",
                 static_cast<long long>(wall_now().value() / 1'000'000'000), ::getpid(),
                 message.c_str());
}

Result<std::string> read_order() {
    std::string bytes;
    std::vector<char> buffer(65536);
    while (true) {
        const ssize_t count = ::read(0, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno("cannot read", "the order", errno);
        if (count == 0) return bytes;
        bytes.append(buffer.data(), static_cast<std::size_t>(count));
        if (bytes.size() > order_size_max) {
            return fail(Errc::invalid_argument, "the order is larger than 64 MiB");
        }
    }
}

// False when nobody is left to hear it.
bool send_report(const Result<StartReport>& outcome) {
    const std::string bytes = StartReport::encode(outcome);
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const ssize_t count = ::send(0, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

void leave_standard_input() {
    const UniqueFd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (nothing.valid()) ::dup2(nothing.get(), 0);
}

Result<StartReport> begin(Supervision& supervision) {
    auto order =
        read_order().and_then([](const std::string& bytes) { return TaskOrder::parse(bytes); });
    if (!order) return tl::unexpected{order.error()};
    return supervision.start(std::move(*order));
}

int supervise(const std::string& path) {
    // Orphans of the task become our children instead of somebody else's.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    Supervision supervision{RunDirectory{path}};
    const auto outcome = begin(supervision);
    const bool heard = send_report(outcome);
    leave_standard_input();
    if (!outcome) {
        complain(outcome.error().message);
        supervision.undo();
        return 1;
    }
    if (!heard) {
        complain("nobody waits for this start any more; it is undone");
        supervision.undo();
        return 1;
    }
    if (auto ended = supervision.run(); !ended) {
        complain(ended.error().message);
        return 1;
    }
    return 0;
}

}  // namespace

int executor_main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: executor RUN_DIRECTORY (started by the agent, not by hand)\n", stderr);
        return 2;
    }
    // Whatever the agent had open is none of the task's business.
    ::close_range(3, ~0U, 0);
    // Away from the agent's session and from its list of children: it may end, and need not reap.
    const pid_t child = ::fork();
    if (child < 0) {
        complain("cannot fork: " + errno_text(errno));
        return 1;
    }
    if (child > 0) ::_exit(0);
    ::setsid();
    return supervise(argv[1]);
}

}  // namespace drover::drivers
