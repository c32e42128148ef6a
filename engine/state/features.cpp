// See features.hpp. A release that gates something adds its row in front of the rehearsal, gives
// the rehearsal the next number, and raises newest_level.
#include "engine/state/features.hpp"

#include <algorithm>
#include <array>

#include "engine/schema/entry.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/server.pb.h"

namespace drover::state {

namespace {

constexpr std::array<std::uint32_t, 4> second_types{
    schema::Entry::kChangeNodeDrain, schema::Entry::kChangeSchedulerConfiguration,
    schema::Entry::kReconcileSummaries, schema::Entry::kTagJobVersion};
constexpr std::array<std::uint32_t, 1> rehearsal_types{schema::Entry::kRehearse};

constexpr std::array<FeatureLevel, 3> levels{
    FeatureLevel{1, "0.1.0", "all that the first release has", {}},
    FeatureLevel{2, "0.2.0",
                 "node drains, launches of periodic and dispatches of parameterised jobs, removal "
                 "of unused jobs, tags of job versions, deployments of system jobs, the "
                 "scheduler's configuration with preemption, and plans in batches",
                 second_types},
    FeatureLevel{rehearsal_level, "after 0.2.0",
                 "the rehearsal entry, which tests stand behind this level", rehearsal_types}};

bool has_parts_of_second_level(const schema::Entry& entry) {
    const schema::JobRegistration& registration = entry.register_job();
    const schema::Reaping& reaping = entry.reap();
    return !entry.apply_plan().plan().placement_batches().empty() ||
           registration.periodic_launch_ns() != 0 || registration.job().dispatched() ||
           !reaping.jobs().empty() || reaping.everything();
}

static_assert(levels.back().level == rehearsal_level && rehearsal_level == newest_level + 1);

}  // namespace

std::span<const FeatureLevel> feature_levels() { return levels; }

Result<std::uint32_t> supported_level(std::uint32_t configured) {
    if (configured == 0) return newest_level;
    if (configured >= oldest_level && configured <= rehearsal_level) return configured;
    return fail(Errc::invalid_argument,
                "supported_feature_level " + std::to_string(configured) +
                    " is not one that this release can work at; write " +
                    std::to_string(oldest_level) + " to " + std::to_string(rehearsal_level) +
                    ", or leave it out for " + std::to_string(newest_level));
}

const FeatureLevel* find_feature_level(std::uint32_t level) {
    const auto* const found = std::ranges::find(levels, level, &FeatureLevel::level);
    return found == levels.end() ? nullptr : found;
}

std::uint32_t level_of_entry_type(std::uint32_t type) {
    for (const FeatureLevel& one : levels) {
        if (std::ranges::find(one.entry_types, type) != one.entry_types.end()) return one.level;
    }
    return oldest_level;
}

std::uint32_t level_of_contents(const schema::Entry& entry) {
    const std::uint32_t by_type = level_of_entry_type(entry.type());
    return has_parts_of_second_level(entry) ? std::max(by_type, 2U) : by_type;
}

std::uint32_t needed_level(const schema::Entry& entry) { return effective_level(entry.level()); }

std::uint32_t newest_level_of(const schema::ServerInfo& server) {
    return effective_level(server.level_max());
}

bool supports(const schema::ServerInfo& server, std::uint32_t level) {
    return server.level_min() <= level && level <= newest_level_of(server);
}

std::string level_text(std::uint32_t level) {
    const FeatureLevel* const known = find_feature_level(level);
    std::string text = "level " + std::to_string(level);
    if (known != nullptr) text += " (release " + std::string{known->release} + ")";
    return text;
}

Error level_not_supported(const std::string& what, std::uint32_t needed, std::uint32_t supported) {
    const bool too_old = needed > supported;
    return {Errc::unsupported,
            what + " needs feature level " + std::to_string(needed) +
                ", and this server supports " + std::to_string(oldest_level) + " to " +
                std::to_string(supported) +
                (too_old ? "; the cluster's upgrade was finalized: start the release that it was "
                           "upgraded to, or a newer one"
                         : "; start a release between that one and this one first, and finalize "
                           "the upgrade to it")};
}

}  // namespace drover::state
