// Looks at the data directory of a server that does not run, and says what is there and what is
// wrong with it. It never writes, and never asks a server.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/storage/survey.hpp"

namespace drover::agent::offline {

// Something wrong: where, what, and what an operator can do about it.
struct Finding {
    std::string place;
    std::string problem;
    std::string remedy;
};

struct ExaminedSection {
    std::string name;
    std::uint64_t records{};
    std::uint64_t bytes{};
};

struct ExaminedSnapshot {
    std::string file;
    std::uint64_t index{}, term{};  // as its name says
    std::uint64_t bytes{};
    std::string unusable;  // why this release cannot load it; empty where it can
    std::string release;   // that wrote it
    std::vector<ExaminedSection> sections;
};

struct Examination {
    std::string server_id;     // empty where there is none
    std::string raft_version;  // what the version file holds; empty where there is none
    std::string join_promise;
    std::optional<storage::Survey> store;  // none where it cannot be opened
    std::uint64_t last_index{};
    std::vector<ExaminedSnapshot> snapshots;  // the newest first
    std::vector<std::string> notes;           // nothing to act on
    std::vector<Finding> findings;
};

// An error where nothing can be said: no server's data there, in use, or not readable. Damage is no
// error: it is found.
[[nodiscard]] Result<Examination> examine(const std::filesystem::path& data_dir);

}  // namespace drover::agent::offline
