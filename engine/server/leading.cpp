// Leadership as a server lives it: taking up and dropping the leader's work, proposing, and keeping
// the table of servers and consensus' configuration in step. See core.hpp.
#include <algorithm>
#include <utility>

#include "engine/server/core.hpp"

namespace drover::server {
namespace {

constexpr Duration registration_interval = std::chrono::seconds{1};
constexpr Duration reconciliation_interval = std::chrono::seconds{1};
// A newcomer is given a vote once it holds all but this many entries.
constexpr std::uint64_t caught_up_within = 64;

bool same_server(schema::ServerInfo a, schema::ServerInfo b) {
    for (schema::ServerInfo* info : {&a, &b}) {
        info->clear_create_index();
        info->clear_modify_index();
    }
    return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

// Everything in it can be worked out again from the state.
void Server::Core::drop_leaders_work() {
    leader_.reset();
    std::erase_if(planning_, [](const auto& planning) {
        return std::holds_alternative<std::uint64_t>(planning.second);
    });
}

void Server::Core::follow_role(Step& step) {
    if (leader_ && (!raft_.leads() || raft_.term() != leading_term_)) drop_leaders_work();
    if (!leader_ && raft_.leads() &&
        raft_.term_at(raft::Index{view_.applied_index()}) == raft_.term()) {
        leading_term_ = raft_.term();
        leader_.emplace(config_.control, state_config_,
                        prng_.stream("leader", leading_term_.value()), view_, step.moment());
        next_reconciliation_ = next_level_check_ = step.now;
        retry_held(step);
        again_ = true;
    }
    const auto leader = leader_id();
    if (leader == known_leader_) return;
    known_leader_ = leader;
    leader_changed(step);
}

void Server::Core::work_as_leader(Step& step) {
    while (leader_) {
        control::Orders orders = leader_->work(view_, step.moment());
        if (orders.empty()) return;
        for (const control::EntryPtr& entry : orders.proposals) {
            if (!propose(step, entry, std::nullopt)) leader_->refused(entry, step.moment());
        }
        if (!orders.plan) continue;
        const WorkId work{++last_work_};
        planning_.emplace(work, orders.plan->work);
        step.emit(ComputePlan{work, orders.plan->view, orders.plan->evaluation, orders.plan->wall,
                              orders.plan->seed, node_order_});
    }
}

Result<raft::Receipt> Server::Core::propose(Step& step, const control::EntryPtr& entry,
                                            std::optional<RequestKey> request) {
    if (auto allowed = check_level(*entry); !allowed) return tl::unexpected{allowed.error()};
    auto payload = std::make_shared<std::string>();
    entry->SerializeToString(payload.get());
    const auto receipt = raft_.propose(step.now, raft::SharedBytes{std::move(payload)});
    if (!receipt) return receipt;
    slots_[{receipt->index.value(), receipt->term.value()}] = {entry, request};
    if (leader_) leader_->proposed(receipt->index.value(), entry);
    return receipt;
}

bool Server::Core::is_registered() const {
    const state::ServerPtr row = view_.server(config_.self->raft_id());
    return row && (row == registered_ || same_server(*row, *config_.self));
}

// Who was removed does not bring itself back: only somebody else's word adds it again.
bool Server::Core::wants_to_register() const {
    return !registering_ && !removed_ && !is_registered();
}

// Each server tells the others where it listens and what it can do, and again when that changed.
void Server::Core::register_self(Step& step) {
    if (registering_ || removed_) return;
    if (is_registered()) {
        registered_ = view_.server(config_.self->raft_id());
        return;
    }
    if (step.now < next_registration_) return;
    if (!leader_id()) {
        next_registration_ = step.now + registration_interval;
        return;
    }
    auto request = std::make_shared<schema::Request>();
    *request->mutable_register_server()->mutable_server() = *config_.self;
    registering_ = true;
    accept(step, OwnWork{}, std::move(request));
}

// Servers that made themselves known and are not in the configuration yet are added, first without
// a vote: a newcomer that must still catch up cannot make a majority harder to reach. Raft protocol
// 2 knows voters only, so while somebody speaks it a newcomer votes at once.
void Server::Core::reconcile_servers(Step& step) {
    if (!leader_ || !next_reconciliation_ || step.now < *next_reconciliation_) return;
    next_reconciliation_.reset();
    for (const state::ServerPtr& server : view_.servers()) {
        const raft::RaftId id{server->raft_id()};
        if (raft_.conf().votes(id)) continue;
        next_reconciliation_ = step.now + reconciliation_interval;
        auto kind = everybody_speaks_protocol_3() ? raft::ConfChangeKind::add_learner
                                                  : raft::ConfChangeKind::add_voter;
        if (raft_.conf().learners.contains(id)) {
            const auto& progress = *raft_.progress();
            const auto found = progress.find(id);
            if (found == progress.end() ||
                found->second.match.value() + caught_up_within < raft_.commit_index().value()) {
                continue;
            }
            kind = raft::ConfChangeKind::add_voter;
        }
        raft::ConfChange change;
        change.changes.push_back({kind, id});
        // Refused while another change is pending: it comes up again.
        (void)raft_.propose_conf_change(step.now, change);
        return;
    }
}

// Learners, and leadership by order, are for protocol 3 only.
bool Server::Core::everybody_speaks_protocol_3() const {
    const auto servers = view_.servers();
    return std::all_of(servers.begin(), servers.end(),
                       [](const state::ServerPtr& server) { return server->raft_protocol() >= 3; });
}

void Server::Core::publish_peers(Step& step) {
    std::map<std::uint64_t, ServerInfoPtr> peers;
    // What the host told of a server holds until the log says more, or that it is gone.
    const raft::ConfState& conf = raft_.conf();
    for (const auto* known : {&config_.contacts, &config_.bootstrap}) {
        for (const ServerInfoPtr& server : *known) {
            if (conf == raft::ConfState{} || conf.contains(raft::RaftId{server->raft_id()})) {
                peers[server->raft_id()] = server;
            }
        }
    }
    for (const state::ServerPtr& server : view_.servers()) peers[server->raft_id()] = server;
    const bool unchanged =
        peers.size() == published_peers_.size() &&
        std::equal(peers.begin(), peers.end(), published_peers_.begin(),
                   [](const auto& a, const auto& b) { return same_server(*a.second, *b.second); });
    if (unchanged) return;
    published_peers_ = peers;
    UpdatePeers update;
    for (auto& [id, server] : peers) update.servers.push_back(std::move(server));
    step.emit(std::move(update));
}

}  // namespace drover::server
