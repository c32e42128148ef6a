// What the HTTP API needs from the agent behind it: a way to ask servers, facts about this agent,
// and files of allocations wherever they lie. The running agent implements it; tests of the API
// implement a small one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "engine/base/result.hpp"
#include "engine/base/uuid.hpp"
#include "engine/server/boundary.hpp"

namespace drover::agent {

// A server as `server members` shows it.
struct Member {
    std::string name;     // host.region
    std::string address;  // without port
    std::uint16_t serf_port{};
    std::uint16_t rpc_port{};
    std::string status;  // alive, failed, left
    std::string region;
    std::string datacenter;
    std::string release;
    std::string id;  // UUID text
    std::uint32_t raft_protocol{};
    bool leader{};
    std::uint32_t bootstrap_expect{};
};

// What `agent/self` and `agent/health` tell beside the configuration.
struct AgentFacts {
    std::string node_id;  // UUID text of the client's node; empty on a server-only agent
    std::string server_id;
    std::string http_address;   // as reachable: "127.0.0.1:4646"
    bool server_healthy{};      // there is a server here and it knows a leader
    std::uint64_t log_syncs{};  // of the server's log, since the agent started
    bool client_healthy{};      // there is a client here and it is registered
    std::vector<Member> members;
};

// A file of an allocation being read; closing the last copy ends the reading.
struct FileChunk {
    std::string file;  // path inside the allocation's directory
    std::int64_t offset{};
    std::string bytes;
    std::string event;  // "file deleted", "file truncated"; empty for data
};
struct LogRequest {
    Uuid allocation;
    std::string task;
    std::string stream;  // stdout, stderr
    bool follow{};
    bool from_end{};
    std::int64_t offset{};
};
// Called in order, from any thread: chunks, then once with the end (no chunk; an error or none).
// Returning false ends the reading.
struct LogReceiver {
    std::function<bool(FileChunk)> on_chunk;
    std::function<void(std::optional<Error>)> on_end;
};
class Reading {
public:
    virtual ~Reading() = default;  // ends it
};

class Backend {
public:
    Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;
    virtual ~Backend() = default;

    using OnResponse = std::function<void(server::ResponsePtr)>;
    using Asked = std::uint64_t;
    // Asks this agent's server, or, on an agent without one, a server that it knows. The callback
    // is called exactly once, from any thread, also when nobody could be reached (the response then
    // carries the failure).
    virtual Asked ask(server::RequestPtr request, OnResponse on_response) = 0;
    // The asker has gone; the callback is still called, and nobody minds.
    virtual void abandon(Asked asked) = 0;

    [[nodiscard]] virtual const Config& config() const = 0;
    [[nodiscard]] virtual AgentFacts facts() const = 0;
    // A fresh identity for a request.
    [[nodiscard]] virtual Uuid mint() = 0;

    // Runs what would block a thread of the HTTP server. False: too much waits already.
    [[nodiscard]] virtual bool offer(std::function<void()> work) = 0;

    // Log files of a task: here, or on the node that holds the allocation. `node` is that node.
    virtual std::unique_ptr<Reading> read_logs(const Uuid& node, LogRequest request,
                                               LogReceiver receiver) = 0;
};

}  // namespace drover::agent
