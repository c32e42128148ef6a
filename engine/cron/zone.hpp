// Time zones as values. A host reads them from wherever its system keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace drover::cron {

// From this second of Unix time on, a clock of the zone shows that many seconds more than UTC.
struct ZoneChange {
    std::int64_t from_s{};
    std::int32_t offset_s{};

    friend bool operator==(const ZoneChange&, const ZoneChange&) = default;
};

// In the order of time; the first holds for all the time before it too. Never empty.
using Zone = std::vector<ZoneChange>;

// By IANA name (Europe/Berlin). UTC is known to everybody and need not be among them.
using Zones = std::map<std::string, Zone, std::less<>>;

}  // namespace drover::cron
