#include "sim/server_process.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/server/raft_version.hpp"
#include "engine/server/snapshot.hpp"
#include "engine/state/features.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr std::string_view version_path = "server/raft/version";
// How long a scheduler run and a snapshot take at the host.
constexpr Duration snapshot_time = std::chrono::milliseconds{20};

std::uint64_t message_fingerprint(const server::PeerMessage& message) {
    const auto mixed = [](std::uint64_t kind, std::uint64_t number) {
        return (kind << 56) ^ number;
    };
    return std::visit(
        Match{[&](const raft::Message& one) { return mixed(one.body.index(), one.term.value()); },
              [&](const server::ForwardedRequest& one) { return mixed(100, one.ticket.value()); },
              [&](const server::ForwardedResponse& one) { return mixed(101, one.ticket.value()); },
              [&](const server::SnapshotPart& one) { return mixed(102, one.offset); },
              [&](const server::SnapshotReceived& one) { return mixed(103, one.bytes); },
              [&](const server::NoMember& one) { return mixed(104, one.index.value()); }},
        message);
}

}  // namespace

ServerProcess::ServerProcess(std::uint32_t number, server::ServerInfoPtr self,
                             std::vector<server::ServerInfoPtr> all, const Prng& root)
    : number_{number},
      self_{std::move(self)},
      all_{std::move(all)},
      prng_{root.stream("server", number)},
      raft_protocol_{self_->raft_protocol()},
      level_{state::newest_level_of(*self_)} {}

server::Config ServerProcess::configuration(const World& world) const {
    const Scenario& scenario = world.scenario;
    const Knobs knobs = world.swarm.knobs(scenario.cluster.knobs);
    server::Config config;
    config.self = std::make_shared<const schema::ServerInfo>(info());
    config.bootstrap = all_;
    config.supported_level = level_;
    if (knobs.tick) config.raft.tick = *knobs.tick;
    if (knobs.election_ticks) config.raft.election_ticks = *knobs.election_ticks;
    if (knobs.heartbeat_ttl) {
        config.control.heartbeat_ttl_min = *knobs.heartbeat_ttl;
        config.control.heartbeat_grace = *knobs.heartbeat_ttl;
        config.control.heartbeat_failover_ttl = *knobs.heartbeat_ttl * 3;
    }
    if (knobs.snapshot_entries) config.snapshot_threshold_entries = *knobs.snapshot_entries;
    if (knobs.snapshot_part_bytes) {
        config.snapshot_transfer.part_bytes = *knobs.snapshot_part_bytes;
        config.snapshot_transfer.window_bytes = *knobs.snapshot_part_bytes * 8;
    }
    if (knobs.trailing_entries) config.snapshot_trailing_entries = *knobs.trailing_entries;
    if (knobs.max_message_bytes) config.raft.max_message_bytes = *knobs.max_message_bytes;
    if (knobs.max_inflight_messages) {
        config.raft.max_inflight_messages = *knobs.max_inflight_messages;
    }
    if (knobs.plain_elections.value_or(false)) {
        config.raft.pre_vote = config.raft.check_quorum = false;
    }
    config.raft.coalesce = !knobs.eager_appends.value_or(false);
    config.raft.apply_before_durable = knobs.early_apply.value_or(false);
    if (knobs.request_timeout) config.request_timeout = *knobs.request_timeout;
    config.raft.sabotage.commit_old_term = scenario.sabotage.commit_old_term;
    config.raft.sabotage.acknowledge_early = scenario.sabotage.acknowledge_early;
    return config;
}

schema::ServerInfo ServerProcess::info() const {
    schema::ServerInfo info = *self_;
    info.set_raft_protocol(raft_protocol_);
    return info;
}

bool ServerProcess::knows_it_is_removed() const {
    return runs() && engine_->raft_state().role() == "removed";
}

bool ServerProcess::version_allows(World& world) {
    const server::VersionFile file =
        version_file_ ? server::VersionFile{server::VersionFileRead{*version_file_}}
                      : server::VersionFile{server::VersionFileMissing{}};
    const auto decision = server::decide_raft_version(file, raft_protocol_, version_path);
    if (std::holds_alternative<server::RefuseVersion>(decision)) {
        world.marks.add("server.refused.downgrade");
        world.trace.event(world.now(), "server.refused", number_ + 1, raft_protocol_);
        return false;
    }
    const auto& start = std::get<server::StartWithVersion>(decision);
    for (const auto& line : start.lines) {
        if (line.severity == server::Severity::warning) world.marks.add("server.version.warned");
    }
    version_file_ = start.content;
    return true;
}

