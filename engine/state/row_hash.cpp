// Digests: 128-bit sums, modulo 2^128, of row hashes.
#include "engine/state/row_hash.hpp"

#include <array>

#include "engine/schema/canonical.hpp"

namespace drover::state {

namespace {

Digest hash_of(Table table, std::string_view bytes) {
    schema::Hash128 hash = schema::hash128(bytes, static_cast<std::uint32_t>(table) + 1);
    return Digest{hash.high, hash.low};
}

// A setting is a row that appears with its first change, and is told from the others by its size.
template <std::size_t Size>
Digest hash_of_number(std::uint64_t number) {
    if (number == 0) return Digest{};
    std::array<char, Size> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(number >> (8 * i) & 0xffU);
    }
    return hash_of(Table::settings, std::string_view{bytes.data(), bytes.size()});
}

}  // namespace

Digest& Digest::operator+=(const Digest& other) {
    low += other.low;
    high += other.high + (low < other.low ? 1 : 0);
    return *this;
}

Digest& Digest::operator-=(const Digest& other) {
    high -= other.high + (low < other.low ? 1 : 0);
    low -= other.low;
    return *this;
}

std::string Digest::text() const {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (std::uint64_t half : {high, low}) {
        for (int shift = 60; shift >= 0; shift -= 4) out += digits[half >> shift & 15U];
    }
    return out;
}

Digest row_hash(Table table, const google::protobuf::Message& row) {
    return row_hash(table, schema::canonical_bytes(row));
}

Digest row_hash(Table table, std::string_view canonical_row) {
    return hash_of(table, canonical_row);
}

Digest feature_level_hash(std::uint32_t level) { return hash_of_number<4>(level); }

Digest rehearsals_hash(std::uint64_t rehearsals) { return hash_of_number<8>(rehearsals); }

}  // namespace drover::state
