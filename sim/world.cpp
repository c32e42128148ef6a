#include "sim/world.hpp"

#include <algorithm>
#include <charconv>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/schema/task.pb.h"
#include "engine/schema/value.pb.h"
#include "engine/state/children.hpp"
#include "engine/state/features.hpp"
#include "engine/state/view.hpp"

namespace drover::sim {
namespace {

constexpr WallTime first_wall_time{1'767'225'600'000'000'000};  // 2026-01-01T00:00:00Z

server::ServerInfoPtr make_server(const Scenario& scenario, Prng& prng, std::uint32_t number) {
    auto info = std::make_shared<schema::ServerInfo>();
    info->set_raft_id(number + 1ULL);
    info->set_id(Uuid::mint(first_wall_time, prng).raw());
    info->set_name("server-" + std::to_string(number + 1) + ".global");
    info->set_address("10.0.0." + std::to_string(number + 1) + ":4647");
    info->set_region("global");
    info->set_datacenter("dc1");
    info->set_release("0.2.0");
    info->set_raft_protocol(scenario.cluster.raft_protocol);
    info->set_level_max(scenario.cluster.level != 0 ? scenario.cluster.level : state::newest_level);
    return info;
}

void set_pair(schema::Node& node, const std::string& key, const std::string& value) {
    auto* const pair = node.add_attributes();
    pair->set_key(key);
    pair->set_value(value);
}

void add_devices(schema::Node& node, const NodeClass& nodes) {
    if (nodes.devices + nodes.sick_devices == 0) return;
    auto& devices = *node.mutable_node_resources()->add_devices();
    const auto vendor_end = nodes.device.find('/');
    const auto type_end = nodes.device.find('/', vendor_end + 1);
    devices.set_vendor(nodes.device.substr(0, vendor_end));
    devices.set_type(nodes.device.substr(vendor_end + 1, type_end - vendor_end - 1));
    devices.set_name(nodes.device.substr(type_end + 1));
    // Alike on all nodes, as slots of a bus are: an id is only unique on its own node.
    for (std::uint32_t i = 0; i < nodes.devices + nodes.sick_devices; ++i) {
        auto& instance = *devices.add_instances();
        instance.set_id("slot-" + std::to_string(i));
        instance.set_healthy(i >= nodes.sick_devices);
    }
}

std::shared_ptr<const schema::Node> make_node(const NodeClass& nodes, Prng& prng,
                                              std::uint32_t number) {
    auto node = std::make_shared<schema::Node>();
    node->set_id(Uuid::mint(first_wall_time, prng).raw());
    node->set_secret_id(Uuid::mint(first_wall_time, prng).text());
    node->set_name("node-" + std::to_string(number + 1));
    node->set_datacenter(nodes.datacenter);
    node->set_node_pool(nodes.pool);
    node->set_node_class(nodes.kind);
    node->set_scheduling_eligibility("eligible");
    node->set_status("initializing");
    set_pair(*node, "driver.mock_driver", "1");  // attributes are sorted by key
    set_pair(*node, "kernel.name", "linux");
    auto* const driver = node->add_drivers();
    driver->set_name("mock_driver");
    driver->set_detected(true);
    driver->set_healthy(true);
    node->mutable_node_resources()->mutable_cpu()->set_cpu_shares(nodes.cpu_mhz);
    node->mutable_node_resources()->mutable_memory()->set_memory_mb(nodes.memory_mib);
    node->mutable_node_resources()->mutable_disk()->set_disk_mb(100 * 1024);
    node->mutable_node_resources()->set_min_dynamic_port(20000);
    node->mutable_node_resources()->set_max_dynamic_port(32000);
    add_devices(*node, nodes);
    return node;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Evaluations that wait until there is room for what they could not place.
std::int64_t count_blocked(const state::StateView& view, std::string_view job) {
    std::int64_t count = 0;
    for (const auto& evaluation : view.evaluations_of({"default", std::string{job}})) {
        if (evaluation->status() == "blocked") ++count;
    }
    return count;
}

std::int64_t count_allocations(const state::StateView& view, std::string_view job,
                               std::string_view status) {
    std::int64_t count = 0;
    for (const auto& row : view.allocations_of({"default", std::string{job}})) {
        const bool counts =
            status == "running" || status == "pending" ? !row->server_terminal() : true;
        if (status == "total" || (counts && row->body.client_status() == status)) ++count;
    }
    return count;
}

// Running, and of the job's newest version or of an older one.
std::int64_t count_by_version(const state::StateView& view, std::string_view job, bool current) {
    const state::JobKey key{"default", std::string{job}};
    const auto newest = view.job(key);
    std::int64_t count = 0;
    for (const auto& row : view.allocations_of(key)) {
        const bool runs =
            !row->server_terminal() && row->client_status == state::ClientStatus::running;
        const bool is_newest = newest && row->body.job_version() == newest->version();
        if (runs && is_newest == current) ++count;
    }
    return count;
}

// Of a job as it stands: its version, the revision of the load that it is, how many stable versions
// are kept.
std::int64_t job_fact(const state::StateView& view, std::string_view name, std::string_view job) {
    const state::JobKey key{"default", std::string{job}};
    const auto newest = view.job(key);
    if (!newest) return 0;
    if (name == "job.version") return static_cast<std::int64_t>(newest->version());
    std::int64_t fact = 0;
    if (name == "job.stable") {
        for (const auto& one : view.job_versions(key)) fact += one->stable() ? 1 : 0;
        return fact;
    }
    for (const auto& pair : newest->task_groups(0).tasks(0).env()) {
        if (pair.key() != "REVISION") continue;
        std::from_chars(pair.value().data(), pair.value().data() + pair.value().size(), fact);
    }
    return fact;
}

// Jobs that were made from it, of any status or of one.
std::int64_t count_children(const state::StateView& view, std::string_view name,
                            std::string_view job) {
    constexpr std::string_view prefix = "job.children";
    const auto children = state::children_of(view.tables(), {"default", std::string{job}});
    if (name == prefix) return static_cast<std::int64_t>(children.size());
    const std::string_view status = name.substr(prefix.size() + 1);
    return std::count_if(children.begin(), children.end(),
                         [&](const state::JobPtr& child) { return child->status() == status; });
}

}  // namespace

World::World(const Scenario& told, std::uint64_t seed, Trace written)
    : scenario{told},
      trace{written},
      network{Prng{seed}, told.world.servers, told.world.clients, told.cluster.servers},
      workload{told, Prng{seed}},
      members{Prng{seed}},
      drains{Prng{seed}},
      rollouts{Prng{seed}},
      faults{told, Prng{seed}},
      swarm{told, Prng{seed}},
      root_{seed} {
    Prng identities = root_.stream("identities");
    std::vector<server::ServerInfoPtr> infos;
    for (std::uint32_t i = 0; i < told.cluster.servers; ++i)
        infos.push_back(make_server(told, identities, i));
    for (std::uint32_t i = 0; i < infos.size(); ++i)
        servers.emplace_back(i, infos[i], infos, root_);
    for (const auto& nodes_told : told.cluster.nodes) {
        for (std::uint32_t i = 0; i < nodes_told.count; ++i) {
            const auto number = static_cast<std::uint32_t>(nodes.size());
            nodes.emplace_back(number, make_node(nodes_told, identities, number), root_);
        }
    }
}

void World::at(Instant when, Action action) {
    queue_.push(std::max(when, now_), std::move(action));
}

WallTime World::wall() const { return first_wall_time + now_.time_since_epoch(); }

void World::advance() {
    auto [when, action] = queue_.pop();
    now_ = when;
    action(*this);
}

const ServerProcess* World::leader() const {
    const ServerProcess* found = nullptr;
    for (const auto& server : servers) {
        if (!server.runs() || !server.engine().leads()) continue;
        if (found == nullptr || server.engine().raft().term() > found->engine().raft().term())
            found = &server;
    }
    return found;
}

const ServerProcess* World::most_advanced() const {
    const ServerProcess* found = nullptr;
    for (const auto& server : servers) {
        if (!server.runs()) continue;
        if (found == nullptr ||
            server.engine().view().applied_index() > found->engine().view().applied_index()) {
            found = &server;
        }
    }
    return found;
}

void World::fail(Class verdict, std::string check, std::string message) {
    if (failure_) return;
    trace.event(now_, "failure", 0, fingerprint(check));
    failure_ = Failure{verdict, std::move(check), std::move(message), now_};
}

std::int64_t World::fact(std::string_view name, std::string_view argument) const {
    if (name == "mark") return marks.count(argument) > 0 ? 1 : 0;
    if (name == "count") return static_cast<std::int64_t>(marks.count(argument));
    if (name == "servers.up") {
        return std::count_if(servers.begin(), servers.end(),
                             [](const auto& one) { return one.runs(); });
    }
    if (name == "nodes.up") {
        return std::count_if(nodes.begin(), nodes.end(),
                             [](const auto& one) { return one.agent_runs(); });
    }
    if (name.starts_with("leader")) return leader_fact(name);
    if (name.starts_with("server.")) return server_fact(name, argument);
    if (name == "tasks.running") {
        std::int64_t running = 0;
        for (const auto& node : nodes) {
            for (const auto& task : node.running_tasks()) running += task.job == argument ? 1 : 0;
        }
        return running;
    }
    return state_fact(name, argument);
}

std::int64_t World::leader_fact(std::string_view name) const {
    const ServerProcess* const found = leader();
    if (found == nullptr) return 0;
    if (name == "leader.term")
        return static_cast<std::int64_t>(found->engine().raft().term().value());
    if (name == "leader.applied")
        return static_cast<std::int64_t>(found->engine().view().applied_index());
    return found->number() + 1;
}

std::int64_t World::server_fact(std::string_view name, std::string_view argument) const {
    const auto number = number_of(argument);
    if (!number || *number == 0 || *number > servers.size()) return 0;
    const ServerProcess& server = servers[*number - 1];
    if (name == "server.raft_protocol") return server.raft_protocol();
    if (name == "server.votes" || name == "server.member") {
        const ServerProcess* const leading = leader();
        if (leading == nullptr) return 0;
        const auto& conf = leading->engine().raft().conf();
        return (name == "server.votes" ? conf.votes(server.raft_id())
                                       : conf.contains(server.raft_id()))
                   ? 1
                   : 0;
    }
    if (name == "server.level") return server.supported_level();
    if (!server.runs()) return 0;
    if (name == "server.removed") return server.knows_it_is_removed() ? 1 : 0;
    if (name == "server.applied")
        return static_cast<std::int64_t>(server.engine().view().applied_index());
    return 1;
}

std::int64_t World::node_fact(const state::StateView& view, std::string_view name,
                              std::string_view argument) const {
    const auto number = number_of(argument);
    if (!number || *number == 0 || *number > nodes.size()) return 0;
    const Uuid& id = nodes[*number - 1].id();
    if (name == "node.drained") {
        const auto node = view.node(id);
        return node && !node->has_drain_strategy() && node->last_drain().status() == "complete";
    }
    std::int64_t live = 0;
    for (const auto& row : view.allocations_on(id)) live += row->client_terminal() ? 0 : 1;
    return live;
}

std::int64_t World::deployment_fact(const state::StateView& view, std::string_view name,
                                    std::string_view argument) const {
    const state::JobKey key{"default", std::string{argument}};
    name.remove_prefix(std::string_view{"deployment."}.size());
    std::int64_t of_status = 0;
    for (const auto& one : view.deployments_of(key)) of_status += one->status() == name ? 1 : 0;
    const auto latest = view.latest_deployment(key);
    if (!latest) return 0;
    std::int64_t placed = 0, healthy = 0, unhealthy = 0, canaries = 0, unpromoted = 0;
    for (const auto& group : latest->task_groups()) {
        placed += group.placed_allocs();
        healthy += group.healthy_allocs();
        unhealthy += group.unhealthy_allocs();
        canaries += group.placed_canaries_size();
        unpromoted += group.desired_canaries() > 0 && !group.promoted() ? 1 : 0;
    }
    if (name == "placed") return placed;
    if (name == "healthy") return healthy;
    if (name == "unhealthy") return unhealthy;
    if (name == "canaries") return canaries;
    if (name == "unpromoted") return unpromoted;
    if (name == "unsettled") return placed - healthy - unhealthy;
    return of_status;
}

std::int64_t World::state_fact(std::string_view name, std::string_view argument) const {
    const ServerProcess* const server = most_advanced();
    if (server == nullptr) return 0;
    const state::StateView& view = server->engine().view();
    if (name == "cluster.level") return view.feature_level();
    if (name == "cluster.rehearsals") return static_cast<std::int64_t>(view.rehearsals());
    if (name == "job.exists") return view.job({"default", std::string{argument}}) ? 1 : 0;
    if (name == "job.blocked") return count_blocked(view, argument);
    if (name.starts_with("deployment.")) return deployment_fact(view, name, argument);
    if (name.starts_with("job.children")) return count_children(view, name, argument);
    if (name.starts_with("job.")) return job_fact(view, name, argument);
    if (name == "alloc.current" || name == "alloc.outdated") {
        return count_by_version(view, argument, name == "alloc.current");
    }
    if (name.starts_with("node.")) return node_fact(view, name, argument);
    if (name == "nodes.draining") {
        std::int64_t draining = 0;
        for (const auto& node : view.nodes()) draining += node->has_drain_strategy() ? 1 : 0;
        return draining;
    }
    if (name == "nodes.ready") {
        std::int64_t ready = 0;
        for (const auto& node : view.nodes()) ready += node->status() == "ready" ? 1 : 0;
        return ready;
    }
    return count_allocations(view, argument, name.substr(std::string_view{"alloc."}.size()));
}

}  // namespace drover::sim
