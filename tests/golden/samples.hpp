// What is recorded of a release: made by the code that servers and agents run, from the same few
// things at every release.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace drover::golden {

using Pairs = std::vector<std::pair<std::string, std::string>>;  // in the order of the file

struct Samples {
    Pairs store;  // as a store holds them: in key order
    std::string mark;
    std::string snapshot;
    std::string digest;
    std::string version;
    Pairs client;
    Pairs peers;  // by name
    std::string frames;
};

inline constexpr std::uint64_t first_index = 3;  // of the log; the two before were dropped

// As this release writes it.
[[nodiscard]] Samples record();
// Raw bytes of the node whose agent wrote `client`.
[[nodiscard]] std::string node_id();

}  // namespace drover::golden
