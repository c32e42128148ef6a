#include "engine/base/uuid.hpp"

#include <algorithm>
#include <cstddef>

namespace drover {
namespace {

constexpr std::size_t time_bytes = 6;

constexpr std::size_t text_size = 36;

bool is_hyphen(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

}  // namespace

Uuid Uuid::mint(WallTime wall, Prng& prng) {
    Uuid id;
    const auto millis = static_cast<std::uint64_t>(wall.value() / 1'000'000);
    for (std::size_t i = 0; i < time_bytes; ++i) {
        id.bytes[i] = static_cast<std::uint8_t>(millis >> (8 * (time_bytes - 1 - i)));
    }
    const std::uint64_t high = prng.next();
    const std::uint64_t low = prng.next();
    for (std::size_t i = 0; i < 8; ++i) {
        id.bytes[time_bytes + i] = static_cast<std::uint8_t>(high >> (8 * i));
    }
    id.bytes[14] = static_cast<std::uint8_t>(low);
    id.bytes[15] = static_cast<std::uint8_t>(low >> 8);
    return id;
}

std::optional<Uuid> Uuid::from_raw(std::string_view raw) {
    Uuid id;
    if (raw.size() != id.bytes.size()) return std::nullopt;
    std::transform(raw.begin(), raw.end(), id.bytes.begin(),
                   [](char byte) { return static_cast<std::uint8_t>(byte); });
    return id;
}

std::optional<ShownRange> shown_range(std::string_view prefix) {
    if (prefix.size() > text_size) return std::nullopt;
    ShownRange range;
    range.last.bytes.fill(0xff);
    std::size_t digits = 0;
    for (std::size_t i = 0; i < prefix.size(); ++i) {
        if (is_hyphen(i)) {
            if (prefix[i] != '-') return std::nullopt;
            continue;
        }
        const int value = hex_value(prefix[i]);
        if (value < 0) return std::nullopt;
        const unsigned shift = digits % 2 == 0 ? 4 : 0;
        const auto others = static_cast<std::uint8_t>(0xfU << (4 - shift));
        const auto digit = static_cast<std::uint8_t>(static_cast<unsigned>(value) << shift);
        for (ShownUuid* end : {&range.first, &range.last}) {
            std::uint8_t& byte = end->bytes[digits / 2];
            byte = static_cast<std::uint8_t>((byte & others) | digit);
        }
        ++digits;
    }
    return range;
}

std::optional<Uuid> Uuid::from_text(std::string_view text) {
    if (text.size() != text_size) return std::nullopt;
    const auto range = shown_range(text);
    if (!range) return std::nullopt;
    return range->first.id();
}

Uuid ShownUuid::id() const {
    Uuid id;
    std::rotate_copy(bytes.begin(), bytes.end() - time_bytes, bytes.end(), id.bytes.begin());
    return id;
}

ShownUuid Uuid::shown() const {
    ShownUuid shown;
    std::rotate_copy(bytes.begin(), bytes.begin() + time_bytes, bytes.end(), shown.bytes.begin());
    return shown;
}

std::string Uuid::raw() const { return {bytes.begin(), bytes.end()}; }

std::string Uuid::text() const {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(text_size);
    for (const std::uint8_t byte : shown().bytes) {
        if (is_hyphen(text.size())) text += '-';
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

}  // namespace drover
