#include "engine/base/uuid.hpp"

#include <algorithm>
#include <cstddef>

namespace drover {
namespace {

constexpr std::size_t time_bytes = 6;

bool hyphen_follows(std::size_t byte) { return byte == 3 || byte == 5 || byte == 7 || byte == 9; }

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

std::optional<Uuid> Uuid::from_text(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    std::array<std::uint8_t, 16> shown{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const int high = hex_value(text[at]);
        const int low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        shown[i] = static_cast<std::uint8_t>(high * 16 + low);
        at += 2;
        if (hyphen_follows(i) && text[at++] != '-') return std::nullopt;
    }
    Uuid id;
    std::rotate_copy(shown.begin(), shown.end() - time_bytes, shown.end(), id.bytes.begin());
    return id;
}

std::string Uuid::raw() const { return {bytes.begin(), bytes.end()}; }

std::string Uuid::text() const {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::array<std::uint8_t, 16> shown{};
    std::rotate_copy(bytes.begin(), bytes.begin() + time_bytes, bytes.end(), shown.begin());
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < shown.size(); ++i) {
        text += digits[shown[i] >> 4];
        text += digits[shown[i] & 15];
        if (hyphen_follows(i)) text += '-';
    }
    return text;
}

}  // namespace drover
