#include "drivers/run_directory.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "drivers/record.hpp"

namespace drover::drivers {
namespace {

constexpr std::size_t record_size_max = 65536;
constexpr const char* executor_file = "executor";
constexpr const char* task_file = "task";
constexpr const char* exit_file = "exit";
constexpr const char* socket_file = "control";

void add_process(Record& record, const ProcessId& process) {
    record.add("pid", std::int64_t{process.pid});
    record.add("start_ticks", static_cast<std::int64_t>(process.start_ticks));
    record.add("boot", process.boot);
}

ProcessId process_in(const Record& record) {
    return {static_cast<pid_t>(record.number("pid")),
            static_cast<std::uint64_t>(record.number("start_ticks")),
            std::string{record.text("boot")}};
}

std::optional<Record> load(const std::string& path) {
    const auto bytes = read_file(path, record_size_max);
    if (!bytes) return std::nullopt;
    const auto record = Record::parse(*bytes, path);
    return record ? std::optional{*record} : std::nullopt;
}

struct ::flock whole_file_lock() {
    struct ::flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

// A socket's name holds about a hundred bytes, less than many directories need. The directory is
// opened first, and the name goes through its descriptor.
struct SocketName {
    UniqueFd directory;
    sockaddr_un address{};
};

Result<SocketName> socket_name(const std::string& directory) {
    SocketName name;
    name.directory.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!name.directory.valid()) return fail_errno("cannot open", directory, errno);
    name.address.sun_family = AF_UNIX;
    const std::string path =
        "/proc/self/fd/" + std::to_string(name.directory.get()) + "/" + socket_file;
    std::memcpy(name.address.sun_path, path.c_str(), path.size() + 1);
    return name;
}

}  // namespace

bool RunDirectory::exists() const { return ::access(path_.c_str(), F_OK) == 0; }

Result<UniqueFd> RunDirectory::lock() {
    const std::string path = file(executor_file);
    UniqueFd held{::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!held.valid()) return fail_errno("cannot open", path, errno);
    auto lock = whole_file_lock();
    // An open-file-description lock, because another description can ask about it without ever
    // holding it: a driver that looks must not keep an executor from starting.
    if (::fcntl(held.get(), F_OFD_SETLK, &lock) == 0) return held;
    if (errno != EAGAIN && errno != EACCES) return fail_errno("cannot lock", path, errno);
    return fail(Errc::conflict, path + " is locked: this attempt is being run already");
}

Result<void> RunDirectory::store_executor(int lock_fd) const {
    const auto self = identify(::getpid());
    if (!self) return fail(Errc::internal, "cannot read /proc/self/stat; mount /proc");
    Record record;
    add_process(record, *self);
    // In place: the lock is on this file, and replacing the file would leave the lock behind.
    if (::ftruncate(lock_fd, 0) != 0) return fail_errno("cannot write", path_, errno);
    return write_fully(lock_fd, record.encode(), file(executor_file));
}

Result<void> RunDirectory::store_task(const TaskRecord& task) const {
    Record record;
    add_process(record, task.process);
    record.add("started_at", task.started_at.value());
    record.add("alloc_id", task.alloc_id);
    // Not synced: a power loss ends the process that it is about.
    return replace_file(path_, task_file, record.encode(), Durability::process_crash);
}

Result<void> RunDirectory::store_exit(const TaskExit& exit) const {
    Record record;
    record.add("exit_code", std::int64_t{exit.exit_code});
    record.add("signal", std::int64_t{exit.signal});
    record.add("oom_killed", std::int64_t{exit.oom_killed ? 1 : 0});
    record.add("error", exit.error);
    record.add("finished_at", exit.finished_at.value());
    return replace_file(path_, exit_file, record.encode(), Durability::power_loss);
}

Result<UniqueFd> RunDirectory::listen() const {
    auto name = socket_name(path_);
    if (!name) return tl::unexpected{name.error()};
    UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!listener.valid()) return fail_errno("cannot create a socket for", path_, errno);
    ::unlinkat(name->directory.get(), socket_file, 0);
    const auto* address = reinterpret_cast<const sockaddr*>(&name->address);
    if (::bind(listener.get(), address, sizeof(sockaddr_un)) != 0 ||
        ::listen(listener.get(), 16) != 0) {
        return fail_errno("cannot listen in", path_, errno);
    }
    return listener;
}

bool RunDirectory::executor_lives() const {
    const UniqueFd looked_at{::open(file(executor_file).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)};
    if (!looked_at.valid()) return false;
    auto lock = whole_file_lock();
    return ::fcntl(looked_at.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::optional<ProcessId> RunDirectory::executor() const {
    const auto record = load(file(executor_file));
    return record ? std::optional{process_in(*record)} : std::nullopt;
}

std::optional<TaskRecord> RunDirectory::task() const {
    const auto record = load(file(task_file));
    if (!record) return std::nullopt;
    return TaskRecord{process_in(*record), WallTime{record->number("started_at")},
                      std::string{record->text("alloc_id")}};
}

std::optional<TaskExit> RunDirectory::exit() const {
    const auto record = load(file(exit_file));
    if (!record) return std::nullopt;
    return TaskExit{static_cast<int>(record->number("exit_code")),
                    static_cast<int>(record->number("signal")), record->number("oom_killed") != 0,
                    std::string{record->text("error")}, WallTime{record->number("finished_at")}};
}

Result<UniqueFd> RunDirectory::connect() const {
    auto name = socket_name(path_);
    if (!name) return tl::unexpected{name.error()};
    UniqueFd connection{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!connection.valid()) return fail_errno("cannot create a socket for", path_, errno);
    const auto* address = reinterpret_cast<const sockaddr*>(&name->address);
    if (::connect(connection.get(), address, sizeof(sockaddr_un)) != 0) {
        return fail_errno("cannot reach the executor in", path_, errno);
    }
    return connection;
}

}  // namespace drover::drivers
