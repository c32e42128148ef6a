// Where a write-ahead log of RocksDB ends that was written into zeros (wal_files.hpp). RocksDB
// takes a log to end with its file, and passes over zeros wherever they are; here they have to mean
// something: never written, torn, or damaged.
//
// Every record is durable before the next one is begun, so only the last one can be torn. A torn
// record lacks sectors, which are still zero.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::io {

// Bytes up to the end of the last whole record; after that come zeros, or a torn write, of which
// nobody was told. Errc::corrupt, with the offset, when a bad record is followed by a good one, or
// lacks nothing and does not match its checksum.
[[nodiscard]] Result<std::uint64_t> end_of_records(std::string_view log);

}  // namespace drover::io
