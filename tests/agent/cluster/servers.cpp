#include "tests/agent/cluster/servers.hpp"

#include <stdlib.h>

#include <stdexcept>

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t ports_each = 3;

fs::path make_root() {
    std::string pattern =
        (fs::temp_directory_path() / ("drover-servers-" + std::string(6, 'X'))).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{pattern};
    return pattern;
}

}  // namespace

Servers::Servers(std::size_t count, const std::string& settings)
    : root_{make_root()}, ports_{static_cast<std::uint16_t>(ports_each * count)} {
    std::string join;
    for (std::size_t i = 0; i < count; ++i) {
        join += (i == 0 ? "" : ", ") + ("\"127.0.0.1:" + std::to_string(port(i) + 2) + "\"");
    }
    const std::string block =
        "server {\n  enabled = true\n  bootstrap_expect = " + std::to_string(count) +
        "\n  server_join {\n    retry_join = [" + join + "]\n  }\n" + settings + "}\n";
    for (std::size_t i = 0; i < count; ++i) {
        machines_.emplace_back("server-" + std::to_string(i + 1), root_, port(i), block);
        machines_.back().start();
    }
}

Servers::~Servers() {
    for (auto& machine : machines_) machine.kill();
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

std::optional<std::size_t> Servers::leader() const {
    std::optional<std::size_t> found;
    (void)eventually([&] {
        for (std::size_t i = 0; i < machines_.size() && !found; ++i) {
            const auto state = machines_[i].api().get("/v1/operator/raft/state");
            if (state && text(*state, {"Role"}) == "leader") found = i;
        }
        return found.has_value();
    });
    return found;
}

std::string Servers::rpc(std::size_t i) const { return "127.0.0.1:" + std::to_string(port(i) + 1); }

std::uint64_t Servers::syncs(std::size_t i) const {
    const auto self = machines_[i].api().get("/v1/agent/self");
    return self ? std::stoull("0" + text(*self, {"stats", "raft", "log_syncs"})) : 0;
}

fs::path Servers::raft_directory(std::size_t i) const {
    return machines_[i].directory() / "data" / "server" / "raft";
}

std::uint16_t Servers::port(std::size_t i) const {
    return static_cast<std::uint16_t>(ports_.first() + i * ports_each);
}

}  // namespace drover::agent::cluster
