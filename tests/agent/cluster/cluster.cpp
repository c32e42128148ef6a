#include "tests/agent/cluster/cluster.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <iostream>
#include <stdexcept>

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t ports_each = 3;
constexpr std::size_t servers_max = 3, clients_max = 2;
constexpr std::size_t log_bytes_shown = 6000;

fs::path make_root() {
    std::string pattern =
        (fs::temp_directory_path() / ("drover-cluster-" + std::string(6, 'X'))).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{pattern};
    ::chmod(pattern.c_str(), 0755);
    return pattern;
}

std::string addresses(std::uint16_t first, std::uint16_t offset) {
    std::string list;
    for (std::size_t i = 0; i < servers_max; ++i) {
        list += (list.empty() ? "\"127.0.0.1:" : ", \"127.0.0.1:") +
                std::to_string(first + i * ports_each + offset) + "\"";
    }
    return "[" + list + "]";
}

}  // namespace

Cluster::Cluster(const std::vector<std::string>& told)
    : root_{make_root()},
      ports_{static_cast<std::uint16_t>((servers_max + clients_max) * ports_each)} {
    const std::string server =
        "server {\n  enabled = true\n  bootstrap_expect = 3\n"
        "  server_join {\n    retry_join = " +
        addresses(ports_.first(), 2) + "\n  }\n";
    const std::string client =
        "client {\n  enabled = true\n  servers = " + addresses(ports_.first(), 1) +
        "\n  cpu_total_compute = 20000\n  memory_total_mb = 16000\n}\n"
        "plugin \"raw_exec\" {\n  config {\n    enabled = true\n  }\n}\n";
    auto next_port = [this, next = std::uint16_t{0}]() mutable {
        return static_cast<std::uint16_t>(ports_.first() + ports_each * next++);
    };
    for (std::size_t i = 1; i <= servers_max; ++i) {
        const std::string more = i <= told.size() ? told[i - 1] : "";
        servers_.emplace_back("server-" + std::to_string(i), root_, next_port(),
                              server + more + "}\n");
    }
    for (std::size_t i = 1; i <= clients_max; ++i)
        clients_.emplace_back("client-" + std::to_string(i), root_, next_port(), client);
}

Cluster::~Cluster() {
    for (Machine* machine : machines()) {
        machine->kill();
        if (!::testing::Test::HasFailure()) continue;
        const std::string log = content_of(machine->log());
        const std::size_t from = log.size() - std::min(log.size(), log_bytes_shown);
        std::cout << "---- the end of what " << machine->name() << " logged\n"
                  << log.substr(from) << "\n";
    }
    kill_all_that_mention(root_.string());
    std::error_code ignored;
    for (int i = 0; i < 50 && fs::exists(root_, ignored); ++i) {
        fs::remove_all(root_, ignored);  // a dying task may still write
        if (fs::exists(root_, ignored)) pause_for(std::chrono::milliseconds{20});
    }
}

void Cluster::start() {
    for (Machine* machine : machines()) machine->start();
}

std::vector<Machine*> Cluster::machines() {
    std::vector<Machine*> all;
    for (auto& server : servers_) all.push_back(&server);
    for (auto& client : clients_) all.push_back(&client);
    return all;
}

bool Cluster::is_ready() {
    if (!leader()) return false;
    for (auto& client : clients_) {
        const auto self = client.api().get("/v1/agent/self");
        if (!self || text(*self, {"stats", "client", "registered"}) != "true") return false;
    }
    const auto nodes = servers_.front().api().get("/v1/nodes");
    return nodes && items(*nodes).size() == clients_.size() &&
           std::all_of(items(*nodes).begin(), items(*nodes).end(),
                       [](const Json& node) { return text(node, {"Status"}) == "ready"; });
}

std::optional<std::size_t> Cluster::leader() {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (!servers_[i].runs()) continue;
        const auto state = servers_[i].api().get("/v1/operator/raft/state");
        if (state && text(*state, {"Role"}) == "leader") return i;
    }
    return std::nullopt;
}

bool Cluster::runs(const std::string& job, std::size_t count) {
    for (auto& server : servers_) {
        if (!server.runs()) continue;
        const auto allocations = server.api().get("/v1/job/" + job + "/allocations?consistent");
        if (!allocations) continue;
        return items(*allocations).size() == count &&
               std::all_of(
                   items(*allocations).begin(), items(*allocations).end(),
                   [](const Json& one) { return text(one, {"ClientStatus"}) == "running"; });
    }
    return false;
}

std::string Cluster::task_output(const std::string& allocation) const {
    std::string output;
    for (const auto& client : clients_) {
        output += content_of(client.directory() / "data" / "alloc" / allocation / "alloc" / "logs" /
                             "main.stdout.0");
    }
    return output;
}

std::vector<RunningTask> Cluster::tasks_of(const std::string& job) {
    const auto allocations =
        servers_.front().api().get("/v1/job/" + job + "/allocations?consistent");
    std::vector<RunningTask> tasks;
    if (!allocations) return tasks;
    for (const auto& one : items(*allocations)) {
        RunningTask task{text(one, {"ID"}), text(one, {"TaskStates", "main", "StartedAt"}), 0};
        EXPECT_EQ(text(one, {"ClientStatus"}), "running") << task.allocation;
        EXPECT_EQ(number(one, {"TaskStates", "main", "Restarts"}), 0U) << task.allocation;
        const std::string output = task_output(task.allocation);
        EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 1)
            << task.allocation << " was started more than once:\n"
            << output;
        if (output.starts_with("started ")) task.pid = std::stoi(output.substr(8));
        EXPECT_TRUE(task.pid > 0 && ::kill(task.pid, 0) == 0) << task.allocation << " is gone";
        tasks.push_back(std::move(task));
    }
    std::sort(tasks.begin(), tasks.end());
    return tasks;
}

std::vector<Json> Cluster::raft_states() {
    std::vector<Json> states;
    for (auto& server : servers_) {
        std::string output;
        const int code = server.command({"operator", "raft", "state", "-json"}, output);
        auto json = schema::parse_json(output);
        states.push_back(code == 0 && json ? std::move(*json) : Json{});
    }
    return states;
}

bool Cluster::agrees() {
    const auto states = raft_states();
    const Json& first = states.front();
    return !text(first, {"Digest"}).empty() &&
           std::all_of(states.begin(), states.end(), [&](const Json& state) {
               return number(state, {"AppliedIndex"}) == number(first, {"AppliedIndex"}) &&
                      text(state, {"Digest"}) == text(first, {"Digest"});
           });
}

std::set<std::string> Cluster::job_ids(std::size_t server) {
    std::set<std::string> ids;
    const auto jobs = servers_[server].api().get("/v1/jobs?consistent");
    if (!jobs) return ids;
    for (const auto& one : items(*jobs)) ids.insert(text(one, {"ID"}));
    return ids;
}

}  // namespace drover::agent::cluster
