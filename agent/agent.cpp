#include "agent/agent.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <utility>

#include "agent/api/api.hpp"
#include "agent/api/members.hpp"
#include "agent/backend.hpp"
#include "agent/client_host.hpp"
#include "agent/join.hpp"
#include "agent/log.hpp"
#include "agent/log_streams.hpp"
#include "agent/node.hpp"
#include "agent/release.hpp"
#include "agent/server_host.hpp"
#include "agent/server_link.hpp"
#include "engine/schema/request.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/state/features.hpp"
#include "io/clock.hpp"
#include "io/durable_file.hpp"
#include "io/http_server.hpp"
#include "io/worker_pool.hpp"

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t protocol_version = 1;
constexpr std::size_t measurements_bytes_max = std::size_t{64} << 10;  // that wait for their turn
constexpr std::size_t measurement_bytes = 1024;
constexpr Duration ask_timeout = std::chrono::minutes{11};

std::string host_of(const std::string& preferred, const std::string& fallback) {
    return preferred.empty() ? fallback : preferred;
}

std::string with_port(const std::string& host, std::uint16_t port) {
    return host.find(':') != std::string::npos && host.front() != '['
               ? "[" + host + "]:" + std::to_string(port)
               : host + ":" + std::to_string(port);
}

// An address that others can dial: the wildcard is not one.
std::string reachable(const std::string& advertise, const std::string& bound, std::uint16_t port) {
    if (!advertise.empty())
        return advertise.find(':') == std::string::npos ? with_port(advertise, port) : advertise;
    return with_port(bound == "0.0.0.0" || bound == "::" ? "127.0.0.1" : bound, port);
}

std::vector<std::string> with_default_port(std::vector<std::string> addresses, std::uint16_t port) {
    for (auto& address : addresses) {
        if (address.find(':') == std::string::npos) address = with_port(address, port);
    }
    return addresses;
}

constexpr Duration hand_over_patience = std::chrono::seconds{1};

// A dev agent forgets everything, so it gets a directory of its own and never touches what another
// agent may have left in a configured one.
Result<std::string> make_dev_directory(const fs::path& parent) {
    std::error_code error;
    fs::create_directories(parent, error);
    std::string pattern = (parent / ("drover-dev-" + std::string(6, 'X'))).string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        return fail(Errc::internal,
                    pattern + ": cannot be created; check that the folder is writable");
    }
    return pattern;
}

server::ResponsePtr failed_response(Errc code, std::string message) {
    auto response = std::make_shared<schema::Response>();
    response->mutable_failure()->set_code(static_cast<std::uint32_t>(code));
    response->mutable_failure()->set_message(std::move(message));
    return response;
}

}  // namespace

struct Agent::Impl : Backend {
    Impl(Config told, OnHalt halt) : config_{std::move(told)}, on_halt{std::move(halt)} {}
    ~Impl() override;

    [[nodiscard]] Result<void> start();
    [[nodiscard]] Result<void> prepare_directories();
    [[nodiscard]] Result<void> describe_server();
    [[nodiscard]] Result<void> start_transport();
    [[nodiscard]] Result<void> start_server();
    [[nodiscard]] Result<void> start_join();
    [[nodiscard]] Result<void> start_client();
    [[nodiscard]] Result<void> start_http();
    void found(const std::vector<membership::Card>& founders);
    void admit(const membership::Card& newcomer);
    void peer_event(const io::PeerEvent& event);

    Asked ask(server::RequestPtr request, OnResponse on_response) override;
    void abandon(Asked asked) override;
    [[nodiscard]] const Config& config() const override { return config_; }
    [[nodiscard]] AgentFacts facts() const override;
    [[nodiscard]] Uuid mint() override;
    [[nodiscard]] bool offer(std::function<void()> work) override {
        return measuring.offer(std::move(work), measurement_bytes);
    }
    std::unique_ptr<Reading> read_logs(const Uuid& node, LogRequest request,
                                       LogReceiver receiver) override;

    Config config_;
    OnHalt on_halt;
    std::string dev_directory;  // ours alone; removed at the end
    server::ServerInfoPtr self;
    Uuid node_id;
    std::mutex prng_mutex;
    Prng prng{0};
    mutable std::mutex peers_mutex;
    std::multiset<std::string> connected;  // identities of peers with an open connection

    // In the order of their building; taken down the other way round.
    std::unique_ptr<ServerHost> server;
    std::unique_ptr<LogService> logs;
    std::unique_ptr<io::Transport> transport;
    std::unique_ptr<ServerLink> link;
    std::unique_ptr<Join> join;
    std::unique_ptr<ClientHost> client;
    std::unique_ptr<Api> api;
    std::unique_ptr<io::HttpServer> http;
    io::WorkerPool measuring{{.threads = 1, .queue_bytes_max = measurements_bytes_max}};
};

