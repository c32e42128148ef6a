// One snapshot file by itself, wherever it lies: what its header and its sections say, and the rows
// inside. Nothing is believed before its checks have passed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"
#include "engine/schema/json_value.hpp"

namespace drover::agent::offline {

struct InspectedSection {
    std::string name;
    std::uint64_t records{}, bytes{};
    bool ignorable{};
};

struct InspectedServer {
    std::uint64_t raft_id{};
    std::string id, name, address;  // empty where the state has no row of it
    bool votes{};
};

struct InspectedSnapshot {
    std::string release;
    std::uint32_t feature_level{};
    std::uint64_t index{}, term{}, bytes{};
    std::vector<InspectedServer> configuration;
    std::vector<InspectedSection> sections;
};

// Errc::corrupt names the part that is damaged; Errc::not_found where there is no such file.
[[nodiscard]] Result<InspectedSnapshot> inspect_snapshot(const std::filesystem::path& file);

// The rows of every table as JSON, by the table's name.
[[nodiscard]] Result<schema::JsonValue> snapshot_state(const std::filesystem::path& file);

}  // namespace drover::agent::offline
