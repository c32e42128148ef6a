// A server behind the boundary. See adaptor.hpp.
#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/match.hpp"
#include "engine/host/adaptor.hpp"
#include "engine/host/server_disk.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/server/snapshot.hpp"
#include "engine/server/wire.hpp"
#include "engine/state/query.hpp"
#include "engine/storage/layout.hpp"

namespace drover::host {
namespace {

constexpr Duration duration_max = std::chrono::hours{24 * 366};

template <class Value, class Given>
void override_with(Value& value, Given given) {
    if (given != Given{}) value = static_cast<Value>(given);
}

Result<void> override_with(Duration& value, const char* name, std::int64_t nanoseconds) {
    if (nanoseconds < 0 || nanoseconds > duration_max.count()) {
        return fail(Errc::invalid_argument,
                    std::string{name} + " is " + std::to_string(nanoseconds) +
                        " nanoseconds: give 0 for the default, or at most a year");
    }
    if (nanoseconds != 0) value = Duration{nanoseconds};
    return {};
}

server::ServerInfoPtr share(const schema::ServerInfo& info) {
    return std::make_shared<const schema::ServerInfo>(info);
}

Result<server::Config> to_config(const wire::ServerConfig& from) {
    server::Config config;
    config.self = share(from.self());
    for (const auto& one : from.bootstrap()) config.bootstrap.push_back(share(one));
    for (const auto& one : from.contacts()) config.contacts.push_back(share(one));
    override_with(config.raft.election_ticks, from.election_ticks());
    override_with(config.raft.heartbeat_ticks, from.heartbeat_ticks());
    override_with(config.raft.max_message_bytes, from.max_message_bytes());
    override_with(config.raft.max_inflight_messages, from.max_inflight_messages());
    override_with(config.control.heartbeat_rate_max, from.heartbeat_rate_max());
    override_with(config.snapshot_threshold_entries, from.snapshot_threshold_entries());
    override_with(config.snapshot_trailing_entries, from.snapshot_trailing_entries());
    override_with(config.snapshot_threshold_bytes, from.snapshot_threshold_bytes());
    override_with(config.snapshot_entries_max, from.snapshot_entries_max());
    override_with(config.snapshot_transfer.part_bytes, from.snapshot_part_bytes());
    override_with(config.supported_level, from.supported_level());
    override_with(config.finalize_upgrades, from.finalize_upgrades());
    struct Row {
        Duration& value;
        const char* name;
        std::int64_t given;
    };
    const Row rows[]{
        {config.raft.tick, "tick", from.tick()},
        {config.control.heartbeat_ttl_min, "heartbeat_ttl_min", from.heartbeat_ttl_min()},
        {config.control.heartbeat_grace, "heartbeat_grace", from.heartbeat_grace()},
        {config.control.heartbeat_failover_ttl, "heartbeat_failover_ttl",
         from.heartbeat_failover_ttl()},
        {config.request_timeout, "request_timeout", from.request_timeout()},
    };
    for (const Row& row : rows) {
        if (auto done = override_with(row.value, row.name, row.given); !done) {
            return tl::unexpected{done.error()};
        }
    }
    return config;
}

std::shared_ptr<const std::string> share(const std::string& bytes) {
    return std::make_shared<const std::string>(bytes);
}

// ---- inputs

void add_report(Outcome& outcome, server::Severity severity, std::string text) {
    wire::Report& report = *outcome.effects.add_server()->mutable_report();
    report.set_severity(static_cast<std::uint32_t>(severity));
    report.set_text(std::move(text));
}

using Batch = std::vector<server::Input>;

void add_peer_message(const wire::ServerInput::PeerMessage& from, Batch& batch, Outcome& outcome) {
    auto message = server::decode_peer_message(from.message());
    if (!message) {
        return add_report(outcome, server::Severity::warning,
                          "a message of server " + std::to_string(from.from()) +
                              " was dropped: " + message.error().message);
    }
    batch.push_back(server::PeerMessageReceived{raft::RaftId{from.from()}, std::move(*message)});
}

Result<void> add_plan(const wire::ServerInput::Done& done, Batch& batch) {
    auto output = std::make_shared<schema::SchedulerOutput>();
    if (!output->ParseFromString(done.bytes())) {
        return fail(Errc::invalid_argument, "plan_computed of work " + std::to_string(done.work()) +
                                                ": the bytes are not those of plan()");
    }
    batch.push_back(server::PlanComputed{server::WorkId{done.work()}, std::move(output)});
    return {};
}

// Writes complete in the order in which they were asked for; `writes` loses the one that did.
Result<void> add_completed(std::uint64_t write, std::deque<std::uint64_t>& writes, Batch& batch) {
    if (writes.empty() || writes.front() != write) {
        const std::string waits = writes.empty() ? "none is waited for"
                                                 : "it is the turn of " + std::to_string(writes[0]);
        return fail(Errc::invalid_argument,
                    "write_completed of write " + std::to_string(write) + ": " + waits);
    }
    writes.pop_front();
    batch.push_back(server::WriteCompleted{raft::WriteId{write}});
    return {};
}

Result<void> add_input(const wire::ServerInput& from, std::deque<std::uint64_t>& writes,
                       Batch& batch, Outcome& outcome) {
    using Kind = wire::ServerInput;
    switch (from.kind_case()) {
        case Kind::kTimePassed:
            batch.push_back(server::TimePassed{});
            break;
        case Kind::kPeerMessageReceived:
            add_peer_message(from.peer_message_received(), batch, outcome);
            break;
        case Kind::kRequestReceived:
            batch.push_back(server::RequestReceived{
                server::Ticket{from.request_received().ticket()},
                std::make_shared<const schema::Request>(from.request_received().request())});
            break;
        case Kind::kRequestAbandoned:
            batch.push_back(server::RequestAbandoned{server::Ticket{from.request_abandoned()}});
            break;
        case Kind::kWriteCompleted:
            return add_completed(from.write_completed(), writes, batch);
        case Kind::kWriteFailed:
            batch.push_back(server::WriteFailed{raft::WriteId{from.write_failed().id()},
                                                from.write_failed().reason()});
            break;
        case Kind::kPlanComputed:
            return add_plan(from.plan_computed(), batch);
        case Kind::kSnapshotSaved:
            batch.push_back(server::SnapshotSaved{server::WorkId{from.snapshot_saved().work()},
                                                  share(from.snapshot_saved().bytes())});
            break;
        case Kind::kSnapshotFailed:
            batch.push_back(server::SnapshotFailed{server::WorkId{from.snapshot_failed().id()},
                                                   from.snapshot_failed().reason()});
            break;
        case Kind::KIND_NOT_SET:
            add_report(outcome, server::Severity::debug,
                       "an input of a kind that this release does not know was passed over");
            break;
    }
    return {};
}

// ---- effects

void add_view(wire::ServerEffect::UseView& out, std::uint64_t id, View view, Outcome& outcome) {
    out.set_id(id);
    out.set_view(static_cast<std::uint32_t>(outcome.views.size()));
    outcome.views.push_back(std::move(view));
}

void fill(wire::ServerEffect::WriteLog& out, const raft::WriteLog& write) {
    out.set_write(write.write.value());
    fill_changes(*out.mutable_changes(), storage::encode(write));
    if (write.snapshot) {
        out.set_snapshot(write.snapshot->data ? *write.snapshot->data : std::string{});
        out.set_snapshot_index(write.snapshot->meta.index.value());
    }
    if (const auto last = storage::last_of(write)) out.set_mark(storage::encode_mark(*last));
}

void fill(wire::ServerEffect::SendMessage& out, const server::SendMessage& send) {
    out.set_to(send.to.value());
    out.set_message(server::encode_peer_message(send.message));
    out.set_once(std::holds_alternative<server::ForwardedRequest>(send.message) ||
                 std::holds_alternative<server::ForwardedResponse>(send.message));
    out.set_bulk(std::holds_alternative<server::SnapshotPart>(send.message));
}

void fill(wire::Report& out, const server::Report& report) {
    out.set_severity(static_cast<std::uint32_t>(report.severity));
    out.set_text(report.text);
}

void fill(wire::ServerEffect& out, const server::Effect& effect, Outcome& outcome) {
    std::visit(
        Match{[&](const server::WriteLog& one) { fill(*out.mutable_write_log(), one.write); },
              [&](const server::CompactLog& one) {
                  fill_changes(*out.mutable_compact_log()->mutable_changes(),
                               storage::encode_compaction(one.through));
              },
              [&](const server::SendMessage& one) { fill(*out.mutable_send_message(), one); },
              [&](const server::Respond& one) {
                  out.mutable_respond()->set_ticket(one.ticket.value());
                  *out.mutable_respond()->mutable_response() = *one.response;
              },
              [&](const server::AnswerQuery& one) {
                  add_view(*out.mutable_answer_query(), one.ticket.value(), one, outcome);
              },
              [&](const server::ComputePlan& one) {
                  add_view(*out.mutable_compute_plan(), one.work.value(), one, outcome);
              },
              [&](const server::SaveSnapshot& one) {
                  out.mutable_save_snapshot()->set_index(one.meta.index.value());
                  add_view(*out.mutable_save_snapshot(), one.work.value(), one, outcome);
              },
              [&](const server::UpdatePeers& one) {
                  out.mutable_update_peers();
                  for (const auto& peer : one.servers) {
                      *out.mutable_update_peers()->add_servers() = *peer;
                  }
              },
              [&](const server::Report& one) { fill(*out.mutable_report(), one); },
              [&](const server::Halt& one) { out.set_halt(one.reason); }},
        effect);
}

tl::unexpected<Error> not_for(const char* what) {
    return fail(Errc::unsupported,
                std::string{"the effect that this view came with is not "} + what);
}

}  // namespace

Result<ServerAdaptor> ServerAdaptor::create(const wire::Create& from, wire::Created& created) {
    if (auto sound = check_time(Instant{}, from.now(), 0); !sound) {
        return tl::unexpected{sound.error()};
    }
    auto config = to_config(from.server());
    if (!config) return tl::unexpected{config.error()};
    if (from.server_disk().has_version_file()) {
        const auto allowed = guard_version(from.server_disk().version_file(),
                                           from.server().self().raft_protocol(), created);
        if (!allowed) return tl::unexpected{allowed.error()};
    }
    auto durable = read_disk(from.server_disk(), created);
    if (!durable) return tl::unexpected{durable.error()};
    const Instant now{Duration{from.now()}};
    auto engine =
        server::Server::recover(std::move(*config), std::move(*durable), now, from.seed());
    if (!engine) return tl::unexpected{engine.error()};
    return ServerAdaptor{std::move(*engine), now};
}

Result<void> ServerAdaptor::step(const wire::Inputs& inputs, Outcome& outcome) {
    if (auto sound = check_time(now_, inputs.now(), inputs.wall()); !sound) return sound;
    if (!inputs.client().empty()) {
        return fail(Errc::invalid_argument, "this engine is a server, not a node agent");
    }
    Batch batch;
    std::deque<std::uint64_t> writes = writes_;
    for (const wire::ServerInput& input : inputs.server()) {
        if (auto done = add_input(input, writes, batch, outcome); !done) return done;
    }
    now_ = Instant{Duration{inputs.now()}};
    writes_ = std::move(writes);
    std::vector<server::Effect> effects;
    engine_.step(now_, WallTime{inputs.wall()}, std::move(batch), effects);
    for (const server::Effect& effect : effects) {
        if (const auto* write = std::get_if<server::WriteLog>(&effect)) {
            writes_.push_back(write->write.write.value());
        }
        fill(*outcome.effects.add_server(), effect, outcome);
    }
    return {};
}

Result<wire::Digest> ServerAdaptor::digest() const {
    wire::Digest digest;
    digest.set_index(engine_.view().applied_index());
    digest.set_digest(engine_.view().digest().text());
    return digest;
}

wire::Status ServerAdaptor::status() const {
    wire::Status status;
    *status.mutable_raft() = engine_.raft_state();
    status.set_leads(engine_.leads());
    status.set_halted(engine_.halted());
    return status;
}

Result<std::string> answer(const View& view, const schema::Request* request) {
    const auto* asked = std::get_if<server::AnswerQuery>(&view);
    if (request == nullptr) {
        if (asked == nullptr) return not_for("answer_query: say what is asked");
        return server::answer(*asked)->SerializeAsString();
    }
    if (!request->has_query()) {
        return fail(Errc::invalid_argument, "a view answers requests whose body is a query");
    }
    server::AnswerQuery query;
    query.view = std::visit(Match{[](const state::StateView& one) { return one; },
                                  [](const auto& one) { return one.view; }},
                            view);
    query.request = std::make_shared<const schema::Request>(*request);
    return server::answer(query)->SerializeAsString();
}

Result<std::string> plan(const View& view) {
    const auto* wanted = std::get_if<server::ComputePlan>(&view);
    if (wanted == nullptr) return not_for("compute_plan");
    return server::Planner{}.compute(*wanted)->SerializeAsString();
}

Result<std::string> write_snapshot(const View& view) {
    const auto* wanted = std::get_if<server::SaveSnapshot>(&view);
    if (wanted == nullptr) return not_for("save_snapshot");
    return server::snapshot_file(*wanted);
}

}  // namespace drover::host
