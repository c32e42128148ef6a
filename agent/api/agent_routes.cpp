// The agent itself, the servers behind it, and the regions.
#include <algorithm>

#include "agent/api/members.hpp"
#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"
#include "agent/release.hpp"
#include "engine/schema/json.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

const Member* own_member(const AgentFacts& facts) {
    const auto found = std::find_if(facts.members.begin(), facts.members.end(),
                                    [&](const Member& one) { return one.id == facts.server_id; });
    return found == facts.members.end() ? nullptr : &*found;
}

JsonValue config_json(const Config& config) {
    const auto ports = [](const Ports& told) {
        return JsonValue::Object{
            {"HTTP", int{told.http}}, {"RPC", int{told.rpc}}, {"Serf", int{told.serf}}};
    };
    JsonValue::Array files;
    for (const auto& file : config.files) files.emplace_back(file);
    return JsonValue::Object{
        {"Region", config.region},
        {"Datacenter", config.datacenter},
        {"NodeName", config.name},
        {"DataDir", config.data_dir},
        {"LogLevel", config.log_level},
        {"BindAddr", config.bind_addr},
        {"EnableDebug", config.enable_debug},
        {"DevMode", config.dev_mode},
        {"Ports", ports(config.ports)},
        {"Files", files.empty() ? JsonValue{} : JsonValue{std::move(files)}},
        {"Server",
         JsonValue::Object{
             {"Enabled", config.server.enabled},
             {"BootstrapExpect", static_cast<std::int64_t>(config.server.bootstrap_expect)},
             {"RaftProtocol", static_cast<std::int64_t>(config.server.raft_protocol)}}},
        {"Client", JsonValue::Object{{"Enabled", config.client.enabled},
                                     {"NodeClass", config.client.node_class},
                                     {"NodePool", config.client.node_pool},
                                     {"AllocDir", config.alloc_dir()},
                                     {"StateDir", config.client_dir()}}},
        {"ACL", JsonValue::Object{{"Enabled", false}}},
        {"Vault", JsonValue::Object{{"Enabled", JsonValue{}}, {"Token", ""}}},
        {"Consul", JsonValue::Object{}},
        {"Version", JsonValue::Object{{"Version", std::string{claimed_version}},
                                      {"VersionPrerelease", ""},
                                      {"VersionMetadata", ""},
                                      {"Revision", ""},
                                      {"Drover", std::string{release}}}}};
}

void agent_self(const ExchangePtr& exchange) {
    const Backend& backend = exchange->backend();
    const AgentFacts facts = backend.facts();
    JsonValue stats = JsonValue::Object{};
    if (!facts.server_id.empty()) {
        const auto leader = std::find_if(facts.members.begin(), facts.members.end(),
                                         [](const Member& one) { return one.leader; });
        const bool leads = leader != facts.members.end() && leader->id == facts.server_id;
        stats.set(
            "nomad",
            JsonValue::Object{
                {"server", "true"},
                {"leader", leads ? "true" : "false"},
                {"leader_addr", leader == facts.members.end()
                                    ? std::string{}
                                    : leader->address + ":" + std::to_string(leader->rpc_port)},
                {"bootstrap", backend.config().server.bootstrap_expect == 1 ? "true" : "false"},
                {"known_regions", "1"}});
        stats.set("raft", JsonValue::Object{{"log_syncs", std::to_string(facts.log_syncs)}});
        stats.set("serf", JsonValue::Object{{"members", std::to_string(facts.members.size())}});
    }
    if (!facts.node_id.empty()) {
        stats.set("client",
                  JsonValue::Object{{"node_id", facts.node_id},
                                    {"registered", facts.client_healthy ? "true" : "false"}});
    }
    const Member* const self = own_member(facts);
    exchange->answer(
        JsonValue::Object{{"config", config_json(backend.config())},
                          {"member", self == nullptr ? JsonValue::Object{} : member_json(*self)},
                          {"stats", std::move(stats)}});
}

void answer_members(Exchange& exchange, const std::vector<Member>& members) {
    JsonValue::Array list;
    for (const auto& member : members) list.push_back(member_json(member));
    const AgentFacts facts = exchange.backend().facts();
    const Member* const self = own_member(facts);
    const Config& config = exchange.backend().config();
    exchange.answer(JsonValue::Object{{"ServerName", self == nullptr ? config.name : self->name},
                                      {"ServerRegion", config.region},
                                      {"ServerDC", config.datacenter},
                                      {"Members", std::move(list)}});
}

