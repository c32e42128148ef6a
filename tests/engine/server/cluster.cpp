#include "tests/engine/server/cluster.hpp"

#include <algorithm>

#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/server/snapshot.hpp"

namespace drover::server {

Cluster::Cluster(Options options) : options_{std::move(options)} {
    for (std::size_t i = 0; i < options_.servers; ++i) {
        auto info = std::make_shared<schema::ServerInfo>();
        info->set_raft_id(i + 1);
        Uuid id;
        id.bytes[15] = static_cast<std::uint8_t>(i + 1);
        info->set_id(id.raw());
        info->set_name("server-" + std::to_string(i + 1));
        info->set_address("10.0.0." + std::to_string(i + 1) + ":4647");
        info->set_region("global");
        info->set_raft_protocol(3);
        info->set_release("0.2.0");
        Host host;
        host.info = std::move(info);
        hosts_.push_back(std::move(host));
    }
    for (std::size_t i = 0; i < hosts_.size(); ++i) start(i);
}

WallTime Cluster::wall() const {
    return WallTime{1'700'000'000'000'000'000 + now_.time_since_epoch().count()};
}

void Cluster::start(std::size_t number) {
    Host& host = hosts_[number];
    Config config;
    config.self = host.info;
    for (const Host& other : hosts_) config.bootstrap.push_back(other.info);
    if (options_.configure) options_.configure(config);
    auto recovered = Server::recover(std::move(config), host.disk, now_, ++seed_);
    ENSURE(recovered.has_value());
    host.server.emplace(std::move(*recovered));
    host.inbox = {TimePassed{}};
    host.stalled_writes.clear();
}

void Cluster::repeat_messages() {
    const auto remembered = std::exchange(remembered_, std::nullopt);
    for (const auto& [to, received] : remembered.value()) hosts_[to].inbox.emplace_back(received);
}

void Cluster::crash(std::size_t server) { hosts_[server].server.reset(); }
void Cluster::restart(std::size_t server) { start(server); }

void Cluster::write(Host& host, const raft::WriteLog& write) {
    raft::DurableState& disk = host.disk.raft;
    if (write.hard) disk.hard = *write.hard;
    if (write.snapshot) {
        disk.snapshot = write.snapshot->meta;
        host.disk.snapshot_bytes = write.snapshot->data;
        ++host.snapshots_installed;
    }
    if (write.log_start) {
        disk.base = *write.log_start;
        disk.entries.clear();
    }
    if (write.entries.empty()) return;
    std::erase_if(disk.entries, [&](const raft::Entry& entry) {
        return entry.index >= write.entries.front().index;
    });
    disk.entries.insert(disk.entries.end(), write.entries.begin(), write.entries.end());
}

void Cluster::release_disk(std::size_t server) {
    stalled_.erase(server);
    Host& host = hosts_[server];
    for (const raft::WriteLog& stalled : std::exchange(host.stalled_writes, {})) {
        write(host, stalled);
        host.inbox.emplace_back(WriteCompleted{stalled.write});
    }
}

void Cluster::fail_disk(std::size_t server) {
    hosts_[server].inbox.emplace_back(WriteFailed{raft::WriteId{}, "No space left on device"});
}

void Cluster::carry_out(std::size_t number, Effect& effect) {
    Host& host = hosts_[number];
    std::visit(Match{[&](WriteLog& one) {
                         if (stalled_.contains(number))
                             return host.stalled_writes.push_back(one.write);
                         write(host, one.write);
                         host.inbox.emplace_back(WriteCompleted{one.write.write});
                     },
                     [&](CompactLog& one) {
                         auto& entries = host.disk.raft.entries;
                         while (!entries.empty() && entries.front().index <= one.through) {
                             host.disk.raft.base = entries.front().id();
                             entries.erase(entries.begin());
                         }
                     },
                     [&](SendMessage& one) {
                         const std::size_t to = one.to.value() - 1;
                         if (cut_off_.contains(number) || cut_off_.contains(to)) return;
                         const PeerMessageReceived received{raft::RaftId{number + 1}, one.message};
                         hosts_[to].inbox.emplace_back(received);
                         if (!remembered_) return;
                         hosts_[to].inbox.emplace_back(received);
                         remembered_->emplace_back(to, received);
                     },
                     [&](Respond& one) { answers_[one.ticket] = one.response; },
                     [&](AnswerQuery& one) { answers_[one.ticket] = answer(one); },
                     [&](ComputePlan& one) {
                         host.inbox.emplace_back(PlanComputed{one.work, host.planner.compute(one)});
                     },
                     [&](SaveSnapshot& one) {
                         auto bytes = std::make_shared<const std::string>(snapshot_file(one));
                         host.disk.raft.snapshot = one.meta;
                         host.disk.snapshot_bytes = bytes;
                         host.inbox.emplace_back(SnapshotSaved{one.work, bytes});
                     },
                     [](UpdatePeers&) {}, [&](Report& one) { host.last_report = one.text; },
                     [&](Halt& one) { host.halted = one.reason; }},
               effect);
}

void Cluster::step(std::size_t number, std::vector<Input> inputs) {
    std::vector<Effect> effects;
    hosts_[number].server->step(now_, wall(), std::move(inputs), effects);
    const auto writes = std::count_if(effects.begin(), effects.end(), [](const Effect& effect) {
        return std::holds_alternative<WriteLog>(effect);
    });
    ENSURE(writes <= 1);
    for (Effect& effect : effects) carry_out(number, effect);
}

// Everything that can happen at this instant, server by server.
bool Cluster::step_everybody() {
    bool moved = false;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        Host& host = hosts_[i];
        std::vector<Input> inputs = std::exchange(host.inbox, {});
        if (!host.server) continue;
        const auto deadline = host.server->next_deadline();
        if (inputs.empty() && !(deadline && *deadline <= now_)) continue;
        if (inputs.empty()) inputs.emplace_back(TimePassed{});
        step(i, std::move(inputs));
        moved = true;
    }
    return moved;
}

