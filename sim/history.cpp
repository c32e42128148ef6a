#include "sim/history.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace drover::sim {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

constexpr std::uint64_t absent = 0;

// The effect of an operation on a register that holds `state`; none where it contradicts what its
// client saw.
std::optional<std::uint64_t> effect(const Operation& operation, std::uint64_t state) {
    if (operation.kind == Kind::read) {
        return operation.value == state ? std::optional{state} : std::nullopt;
    }
    const bool matches = operation.expected == state;
    switch (operation.outcome) {
        case Outcome::done:
            return matches ? std::optional{operation.value} : std::nullopt;
        case Outcome::refused:
            return matches ? std::nullopt : std::optional{state};
        case Outcome::unknown:
            return matches ? operation.value : state;
    }
    return std::nullopt;
}

// Operations in order of invocation. All before `first` have been linearized; of those at and after
// it, the set `ahead` (few: as many as were concurrent). That pair names a configuration compactly.
struct Configuration {
    std::size_t first{};
    std::vector<std::uint32_t> ahead;  // sorted
    std::uint64_t state{};
    friend auto operator<=>(const Configuration&, const Configuration&) = default;
};

class Search {
public:
    Search(std::vector<Operation> operations, std::size_t limit)
        : operations_{std::move(operations)}, limit_{limit} {}

    LinearizabilityVerdict run() {
        std::vector<Configuration> stack{Configuration{0, {}, absent}};
        visited_.insert(stack.back());
        while (!stack.empty()) {
            const Configuration here = std::move(stack.back());
            stack.pop_back();
            if (here.first > deepest_) deepest_ = here.first;
            if (complete(here)) return {};
            if (visited_.size() > limit_) return {true, true, {}};
            expand(here, stack);
        }
        return {false, false, anomaly()};
    }

private:
    [[nodiscard]] bool is_open(const Operation& one) const {
        return one.outcome == Outcome::unknown;
    }
    [[nodiscard]] Instant end_of(const Operation& one) const {
        return is_open(one) ? Instant::max() : one.returned;
    }
    // Everything that is left may also never have happened.
    [[nodiscard]] bool complete(const Configuration& here) const {
        for (std::size_t i = here.first; i < operations_.size(); ++i) {
            if (!is_open(operations_[i]) && !contains(here, i)) return false;
        }
        return true;
    }
    static bool contains(const Configuration& here, std::size_t i) {
        return std::binary_search(here.ahead.begin(), here.ahead.end(),
                                  static_cast<std::uint32_t>(i));
    }
    void expand(const Configuration& here, std::vector<Configuration>& stack) {
        // A candidate must have been invoked before the first return among those not yet
        // linearized.
        Instant horizon = Instant::max();
        for (std::size_t i = here.first; i < operations_.size(); ++i) {
            if (operations_[i].invoked > horizon) break;
            if (contains(here, i)) continue;
            if (const auto next = effect(operations_[i], here.state)) push(here, i, *next, stack);
            horizon = std::min(horizon, end_of(operations_[i]));
        }
    }
    void push(const Configuration& here, std::size_t i, std::uint64_t state,
              std::vector<Configuration>& stack) {
        Configuration next = here;
        next.state = state;
        const auto place =
            std::lower_bound(next.ahead.begin(), next.ahead.end(), static_cast<std::uint32_t>(i));
        next.ahead.insert(place, static_cast<std::uint32_t>(i));
        while (!next.ahead.empty() && next.ahead.front() == next.first) {
            next.ahead.erase(next.ahead.begin());
            ++next.first;
        }
        if (visited_.insert(next).second) stack.push_back(std::move(next));
    }
    [[nodiscard]] std::string anomaly() const {
        std::string text =
            "no order of the operations explains what was seen; the search got past " +
            std::to_string(deepest_) + " of " + std::to_string(operations_.size()) +
            " and stopped at:";
        const std::size_t last = std::min(operations_.size(), deepest_ + 6);
        for (std::size_t i = deepest_; i < last; ++i) text += "\n  " + describe(operations_[i]);
        return text;
    }

    std::vector<Operation> operations_;
    std::size_t limit_;
    std::size_t deepest_{0};
    std::set<Configuration> visited_;
};

}  // namespace

LinearizabilityVerdict check_register(std::vector<Operation> operations,
                                      std::size_t configurations_max) {
    // A read without an answer says nothing.
    std::erase_if(operations, [](const Operation& one) {
        return one.kind == Kind::read && one.outcome != Outcome::done;
    });
    std::stable_sort(operations.begin(), operations.end(),
                     [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
    return Search{std::move(operations), configurations_max}.run();
}

std::string describe(const Operation& operation) {
    const auto millis = [](Instant at) {
        return std::to_string(at.time_since_epoch().count() / 1'000'000) + "ms";
    };
    std::string text = "client " + std::to_string(operation.client) + " ";
    if (operation.kind == Kind::read) {
        text += "read " + std::to_string(operation.value);
    } else {
        text +=
            "cas " + std::to_string(operation.expected) + " -> " + std::to_string(operation.value);
    }
    text += operation.outcome == Outcome::done      ? " done"
            : operation.outcome == Outcome::refused ? " refused"
                                                    : " unknown";
    text += " [" + millis(operation.invoked) + ", ";
    text += operation.outcome == Outcome::unknown ? "open" : millis(operation.returned);
    return text + "]";
}

}  // namespace drover::sim
