// The files that the store gives to RocksDB. Its write-ahead log is written past the page cache
// into zeros that are on the disk already: what a record costs is one write to the disk and its
// flush. A growing file has its size and its place committed as well, and a cached page is first
// looked for among the dirty ones.
//
// Where a file system cannot do that, or has no room for zeros, a log is RocksDB's own file. So are
// all other files.
#pragma once

#include <rocksdb/env.h>

namespace drover::io {

// One for all stores; it lives as long as the process.
[[nodiscard]] rocksdb::Env* wal_files();

}  // namespace drover::io