// An agent without a server asks one: who is a member is replicated, who is alive is not.
void agent_members(const ExchangePtr& exchange) {
    const AgentFacts facts = exchange->backend().facts();
    if (!facts.server_id.empty()) return answer_members(*exchange, facts.members);
    auto request = exchange->envelope();
    request->mutable_query()->mutable_list_servers();
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        std::vector<Member> members;
        for (const auto& server : response.servers().servers()) {
            members.push_back(member_of(server));
            if (members.back().datacenter.empty())
                members.back().datacenter = one.backend().config().datacenter;
        }
        answer_members(one, members);
    });
}

void agent_health(const ExchangePtr& exchange) {
    const AgentFacts facts = exchange->backend().facts();
    const Config& config = exchange->backend().config();
    bool wants_server = true, wants_client = true;
    if (exchange->parameter("type") != nullptr) {
        wants_server = wants_client = false;
        for (const auto& [name, value] : exchange->request().query) {
            if (name == "type" && value == "server") wants_server = true;
            if (name == "type" && value == "client") wants_client = true;
        }
    }
    const auto health = [](bool ok, const char* trouble) {
        return JsonValue::Object{{"ok", ok}, {"message", ok ? "ok" : trouble}};
    };
    JsonValue json = JsonValue::Object{};
    bool healthy = true;
    if (wants_client && config.client.enabled) {
        json.set("client",
                 health(facts.client_healthy, "the node is not registered with a server"));
        healthy = healthy && facts.client_healthy;
    }
    if (wants_server && config.server.enabled) {
        json.set("server", health(facts.server_healthy, "No cluster leader"));
        healthy = healthy && facts.server_healthy;
    }
    if (healthy) return exchange->answer(json);
    exchange->fail(500, schema::print_json(json));
}

}  // namespace

void route_agent(const ExchangePtr& exchange, const Rest& rest) {
    if (rest.size() != 1) return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    if (rest[0] == "self") return agent_self(exchange);
    if (rest[0] == "members") return agent_members(exchange);
    if (rest[0] == "health") return agent_health(exchange);
    exchange->fail(404, "");
}

void route_status(const ExchangePtr& exchange, const Rest& rest) {
    if (rest.size() != 1 || (rest[0] != "leader" && rest[0] != "peers"))
        return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    auto request = exchange->envelope();
    if (rest[0] == "leader") {
        request->mutable_query()->mutable_leader();
        return exchange->ask(std::move(request),
                             [](Exchange& one, const schema::Response& response) {
                                 one.answer(response.leader().address());
                             });
    }
    request->mutable_query()->mutable_raft_configuration();
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        JsonValue::Array peers;
        for (const auto& peer : response.raft_configuration().servers())
            peers.emplace_back(peer.address());
        one.answer(std::move(peers));
    });
}

namespace {

void raft_configuration(const ExchangePtr& exchange) {
    auto request = exchange->envelope();
    if (exchange->parameter("stale") != nullptr) request->set_consistency(schema::STALE);
    request->mutable_query()->mutable_raft_configuration();
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        JsonValue::Array servers;
        for (const auto& peer : response.raft_configuration().servers()) {
            // Protocol 2 knows servers by address only.
            const std::string id = peer.raft_protocol() >= 3 ? id_text(peer.id()) : peer.address();
            servers.push_back(
                JsonValue::Object{{"ID", id},
                                  {"Node", peer.name()},
                                  {"Address", peer.address()},
                                  {"Leader", peer.leader()},
                                  {"Voter", peer.voter()},
                                  {"RaftProtocol", std::to_string(peer.raft_protocol())}});
        }
        one.answer(JsonValue::Object{{"Servers", std::move(servers)},
                                     {"Index", response.raft_configuration().index()}});
    });
}

// Drover's own: the state of this very server, with the digest of what it has applied.
void raft_state(const ExchangePtr& exchange) {
    auto request = exchange->envelope();
    request->set_consistency(schema::STALE);
    request->mutable_query()->mutable_raft_state();
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        const auto& state = response.raft_state();
        one.answer(
            JsonValue::Object{{"RaftID", state.raft_id()},
                              {"Role", state.role()},
                              {"Term", state.term()},
                              {"CommitIndex", state.commit_index()},
                              {"AppliedIndex", state.applied_index()},
                              {"FirstIndex", state.first_index()},
                              {"LastIndex", state.last_index()},
                              {"LeaderRaftID", state.leader_raft_id()},
                              {"Digest", state.digest()},
                              {"RaftProtocol", static_cast<std::int64_t>(state.raft_protocol())},
                              {"Release", state.release()}});
    });
}

