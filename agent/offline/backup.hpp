// A durable copy of a directory beside it, made before something in it is changed for good.
#pragma once

#include <filesystem>

#include "engine/base/result.hpp"

namespace drover::agent::offline {

// "<directory>.backup-1", or the next number that is free. The copy has its name only once it is
// whole and durable.
[[nodiscard]] Result<std::filesystem::path> back_up(const std::filesystem::path& directory);

}  // namespace drover::agent::offline