void ServerProcess::start(World& world) {
    if (runs() || !version_allows(world)) return;
    auto durable = disk_.recover();
    if (!durable) {
        world.fail(Class::safety, "recovery",
                   "server " + std::to_string(number_ + 1) + ": " + durable.error().message);
        return;
    }
    auto engine = server::Server::recover(configuration(world), std::move(*durable), world.now(),
                                          prng_.next());
    if (!engine && engine.error().code == Errc::unsupported && left_behind(world)) {
        world.marks.add("server.refused.level");
        world.trace.event(world.now(), "server.refused", number_ + 1, level_);
        return;
    }
    if (!engine) {
        world.fail(Class::safety, "recovery",
                   "server " + std::to_string(number_ + 1) + ": " + engine.error().message);
        return;
    }
    engine_.emplace(std::move(*engine));
    ++incarnation_;
    paused_until_ = world.now();
    disk_free_at_ = world.now() + world.scenario.world.disk.read.draw(prng_);
    sync_begins_at_ = world.now();
    wake_at_.reset();
    if (incarnation_ > 1) world.marks.add("server.restarted");
    world.trace.event(world.now(), "server.started", number_ + 1, incarnation_, raft_protocol_);
    world.checkers.server_started(world, *this);
    step(world, {});
}

void ServerProcess::crash(World& world, Persist persist) {
    if (!runs()) return;
    if (disk_.write_in_flight()) world.marks.add("server.crashed.writing");
    disk_.crash(persist, prng_);
    engine_.reset();
    planner_ = server::Planner{};
    waiting_.clear();
    ++incarnation_;
    world.marks.add("server.crashed");
    world.trace.event(world.now(), "server.crashed", number_ + 1, incarnation_);
    world.requests.server_crashed(world, number_);
}

void ServerProcess::pause(World& world, Duration time) {
    if (!runs()) return;
    paused_until_ = std::max(paused_until_, world.now() + time);
    world.marks.add("server.paused");
    world.trace.event(world.now(), "server.paused", number_ + 1,
                      static_cast<std::uint64_t>(time.count()));
    world.at(paused_until_, [number = number_, process = incarnation_](World& later) {
        ServerProcess& server = later.servers[number];
        if (server.incarnation_ == process) server.resume(later);
    });
}

void ServerProcess::resume(World& world) {
    if (paused(world.now())) return;  // it was extended
    const std::uint64_t process = incarnation_;
    for (auto& input : std::exchange(waiting_, {})) {
        if (incarnation_ != process) return;
        std::vector<server::Input> inputs;
        inputs.push_back(std::move(input));
        step(world, std::move(inputs));
    }
}

void ServerProcess::tell_later(World& world, Duration delay, server::Input input) {
    world.after(delay,
                [number = number_, process = incarnation_, input = std::move(input)](World& later) {
                    ServerProcess& server = later.servers[number];
                    if (server.incarnation_ == process) server.tell(later, input);
                });
}

void ServerProcess::tell(World& world, server::Input input) {
    if (!runs()) return;
    if (paused(world.now()) || !waiting_.empty()) {
        waiting_.push_back(std::move(input));
        return;
    }
    std::vector<server::Input> inputs;
    inputs.push_back(std::move(input));
    step(world, std::move(inputs));
}

void ServerProcess::step(World& world, std::vector<server::Input> inputs) {
    std::vector<server::Effect> effects;
    engine_->step(world.now(), world.wall(), std::move(inputs), effects);
    world.checkers.server_stepped(world, *this);
    const std::uint64_t process = incarnation_;
    for (auto& effect : effects) {
        carry_out(world, effect);
        if (incarnation_ != process) return;  // it crashed in the middle of its effects
    }
    wake_later(world);
}

void ServerProcess::wake_later(World& world) {
    const auto deadline = engine_->next_deadline();
    if (!deadline || (wake_at_ && *wake_at_ <= *deadline && *wake_at_ > world.now())) return;
    const Instant when = std::max(*deadline, world.now());
    wake_at_ = when;
    world.at(when, [number = number_, process = incarnation_, when](World& later) {
        ServerProcess& server = later.servers[number];
        if (server.incarnation_ != process || server.wake_at_ != when) return;
        server.wake_at_.reset();
        server.tell(later, server::TimePassed{});
    });
}

void ServerProcess::carry_out(World& world, server::Effect& effect) {
    std::visit(Match{[&](server::WriteLog& one) { write_log(world, one.write); },
                     [&](server::CompactLog& one) { disk_.compact(one.through); },
                     [&](server::SendMessage& one) { send(world, one); },
                     [&](server::Respond& one) {
                         world.requests.respond(world, number_, one.ticket, one.response);
                     },
                     [&](server::AnswerQuery& one) {
                         world.requests.respond(world, number_, one.ticket, server::answer(one));
                     },
                     [&](server::ComputePlan& one) {
                         const Duration needed = world.scenario.world.plan.draw(prng_);
                         tell_later(world, needed + world.swarm.plan_delay(prng_),
                                    server::PlanComputed{one.work, planner_.compute(one)});
                     },
                     [&](server::SaveSnapshot& one) { save_snapshot(world, one); },
                     [&](server::UpdatePeers&) {},
                     [&](server::Report& one) {
                         if (world.trace.writes_lines()) {
                             world.trace.event(world.now(), "server.report", number_ + 1, 0, 0,
                                               one.text);
                         }
                     },
                     [&](server::Halt& one) { halt(world, one.reason); }},
               effect);
}

