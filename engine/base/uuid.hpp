// Identities of replicated objects: 16 bytes, minted once by the proposer from its wall time and
// its Prng, and from then on carried in entries.
//
// In memory and in keys an id is ordered by the time of its minting, so that inserts land at the
// right edge of a tree. People shorten ids to eight characters, so the text form puts the random
// bytes first: text = the ordered bytes rotated left by six. The two forms convert both ways.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"

namespace drover {

struct ShownUuid;

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};  // bytes 0-5: Unix milliseconds, big endian; then random

    static Uuid mint(WallTime wall, Prng& prng);
    // From the 16 raw bytes of a schema field; none for any other length.
    static std::optional<Uuid> from_raw(std::string_view raw);
    // From "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", either letter case.
    static std::optional<Uuid> from_text(std::string_view text);

    [[nodiscard]] std::string raw() const;
    [[nodiscard]] std::string text() const;
    [[nodiscard]] ShownUuid shown() const;

    friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// An id as it is shown: in the order of its text form, for look-ups by what people type of it.
struct ShownUuid {
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] Uuid id() const;

    friend auto operator<=>(const ShownUuid&, const ShownUuid&) = default;
};

// The first and the last id whose text could begin so, in either letter case.
struct ShownRange {
    ShownUuid first;
    ShownUuid last;
};
// None where no id's text begins so.
[[nodiscard]] std::optional<ShownRange> shown_range(std::string_view prefix);

}  // namespace drover
