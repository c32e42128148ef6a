// The time zones of this machine's IANA database, as values.
#pragma once

#include <string>

#include "engine/base/time_zone.hpp"

namespace drover::io {

// Every zone in the folder (or in $TZDIR, where that is set), from 1970 until 2100. Empty where
// there is no database: then jobs may name UTC only.
[[nodiscard]] TimeZones read_time_zones(const std::string& folder = "/usr/share/zoneinfo");

}  // namespace drover::io
