#include "agent/server_host.hpp"

#include <filesystem>
#include <future>
#include <utility>

#include "agent/log.hpp"
#include "agent/offline/peers_recovery.hpp"
#include "agent/offline/read_disk.hpp"
#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"
#include "engine/membership/membership.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/server/raft_version.hpp"
#include "engine/server/snapshot.hpp"
#include "engine/server/wire.hpp"
#include "engine/storage/layout.hpp"
#include "io/clock.hpp"
#include "io/durable_file.hpp"
#include "io/raft_version_file.hpp"
#include "io/time_zones.hpp"

namespace drover::agent {
namespace {

LogLevel level_of(server::Severity severity) {
    switch (severity) {
        case server::Severity::debug:
            return LogLevel::debug;
        case server::Severity::info:
            return LogLevel::info;
        case server::Severity::warning:
            return LogLevel::warn;
        case server::Severity::error:
            return LogLevel::error;
    }
    return LogLevel::info;
}

server::ResponsePtr failure(const schema::Request& request, Errc code, std::string message) {
    auto response = std::make_shared<schema::Response>();
    response->set_request_id(request.request_id());
    response->mutable_failure()->set_code(static_cast<std::uint32_t>(code));
    response->mutable_failure()->set_message(std::move(message));
    return response;
}

server::VersionFile read_version(const std::filesystem::path& path) {
    return std::visit(Match{[](const io::VersionFileMissing&) -> server::VersionFile {
                                return server::VersionFileMissing{};
                            },
                            [](const io::VersionFileUnreadable& one) -> server::VersionFile {
                                return server::VersionFileUnreadable{one.reason};
                            },
                            [](const io::VersionFileInvalid& one) -> server::VersionFile {
                                return server::VersionFileRead{one.content};
                            },
                            [](const io::VersionFileNumber& one) -> server::VersionFile {
                                return server::VersionFileRead{std::to_string(one.number)};
                            }},
                      io::read_version_file(path));
}

server::ServerInfoPtr address_only(const schema::ServerInfo& server) {
    auto peer = std::make_shared<schema::ServerInfo>();
    peer->set_raft_id(server.raft_id());
    peer->set_address(server.address());
    return peer;
}

void report_recovery(const offline::PeersRecovery& done) {
    log(LogLevel::warn, "server.raft",
        "peers.json was found and carried out: the group begins anew after entry " +
            std::to_string(done.last_index) + " with " + std::to_string(done.members.size()) +
            " members; what was there before is in " + done.backup.string());
}

}  // namespace

Result<ServerIdentity> load_server_identity(const std::string& server_dir) {
    if (auto made = io::make_directories(server_dir); !made) return tl::unexpected{made.error()};
    const std::filesystem::path file = std::filesystem::path{server_dir} / "node-id";
    if (const auto text = io::read_file(file, 0, 64)) {
        const auto id = Uuid::from_text(text->substr(0, 36));
        if (!id) {
            return fail(Errc::corrupt, file.string() +
                                           ": not a UUID; restore it from a backup: a server "
                                           "that changes its identity is another server");
        }
        return ServerIdentity{*id, membership::raft_id_of(*id)};
    } else if (text.error().code != Errc::not_found) {
        return tl::unexpected{text.error()};
    }
    const auto seed = io::entropy_seed();
    if (!seed) return tl::unexpected{seed.error()};
    Prng prng{*seed};
    const Uuid id = Uuid::mint(io::wall_now(), prng);
    if (auto written = io::write_file_durably(file, id.text() + "\n"); !written) {
        return tl::unexpected{written.error()};
    }
    return ServerIdentity{id, membership::raft_id_of(id)};
}

Result<void> guard_raft_version(const Config& config) {
    if (config.dev_mode) return {};
    const auto path = io::version_file_path(config.data_dir);
    const auto decision =
        server::decide_raft_version(read_version(path), config.server.raft_protocol, path.string());
    if (const auto* refuse = std::get_if<server::RefuseVersion>(&decision)) {
        return fail(Errc::unsupported, refuse->line);
    }
    const auto& start = std::get<server::StartWithVersion>(decision);
    for (const auto& line : start.lines) log(level_of(line.severity), "server.raft", line.text);
    if (auto written = io::write_version_file(path, config.server.raft_protocol); !written) {
        return fail(Errc::internal,
                    server::raft_version_write_failed(config.server.raft_protocol, path.string(),
                                                      written.error().message));
    }
    return {};
}

Result<std::unique_ptr<ServerHost>> ServerHost::open(const Config& config,
                                                     server::ServerInfoPtr self, OnHalt on_halt) {
    const std::string raft_dir = config.server_dir() + "/raft";
    // Before the store is opened: a copy of its files is made first.
    auto forced = offline::recover_by_peers_file(config.data_dir);
    if (!forced) return tl::unexpected{forced.error()};
    if (*forced) report_recovery(**forced);
    auto store = io::RocksStore::open(raft_dir + "/store");
    if (!store) return tl::unexpected{store.error()};
    auto snapshots = io::SnapshotFiles::open(raft_dir + "/snapshots");
    if (!snapshots) return tl::unexpected{snapshots.error()};
    std::unique_ptr<ServerHost> host{new ServerHost{config, std::move(self), std::move(on_halt),
                                                    std::move(*store), std::move(*snapshots)}};
    if (auto recovered = host->recover(); !recovered) return tl::unexpected{recovered.error()};
    return host;
}

ServerHost::ServerHost(const Config& config, server::ServerInfoPtr self, OnHalt on_halt,
                       std::unique_ptr<io::RocksStore> store, io::SnapshotFiles snapshots)
    : config_{config},
      self_{std::move(self)},
      on_halt_{std::move(on_halt)},
      store_{std::move(store)},
      snapshots_{std::move(snapshots)} {}

void ServerHost::stop() {
    running_ = false;
    if (engine_) engine_->stop();
    queries_.stop();
    scheduling_.stop();
    snapshotting_.stop();
}

ServerHost::~ServerHost() {
    stop();
    store_.reset();  // tells its last completions; the engine no longer listens
}

Result<void> ServerHost::recover() {
    const std::filesystem::path raft_dir = config_.server_dir() + "/raft";
    auto found = offline::read_disk(raft_dir, *store_, snapshots_);
    if (!found) return tl::unexpected{found.error()};
    for (const auto& note : found->notes) log(LogLevel::warn, "server.raft", note);
    if (!found->repair.empty()) {
        if (auto repaired = store_->write(std::move(found->repair)); !repaired) return repaired;
    }
    durable_ = std::move(found->durable);
    damaged_ = std::move(found->damaged);
    auto mark = io::MarkFile::open(offline::mark_path(raft_dir));
    if (!mark) return tl::unexpected{mark.error()};
    mark_ = std::move(*mark);
    return {};
}

server::Config ServerHost::engine_config(std::vector<server::ServerInfoPtr> bootstrap) const {
    server::Config engine;
    const ServerBlock& told = config_.server;
    engine.self = self_;
    engine.bootstrap = std::move(bootstrap);
    // An election timeout of one second times the multiplier.
    engine.raft.tick = std::chrono::milliseconds{100} * told.raft_multiplier;
    engine.control.heartbeat_ttl_min = told.min_heartbeat_ttl;
    engine.control.heartbeat_grace = told.heartbeat_grace;
    engine.control.heartbeat_failover_ttl = told.failover_heartbeat_ttl;
    engine.control.heartbeat_rate_max = static_cast<std::uint64_t>(told.max_heartbeats_per_second);
    engine.control.garbage_interval = told.job_gc_interval;
    engine.control.job_garbage_age = told.job_gc_threshold;
    engine.control.evaluation_garbage_age = told.eval_gc_threshold;
    engine.control.batch_evaluation_garbage_age = told.batch_eval_gc_threshold;
    engine.control.deployment_garbage_age = told.deployment_gc_threshold;
    engine.control.node_garbage_age = told.node_gc_threshold;
    engine.control.zones = std::make_shared<const TimeZones>(io::read_time_zones());
    engine.snapshot_threshold_entries = told.raft_snapshot_threshold;
    engine.snapshot_trailing_entries = told.raft_trailing_logs;
    engine.supported_level = told.supported_feature_level;
    engine.finalize_upgrades = told.finalize_upgrades;
    return engine;
}

Result<void> ServerHost::start(std::vector<server::ServerInfoPtr> bootstrap,
                               io::Transport& transport) {
    transport_ = &transport;
    for (const auto& peer : bootstrap) peers_[peer->raft_id()] = peer;
    const auto seed = io::entropy_seed();
    if (!seed) return tl::unexpected{seed.error()};
    auto engine = server::Server::recover(engine_config(std::move(bootstrap)), std::move(durable_),
                                          io::now(), *seed);
    if (!engine) return tl::unexpected{engine.error()};
    for (const io::SnapshotFile& file : damaged_) {
        if (auto aside = io::SnapshotFiles::set_aside(file); !aside) {
            log(LogLevel::warn, "server.raft", aside.error().message);
        }
    }
    engine_ = std::make_unique<Engine>(
        std::move(*engine), [this](server::Server& one, std::vector<server::Effect>& effects) {
            perform(one, effects);
        });
    running_ = true;
    engine_->start();
    engine_->deliver(server::TimePassed{});
    return {};
}

// ---- requests

std::uint64_t ServerHost::ask(server::RequestPtr request, OnResponse on_response, io::Wake wake) {
    if (!running_) {
        on_response(failure(*request, Errc::no_leader, "No cluster leader"));
        return 0;
    }
    std::uint64_t ticket = 0;
    {
        const std::lock_guard lock{mutex_};
        ticket = next_ticket_++;
        asked_.emplace(ticket, std::move(on_response));
    }
    const std::size_t bytes = request->ByteSizeLong();
    if (!engine_->offer(server::RequestReceived{server::Ticket{ticket}, request}, bytes, wake)) {
        respond(server::Ticket{ticket},
                failure(*request, Errc::overloaded, "the server's queue is full; try again later"));
    }
    return ticket;
}

void ServerHost::step_aside(Duration patience) {
    if (!running_ || leader_ != self_->raft_id()) return;
    auto request = std::make_shared<schema::Request>();
    request->mutable_transfer_leadership();
    request->set_timeout_ns(patience.count());
    // Outlives this call where no answer comes in time.
    auto answered = std::make_shared<std::promise<server::ResponsePtr>>();
    auto answer = answered->get_future();
    ask(std::move(request),
        [answered](server::ResponsePtr response) { answered->set_value(std::move(response)); });
    if (answer.wait_for(patience) != std::future_status::ready) {
        log(LogLevel::warn, "server.raft", "stopping as leader: nobody took over in time");
        return;
    }
    const server::ResponsePtr response = answer.get();
    log(LogLevel::info, "server.raft",
        response->has_failure() ? "stopping as leader: " + response->failure().message()
                                : "leadership went to " + response->leader().name());
}

void ServerHost::abandon(std::uint64_t asked) {
    if (asked != 0 && running_) engine_->deliver(server::RequestAbandoned{server::Ticket{asked}});
}

void ServerHost::respond(server::Ticket ticket, server::ResponsePtr response) {
    OnResponse on_response;
    {
        const std::lock_guard lock{mutex_};
        const auto asked = asked_.find(ticket.value());
        if (asked == asked_.end()) return;
        on_response = std::move(asked->second);
        asked_.erase(asked);
    }
    on_response(std::move(response));
}

void ServerHost::request(std::string bytes, const io::Responder& responder) {
    auto request = std::make_shared<schema::Request>();
    if (!request->ParseFromString(bytes)) {
        responder.respond(failure(*request, Errc::invalid_argument, "the request cannot be decoded")
                              ->SerializeAsString());
        return;
    }
    const std::uint64_t asked = ask(
        std::move(request),
        [responder](const server::ResponsePtr& response) {
            responder.respond(response->SerializeAsString());
        },
        io::Wake::later);
    responder.on_abandoned([this, asked] { abandon(asked); });
}

void ServerHost::learn_address(std::uint64_t raft_id, const std::string& address) {
    const std::lock_guard lock{mutex_};
    if (address.empty() || peers_.contains(raft_id)) return;
    schema::ServerInfo told;
    told.set_raft_id(raft_id);
    told.set_address(address);
    peers_.emplace(raft_id, address_only(told));
}

void ServerHost::message(std::uint64_t from_raft_id, const std::string& address,
                         std::string bytes) {
    if (!running_) return;
    learn_address(from_raft_id, address);
    auto message = server::decode_peer_message(bytes);
    if (!message) {
        log(LogLevel::warn, "server.raft",
            "a peer's message was dropped: " + message.error().message);
        return;
    }
    // A full queue drops the message: the protocol expects loss.
    // The last part of a snapshot makes a long step, which the transport's thread cannot spare.
    const bool part = std::holds_alternative<server::SnapshotPart>(*message);
    (void)engine_->offer(
        server::PeerMessageReceived{raft::RaftId{from_raft_id}, std::move(*message)}, bytes.size(),
        part ? io::Wake::now : io::Wake::later);
}

void ServerHost::drained() {
    if (running_) engine_->step_or_wake();
}

std::vector<server::ServerInfoPtr> ServerHost::servers() const {
    const std::lock_guard lock{mutex_};
    std::vector<server::ServerInfoPtr> list;
    for (const auto& [raft_id, peer] : peers_) {
        if (!peer->id().empty()) list.push_back(peer);
    }
    return list;
}

// ---- effects

void ServerHost::perform(server::Server& engine, std::vector<server::Effect>& effects) {
    const auto leader = engine.raft().leader();
    leader_ = leader ? leader->value() : 0;
    for (auto& effect : effects) carry_out(effect);
    note_membership(engine);
}

void ServerHost::note_membership(const server::Server& engine) {
    const std::lock_guard lock{member_mutex_};
    if (member_ || !engine.raft().conf().contains(engine.raft().id())) return;
    member_ = true;
    if (on_member_) on_member_();
}

void ServerHost::on_member(std::function<void()> callback) {
    const std::lock_guard lock{member_mutex_};
    on_member_ = std::move(callback);
    if (member_ && on_member_) on_member_();
}

void ServerHost::carry_out(server::Effect& effect) {
    std::visit(Match{[&](server::WriteLog& one) { write_log(one.write); },
                     [&](server::CompactLog& one) { compact(one.through); },
                     [&](server::SendMessage& one) { send(one); },
                     [&](server::Respond& one) { respond(one.ticket, one.response); },
                     [&](server::AnswerQuery& one) { answer(std::move(one)); },
                     [&](server::ComputePlan& one) { compute(std::move(one)); },
                     [&](server::SaveSnapshot& one) { save_snapshot(std::move(one)); },
                     [&](server::UpdatePeers& one) { update_peers(one); },
                     [&](server::Report& one) { log(level_of(one.severity), "server", one.text); },
                     [&](server::Halt& one) { halted(one.reason); }},
               effect);
}

// The engine answers nobody any more: those who wait are told so, instead of finding out when the
// agent has ended.
void ServerHost::halted(const std::string& reason) {
    log(LogLevel::error, "server", "stopped for good: " + reason);
    running_ = false;
    leader_ = 0;
    schema::Response stopped;
    stopped.mutable_failure()->set_code(static_cast<std::uint32_t>(Errc::unknown_outcome));
    stopped.mutable_failure()->set_message(
        "this server had to stop before it knew what became of the request; ask another one");
    const auto response = std::make_shared<const schema::Response>(std::move(stopped));
    std::map<std::uint64_t, OnResponse> asked;
    {
        const std::lock_guard lock{mutex_};
        asked.swap(asked_);
    }
    for (auto& [ticket, on_response] : asked) on_response(response);
    on_halt_(reason);
}

void ServerHost::write_log(const raft::WriteLog& write) {
    const raft::WriteId id = write.write;
    if (write.snapshot) {
        const auto& meta = write.snapshot->meta;
        const auto saved =
            snapshots_.save(meta.index.value(), meta.term.value(),
                            write.snapshot->data ? *write.snapshot->data : std::string{});
        if (!saved) {
            engine_->deliver(server::WriteFailed{id, saved.error().message});
            return;
        }
    }
    const auto submitted =
        store_->submit(storage::encode(write), io::Durability::synced,
                       [this, id, last = storage::last_of(write)](Result<void> done) {
                           if (!done) {
                               engine_->deliver(server::WriteFailed{id, done.error().message});
                               return;
                           }
                           note_durable(last);
                           engine_->deliver(server::WriteCompleted{id}, 0, io::Wake::later);
                           engine_->step_or_wake();
                       });
    if (!submitted) engine_->deliver(server::WriteFailed{id, submitted.error().message});
}

// Before anybody is told: what was acknowledged is then never taken for a torn end of the log.
void ServerHost::note_durable(const std::optional<raft::EntryId>& last) {
    if (!last) return;
    const auto noted = mark_.write(storage::encode_mark(*last));
    if (noted || std::exchange(mark_complained_, true)) return;
    log(LogLevel::warn, "server.raft",
        noted.error().message + "; the log is not harmed, but an end of it that goes missing " +
            "would not be noticed");
}

void ServerHost::compact(raft::Index through) {
    // Lost in a crash, it is asked for again after the next snapshot.
    const auto submitted = store_->submit(storage::encode_compaction(through),
                                          io::Durability::relaxed, [](Result<void>) {});
    if (!submitted)
        log(LogLevel::warn, "server.raft",
            "the log was not compacted: " + submitted.error().message);
}

void ServerHost::send(const server::SendMessage& effect) {
    std::string address;
    {
        const std::lock_guard lock{mutex_};
        const auto peer = peers_.find(effect.to.value());
        if (peer == peers_.end()) return;
        address = peer->second->address();
    }
    // Consensus does not wait behind a snapshot.
    const bool bulk = std::holds_alternative<server::SnapshotPart>(effect.message);
    transport_->send(io::Address{address}, bulk ? io::Lane::general : io::Lane::raft,
                     server::encode_peer_message(effect.message));
}

void ServerHost::answer(server::AnswerQuery effect) {
    const server::Ticket ticket = effect.ticket;
    const std::size_t bytes = effect.request->ByteSizeLong();
    const bool taken = queries_.offer(
        [this, effect = std::move(effect)] { respond(effect.ticket, server::answer(effect)); },
        bytes);
    if (taken) return;
    schema::Response busy;
    busy.mutable_failure()->set_code(static_cast<std::uint32_t>(Errc::overloaded));
    busy.mutable_failure()->set_message(
        "too many queries wait to be answered by this server; try again later");
    respond(ticket, std::make_shared<const schema::Response>(std::move(busy)));
}

void ServerHost::compute(server::ComputePlan effect) {
    scheduling_.deliver([this, effect = std::move(effect)] {
        engine_->deliver(server::PlanComputed{effect.work, planner_.compute(effect)});
    });
}

void ServerHost::save_snapshot(server::SaveSnapshot effect) {
    snapshotting_.deliver([this, effect = std::move(effect)] {
        auto bytes = std::make_shared<const std::string>(server::snapshot_file(effect));
        Result<void> done = snapshots_.room_for(bytes->size());
        if (done) {
            const auto saved =
                snapshots_.save(effect.meta.index.value(), effect.meta.term.value(), *bytes);
            if (!saved) done = tl::unexpected{saved.error()};
        }
        if (done) {
            engine_->deliver(server::SnapshotSaved{effect.work, std::move(bytes)});
        } else {
            engine_->deliver(server::SnapshotFailed{effect.work, done.error().message});
        }
    });
}

void ServerHost::update_peers(const server::UpdatePeers& effect) {
    const std::lock_guard lock{mutex_};
    // Of a server that is gone the address stays, as of one that is not registered yet: there may
    // be something to tell it. It is no member to show any more.
    for (auto& [raft_id, known] : peers_) known = address_only(*known);
    for (const auto& peer : effect.servers) peers_[peer->raft_id()] = peer;
}

}  // namespace drover::agent
