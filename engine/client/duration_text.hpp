// Durations as people read them in events and messages: "5s", "1m30s", "2h0m0s", "250ms", "17.25s".
#pragma once

#include <string>

#include "engine/base/time.hpp"

namespace drover::client {

[[nodiscard]] std::string duration_text(Duration duration);

}  // namespace drover::client
