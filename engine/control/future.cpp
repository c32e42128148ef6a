// See future.hpp. An entry at a place of this term's log is the one that was proposed there, and so
// is every one before it: what applying them led to once, it leads to again.
#include "engine/control/future.hpp"

#include <utility>

#include "engine/schema/entry.pb.h"

namespace drover::control {
namespace {

// Beyond this many entries a continued copy shares too little with the applied state.
constexpr std::uint64_t entries_before_rebuild = 1024;
// To remember what came of an entry costs a view of the state: worth it from so many allocations
// on.
constexpr int allocations_of_large_plan = 32;

bool is_large_plan(const schema::Entry& entry) {
    int allocations = 0;
    for (const auto& list : entry.apply_plan().plan().placements()) {
        allocations += list.allocations_size();
    }
    for (const auto& batch : entry.apply_plan().plan().placement_batches()) {
        allocations += batch.name_numbers_size();
    }
    return allocations >= allocations_of_large_plan;
}

}  // namespace

void Future::proposed(std::uint64_t index, EntryPtr entry) {
    pending_.push_back({index, std::move(entry), std::nullopt});
}

void Future::applied(std::uint64_t index) {
    while (!pending_.empty() && pending_.front().index <= index) pending_.pop_front();
    if (!ahead_) return;
    // It never saw what was forgotten just now.
    const bool missed_some = index > ahead_->applied_index();
    const bool old = index > rebuilt_at_ + entries_before_rebuild;
    if (pending_.empty() || missed_some || old) {
        ahead_.reset();
        view_.reset();
    }
}

state::StateView Future::view(const state::StateView& applied) {
    if (pending_.empty()) return applied;
    if (!ahead_) {
        ahead_ = state::State::fork(applied, config_);
        rebuilt_at_ = applied.applied_index();
        seamless_ = true;
        view_.reset();
    }
    for (Pending& pending : pending_) {
        if (pending.index > ahead_->applied_index()) look_at(pending);
    }
    if (!view_) view_ = ahead_->view();
    return *view_;
}

void Future::look_at(Pending& pending) {
    seamless_ = seamless_ && pending.index == ahead_->applied_index() + 1;
    state::ApplyResult result = ahead_->apply(pending.index, *pending.entry);
    view_.reset();
    if (!seamless_ || result.outcome != state::Applied::done) return;
    if (!is_large_plan(*pending.entry)) return;
    view_ = ahead_->view();
    pending.foreseen = Foreseen{*view_, std::move(result)};
}

std::optional<Foreseen> Future::take(std::uint64_t index, const schema::Entry& entry) {
    for (Pending& pending : pending_) {
        if (pending.index < index) continue;
        if (pending.index != index || pending.entry.get() != &entry) return std::nullopt;
        return std::exchange(pending.foreseen, std::nullopt);
    }
    return std::nullopt;
}

}  // namespace drover::control
