// Feature levels: what this server may start with, what a leader may propose, and when the
// cluster's level rises (engine/state/features.hpp says what a level is). See core.hpp.
#include <algorithm>
#include <string>
#include <utility>

#include "engine/server/core.hpp"
#include "engine/state/features.hpp"

namespace drover::server {
namespace {

constexpr Duration level_retry_interval = std::chrono::seconds{1};

const char* const how_to_finalize =
    "; see `drover operator upgrade status`, and once every server supports it run "
    "`drover operator upgrade finalize`";

std::uint32_t highest_of_all(const state::StateView& view) {
    std::uint32_t lowest = state::rehearsal_level;
    for (const state::ServerPtr& server : view.servers()) {
        lowest = std::min(lowest, state::newest_level_of(*server));
    }
    return lowest;
}

}  // namespace

Result<void> Server::Core::prepare_level(Config& config) {
    const auto supported = state::supported_level(config.supported_level);
    if (!supported) return tl::unexpected{supported.error()};
    config.supported_level = *supported;
    auto self = std::make_shared<schema::ServerInfo>(*config.self);
    self->set_level_min(state::oldest_level);
    self->set_level_max(*supported);
    config.self = std::move(self);
    return {};
}

// The entry that raises the level is the one that may be ahead of it.
Result<void> Server::Core::check_level(const schema::Entry& entry) const {
    const std::uint32_t needed = state::level_of_contents(entry);
    const std::uint32_t level = state::effective_level(view_.feature_level());
    if (needed <= level) return {};
    return fail(Errc::unsupported, "this needs feature " + state::level_text(needed) +
                                       ", and the cluster is at " + state::level_text(level) +
                                       how_to_finalize);
}

std::set<raft::RaftId> Server::Core::members_without_row() const {
    std::set<raft::RaftId> without = raft_.conf().members();
    std::erase_if(without, [&](raft::RaftId id) { return view_.server(id.value()) != nullptr; });
    return without;
}

// Members are consensus' business and not in the tables, so apply() cannot see that one of them
// never said what it supports.
Result<void> Server::Core::may_finalize(const schema::Request& request) const {
    if (!request.has_finalize_upgrade()) return {};
    const auto silent = members_without_row();
    if (silent.empty()) return {};
    return fail(Errc::conflict, "member " + std::to_string(silent.begin()->value()) +
                                    " of the cluster never said which feature levels it supports; "
                                    "start that server, or remove it from the cluster");
}

// A new cluster begins at the level that all of its servers support: there is nothing yet that
// going back could lose. From then on it rises at an operator's word, or where the configuration
// says so.
void Server::Core::raise_level(Step& step) {
    if (!leader_ || !next_level_check_ || step.now < *next_level_check_) return;
    next_level_check_.reset();
    if (view_.feature_level() != 0 && !config_.finalize_upgrades) return;
    if (!members_without_row().empty()) return;  // looked at again when it registers
    const std::uint32_t level = highest_of_all(view_);
    if (level <= view_.feature_level()) return;
    const auto entry = control::new_entry({step.wall, id_prng_});
    entry->mutable_change_feature_level()->set_level(level);
    control::seal(*entry);
    if (!propose(step, entry, std::nullopt)) next_level_check_ = step.now + level_retry_interval;
}

schema::UpgradeStatus Server::Core::upgrade_status() const {
    schema::UpgradeStatus status;
    const std::uint32_t level = state::effective_level(view_.feature_level());
    const std::uint32_t next = newest_level_of_any(view_);
    status.set_level(level);
    status.set_next_level(next);
    bool held_back = false;
    for (const raft::RaftId id : raft_.conf().members()) {
        schema::UpgradeServer& one = *status.add_servers();
        const state::ServerPtr row = view_.server(id.value());
        if (row) *one.mutable_server() = *row;
        one.mutable_server()->set_raft_id(id.value());
        one.set_voter(raft_.conf().votes(id));
        one.set_holds_back(!row || !state::supports(*row, next));
        held_back = held_back || one.holds_back();
    }
    status.set_ready(next > level && !held_back);
    status.set_going_back(next > level);
    if (const auto* known = state::find_feature_level(level)) {
        status.set_oldest_release(std::string{known->release});
    }
    for (std::uint32_t gained = level + 1; gained <= next; ++gained) {
        schema::FeatureLevel& one = *status.add_gains();
        one.set_level(gained);
        const auto* known = state::find_feature_level(gained);
        if (known == nullptr) continue;  // a release beyond ours is in the cluster
        one.set_release(std::string{known->release});
        one.set_gained(std::string{known->gained});
    }
    return status;
}

}  // namespace drover::server
