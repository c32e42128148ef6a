// What the cas-register clients saw, and whether one register could have shown it to them.
//
// The checker is Wing and Gong's search with Lowe's memory of visited configurations ("Testing for
// linearizability", 2017). An operation whose outcome is unknown stays open for ever: it may take
// effect at any later moment, or never.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/time.hpp"

namespace drover::sim {

struct Operation {
    enum class Kind : std::uint8_t { read, compare_and_set };
    enum class Outcome : std::uint8_t { done, refused, unknown };

    std::uint32_t client{};
    Kind kind{};
    std::uint64_t expected{};  // compare_and_set: the value it wants to replace; 0: nothing there
    std::uint64_t value{};     // read: what was seen; compare_and_set: what it writes
    Outcome outcome{Outcome::unknown};
    Instant invoked{};
    Instant returned{};  // meaningless while unknown
};

struct LinearizabilityVerdict {
    bool linearizable{true};
    bool exhausted{};  // gave up after too many configurations; counts as linearizable, and is told
    std::string anomaly;
};

// The operations on one register, in any order. `configurations_max` bounds the search.
[[nodiscard]] LinearizabilityVerdict check_register(std::vector<Operation> operations,
                                                    std::size_t configurations_max = 5'000'000);

std::string describe(const Operation& operation);

}  // namespace drover::sim