JsonValue peer_json(const schema::RaftPeer& peer) {
    return JsonValue::Object{
        {"Node", peer.name()}, {"ID", id_text(peer.id())}, {"Address", peer.address()}};
}

JsonValue transfer_json(const schema::RaftPeer& from, const schema::RaftPeer& to) {
    return JsonValue::Object{{"From", peer_json(from)},
                             {"To", peer_json(to)},
                             {"Noop", from.raft_id() == to.raft_id()},
                             {"Err", JsonValue{}}};
}

const schema::RaftPeer* find_peer(const schema::RaftConfiguration& configuration,
                                  const std::string& id, const std::string& address) {
    for (const auto& peer : configuration.servers()) {
        if (id.empty() ? peer.address() == address : id_text(peer.id()) == id) return &peer;
    }
    return nullptr;
}

void begin_transfer(Exchange& exchange, const schema::RaftPeer& from, const schema::RaftPeer& to) {
    auto request = exchange.envelope();
    request->mutable_transfer_leadership()->set_raft_id(to.raft_id());
    exchange.ask(std::move(request), [from, to](Exchange& one, const schema::Response& response) {
        one.answer(transfer_json(from, to), &response);
    });
}

// The peer is named as in the configuration, by id or by address.
void transfer_leadership(const ExchangePtr& exchange) {
    const std::string id = exchange->text("id");
    const std::string address = exchange->text("address");
    if (id.empty() == address.empty()) {
        return exchange->fail(400, "must specify exactly one of: id, address");
    }
    auto request = exchange->envelope();
    request->mutable_query()->mutable_raft_configuration();
    exchange->ask(
        std::move(request), [id, address](Exchange& one, const schema::Response& response) {
            const auto& configuration = response.raft_configuration();
            const auto* const to = find_peer(configuration, id, address);
            if (to == nullptr) {
                return one.fail(404, "no peer has the " +
                                         (id.empty() ? "address \"" + address : "id \"" + id) +
                                         "\"; `operator raft list-peers` lists them");
            }
            const auto& servers = configuration.servers();
            const auto from = std::find_if(servers.begin(), servers.end(),
                                           [](const auto& peer) { return peer.leader(); });
            begin_transfer(one, from == servers.end() ? schema::RaftPeer{} : *from, *to);
        });
}

// The engine decides who is meant and whether it may go. By address go only servers of Raft
// protocol 2, which Nomad's API does not know any more.
void remove_peer(const ExchangePtr& exchange) {
    const std::string id = exchange->text("id");
    const std::string address = exchange->text("address");
    if (id.empty() == address.empty()) {
        return exchange->fail(400, id.empty() ? "Must specify the peer's ID to remove"
                                              : "must specify exactly one of: id, address");
    }
    auto request = exchange->envelope();
    request->mutable_remove_peer()->set_id(id);
    request->mutable_remove_peer()->set_address(address);
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer_empty(&response);
    });
}

}  // namespace

void route_operator(const ExchangePtr& exchange, const Rest& rest) {
    if (rest.size() == 2 && rest[0] == "upgrade") return route_upgrade(exchange, rest);
    if (rest.size() == 2 && rest[0] == "scheduler") return route_scheduler(exchange, rest);
    if (rest.size() == 1 && rest[0] == "snapshot") return route_snapshot(exchange);
    if (rest.size() != 2 || rest[0] != "raft") return exchange->fail(404, "");
    if (rest[1] == "configuration") {
        return exchange->is_get() ? raft_configuration(exchange) : exchange->fail(405, "");
    }
    if (rest[1] == "state")
        return exchange->is_get() ? raft_state(exchange) : exchange->invalid_method();
    if (rest[1] == "peer") {
        return exchange->is_delete() ? remove_peer(exchange) : exchange->fail(404, "");
    }
    if (rest[1] == "transfer-leadership") {
        return exchange->is_write() ? transfer_leadership(exchange) : exchange->invalid_method();
    }
    exchange->fail(404, "");
}

void route_regions(const ExchangePtr& exchange, const Rest& rest) {
    if (!rest.empty()) return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    exchange->answer(JsonValue::Array{exchange->backend().config().region});
}

}  // namespace drover::agent
