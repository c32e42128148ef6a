// The comma-free grammar of a scenario's scalars: durations, chances, distributions, counts, seed
// ranges, rates and selectors. Errors name the value and what would be right; the reader of the
// file adds the position.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

// "250ms", "1.5s", "2m", "0"; units ns us ms s m h.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
// "0.1%", or a fraction such as "0.001"; at most 100%.
[[nodiscard]] Result<Chance> parse_chance(std::string_view text);
// "64", "50k", "20M", "0x5eed".
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text);
// "2ms", "exp(min=0.2ms; mean=2ms)", "uniform(1ms..5ms)", "bimodal(fast=20ms; slow=400ms; p=0.1%)".
[[nodiscard]] Result<Distribution> parse_distribution(std::string_view text);
// "1..200", or one number.
[[nodiscard]] Result<SeedRange> parse_seed_range(std::string_view text);
// "200/s", "1/30s": the time between two of them.
[[nodiscard]] Result<Duration> parse_rate(std::string_view text);
// "512MiB", "8GiB", or a plain number of MiB.
[[nodiscard]] Result<std::int64_t> parse_mebibytes(std::string_view text);
// "leader", "follower", "server(2)", "server(all)", "servers", "majority", "minority", "random",
// "node(1)", "node(pool=web; 5)", "nodes", "holder(alloc=api[3])".
[[nodiscard]] Result<Selector> parse_selector(std::string_view text);

}  // namespace drover::sim
