// Everything a node agent can be told, and everything it can ask for. Inputs are things that
// happened; effects are imperatives, in the order in which the host must begin them.
//
// The agent never learns how a task is run: a driver behind the host is named by a string, and a
// running task by a handle whose content only that driver reads.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/strong.hpp"
#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"

namespace drover::schema {
class Allocation;
class Request;
class Response;
class Task;
}  // namespace drover::schema

namespace drover::client {

using RequestPtr = std::shared_ptr<const schema::Request>;
using ResponsePtr = std::shared_ptr<const schema::Response>;

using Ticket = Strong<struct ClientTicketTag>;
using StateWriteId = Strong<struct StateWriteIdTag>;

struct TaskKey {
    Uuid allocation;
    std::string task;
    // Counts the starts of this task, so that news of an earlier process is told apart.
    std::uint64_t attempt{};
    friend auto operator<=>(const TaskKey&, const TaskKey&) = default;
};

struct TaskHandle {
    std::string driver;
    std::string opaque;
    friend bool operator==(const TaskHandle&, const TaskHandle&) = default;
};

struct ExitStatus {
    int exit_code{};
    int signal{};
    bool out_of_memory{};
    std::string error{};  // not empty: the driver lost the task or failed to run it to its end
};

// ---- inputs

struct TimePassed {};
struct ResponseReceived {
    Ticket ticket;
    ResponsePtr response;
};
// No answer will come: connection refused, lost, or timed out. It may or may not have arrived.
struct RequestFailed {
    Ticket ticket;
    std::string reason;
};
struct AllocationDirectoryBuilt {
    Uuid allocation;
};
struct AllocationDirectoryFailed {
    Uuid allocation;
    std::string reason;
};
struct TaskStarted {
    TaskKey key;
    TaskHandle handle;
};
struct TaskStartFailed {
    TaskKey key;
    std::string reason;
    bool recoverable{};  // worth another attempt under the restart policy
};
struct TaskExited {
    TaskKey key;
    ExitStatus status;
};
// Answers RecoverTask: the task still runs (TaskExited follows one day), or it is gone for good.
// A task that ended while nobody watched is told as TaskExited at once.
struct TaskRecovered {
    TaskKey key;
};
struct TaskRecoveryFailed {
    TaskKey key;
    std::string reason;
};
struct StateWritten {
    StateWriteId write;
};
struct StateWriteFailed {
    StateWriteId write;
    std::string reason;
};
using Input = std::variant<TimePassed, ResponseReceived, RequestFailed, AllocationDirectoryBuilt,
                           AllocationDirectoryFailed, TaskStarted, TaskStartFailed, TaskExited,
                           TaskRecovered, TaskRecoveryFailed, StateWritten, StateWriteFailed>;

// ---- effects

// To any server; a blocking query stays open for its wait. Answered exactly once.
struct SendRequest {
    Ticket ticket;
    RequestPtr request;
};
// A stored value. The agent goes on reading it after it was written, so that it is held once.
using StoredBytes = std::shared_ptr<const std::string>;
// Key-value changes of the agent's durable state, atomic; an absent value erases. Synced before it
// is answered. A task is started only after the write that announces it has been answered.
struct WriteState {
    StateWriteId write;
    std::vector<std::pair<std::string, StoredBytes>> changes;
};
// Idempotent: what stands already is kept.
struct BuildAllocationDirectory {
    Uuid allocation;
    std::vector<std::string> tasks;
};
struct DestroyAllocationDirectory {
    Uuid allocation;
};
// Idempotent by key, also across restarts of the agent: a key that was started before is attached
// to and answered with its handle (and TaskExited where it has ended), never started twice. An
// agent that died between a start and the write of its handle relies on this.
struct StartTask {
    TaskKey key;
    std::shared_ptr<const schema::Allocation> allocation;
    std::shared_ptr<const schema::Task> task;                      // config already interpolated
    std::vector<std::pair<std::string, std::string>> environment;  // sorted by name
    // Of a dispatched job, to be put where the task's dispatch_payload says, below local/.
    std::optional<std::string> payload{};
};
struct RecoverTask {
    TaskKey key;
    TaskHandle handle;
    std::shared_ptr<const schema::Task> task;
};
// Signal, wait for the timeout, then kill. TaskExited tells when it is done. May be asked for again
// where no exit was told for long; stopping what has ended is answered by its TaskExited.
struct StopTask {
    TaskKey key;
    TaskHandle handle;
    std::string signal;  // empty: the driver's default
    Duration kill_timeout{};
};
// The task has ended and will not be asked about again: free what the driver keeps of it. May be
// asked for again after a restart of the agent.
struct DestroyTask {
    TaskKey key;
    TaskHandle handle;
};
enum class Severity : std::uint8_t { debug, info, warning, error };
struct Report {
    Severity severity;
    std::string text;
};
using Effect =
    std::variant<SendRequest, WriteState, BuildAllocationDirectory, DestroyAllocationDirectory,
                 StartTask, RecoverTask, StopTask, DestroyTask, Report>;

}  // namespace drover::client
