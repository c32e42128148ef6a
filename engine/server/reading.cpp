// Reads. A stale one is answered from what is applied here. Every other first learns an index from
// the leader that is not older than the read itself, waits until that is applied here, and is then
// answered here: any server can do it. Blocking reads are parked after that. See core.hpp.
#include <algorithm>
#include <utility>

#include "engine/schema/job.pb.h"
#include "engine/server/core.hpp"
#include "engine/state/query.hpp"

namespace drover::server {
namespace {

constexpr Duration read_retry_interval = std::chrono::milliseconds{500};

bool about_raft(const schema::Query& query) {
    return query.has_raft_configuration() || query.has_raft_state() || query.has_leader() ||
           query.has_upgrade_status();
}

}  // namespace

void Server::Core::ask_read_index(Step& step, RequestKey key) {
    Pending& pending = *requests_.find(key);
    if (!leader_id()) {
        pending.phase = Phase::held;
        return requests_.wake_at(key, pending.hold_until);
    }
    leave_context(key, pending.context);
    if (!open_context_) open_context_ = ++last_context_;
    pending.phase = Phase::reading;
    pending.context = *open_context_;
    contexts_[*open_context_].insert(key);
    requests_.wake_at(key, std::min(pending.deadline, step.now + read_retry_interval));
}

void Server::Core::leave_context(RequestKey key, std::uint64_t context) {
    const auto old = contexts_.find(context);
    if (old == contexts_.end()) return;
    old->second.erase(key);
    if (old->second.empty()) contexts_.erase(old);
}

// A request that is answered, or that nobody waits for any more, is remembered nowhere: a leader
// that never confirms a read, or an index that is never reached, would else hold it for ever.
void Server::Core::forget(RequestKey key) {
    const Pending* pending = requests_.find(key);
    if (pending == nullptr) return;
    if (pending->phase == Phase::reading) leave_context(key, pending->context);
    if (pending->phase == Phase::confirmed) confirmed_.erase({pending->read_index, key});
    watchers_.remove(key);
    requests_.erase(key);
}

// All reads of one step share one question. Where it cannot even be asked, their timers ask again.
void Server::Core::flush_reads(Step& step) {
    if (!open_context_) return;
    const std::uint64_t context = *std::exchange(open_context_, std::nullopt);
    (void)raft_.read_index(step.now, context);
}

void Server::Core::on_read_states(Step&, const std::vector<raft::ReadState>& states) {
    for (const raft::ReadState& confirmed : states) {
        const auto found = contexts_.find(confirmed.context);
        if (found == contexts_.end()) continue;
        for (const RequestKey key : found->second) {
            Pending* pending = requests_.find(key);
            if (pending == nullptr || pending->phase != Phase::reading) continue;
            pending->phase = Phase::confirmed;
            requests_.wake_at(key, pending->deadline);
            pending->read_index = confirmed.index.value();
            confirmed_.insert({pending->read_index, key});
        }
        contexts_.erase(found);
    }
}

void Server::Core::finish_confirmed_reads(Step& step) {
    while (!confirmed_.empty() && confirmed_.begin()->first <= view_.applied_index()) {
        const RequestKey key = confirmed_.begin()->second;
        confirmed_.erase(confirmed_.begin());
        const Pending* pending = requests_.find(key);
        if (pending != nullptr && pending->phase == Phase::confirmed) finish_read(step, key);
    }
}

void Server::Core::finish_read(Step& step, RequestKey key) {
    const Pending& pending = *requests_.find(key);
    if (pending.request->has_plan_job()) return plan_job(step, key);
    const schema::Query& query = pending.request->query();
    if (about_raft(query)) return answer_about_raft(step, key);
    const std::string ns = namespace_of(*pending.request);
    if (query.min_index() == 0 || state::watch_index(view_, ns, query) > query.min_index()) {
        return answer_query(step, key);
    }
    park(step, key);
}

void Server::Core::park(Step& step, RequestKey key) {
    Pending& pending = *requests_.find(key);
    if (pending.phase == Phase::parked) return;  // woken, but not for what it waits for
    if (removed_) return refuse_as_removed(step, key);
    if (watchers_.size() >= config_.blocked_queries_max) {
        return refuse(step, key, Errc::overloaded,
                      "too many blocking queries wait on this server; try again later");
    }
    const schema::Query& query = pending.request->query();
    Duration wait{query.wait_ns()};
    if (wait <= Duration::zero()) wait = config_.blocking_wait_max;
    wait = std::min(wait, config_.blocking_wait_max);
    wait += prng_.between(Duration::zero(), wait / 16);
    pending.phase = Phase::parked;
    pending.deadline = step.now + wait;
    requests_.wake_at(key, pending.deadline);
    watchers_.add(key, state::watch_keys(namespace_of(*pending.request), query));
}

void Server::Core::answer_query(Step& step, RequestKey key) {
    const Pending pending = *requests_.find(key);
    forget(key);
    if (const auto* ticket = std::get_if<Ticket>(&pending.origin)) {
        step.emit(AnswerQuery{*ticket, view_, pending.request, last_contact(),
                              leader_id().has_value(), file_for(*pending.request)});
        return;
    }
    // Another server asked on somebody's behalf: there is no host's ticket to answer.
    const AnswerQuery query{Ticket{},
                            view_,
                            pending.request,
                            last_contact(),
                            leader_id().has_value(),
                            file_for(*pending.request)};
    send_answer(step, pending.origin, *answer(query));
}

std::shared_ptr<const SaveSnapshot> Server::Core::file_for(const schema::Request& request) const {
    const raft::Index applied{view_.applied_index()};
    if (!request.query().has_snapshot()) return nullptr;
    return std::make_shared<const SaveSnapshot>(
        snapshot_at(applied, raft_.term_at(applied).value_or(raft_.term())));
}

schema::RaftConfiguration Server::Core::raft_configuration() const {
    schema::RaftConfiguration configuration;
    configuration.set_index(view_.applied_index());
    for (const raft::RaftId id : raft_.conf().members()) {
        schema::RaftPeer& peer = *configuration.add_servers();
        peer.set_raft_id(id.value());
        peer.set_leader(leader_id() == id);
        peer.set_voter(raft_.conf().votes(id));
        const auto known = published_peers_.find(id.value());
        if (known == published_peers_.end()) continue;
        peer.set_id(known->second->id());
        peer.set_name(known->second->name());
        peer.set_address(known->second->address());
        peer.set_raft_protocol(known->second->raft_protocol());
    }
    return configuration;
}

void Server::Core::fill_leader(schema::LeaderInfo& info) const {
    const auto leader = leader_id();
    if (!leader) return;
    info.set_raft_id(leader->value());
    const auto known = published_peers_.find(leader->value());
    if (known == published_peers_.end()) return;
    info.set_address(known->second->address());
    info.set_id(known->second->id());
    info.set_name(known->second->name());
}

void Server::Core::answer_about_raft(Step& step, RequestKey key) {
    const schema::Request& request = *requests_.find(key)->request;
    schema::Response response = new_response(request);
    response.set_index(view_.applied_index());
    if (request.query().has_raft_configuration()) {
        *response.mutable_raft_configuration() = raft_configuration();
    } else if (request.query().has_raft_state()) {
        *response.mutable_raft_state() = raft_state();
    } else if (request.query().has_upgrade_status()) {
        *response.mutable_upgrade_status() = upgrade_status();
    } else {
        fill_leader(*response.mutable_leader());
    }
    respond(step, key, std::move(response));
}

Duration Server::Core::last_contact() const {
    if (raft_.leads()) return Duration::zero();
    return std::max(Duration::zero(), last_now_ - raft_.last_contact());
}

// What registering this job would do, tried on a copy of the state: nothing of it is proposed.
void Server::Core::plan_job(Step& step, RequestKey key) {
    Pending& pending = *requests_.find(key);
    const auto& wanted = pending.request->plan_job();
    auto admitted = wanted.has_job() ? admit_job(*pending.request, wanted.job())
                                     : fail(Errc::invalid_argument, "job is missing");
    if (!admitted) {
        return refuse(step, key, admitted.error().code, std::move(admitted.error().message));
    }
    const auto due = next_launch(admitted->job, config_.control.zones.get(), step.wall);
    if (!due) return refuse(step, key, due.error().code, due.error().message);
    const control::Mint mint{step.wall, id_prng_};
    schema::Evaluation evaluation = control::new_evaluation(mint, admitted->job, "job-register");
    evaluation.set_annotate_plan(true);
    const auto entry = control::new_entry(mint);
    const state::JobKey job_key = state::key_of(admitted->job);
    *entry->mutable_register_job()->mutable_job() = std::move(admitted->job);
    *entry->mutable_register_job()->mutable_evaluation() = evaluation;
    control::seal(*entry);
    state::State tried = state::State::fork(view_, state_config_);
    tried.apply(view_.applied_index() + 1, *entry);
    const WorkId work{++last_work_};
    planning_.emplace(work, PlanJob{key, view_.job(job_key), std::move(admitted->warnings), *due});
    pending.phase = Phase::planning;
    requests_.wake_at(key, pending.deadline);
    step.emit(ComputePlan{work, tried.view(),
                          std::make_shared<const schema::Evaluation>(std::move(evaluation)),
                          step.wall, id_prng_.next(), node_order_});
}

void Server::Core::plan_job_computed(Step& step, const PlanJob& planning,
                                     const schema::SchedulerOutput& output) {
    const Pending* pending = requests_.find(planning.request);
    if (pending == nullptr || pending->phase != Phase::planning) return;
    schema::Response response = new_response(*pending->request);
    response.set_index(view_.applied_index());
    auto& planned = *response.mutable_job_planned();
    *planned.mutable_annotations() = output.annotations();
    *planned.mutable_evaluation() = output.evaluation();
    *planned.mutable_created() = output.created();
    planned.set_warnings(planning.warnings);
    if (planning.next_launch) planned.set_next_periodic_launch_ns(planning.next_launch->value());
    if (planning.previous) {
        planned.set_job_modify_index(planning.previous->job_modify_index());
        *planned.mutable_previous() = *planning.previous;
    }
    respond(step, planning.request, std::move(response));
}

}  // namespace drover::server
