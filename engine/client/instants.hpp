// Sums of instants with durations that users wrote: however long, they end at the end of time.
#pragma once

#include <optional>

#include "engine/base/time.hpp"

namespace drover::client {

constexpr Instant after(Instant from, Duration by) {
    if (by > Duration{} && from > Instant::max() - by) return Instant::max();
    return from + by;
}

// The earlier of two deadlines, either of which may be absent.
constexpr std::optional<Instant> earlier(std::optional<Instant> one, std::optional<Instant> other) {
    if (!one) return other;
    if (!other) return one;
    return *one < *other ? one : other;
}

}  // namespace drover::client