// It runs a release that the cluster's level has passed by: then it may not take part, and must.
bool ServerProcess::left_behind(const World& world) const {
    const ServerProcess* const ahead = world.most_advanced();
    return ahead != nullptr && level_ < ahead->engine().view().feature_level();
}

void ServerProcess::halt(World& world, const std::string& reason) {
    if (!left_behind(world)) {
        return world.fail(Class::safety, "halt",
                          "server " + std::to_string(number_ + 1) + " halted: " + reason);
    }
    world.marks.add("server.refused.level");
    crash(world, Persist::all);
}

void ServerProcess::write_log(World& world, const raft::WriteLog& write) {
    world.checkers.log_written(world, *this, write);
    disk_.begin(write);
    // What comes while the disk is busy is written together once it is free, as the agent does it.
    const bool joins = sync_begins_at_ > world.now();
    if (!joins) begin_sync_when_free(world);
    world.at(disk_free_at_, [number = number_, process = incarnation_](World& later) {
        ServerProcess& server = later.servers[number];
        if (server.incarnation_ == process) server.finish_write(later);
    });
    if (!crash_in_write_ || (crash_in_write_->of_entries && write.entries.empty())) return;
    const Duration restart_after = crash_in_write_->restart_after;
    crash_in_write_.reset();
    if (!write.entries.empty()) world.marks.add("server.crashed.after_append");
    // Between this write and its completion, and after the messages that leave with this step.
    const auto until_done = static_cast<std::uint64_t>((disk_free_at_ - world.now()).count());
    const Duration when{static_cast<std::int64_t>(until_done == 0 ? 0 : prng_.below(until_done))};
    world.after(when, [number = number_, process = incarnation_, restart_after](World& later) {
        ServerProcess& server = later.servers[number];
        if (server.incarnation_ == process)
            later.faults.crash(later, number, Persist::any, restart_after);
    });
}

void ServerProcess::begin_sync_when_free(World& world) {
    const DiskOptions& options = world.scenario.world.disk;
    sync_begins_at_ = std::max(disk_free_at_, world.now());
    // Drawn one after the other: compilers evaluate the terms of a sum in any order.
    disk_free_at_ = sync_begins_at_;
    disk_free_at_ += options.write.draw(prng_);
    disk_free_at_ += options.fsync.draw(prng_);
    disk_free_at_ += world.swarm.disk_delay(prng_);
}

void ServerProcess::finish_write(World& world) {
    const raft::WriteId write = disk_.finish();
    world.trace.event(world.now(), "disk.synced", number_ + 1, write.value());
    tell(world, server::WriteCompleted{write});
}

void ServerProcess::save_snapshot(World& world, const server::SaveSnapshot& effect) {
    auto bytes = std::make_shared<const std::string>(server::snapshot_file(effect));
    world.marks.add("server.snapshot.saved");
    world.after(snapshot_time, [number = number_, process = incarnation_, meta = effect.meta, bytes,
                                work = effect.work](World& later) {
        ServerProcess& server = later.servers[number];
        if (server.incarnation_ != process) return;
        server.disk_.save_snapshot(raft::Snapshot{meta, bytes});
        server.tell(later, server::SnapshotSaved{work, bytes});
    });
}

void ServerProcess::send(World& world, const server::SendMessage& effect) {
    const auto to = static_cast<std::uint32_t>(effect.to.value() - 1);
    ENSURE(to < world.servers.size());
    world.checkers.message_sent(world, *this, effect.message);
    auto delays = world.network.send(number_, to);
    if (delays.empty()) return;
    // All else expects repetition; what is forwarded travels at most once (the transport's word).
    if (std::holds_alternative<server::ForwardedRequest>(effect.message) ||
        std::holds_alternative<server::ForwardedResponse>(effect.message)) {
        delays.resize(1);
    }
    const auto message = std::make_shared<const server::PeerMessage>(effect.message);
    for (const Duration delay : delays) {
        world.after(delay, [from = number_, to, message](World& later) {
            later.trace.event(later.now(), "message", to + 1, from + 1,
                              message_fingerprint(*message));
            later.servers[to].tell(
                later, server::PeerMessageReceived{raft::RaftId{from + 1ULL}, *message});
        });
    }
}

}  // namespace drover::sim
