// Damage done to the files of a server that does not run, and what it says when it is started on
// them. Bytes are found by what a test has written, so that the format around them may change.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/agent/cluster/machine.hpp"

namespace drover::agent::cluster {

inline std::filesystem::path raft_of(const Machine& machine) {
    return machine.directory() / "data" / "server" / "raft";
}

// Sorted by name, which for logs, tables and snapshots is by age, the oldest first.
inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory,
                                                   const std::string& extension) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{directory}) {
        if (entry.path().extension() == extension) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

struct Spot {
    std::filesystem::path file;
    std::size_t at{};
};

// The first place in the newest of these files that holds `bytes`.
inline Spot spot_of(const std::filesystem::path& directory, const std::string& extension,
                    const std::string& bytes) {
    const auto files = files_in(directory, extension);
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        const std::size_t at = content_of(*file).find(bytes);
        if (at != std::string::npos) return {*file, at};
    }
    ADD_FAILURE() << bytes << " is in no *" << extension << " of " << directory;
    return {};
}

inline void rot(const Spot& spot) {
    std::fstream file{spot.file, std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(static_cast<std::streamoff>(spot.at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(spot.at));
    file.put(static_cast<char>(byte ^ 0x20));
    ASSERT_TRUE(file.flush()) << spot.file;
}

// Starts it and expects that it ends by itself with code 1; what it printed.
inline std::string refusal_of(Machine& machine) {
    std::filesystem::remove(machine.log());
    machine.start();
    const auto code = machine.wait_for_end();
    const std::string printed = content_of(machine.log());
    EXPECT_EQ(code, 1) << printed;
    return printed;
}

inline void expect_told(const std::string& printed, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
        EXPECT_NE(printed.find(part), std::string::npos) << part << " is not told:\n" << printed;
    }
}

}  // namespace drover::agent::cluster
