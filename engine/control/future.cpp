// See future.hpp.
#include "engine/control/future.hpp"

#include <utility>

namespace drover::control {
namespace {

// Beyond this many entries a continued copy shares too little with the applied state.
constexpr std::uint64_t entries_before_rebuild = 1024;

}  // namespace

void Future::proposed(std::uint64_t index, EntryPtr entry) {
    pending_.push_back({index, std::move(entry)});
}

void Future::applied(std::uint64_t index) {
    while (!pending_.empty() && pending_.front().index <= index) pending_.pop_front();
    if (!ahead_) return;
    // It never saw what was forgotten just now.
    const bool missed_some = index > ahead_->applied_index();
    const bool old = index > rebuilt_at_ + entries_before_rebuild;
    if (pending_.empty() || missed_some || old) ahead_.reset();
}

state::StateView Future::view(const state::StateView& applied) {
    if (pending_.empty()) return applied;
    if (!ahead_) {
        ahead_ = state::State::fork(applied, config_);
        rebuilt_at_ = applied.applied_index();
    }
    for (const Pending& pending : pending_) {
        if (pending.index > ahead_->applied_index()) ahead_->apply(pending.index, *pending.entry);
    }
    return ahead_->view();
}

}  // namespace drover::control
