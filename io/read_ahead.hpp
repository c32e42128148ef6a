// Everything that a store holds, read by a thread of its own some batches ahead of whoever looks at
// it: to read a long log costs about as much as to check it.
#pragma once

#include "engine/base/result.hpp"
#include "io/store.hpp"

namespace drover::io {

// As RocksStore::for_each of all keys. Visits on the caller's thread; what was read ahead and is
// not visited stays below a few MiB beyond the largest pair.
[[nodiscard]] Result<void> for_each_ahead(const RocksStore& store,
                                          const RocksStore::Visitor& visit);

}  // namespace drover::io
