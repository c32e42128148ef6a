// See time_zones.hpp. Abseil reads the files; here they are turned into the changes of a clock.
#include "io/time_zones.hpp"

#include <absl/time/time.h>

#include <cstdlib>
#include <filesystem>

namespace drover::io {
namespace {

namespace fs = std::filesystem;

// When the clock went from one civil time to another. One of them is a time that is left out or
// shown twice, unless the change is one of names only.
absl::Time instant_of(const absl::TimeZone::CivilTransition& change, const absl::TimeZone& zone) {
    using Info = absl::TimeZone::TimeInfo;
    const Info from = zone.At(change.from);
    const Info to = zone.At(change.to);
    if (from.kind != Info::UNIQUE) return from.trans;
    return to.kind != Info::UNIQUE ? to.trans : to.pre;
}

TimeZoneChange change_at(absl::Time time, const absl::TimeZone& zone) {
    return {absl::ToUnixSeconds(time), zone.At(time).offset};
}

TimeZone changes_of(const absl::TimeZone& zone) {
    const absl::Time end = absl::FromCivil(absl::CivilSecond{2100, 1, 1}, absl::UTCTimeZone());
    absl::Time time = absl::UnixEpoch();
    TimeZone changes{change_at(time, zone)};
    absl::TimeZone::CivilTransition next;
    while (zone.NextTransition(time, &next)) {
        const absl::Time at = instant_of(next, zone);
        if (at <= time || at >= end) break;
        time = at;
        const TimeZoneChange change = change_at(time, zone);
        if (change.offset_s != changes.back().offset_s) changes.push_back(change);
    }
    return changes;
}

}  // namespace

TimeZones read_time_zones(const std::string& folder) {
    const char* const told = std::getenv("TZDIR");
    const fs::path root = told != nullptr ? told : folder;
    TimeZones zones;
    std::error_code error;
    fs::recursive_directory_iterator at{root, error};
    for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
        const std::string name = at->path().lexically_relative(root).string();
        if (at->is_directory(error)) {
            // The same zones again, without and with leap seconds.
            if (name == "posix" || name == "right") at.disable_recursion_pending();
            continue;
        }
        absl::TimeZone zone;
        if (absl::LoadTimeZone(at->path().string(), &zone)) zones.emplace(name, changes_of(zone));
    }
    return zones;
}

}  // namespace drover::io
