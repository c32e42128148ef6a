// Servers and a node agent that are driven through bytes alone: nothing of the engine is seen here
// but the C header and the messages. The disk is an ordered map with instant, or withheld, syncs;
// the network is instant and orderly; the clock moves when told.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/host/host.h"
#include "engine/host/host.pb.h"

namespace drover::host {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t wall_start = 1'700'000'000'000'000'000;

// A store, as the changes of the boundary make it.
using Store = std::map<std::string, std::string>;
void apply(Store& store, const google::protobuf::RepeatedPtrField<wire::Change>& changes);
void fill(google::protobuf::RepeatedPtrField<wire::Record>& out, const Store& store);

[[nodiscard]] drover_bytes borrow(const std::string& bytes);
// The bytes of a buffer, which is given back to the table that made it.
[[nodiscard]] std::string take(const drover_engine_table& table, drover_buffer& buffer);

class Group {
public:
    struct Disk {
        Store store;
        std::optional<std::string> snapshot;
        std::optional<std::string> mark;
        std::optional<std::string> version_file;
    };

    // `config` holds what all servers have in common. A server may be of another release than the
    // one that is linked in: `releases` has their tables, in the servers' order.
    explicit Group(std::size_t servers, wire::ServerConfig config = {},
                   const std::vector<const drover_engine_table*>& releases = {});
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    // ---- time and faults

    void run_for(std::int64_t time);
    // Forgets what was not synced.
    void crash(std::size_t number);
    // False where the engine does not start: then `error` says why.
    [[nodiscard]] bool start(std::size_t number);
    // What a crashed server is when it starts again.
    void replace(std::size_t number, const drover_engine_table& by) {
        servers_[number].table = &by;
    }
    // Writes are begun and not completed from now on.
    void stall_disk(std::size_t number, bool stalled) { servers_[number].stalled = stalled; }
    void add_agent();

    // ---- looking and asking

    [[nodiscard]] drover_engine* engine(std::size_t number) { return servers_[number].engine; }
    [[nodiscard]] drover_engine* agent() { return agent_; }
    [[nodiscard]] Disk& disk(std::size_t number) { return servers_[number].disk; }
    [[nodiscard]] std::optional<std::size_t> leader() const;
    [[nodiscard]] wire::Digest digest(std::size_t number) const;
    [[nodiscard]] wire::Status status(std::size_t number) const;
    [[nodiscard]] wire::Create create_of(std::size_t number) const;
    void ask(std::size_t number, std::uint64_t ticket, const schema::Request& request);
    [[nodiscard]] const schema::Response* answer(std::uint64_t ticket) const;

    const drover_engine_table& table = *drover_engine_table_v1();
    std::int64_t now = 0;
    std::string error;                        // of the last create
    std::size_t snapshots_received = 0;       // in a write_log
    std::vector<wire::ClientEffect> started;  // start_task
    std::vector<std::string> halts;

private:
    struct Server {
        const drover_engine_table* table = drover_engine_table_v1();
        drover_engine* engine = nullptr;
        Disk disk;
        wire::Inputs inbox;
        bool stalled = false;
    };
    void carry_out(std::size_t number, const wire::ServerEffect& effect, const drover_step& step);
    void write(Server& server, const wire::ServerEffect::WriteLog& write);
    void carry_out(const wire::ClientEffect& effect);
    [[nodiscard]] bool due(const drover_engine_table& by, const drover_engine* engine) const;
    bool step(std::size_t number);
    bool step_agent();

    wire::ServerConfig config_;
    std::vector<Server> servers_;
    std::map<std::uint64_t, schema::Response> answers_;
    drover_engine* agent_ = nullptr;
    wire::Inputs agent_inbox_;
    std::uint64_t seed_ = 1;
};

}  // namespace drover::host
