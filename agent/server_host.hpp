// Runs one server engine for real: its thread, its log in RocksDB, its snapshot files, its peers
// over the transport. It turns effects into happenings and happenings into inputs, and decides
// nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "engine/base/uuid.hpp"
#include "engine/membership/boundary.hpp"
#include "engine/server/boundary.hpp"
#include "engine/server/server.hpp"
#include "io/engine_thread.hpp"
#include "io/mark_file.hpp"
#include "io/snapshot_files.hpp"
#include "io/store.hpp"
#include "io/transport.hpp"
#include "io/worker_pool.hpp"

namespace drover::agent {

// Who this server is, for as long as its data directory lives.
struct ServerIdentity {
    Uuid id;
    std::uint64_t raft_id{};
};
[[nodiscard]] Result<ServerIdentity> load_server_identity(const std::string& server_dir);

// The guard of design: refuses a lowered raft_protocol, warns about an unusable file, writes the
// number. Nothing happens in dev mode.
[[nodiscard]] Result<void> guard_raft_version(const Config& config);

class ServerHost {
public:
    using OnResponse = std::function<void(server::ResponsePtr)>;
    // The server has stopped for good; the agent should end.
    using OnHalt = std::function<void(std::string reason)>;

    // Opens store and snapshots and reads what is there.
    [[nodiscard]] static Result<std::unique_ptr<ServerHost>> open(const Config& config,
                                                                  server::ServerInfoPtr self,
                                                                  OnHalt on_halt);
    ~ServerHost();
    ServerHost(const ServerHost&) = delete;
    ServerHost& operator=(const ServerHost&) = delete;

    // There is a log or a snapshot from an earlier life: no handshake is needed.
    [[nodiscard]] bool has_state() const { return !durable_.raft.empty(); }
    // Begins to live, with the first voters of a new cluster, or none. `transport` outlives the
    // host.
    [[nodiscard]] Result<void> start(std::vector<server::ServerInfoPtr> bootstrap,
                                     io::Transport& transport);

    // A leader hands over to another server, so that nobody has to wait for an election. Returns
    // when that is done, cannot be done, or takes longer than `patience`.
    void step_aside(Duration patience);
    // Steps no more and sends nothing; the transport may go after this.
    void stop();
    [[nodiscard]] bool running() const { return running_; }

    // Answered exactly once, from any thread.
    // Before start() nobody leads.
    std::uint64_t ask(server::RequestPtr request, OnResponse on_response,
                      io::Wake wake = io::Wake::now);
    void abandon(std::uint64_t asked);

    // ---- from the transport, on its thread

    // `address` is where the sender listens, as it said when it connected: a server that waits to
    // be taken into a cluster knows its peers by nothing else.
    void message(std::uint64_t from_raft_id, const std::string& address, std::string bytes);
    void request(std::string bytes, const io::Responder& responder);
    // All that had arrived was handed over.
    void drained();

    // The servers that the cluster knows of, as the engine last told.
    [[nodiscard]] std::vector<server::ServerInfoPtr> servers() const;
    // Raft id of the leader as this server knows it; 0 while there is none.
    [[nodiscard]] std::uint64_t leader() const { return leader_; }
    // How often its log was synced since it was opened.
    [[nodiscard]] std::uint64_t log_syncs() const { return store_->syncs(); }
    // Told once, from any thread, as soon as the configuration in force names this server. None:
    // nobody is told any more, also not by a call that was under way.
    void on_member(std::function<void()> callback);

private:
    using Engine = io::EngineThread<server::Server, server::Input, server::Effect>;

    ServerHost(const Config& config, server::ServerInfoPtr self, OnHalt on_halt,
               std::unique_ptr<io::RocksStore> store, io::SnapshotFiles snapshots);

    [[nodiscard]] Result<void> recover();
    [[nodiscard]] server::Config engine_config(std::vector<server::ServerInfoPtr> bootstrap) const;
    void note_membership(const server::Server& engine);
    void perform(server::Server& engine, std::vector<server::Effect>& effects);
    void carry_out(server::Effect& effect);
    void write_log(const raft::WriteLog& write);
    void halted(const std::string& reason);
    void note_durable(const std::optional<raft::EntryId>& last);
    void compact(raft::Index through);
    void send(const server::SendMessage& effect);
    void answer(server::AnswerQuery effect);
    void compute(server::ComputePlan effect);
    void save_snapshot(server::SaveSnapshot effect);
    void update_peers(const server::UpdatePeers& effect);
    void learn_address(std::uint64_t raft_id, const std::string& address);
    void respond(server::Ticket ticket, server::ResponsePtr response);

    Config config_;
    server::ServerInfoPtr self_;
    OnHalt on_halt_;
    std::unique_ptr<io::RocksStore> store_;
    io::SnapshotFiles snapshots_;
    io::MarkFile mark_;  // of the storage thread, as the next one
    bool mark_complained_{false};
    server::DurableState durable_;
    std::vector<io::SnapshotFile> damaged_;  // snapshots that were passed over
    io::Transport* transport_{};

    mutable std::mutex mutex_;  // guards what follows
    std::map<std::uint64_t, OnResponse> asked_;
    std::uint64_t next_ticket_{1};
    std::map<std::uint64_t, server::ServerInfoPtr> peers_;  // by raft id
    std::mutex member_mutex_;                               // guards the two below
    bool member_{};
    std::function<void()> on_member_;
    std::atomic<std::uint64_t> leader_{0};
    std::atomic<bool> running_{false};

    io::WorkerPool queries_{{.threads = 2}};
    server::Planner planner_;  // of the thread below
    io::WorkerPool scheduling_{{.threads = 1}};
    io::WorkerPool snapshotting_{{.threads = 1}};
    std::unique_ptr<Engine> engine_;
};

}  // namespace drover::agent
