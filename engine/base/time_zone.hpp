// Time zones as values. A host reads them from wherever its system keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace drover {

// From this second of Unix time on, a clock of the zone shows that many seconds more than UTC.
struct TimeZoneChange {
    std::int64_t from_s{};
    std::int32_t offset_s{};

    friend bool operator==(const TimeZoneChange&, const TimeZoneChange&) = default;
};

// In the order of time; the first holds for all the time before it too. Never empty.
using TimeZone = std::vector<TimeZoneChange>;

// By IANA name (Europe/Berlin). UTC is known to everybody and need not be among them.
using TimeZones = std::map<std::string, TimeZone, std::less<>>;

}  // namespace drover
