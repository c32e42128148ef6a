// The largest numbers of consensus that anybody believes. No group gets near them; a peer or a disk
// that names larger ones is broken, and arithmetic below them never overflows.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/base/time.hpp"

namespace drover::raft {

inline constexpr std::uint64_t index_max = std::uint64_t{1} << 62;
inline constexpr std::uint64_t term_max = std::uint64_t{1} << 62;
// In one set of a configuration.
inline constexpr int members_max = 1024;
inline constexpr Duration election_timeout_max = std::chrono::hours{24};

}  // namespace drover::raft
