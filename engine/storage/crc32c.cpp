// See crc32c.hpp. Eight tables, eight bytes a round (Kounavis and Berry, "slicing by eight").
#include "engine/storage/crc32c.hpp"

#include <array>

namespace drover::storage {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
        tables[0][byte] = crc;
    }
    for (std::size_t table = 1; table < 8; ++table) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][before & 0xffU];
        }
    }
    return tables;
}

constexpr Tables tables = make_tables();

constexpr std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
    std::uint32_t crc = ~seed;
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        const std::uint32_t low =
            crc ^ (byte_at(bytes, at) | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2) << 16 |
                   byte_at(bytes, at + 3) << 24);
        crc = tables[7][low & 0xffU] ^ tables[6][(low >> 8) & 0xffU] ^
              tables[5][(low >> 16) & 0xffU] ^ tables[4][low >> 24] ^
              tables[3][byte_at(bytes, at + 4)] ^ tables[2][byte_at(bytes, at + 5)] ^
              tables[1][byte_at(bytes, at + 6)] ^ tables[0][byte_at(bytes, at + 7)];
    }
    for (; at < bytes.size(); ++at)
        crc = (crc >> 8) ^ tables[0][(crc ^ byte_at(bytes, at)) & 0xffU];
    return ~crc;
}

}  // namespace drover::storage