Result<std::unique_ptr<Agent>> Agent::start(Config config, OnHalt on_halt) {
    auto impl = std::make_unique<Impl>(std::move(config), std::move(on_halt));
    if (auto started = impl->start(); !started) return tl::unexpected{started.error()};
    return std::unique_ptr<Agent>{new Agent{std::move(impl)}};
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Agent::~Agent() = default;

const Config& Agent::config() const { return impl_->config_; }
std::string Agent::http_address() const { return impl_->http->address(); }

Agent::Impl::~Impl() {
    http.reset();
    measuring.stop();
    api.reset();
    client.reset();
    if (server) server->step_aside(hand_over_patience);
    if (server) server->on_member({});
    join.reset();
    // The transport's handlers use the server; the server's thread uses the transport.
    if (server) server->stop();
    transport.reset();
    logs.reset();
    link.reset();
    server.reset();
    if (dev_directory.empty()) return;
    std::error_code ignored;
    fs::remove_all(dev_directory, ignored);
}

Result<void> Agent::Impl::start() {
    const auto seed = io::entropy_seed();
    if (!seed) return tl::unexpected{seed.error()};
    prng = Prng{*seed};
    using Part = Result<void> (Impl::*)();
    for (const Part part :
         {&Impl::prepare_directories, &Impl::describe_server, &Impl::start_transport,
          &Impl::start_server, &Impl::start_client, &Impl::start_http}) {
        if (auto done = (this->*part)(); !done) return done;
    }
    return {};
}

Result<void> Agent::Impl::prepare_directories() {
    if (config_.name.empty()) {
        std::string host(256, '\0');
        if (::gethostname(host.data(), host.size() - 1) != 0)
            return fail(Errc::internal, "the host has no name; set `name`");
        config_.name = host.c_str();
    }
    if (config_.dev_mode) {
        auto directory = make_dev_directory(config_.data_dir.empty() ? fs::temp_directory_path()
                                                                     : fs::path{config_.data_dir});
        if (!directory) return tl::unexpected{directory.error()};
        config_.data_dir = dev_directory = *directory;
    }
    if (auto made = io::make_directories(config_.data_dir); !made)
        return fail(Errc::internal, "data_dir " + config_.data_dir +
                                        ": cannot be created: " + made.error().message);
    if (config_.client.enabled) {
        const auto id = load_node_identity(config_);
        if (!id) return tl::unexpected{id.error()};
        node_id = *id;
    }
    return {};
}

Result<void> Agent::Impl::describe_server() {
    if (!config_.server.enabled) return {};
    if (auto guarded = guard_raft_version(config_); !guarded) return guarded;
    const auto identity = load_server_identity(config_.server_dir());
    if (!identity) return tl::unexpected{identity.error()};
    auto info = std::make_shared<schema::ServerInfo>();
    info->set_raft_id(identity->raft_id);
    info->set_id(identity->id.raw());
    info->set_name(config_.name + "." + config_.region);
    info->set_address(reachable(config_.advertise.rpc,
                                host_of(config_.addresses.rpc, config_.bind_addr),
                                config_.ports.rpc));
    info->set_serf_address(reachable(config_.advertise.serf,
                                     host_of(config_.addresses.serf, config_.bind_addr),
                                     config_.ports.serf));
    info->set_http_address(reachable(config_.advertise.http,
                                     host_of(config_.addresses.http, config_.bind_addr),
                                     config_.ports.http));
    info->set_region(config_.region);
    info->set_datacenter(config_.datacenter);
    info->set_release(std::string{release});
    info->set_raft_protocol(config_.server.raft_protocol);
    self = std::move(info);
    auto opened = ServerHost::open(config_, self, on_halt);
    if (!opened) return tl::unexpected{opened.error()};
    server = std::move(*opened);
    return {};
}

Result<void> Agent::Impl::start_transport() {
    const std::string local_node = config_.client.enabled ? node_id.text() : std::string{};
    logs = std::make_unique<LogService>(
        local_node,
        [this](const Uuid& allocation) {
            return client ? client->log_directory(allocation) : std::string{};
        },
        server != nullptr);
    io::TransportOptions options;
    options.self = {io::Lane::general,
                    "",
                    config_.region,
                    server ? Uuid::from_raw(self->id())->text() : local_node,
                    server ? self->address() : "",
                    std::string{release},
                    protocol_version,
                    protocol_version};
    if (server)
        options.listen =
            with_port(host_of(config_.addresses.rpc, config_.bind_addr), config_.ports.rpc);
    io::TransportHandlers handlers;
    handlers.on_message = [this](const io::Handshake& from, io::Lane, std::string bytes) {
        const auto id = Uuid::from_text(from.node);
        if (server && id)
            server->message(membership::raft_id_of(*id), from.address, std::move(bytes));
    };
    handlers.on_request = [this](const io::Handshake&, std::string bytes,
                                 const io::Responder& responder) {
        if (server) server->request(std::move(bytes), responder);
    };
    handlers.on_drained = [this] {
        if (server) server->drained();
    };
    handlers.on_stream = [this](const io::Handshake&, const std::string& opening,
                                io::Stream stream) {
        logs->serve(*transport, opening, std::move(stream));
    };
    handlers.on_peer = [this](const io::PeerEvent& event) { peer_event(event); };
    auto opened = io::Transport::open(std::move(options), std::move(handlers));
    if (!opened) return tl::unexpected{opened.error()};
    // The handlers use it, so it must be in its place before they run.
    transport = std::move(*opened);
    transport->run();
    return {};
}

void Agent::Impl::peer_event(const io::PeerEvent& event) {
    const std::lock_guard lock{peers_mutex};
    if (const auto* up = std::get_if<io::PeerConnected>(&event)) {
        connected.insert(up->peer.node);
    } else if (const auto* down = std::get_if<io::PeerDisconnected>(&event)) {
        const auto one = connected.find(down->peer.node);
        if (one != connected.end()) connected.erase(one);
    } else if (const auto* rejected = std::get_if<io::ConnectionRejected>(&event)) {
        log(LogLevel::warn, "rpc",
            "connection from " + rejected->remote + " was rejected: " + rejected->reason);
    }
}

// ---- the server

Result<void> Agent::Impl::start_server() {
    if (!server) return {};
    if (server->has_state()) {
        if (auto started = server->start({}, *transport); !started) return started;
        return start_join();
    }
    if (config_.server.bootstrap_expect == 1 && config_.server.join.empty()) {
        if (auto started = server->start({self}, *transport); !started) return started;
        return config_.dev_mode ? Result<void>{} : start_join();
    }
    return start_join();
}

Result<void> Agent::Impl::start_join() {
    membership::Config handshake;
    handshake.self = {*Uuid::from_raw(self->id()),
                      self->raft_id(),
                      self->name(),
                      self->region(),
                      self->serf_address(),
                      self->address(),
                      config_.server.bootstrap_expect,
                      self->raft_protocol(),
                      self->release(),
                      server->has_state() || server->running(),
                      state::oldest_level,
                      config_.server.supported_feature_level != 0
                          ? config_.server.supported_feature_level
                          : state::newest_level};
    handshake.join_addresses = with_default_port(config_.server.join, config_.ports.serf);
    JoinHandlers handlers;
    handlers.on_decided = [this](const std::vector<membership::Card>& founders) {
        found(founders);
    };
    handlers.on_newcomer = [this](const membership::Card& newcomer) { admit(newcomer); };
    auto started = Join::start(
        with_port(host_of(config_.addresses.serf, config_.bind_addr), config_.ports.serf),
        std::move(handshake), config_.server_dir() + "/join-promise", std::move(handlers));
    if (!started) return tl::unexpected{started.error()};
    join = std::move(*started);
    server->on_member([this] { join->became_member(); });
    return {};
}

void Agent::Impl::found(const std::vector<membership::Card>& founders) {
    std::vector<server::ServerInfoPtr> voters;
    for (const auto& card : founders) {
        auto info = std::make_shared<schema::ServerInfo>();
        info->set_raft_id(card.raft_id);
        info->set_id(card.id.raw());
        info->set_name(card.name);
        info->set_region(card.region);
        info->set_address(card.peer_address);
        info->set_serf_address(card.join_address);
        info->set_raft_protocol(card.raft_protocol);
        info->set_release(card.release);
        voters.push_back(std::move(info));
    }
    if (auto started = server->start(std::move(voters), *transport); !started)
        on_halt(started.error().message);
}

void Agent::Impl::admit(const membership::Card& newcomer) {
    auto request = std::make_shared<schema::Request>();
    request->set_request_id(mint().raw());
    request->set_region(config_.region);
    auto& info = *request->mutable_register_server()->mutable_server();
    info.set_raft_id(newcomer.raft_id);
    info.set_id(newcomer.id.raw());
    info.set_name(newcomer.name);
    info.set_region(newcomer.region);
    info.set_address(newcomer.peer_address);
    info.set_serf_address(newcomer.join_address);
    info.set_raft_protocol(newcomer.raft_protocol);
    info.set_release(newcomer.release);
    info.set_level_min(newcomer.level_min);
    info.set_level_max(newcomer.level_max);
    server->ask(std::move(request), [name = newcomer.name](const server::ResponsePtr& response) {
        if (response->has_failure()) {
            log(LogLevel::warn, "server.join",
                name + " was not admitted: " + response->failure().message());
        }
    });
}

// ---- the client

Result<void> Agent::Impl::start_client() {
    if (!server)
        link = std::make_unique<ServerLink>(*transport,
                                            with_default_port(config_.client.servers, 4647));
    if (!config_.client.enabled) return {};
    ClientHost::AskServer ask_server;
    if (server) {
        ask_server = [this](const client::RequestPtr& request, Duration,
                            const ClientHost::Reply& reply) {
            server->ask(request,
                        [reply](server::ResponsePtr response) { reply(std::move(response), {}); });
        };
    } else {
        ask_server = [this](const client::RequestPtr& request, Duration timeout,
                            const ClientHost::Reply& reply) {
            link->ask(request, timeout,
                      [reply](server::ResponsePtr response, std::string reason, bool) {
                          reply(std::move(response), std::move(reason));
                      });
        };
    }
    const std::string http_address =
        reachable(config_.advertise.http, host_of(config_.addresses.http, config_.bind_addr),
                  config_.ports.http);
    auto started = ClientHost::start(config_, http_address, std::move(ask_server));
    if (!started) return tl::unexpected{started.error()};
    client = std::move(*started);
    return {};
}

// ---- the API and what it asks

Result<void> Agent::Impl::start_http() {
    api = std::make_unique<Api>(*this);
    io::HttpServerOptions options;
    const std::string host = host_of(config_.addresses.http, config_.bind_addr);
    options.listen = host.starts_with("unix://") ? host : with_port(host, config_.ports.http);
    auto started = io::HttpServer::start(
        std::move(options), [this](io::HttpRequest request, io::HttpResponder responder) {
            api->handle(std::move(request), std::move(responder));
        });
    if (!started) return tl::unexpected{started.error()};
    http = std::move(*started);
    return {};
}

Backend::Asked Agent::Impl::ask(server::RequestPtr request, OnResponse on_response) {
    if (server) return server->ask(std::move(request), std::move(on_response));
    link->ask(std::move(request), ask_timeout,
              [on_response = std::move(on_response)](server::ResponsePtr response,
                                                     const std::string& reason, bool never_sent) {
                  if (response) {
                      on_response(std::move(response));
                  } else {
                      on_response(failed_response(
                          never_sent ? Errc::no_leader : Errc::unknown_outcome, reason));
                  }
              });
    return 0;
}

void Agent::Impl::abandon(Asked asked) {
    if (server) server->abandon(asked);
}

Uuid Agent::Impl::mint() {
    const std::lock_guard lock{prng_mutex};
    return Uuid::mint(io::wall_now(), prng);
}

AgentFacts Agent::Impl::facts() const {
    AgentFacts facts;
    if (config_.client.enabled) facts.node_id = node_id.text();
    facts.http_address = http ? http->address() : std::string{};
    facts.client_healthy = client && client->registered();
    if (!server) return facts;
    facts.server_id = Uuid::from_raw(self->id())->text();
    facts.server_healthy = server->leader() != 0;
    facts.log_syncs = server->log_syncs();
    auto servers = server->servers();
    if (servers.empty()) servers.push_back(self);
    const std::lock_guard lock{peers_mutex};
    for (const auto& one : servers) {
        Member member = member_of(*one);
        const bool alive = one->raft_id() == self->raft_id() || connected.contains(member.id);
        member.status = alive ? "alive" : "failed";
        if (member.datacenter.empty()) member.datacenter = config_.datacenter;
        member.leader = one->raft_id() == server->leader();
        member.bootstrap_expect = config_.server.bootstrap_expect;
        facts.members.push_back(std::move(member));
    }
    return facts;
}

std::unique_ptr<Reading> Agent::Impl::read_logs(const Uuid& node, LogRequest request,
                                                LogReceiver receiver) {
    if (client && node == node_id) {
        const std::string directory = client->log_directory(request.allocation);
        if (!directory.empty())
            return read_local_logs(directory, std::move(request), std::move(receiver));
        receiver.on_end(
            Error{Errc::not_found, "no logs of this allocation are kept here any more"});
        return nullptr;
    }
    const io::Target target =
        server ? io::Target{io::Node{node.text()}} : io::Target{io::Address{link->current()}};
    return read_remote_logs(*transport, target, node, request, std::move(receiver));
}

}  // namespace drover::agent
