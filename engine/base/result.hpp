// Refusals that the caller must handle. A bug aborts (ensure.hpp); bad news from the world arrives
// as an input; a refusal is a Result. No exception crosses an engine boundary.
//
// Every function that returns a Result is marked [[nodiscard]]: an alias cannot carry the
// attribute.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace drover {

// Numbers are part of the wire and of the host boundary: append, never renumber.
enum class Errc : std::uint8_t {
    invalid_argument = 1,  // the request is malformed; HTTP 400
    not_found = 2,         // HTTP 404
    conflict = 3,          // a check-and-set was refused; it never took effect
    permission_denied = 4,
    not_leader = 5,      // nothing was proposed; safe to try again elsewhere
    no_leader = 6,       // nothing was proposed; HTTP 500 "No cluster leader"
    unknown_outcome = 7, // it may or may not have happened, or may yet happen
    timed_out = 8,       // a read that did not finish; safe to try again
    overloaded = 9,      // a bounded queue was full; nothing was proposed
    corrupt = 10,        // stored or received bytes failed a check
    unsupported = 11,    // understood, but not offered by this release or in this state
    internal = 12,
};

struct Error {
    Errc code{};
    std::string message;  // names the field, the value and the remedy

    friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Errc code, std::string message) {
    return tl::unexpected<Error>{Error{code, std::move(message)}};
}

}  // namespace drover
