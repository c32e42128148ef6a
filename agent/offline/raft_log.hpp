// The log of a server that does not run, entry by entry, as an operator wants to read it. It is
// never held in memory: a log may be longer than that. Nothing is decided here, and nothing
// written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"
#include "engine/schema/json_value.hpp"

namespace drover::agent::offline {

struct LoggedEntry {
    std::uint64_t index{}, term{};
    std::string type;  // the name of the body's field; Noop; Configuration; Unknown
    schema::JsonValue body;
};

// What the walk meets, in the order of the log.
struct LogVisitor {
    std::function<void(const LoggedEntry&)> on_entry;
    // A record that cannot be read, entries that are not there; the reason names the place.
    std::function<void(const std::string& problem)> on_damage;
};

struct LogExtent {
    std::string path;
    std::uint64_t entries{}, first_index{}, last_index{}, last_term{};
    std::uint64_t damages{};
    std::optional<raft::HardState> hard;  // none where the record is missing or damaged
};

// An error where nothing can be read at all: no server's data, or a store that is in use.
[[nodiscard]] Result<LogExtent> walk_log(const std::filesystem::path& data_dir,
                                         const LogVisitor& visitor);
// The same without looking into the entries.
[[nodiscard]] Result<LogExtent> measure_log(const std::filesystem::path& data_dir);

}  // namespace drover::agent::offline
