#include "engine/client/allocation_watch.hpp"

#include <algorithm>
#include <string>

#include "engine/client/instants.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {
namespace {

// An answer may come this much later than the wait that was asked for.
constexpr Duration grace = std::chrono::seconds{10};

}  // namespace

void AllocationWatch::advance(Post& post, Turn& turn) {
    const auto* resting = std::get_if<Resting>(&phase_);
    if (resting == nullptr || turn.now < resting->next_at) return;
    schema::Request request;
    auto* query = request.mutable_query();
    query->set_min_index(index_);
    query->set_wait_ns(turn.config.pull_wait.count());
    query->mutable_node_work()->set_node_id(turn.config.node->id());
    query->mutable_node_work()->set_known_index(known_);
    phase_ = Asking{post.send(std::move(request), turn.config.pull_wait + grace, turn), turn.now};
}

std::optional<Instant> AllocationWatch::deadline() const {
    const auto* resting = std::get_if<Resting>(&phase_);
    return resting == nullptr ? std::nullopt : std::optional{resting->next_at};
}

AllocationWatch::Outcome AllocationWatch::on(const ResponseReceived& news, Turn& turn) {
    const auto* asking = std::get_if<Asking>(&phase_);
    if (asking == nullptr || asking->ticket != news.ticket) return Outcome::not_ours;
    const auto& response = *news.response;
    if (response.has_failure()) {
        failed(response.failure().message(), turn);
        return says_node_unknown(response) ? Outcome::node_unknown : Outcome::nothing_new;
    }
    if (!response.has_allocations()) {
        // Never to be mistaken for an empty list, which ends every task.
        failed("the answer holds no list of allocations", turn);
        return Outcome::nothing_new;
    }
    failures_ = 0;
    const bool no_news = response.index() <= index_ && index_ != 0;
    // An answer without news that came before its time must not make us ask in circles.
    const bool hasty =
        turn.now - asking->since < turn.config.pull_wait / 2 || turn.config.pull_wait <= Duration{};
    Instant next = turn.now;
    if (no_news && hasty) {
        next = after(turn.now,
                     retry_delay(turn.config.retry_first, turn.config.retry_first, 1, turn.prng));
    }
    if (!no_news) {
        if (answered_at_) next = std::max(next, after(*answered_at_, turn.config.pull_interval));
        answered_at_ = next;
    }
    phase_ = Resting{next};
    index_ = known_ = response.index();
    return Outcome::list;
}

bool AllocationWatch::on(const RequestFailed& news, Turn& turn) {
    const auto* asking = std::get_if<Asking>(&phase_);
    if (asking == nullptr || asking->ticket != news.ticket) return false;
    failed(news.reason, turn);
    return true;
}

void AllocationWatch::failed(const std::string& reason, Turn& turn) {
    ++failures_;
    known_ = 0;
    const Duration delay =
        retry_delay(turn.config.retry_first, turn.config.pull_retry, failures_, turn.prng);
    turn.report(Severity::warning, "pulling the node's allocations failed: " + reason);
    phase_ = Resting{after(turn.now, delay)};
}

}  // namespace drover::client
