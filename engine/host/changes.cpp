// What both adaptors need: batches of a store, and the check of times. See adaptor.hpp.
#include "engine/base/match.hpp"
#include "engine/host/adaptor.hpp"

namespace drover::host {
namespace {

constexpr std::int64_t time_max = std::int64_t{1} << 62;

bool sound(std::int64_t time) { return time >= 0 && time <= time_max; }

}  // namespace

Result<void> check_time(Instant latest, std::int64_t now, std::int64_t wall) {
    if (!sound(now) || !sound(wall)) {
        return fail(Errc::invalid_argument, "now is " + std::to_string(now) + " and wall is " +
                                                std::to_string(wall) +
                                                ": both must lie between 0 and 2^62 nanoseconds");
    }
    if (Instant{Duration{now}} < latest) {
        return fail(Errc::invalid_argument,
                    "now is " + std::to_string(now) + ", before the " +
                        std::to_string(latest.time_since_epoch().count()) +
                        " of the call before: the host's time line must not go back");
    }
    return {};
}

void fill_changes(Changes& out, const storage::KvBatch& batch) {
    for (const storage::KvBatch::Change& change : batch.changes()) {
        wire::Change& to = *out.Add();
        std::visit(Match{[&](const storage::KvBatch::Put& one) {
                             to.mutable_put()->set_key(one.key);
                             to.mutable_put()->set_value(one.value);
                         },
                         [&](const storage::KvBatch::Erase& one) { to.set_erase(one.key); },
                         [&](const storage::KvBatch::EraseRange& one) {
                             to.mutable_erase_range()->set_first(one.first);
                             to.mutable_erase_range()->set_end(one.end);
                         }},
                   change);
    }
}

}  // namespace drover::host
