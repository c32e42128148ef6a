// A cluster of servers alone, as real processes in a directory that goes with them: for benchmarks.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/agent/cluster/machine.hpp"

namespace drover::agent::cluster {

class Servers {
public:
    // `settings` go into every server block. All of them run when this returns.
    explicit Servers(std::size_t count, const std::string& settings = "");
    ~Servers();
    Servers(const Servers&) = delete;
    Servers& operator=(const Servers&) = delete;

    [[nodiscard]] std::size_t size() const { return machines_.size(); }
    [[nodiscard]] Machine& operator[](std::size_t i) { return machines_[i]; }
    // The place of the one that leads.
    [[nodiscard]] std::optional<std::size_t> leader() const;
    // Where its RPC port listens.
    [[nodiscard]] std::string rpc(std::size_t i) const;
    [[nodiscard]] std::uint64_t syncs(std::size_t i) const;
    [[nodiscard]] std::filesystem::path raft_directory(std::size_t i) const;

private:
    [[nodiscard]] std::uint16_t port(std::size_t i) const;

    std::filesystem::path root_;
    Ports ports_;
    std::deque<Machine> machines_;
};

}  // namespace drover::agent::cluster
