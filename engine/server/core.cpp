// One step of a server: what comes in, and the one drain of consensus. See core.hpp.
#include "engine/server/core.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/match.hpp"
#include "engine/server/snapshot.hpp"

namespace drover::server {
namespace {

// Where a life of a server begins to count what it asks of others. What they answer to an earlier
// life may still be on its way, and must not look like an answer to this one.
std::uint64_t first_number(Prng& prng) { return prng.next() >> 1; }

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
    if (!a) return b;
    if (!b) return a;
    return std::min(*a, *b);
}

const char* name_of(raft::Role role) {
    switch (role) {
        case raft::Role::follower:
            return "follower";
        case raft::Role::pre_candidate:
            return "pre-candidate";
        case raft::Role::candidate:
            return "candidate";
        case raft::Role::leader:
            return "leader";
    }
    return "follower";
}

bool asks(const raft::Message& message) {
    return std::holds_alternative<raft::MsgPreVote>(message.body) ||
           std::holds_alternative<raft::MsgVote>(message.body) ||
           std::holds_alternative<raft::MsgReadIndex>(message.body);
}

}  // namespace

Server::Core::Core(Config config, raft::Raft raft, state::State state, Prng prng)
    : config_{std::move(config)},
      state_config_{config_.tracked_job_versions, config_.supported_level},
      raft_{std::move(raft)},
      state_{std::move(state)},
      view_{state_.view()},
      prng_{prng.stream("server")},
      id_prng_{prng.stream("ids")},
      node_order_{prng.stream("nodes").next()},
      requests_{first_number(prng_)},
      last_context_{first_number(prng_)},
      outgoing_{config_.snapshot_transfer} {}

Result<std::unique_ptr<Server::Core>> Server::Core::recover(Config config, DurableState durable,
                                                            Instant now, std::uint64_t seed) {
    const Prng prng{seed};
    config.raft.id = raft::RaftId{config.self->raft_id()};
    if (auto valid = raft::validate(config.raft); !valid) return tl::unexpected{valid.error()};
    if (auto valid = raft::validate(durable.raft); !valid) return tl::unexpected{valid.error()};
    if (auto fits = prepare_level(config); !fits) return tl::unexpected{fits.error()};
    const state::StateConfig state_config{config.tracked_job_versions, config.supported_level};
    state::State state{state_config};
    std::shared_ptr<const KeptSections> kept;
    if (durable.raft.snapshot) {
        if (!durable.snapshot_bytes) {
            return fail(Errc::corrupt, "the snapshot at index " +
                                           std::to_string(durable.raft.snapshot->index.value()) +
                                           " has no file; restore it from a backup");
        }
        auto loaded = load_snapshot({*durable.raft.snapshot, durable.snapshot_bytes}, state_config);
        if (!loaded) return tl::unexpected{loaded.error()};
        state = std::move(loaded->state);
        kept = std::move(loaded->kept);
    }
    raft::Raft raft{config.raft, durable.raft, now, prng.stream("raft")};
    if (durable.raft.snapshot) {
        raft.snapshot_saved({*durable.raft.snapshot, durable.snapshot_bytes});
    }
    if (durable.raft.empty() && !config.bootstrap.empty()) {
        std::set<raft::RaftId> voters;
        for (const auto& server : config.bootstrap) voters.insert(raft::RaftId{server->raft_id()});
        if (auto begun = raft.bootstrap(now, voters); !begun) return tl::unexpected{begun.error()};
    }
    // Core's constructor is private: make_unique cannot reach it.
    std::unique_ptr<Core> core{
        new Core{std::move(config), std::move(raft), std::move(state), prng}};
    core->note_snapshot(raft::Index{core->state_.applied_index()}, durable.snapshot_bytes, 0);
    core->kept_sections_ = std::move(kept);
    core->last_now_ = now;
    core->next_registration_ = now;
    return core;
}

