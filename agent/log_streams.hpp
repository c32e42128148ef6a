// Log files of tasks, read here or on the node that holds them. A reading belongs to whoever asked
// for it and ends with it; one that follows waits for new output without a bound on time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/backend.hpp"
#include "io/transport.hpp"

namespace drover::agent {

// Reads files in this directory on a thread of its own.
[[nodiscard]] std::unique_ptr<Reading> read_local_logs(std::string log_directory,
                                                       LogRequest request, LogReceiver receiver);
// Reads them at the other end of a stream to `target`; `node` is who holds them.
[[nodiscard]] std::unique_ptr<Reading> read_remote_logs(io::Transport& transport,
                                                        const io::Target& target, const Uuid& node,
                                                        const LogRequest& request,
                                                        LogReceiver receiver);

// The other end: answers streams that read_remote_logs opened.
class LogService {
public:
    // Empty for an allocation that is not held here.
    using FindDirectory = std::function<std::string(const Uuid& allocation)>;

    // `local` is this agent's node, if it is one. Streams for other nodes are passed on to them,
    // over the connections that they have dialled.
    LogService(std::string local_node, FindDirectory find, bool passes_on);
    ~LogService();
    LogService(const LogService&) = delete;
    LogService& operator=(const LogService&) = delete;

    void serve(io::Transport& transport, const std::string& opening, io::Stream stream);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace drover::agent
