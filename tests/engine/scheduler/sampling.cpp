// See sampling.hpp.
#include "tests/engine/scheduler/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace drover::scheduler::testing {
namespace {

constexpr std::size_t skipped_max = 3;  // options that are no good may be passed over, so many

bool has_room(const state::Capacity& capacity, const state::Usage& used) {
    return used.cpu_mhz <= capacity.cpu_mhz && used.memory_mb <= capacity.memory_mb &&
           used.disk_mb <= capacity.disk_mb;
}

std::size_t limit_of(std::size_t nodes, bool batch) {
    if (batch) return 2;
    const double log = std::ceil(std::log2(static_cast<double>(nodes)));
    return std::max<std::size_t>(2, static_cast<std::size_t>(log));
}

}  // namespace

double exact_binpack(const state::Capacity& capacity, const state::Usage& used) {
    const auto free = [](std::int64_t taken, std::int64_t all) {
        return 1.0 - static_cast<double>(taken) / static_cast<double>(all);
    };
    const double total = std::pow(10.0, free(used.cpu_mhz, capacity.cpu_mhz)) +
                         std::pow(10.0, free(used.memory_mb, capacity.memory_mb));
    return std::clamp(20.0 - total, 0.0, 18.0) / 18.0;
}

Sampler::Sampler(std::vector<state::Capacity> capacities, std::uint64_t seed)
    : capacities_{std::move(capacities)},
      used_(capacities_.size()),
      circle_(capacities_.size()),
      prng_{seed} {
    std::iota(circle_.begin(), circle_.end(), std::size_t{0});
}

void Sampler::shuffle() {
    for (std::size_t i = circle_.size(); i > 1; --i) {
        std::swap(circle_[i - 1], circle_[prng_.below(i)]);
    }
    next_ = 0;
}

std::vector<Sampler::Option> Sampler::sample(std::size_t limit, const state::Usage& ask,
                                             int count) {
    std::vector<Option> options, skipped;
    std::size_t looked = 0;
    for (; looked < circle_.size() && options.size() < limit; ++looked) {
        const std::size_t node = circle_[(next_ + looked) % circle_.size()];
        state::Usage used = used_[node];
        used += ask;
        if (!has_room(capacities_[node], used)) continue;
        const double binpack = exact_binpack(capacities_[node], used);
        double score = binpack;
        if (of_job_[node] > 0) score = (binpack - (of_job_[node] + 1.0) / count) / 2;
        const bool passed_over = score <= 0 && skipped.size() < skipped_max;
        (passed_over ? skipped : options).push_back({node, binpack, score});
    }
    next_ = (next_ + looked) % circle_.size();
    for (const auto& option : skipped) {
        if (options.size() < limit) options.push_back(option);
    }
    return options;
}

void Sampler::run(int count, const state::Usage& ask, bool batch) {
    of_job_.assign(capacities_.size(), 0);
    shuffle();
    const std::size_t limit = limit_of(capacities_.size(), batch);
    for (int i = 0; i < count; ++i) {
        const auto options = sample(limit, ask, count);
        if (options.empty()) return;
        const auto best =
            std::max_element(options.begin(), options.end(),
                             [](const Option& a, const Option& b) { return a.score < b.score; });
        used_[best->node] += ask;
        ++of_job_[best->node];
        binpack_ += best->binpack;
        ++placed_;
    }
}

Packing Sampler::packing() const {
    const auto used = std::count_if(used_.begin(), used_.end(),
                                    [](const auto& one) { return one.allocations > 0; });
    return {placed_ == 0 ? 0 : binpack_ / placed_, static_cast<std::uint64_t>(used), placed_};
}

}  // namespace drover::scheduler::testing
