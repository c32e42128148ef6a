// One server as a value: consensus, replicated state and, while it leads, the work of a leader,
// behind one step(). It owns no thread, clock, socket or file: a host tells it what happened and
// carries out what it asks for (boundary.hpp).
//
// A copy is an independent server in the same situation; tables share structure, so it is cheap.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "engine/control/config.hpp"
#include "engine/raft/config.hpp"
#include "engine/raft/raft.hpp"
#include "engine/server/boundary.hpp"
#include "engine/server/snapshot_transfer.hpp"
#include "engine/state/view.hpp"

namespace drover::schema {
class RaftState;
}  // namespace drover::schema
namespace drover::control {
class Leader;
}  // namespace drover::control

namespace drover::scheduler {
class PlanMemory;
}

namespace drover::server {

using ServerInfoPtr = std::shared_ptr<const schema::ServerInfo>;

struct Config {
    ServerInfoPtr self;  // raft_id, id, name, addresses, raft_protocol, release
    // The first voters, this server among them. Empty: wait until a cluster makes contact. Ignored
    // by a server whose durable state is not empty.
    std::vector<ServerInfoPtr> bootstrap;
    // Servers that the join handshake got to know: where they listen, until the log says so.
    std::vector<ServerInfoPtr> contacts;
    raft::Config raft;  // its id is overwritten with self's
    control::Config control;

    // A snapshot is taken when this many entries were applied since the last one, and then all but
    // the trailing entries leave the log, so that a follower only a little behind needs no
    // snapshot.
    std::uint64_t snapshot_threshold_entries = 8192;
    std::uint64_t snapshot_trailing_entries = 10240;
    // Also when entries of this many bytes were applied, however few. A state whose file is larger
    // than this is saved when as much was applied as the file is large, or when entries would make
    // the next start long: to write it more often costs more than to replay the log.
    std::uint64_t snapshot_threshold_bytes = std::uint64_t{64} << 20;
    std::uint64_t snapshot_entries_max = std::uint64_t{1} << 18;
    TransferLimits snapshot_transfer;

    Duration request_timeout = std::chrono::seconds{30};  // for requests that name none
    Duration hold_timeout = std::chrono::seconds{5};      // how long a request waits for a leader
    Duration blocking_wait_max = std::chrono::seconds{300};
    std::uint64_t pending_request_bytes_max = 64 << 20;
    std::uint64_t blocked_queries_max = 16384;
    std::uint32_t tracked_job_versions = 6;

    // The highest feature level to work at; 0: this release's own. One more rehearses the next
    // release, with the gates that it will have.
    std::uint32_t supported_level = 0;
    // As leader, raise the cluster's level as soon as every server supports a higher one. Else an
    // operator does, who may want to be able to go back.
    bool finalize_upgrades = false;
};

struct DurableState {
    raft::DurableState raft;
    // The file of the snapshot that raft's durable state begins with; none where it has none.
    std::shared_ptr<const std::string> snapshot_bytes;
};

class Server {
public:
    // Fails where the snapshot or the log does not belong to this release or is damaged.
    [[nodiscard]] static Result<Server> recover(Config config, DurableState durable, Instant now,
                                                std::uint64_t seed);

    Server(const Server& other);
    Server(Server&&) noexcept;
    Server& operator=(const Server& other);
    Server& operator=(Server&&) noexcept;
    ~Server();

    // Bounded work. Effects are appended in the order in which the host must begin them.
    void step(Instant now, WallTime wall, std::vector<Input> inputs, std::vector<Effect>& effects);

    // When the host must next call step at the latest; none while nothing is pending.
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // ---- for checkers and status pages; nothing here changes anything

    [[nodiscard]] const raft::Raft& raft() const;
    [[nodiscard]] const state::StateView& view() const;  // what is applied
    [[nodiscard]] schema::RaftState raft_state() const;
    // It leads and has caught up with its own term: it carries out what it is asked.
    [[nodiscard]] bool leads() const;
    // Null unless it leads.
    [[nodiscard]] const control::Leader* leader_work() const;
    [[nodiscard]] bool halted() const;

private:
    class Core;
    explicit Server(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

// The work that leaves the step as a value. Pure: any thread may run it.
[[nodiscard]] ResponsePtr answer(const AnswerQuery& query);
// Plans one after the other: each is what it would be alone, and sooner there for those before it
// (scheduler/plan_memory.hpp). One thread at a time.
class Planner {
public:
    Planner();
    Planner(Planner&&) noexcept;
    Planner& operator=(Planner&&) noexcept;
    ~Planner();

    [[nodiscard]] std::shared_ptr<const schema::SchedulerOutput> compute(const ComputePlan& plan);

private:
    std::unique_ptr<scheduler::PlanMemory> memory_;
};

}  // namespace drover::server