void Server::Core::step(Instant now, WallTime wall, std::vector<Input> inputs,
                        std::vector<Effect>& effects) {
    if (halted_) return;
    Step step{now, wall, effects};
    last_now_ = now;
    again_ = false;
    if (!std::exchange(started_, true)) publish_peers(step);
    raft_.time_passed(now);
    for (Input& input : inputs) {
        std::visit(Match{[&](const TimePassed& one) { on(step, one); },
                         [&](const PeerMessageReceived& one) { on(step, one); },
                         [&](const RequestReceived& one) { on(step, one); },
                         [&](const RequestAbandoned& one) { on(step, one); },
                         [&](const WriteCompleted& one) { on(step, one); },
                         [&](const WriteFailed& one) { on(step, one); },
                         [&](const PlanComputed& one) { on(step, one); },
                         [&](const SnapshotSaved& one) { on(step, one); },
                         [&](const SnapshotFailed& one) { on(step, one); }},
                   input);
        if (halted_) return;
    }
    follow_role(step);
    pass_time(step);
    work_as_leader(step);
    flush_reads(step);
    drain(step);
}

void Server::Core::on(Step&, const TimePassed&) {}

void Server::Core::on(Step& step, const PeerMessageReceived& input) {
    std::visit(Match{[&](const raft::Message& message) { hear(step, input.from, message); },
                     [&](const ForwardedRequest& forwarded) {
                         tell_if_no_member(step, input.from);
                         accept(step, PeerTicket{input.from, forwarded.ticket, forwarded.term},
                                forwarded.request);
                     },
                     [&](const ForwardedResponse& response) {
                         on_forwarded_response(step, input.from, response);
                     },
                     [&](const SnapshotPart& part) { on(step, input.from, part); },
                     [&](const SnapshotReceived& answer) {
                         outgoing_.heard(step.now, input.from, answer);
                     },
                     [&](const NoMember& told) { on_no_member(step, input.from, told); }},
               input.message);
}

// What no correct peer sends is dropped here, before consensus rests anything on it.
void Server::Core::hear(Step& step, raft::RaftId from, const raft::Message& message) {
    const auto drop = [&](const std::string& why) {
        step.report(Severity::warning,
                    "a message of server " + std::to_string(from.value()) + " was dropped: " + why);
    };
    if (message.from != from) {
        return drop("it says that it comes from server " + std::to_string(message.from.value()));
    }
    if (asks(message)) tell_if_no_member(step, from);
    const auto* snap = std::get_if<raft::MsgSnap>(&message.body);
    if (snap != nullptr && message.term >= raft_.term() &&
        snap->snapshot.meta.index > raft_.commit_index()) {
        auto loaded = load_snapshot(snap->snapshot, state_config_);
        // What a release beyond ours wrote is no damage: we would wait for a better one for ever.
        if (!loaded && loaded.error().code == Errc::unsupported) {
            return halt(step, loaded.error().message);
        }
        if (!loaded) return drop(loaded.error().message);
        incoming_ = Incoming{snap->snapshot.data, std::move(*loaded)};
    }
    raft_.receive(step.now, message);
}

void Server::Core::on(Step& step, const RequestReceived& input) {
    accept(step, input.ticket, input.request);
}

void Server::Core::on(Step&, const RequestAbandoned& input) {
    const auto key = requests_.of(input.ticket);
    if (!key) return;
    forget(*key);
}

void Server::Core::on(Step& step, const WriteCompleted& input) {
    raft_.write_completed(step.now, input.write);
}

void Server::Core::on(Step& step, const WriteFailed& input) {
    halt(step, "writing the log failed: " + input.reason +
                   "; nothing that was acknowledged is lost: when the disk is well, start again");
}

