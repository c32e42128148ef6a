// The node agents of a whole fleet, as light as they can be: each has a connection of its own to
// the server's RPC port and says there what a node agent says, but runs nothing. One thread serves
// all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace drover::agent::cluster {

// Lets this process, and what it starts from now on, hold a connection for every agent of a fleet.
void raise_open_files_limit();

class Fleet {
public:
    enum class Duty : std::uint8_t {
        heartbeats,  // registers its node and keeps it alive
        allocations  // and pulls its allocations by long polls, and reports each as running
    };

    // `server` is where its RPC port listens. Every node has 32,000 MHz, 128,000 MiB and 100 GiB,
    // one of ten classes and one of fifty racks.
    Fleet(const std::string& server, std::size_t count, Duty duty);
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    struct Seen {
        std::size_t ready{};     // nodes that the server called ready, and whose pull it has
        std::size_t pulled{};    // allocations told to their nodes
        std::size_t reported{};  // of which the server has taken that they run
        std::size_t failures{};  // agents that lost their connection or were refused something
        std::string trouble;     // why the first of them did
    };
    [[nodiscard]] Seen seen() const;
    // False where some node is not after a minute.
    [[nodiscard]] bool wait_until_ready() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace drover::agent::cluster
