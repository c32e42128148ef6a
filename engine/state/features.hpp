// The feature levels that this release knows: which release introduced each of them, what a cluster
// gains with it, and the entry types that stand behind it.
//
// A cluster works at one level, which its log raises and never lowers (FeatureLevelChange). While
// it stands at a level, nothing is proposed that a server of that level cannot apply; so every
// server can go back to the release that introduced the level, with nothing lost.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::schema {
class Entry;
class ServerInfo;
}  // namespace drover::schema

namespace drover::state {

struct FeatureLevel {
    std::uint32_t level{};
    std::string_view release;  // the first that supports it
    std::string_view gained;   // one sentence, for `operator upgrade status`
    // Numbers of Entry.body. Whatever no level names is of the first.
    std::span<const std::uint32_t> entry_types;
};

// In rising order, without gaps. The last is the rehearsal: the level after this release's own,
// which a server supports only where its configuration says so.
[[nodiscard]] std::span<const FeatureLevel> feature_levels();

inline constexpr std::uint32_t oldest_level = 1;     // below it, this release cannot work
inline constexpr std::uint32_t newest_level = 2;     // this release's own
inline constexpr std::uint32_t batches_level = 2;    // plans hold placements in batches
inline constexpr std::uint32_t rehearsal_level = 3;  // always newest_level + 1

// The level that a configuration asks for: 0 stands for this release's own.
[[nodiscard]] Result<std::uint32_t> supported_level(std::uint32_t configured);

// Null where this release does not know the level.
[[nodiscard]] const FeatureLevel* find_feature_level(std::uint32_t level);
[[nodiscard]] std::uint32_t level_of_entry_type(std::uint32_t type);
// Of this very entry: an old type may have parts that a later level brought.
[[nodiscard]] std::uint32_t level_of_contents(const schema::Entry& entry);
// What a server must support to apply the entry: what its proposer wrote, the first where it wrote
// nothing.
[[nodiscard]] std::uint32_t needed_level(const schema::Entry& entry);
// Of a server, as it registered; one that says nothing supports the first level.
[[nodiscard]] std::uint32_t newest_level_of(const schema::ServerInfo& server);
[[nodiscard]] bool supports(const schema::ServerInfo& server, std::uint32_t level);

// A cluster whose log never named a level is at the first.
[[nodiscard]] constexpr std::uint32_t effective_level(std::uint32_t stored) {
    return stored == 0 ? oldest_level : stored;
}

// "level 2 (release 0.2.0)": the release is named where it is known.
[[nodiscard]] std::string level_text(std::uint32_t level);
// Why a server that supports `supported` cannot work where `needed` is needed, and what to do.
[[nodiscard]] Error level_not_supported(const std::string& what, std::uint32_t needed,
                                        std::uint32_t supported);

}  // namespace drover::state