void Server::Core::on(Step& step, const PlanComputed& input) {
    const auto found = planning_.find(input.work);
    if (found == planning_.end()) return;
    const Planning planning = std::move(found->second);
    planning_.erase(found);
    std::visit(Match{[&](std::uint64_t work) {
                         if (leader_) {
                             leader_->plan_computed(work, *input.output, view_, step.moment());
                         }
                     },
                     [&](const PlanJob& job) { plan_job_computed(step, job, *input.output); }},
               planning);
}

void Server::Core::on(Step& step, const SnapshotSaved& input) {
    if (!saving_ || saving_->work != input.work) return;
    const auto [work, meta, bytes_before] = *saving_;
    saving_.reset();
    if (meta.index.value() <= snapshot_index_) return;  // a newer one was installed meanwhile
    note_snapshot(meta.index, input.bytes, unsaved_bytes_ - bytes_before);
    raft_.snapshot_saved({meta, input.bytes});
    compact(step);
}

void Server::Core::on(Step& step, const SnapshotFailed& input) {
    if (!saving_ || saving_->work != input.work) return;
    step.report(Severity::warning, "saving the snapshot at index " +
                                       std::to_string(saving_->meta.index.value()) +
                                       " failed: " + input.reason + "; it is tried again later");
    saving_.reset();
    snapshot_retry_ = view_.applied_index() + config_.snapshot_threshold_entries / 8 + 1;
}

void Server::Core::pass_time(Step& step) {
    for (const RequestKey key : requests_.due(step.now)) expire(step, key);
    register_self(step);
    reconcile_servers(step);
    raise_level(step);
}

void Server::Core::drain(Step& step) {
    raft::Ready ready = raft_.drain(step.now);
    if (raft_.violation()) return halt(step, *raft_.violation());
    if (ready.write) step.emit(WriteLog{std::move(*ready.write)});
    for (raft::Message& message : ready.messages) {
        const raft::RaftId to = message.to;
        if (std::holds_alternative<raft::MsgSnap>(message.body)) {
            outgoing_.begin(step.now, std::move(message));
        } else {
            step.emit(SendMessage{to, std::move(message)});
        }
    }
    send_snapshots(step);
    if (ready.install) install(step, *ready.install);
    if (halted_) return;
    apply_committed(step, ready.committed);
    if (halted_) return;
    on_read_states(step, ready.reads);
    follow_role(step);
    settle_hand_overs(step);
    finish_confirmed_reads(step);
    wake_readers(step);
    maybe_save_snapshot(step);
    again_ = again_ || raft_.has_ready();
}

void Server::Core::halt(Step& step, std::string reason) {
    halted_ = true;
    again_ = false;
    leader_.reset();
    step.report(Severity::error, reason);
    step.emit(Halt{std::move(reason)});
}

std::optional<Instant> Server::Core::next_deadline() const {
    if (halted_) return std::nullopt;
    if (again_) return last_now_;
    std::optional<Instant> next = earlier(raft_.next_deadline(), requests_.next_deadline());
    next = earlier(next, outgoing_.next_deadline());
    if (leader_) {
        next = earlier(next, leader_->next_deadline());
        next = earlier(next, next_reconciliation_);
        next = earlier(next, next_level_check_);
    }
    if (wants_to_register()) next = earlier(next, next_registration_);
    return next;
}

schema::RaftState Server::Core::raft_state() const {
    schema::RaftState state;
    state.set_raft_id(raft_.id().value());
    const bool learner = raft_.conf().learners.contains(raft_.id());
    state.set_role(removed_ ? "removed" : learner ? "learner" : name_of(raft_.role()));
    state.set_term(raft_.term().value());
    state.set_commit_index(raft_.commit_index().value());
    state.set_applied_index(view_.applied_index());
    state.set_first_index(raft_.first_index().value());
    state.set_last_index(raft_.last_index().value());
    if (const auto leader = leader_id()) state.set_leader_raft_id(leader->value());
    state.set_digest(view_.digest().text());
    state.set_raft_protocol(config_.self->raft_protocol());
    state.set_release(config_.self->release());
    return state;
}

}  // namespace drover::server
