// CRC-32C (Castagnoli), as iSCSI and ext4 use it: finds every error burst of up to 32 bits.
#pragma once

#include <cstdint>
#include <string_view>

namespace drover::storage {

// `seed` is the result over the bytes before these; 0 at the beginning.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace drover::storage
