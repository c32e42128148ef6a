// Where the real host reads time and randomness.
#include "io/clock.hpp"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace drover::io {

Instant now() {
    const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
    return Instant{std::chrono::duration_cast<Duration>(since_start)};
}

WallTime wall_now() {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return WallTime{std::chrono::duration_cast<Duration>(since_epoch).count()};
}

Result<std::uint64_t> entropy_seed() {
    std::uint64_t seed = 0;
    // Requests of up to 256 bytes are never cut short once the system's pool is ready.
    while (::getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) {
        if (errno != EINTR) {
            return fail(Errc::internal, "the operating system gave no entropy: " +
                                            std::generic_category().message(errno));
        }
    }
    return seed;
}

}  // namespace drover::io