void Cluster::run_for(Duration time) {
    const Instant until = now_ + time;
    while (true) {
        int rounds = 0;
        while (step_everybody()) ENSURE(++rounds < 100'000);
        Instant next = until;
        for (const Host& host : hosts_) {
            if (!host.server) continue;
            if (const auto deadline = host.server->next_deadline())
                next = std::min(next, *deadline);
        }
        if (next >= until) break;
        now_ = next;
    }
    now_ = until;
}

bool Cluster::run_until(const std::function<bool()>& condition, Duration limit) {
    const Instant end = now_ + limit;
    while (!condition()) {
        if (now_ >= end) return false;
        run_for(std::chrono::milliseconds{10});
    }
    return true;
}

std::optional<std::size_t> Cluster::leader() {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        if (hosts_[i].server && !cut_off_.contains(i) && hosts_[i].server->leads()) return i;
    }
    return std::nullopt;
}

std::size_t Cluster::elect() {
    ENSURE(run_until([this] { return leader().has_value(); }));
    run_for(std::chrono::milliseconds{300});
    return *leader();
}

std::size_t Cluster::follower() {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        if (hosts_[i].server && leader() != i) return i;
    }
    ENSURE(false);
    return 0;
}

bool Cluster::digests_equal() {
    std::optional<std::pair<std::uint64_t, state::Digest>> first;
    for (const Host& host : hosts_) {
        if (!host.server) continue;
        const auto& view = host.server->view();
        const std::pair digest{view.applied_index(), view.digest()};
        if (first && *first != digest) return false;
        first = digest;
    }
    return true;
}

Ticket Cluster::ask(std::size_t server, schema::Request request) {
    const Ticket ticket{++last_ticket_};
    hosts_[server].inbox.emplace_back(
        RequestReceived{ticket, std::make_shared<const schema::Request>(std::move(request))});
    return ticket;
}

ResponsePtr Cluster::answer_to(Ticket ticket) const {
    const auto found = answers_.find(ticket);
    return found == answers_.end() ? nullptr : found->second;
}

schema::Response Cluster::call(std::size_t server, schema::Request request) {
    const Ticket ticket = ask(server, std::move(request));
    ENSURE(run_until([&] { return answer_to(ticket) != nullptr; }));
    return *answer_to(ticket);
}

void Cluster::abandon(std::size_t server, Ticket ticket) {
    hosts_[server].inbox.emplace_back(RequestAbandoned{ticket});
}

void Cluster::deliver(std::size_t from, std::size_t to, PeerMessage message) {
    hosts_[to].inbox.emplace_back(PeerMessageReceived{raft::RaftId{from + 1}, std::move(message)});
}

}  // namespace drover::server
