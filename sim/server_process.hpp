// One simulated server: the engine, its disk, its version file, and the life of its process. It
// turns the engine's effects into happenings of the world and knows nothing of the engine's rules.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/server/server.hpp"
#include "sim/disk.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

class World;

class ServerProcess {
public:
    // `number` counts from 0; `all` are the servers of the cluster, this one among them.
    ServerProcess(std::uint32_t number, server::ServerInfoPtr self,
                  std::vector<server::ServerInfoPtr> all, const Prng& root);

    void start(World& world);
    // The process ends at once; the disk keeps what was synced, and perhaps more.
    void crash(World& world, Persist persist);
    // Nothing is heard, done or said until then; what arrives meanwhile waits.
    void pause(World& world, Duration time);
    // The process crashes between the next write and its completion.
    void crash_after_next_append(Duration restart_after) {
        crash_in_write_ = {restart_after, true};
    }
    // Any write will do, one that holds nothing but a term and a vote too.
    void crash_in_next_write(Duration restart_after) { crash_in_write_ = {restart_after, false}; }
    void configure_raft_protocol(std::uint32_t protocol) { raft_protocol_ = protocol; }
    void configure_level(std::uint32_t level) { level_ = level; }
    void corrupt_version_file(std::string content) { version_file_ = std::move(content); }

    // One input for the engine, now, or when the pause ends. Dropped where no process runs.
    void tell(World& world, server::Input input);

    [[nodiscard]] bool runs() const { return engine_.has_value(); }
    [[nodiscard]] bool paused(Instant now) const { return now < paused_until_; }
    [[nodiscard]] const server::Server& engine() const { return *engine_; }
    [[nodiscard]] std::uint32_t number() const { return number_; }
    [[nodiscard]] raft::RaftId raft_id() const { return raft::RaftId{number_ + 1ULL}; }
    [[nodiscard]] std::uint32_t raft_protocol() const { return raft_protocol_; }
    // Of the release that it runs.
    [[nodiscard]] std::uint32_t supported_level() const { return level_; }
    [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
    [[nodiscard]] const Disk& disk() const { return disk_; }
    // What it tells the others of itself.
    [[nodiscard]] schema::ServerInfo info() const;
    // Its group has let it know that it does not belong to it any more.
    [[nodiscard]] bool knows_it_is_removed() const;

private:
    [[nodiscard]] server::Config configuration(const World& world) const;
    [[nodiscard]] bool version_allows(World& world);
    [[nodiscard]] bool left_behind(const World& world) const;
    void halt(World& world, const std::string& reason);
    void step(World& world, std::vector<server::Input> inputs);
    void carry_out(World& world, server::Effect& effect);
    void wake_later(World& world);
    void resume(World& world);
    // Runs `input` after the delay, if the same process still lives then.
    void tell_later(World& world, Duration delay, server::Input input);
    void write_log(World& world, const raft::WriteLog& write);
    void begin_sync_when_free(World& world);
    void finish_write(World& world);
    void save_snapshot(World& world, const server::SaveSnapshot& effect);
    void send(World& world, const server::SendMessage& effect);

    std::uint32_t number_;
    server::ServerInfoPtr self_;
    std::vector<server::ServerInfoPtr> all_;
    Prng prng_;
    Disk disk_;
    std::optional<std::string> version_file_;
    std::uint32_t raft_protocol_{3};
    std::uint32_t level_{};
    std::optional<server::Server> engine_;
    server::Planner planner_;
    std::uint64_t incarnation_{0};
    Instant paused_until_{};
    std::vector<server::Input> waiting_;  // for the end of the pause, in the order of arrival
    Instant disk_free_at_{};
    Instant sync_begins_at_{};  // of the last one that was begun or waits for the disk
    std::optional<Instant> wake_at_;
    struct CrashInWrite {
        Duration restart_after{};
        bool of_entries{};
    };
    std::optional<CrashInWrite> crash_in_write_;
};

}  // namespace drover::sim
