// Identities of replicated objects: 16 bytes, minted once by the proposer from its wall time and
// its Prng, and from then on carried in entries.
//
// In memory and in keys an id is ordered by the time of its minting, so that inserts land at the
// right edge of a tree. People shorten ids to eight characters, so the text form puts the random
// bytes first: text = the ordered bytes rotated left by six. The two forms convert both ways.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"

namespace drover {

// Byte by byte, as memcmp does. Trees of ids spend their time here, and a call of memcmp takes
// several times as long as two words do.
inline std::strong_ordering compare_ids(const std::array<std::uint8_t, 16>& a,
                                        const std::array<std::uint8_t, 16>& b) {
    const auto word = [](const std::uint8_t* at) {
        std::uint64_t value = 0;
        std::memcpy(&value, at, sizeof value);
        if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
        return value;
    };
    const auto high = word(a.data()) <=> word(b.data());
    return high != 0 ? high : word(a.data() + 8) <=> word(b.data() + 8);
}

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

    friend std::strong_ordering operator<=>(const Uuid& a, const Uuid& b) {
        return compare_ids(a.bytes, b.bytes);
    }
    friend bool operator==(const Uuid& a, const Uuid& b) { return a.bytes == b.bytes; }
};

// An id as it is shown: in the order of its text form, for look-ups by what people type of it.
struct ShownUuid {
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] Uuid id() const;

    friend std::strong_ordering operator<=>(const ShownUuid& a, const ShownUuid& b) {
        return compare_ids(a.bytes, b.bytes);
    }
    friend bool operator==(const ShownUuid& a, const ShownUuid& b) { return a.bytes == b.bytes; }
};

// The first and the last id whose text could begin so, in either letter case.
struct ShownRange {
    ShownUuid first;
    ShownUuid last;
};
// None where no id's text begins so.
[[nodiscard]] std::optional<ShownRange> shown_range(std::string_view prefix);

}  // namespace drover
