// What a crash leaves of a store: its files as they are, without an orderly close.
#pragma once

#include <filesystem>
#include <system_error>

namespace drover::io {

// Beside the store. A file that goes away meanwhile was obsolete.
inline std::filesystem::path crashed_copy(const std::filesystem::path& directory) {
    namespace fs = std::filesystem;
    const fs::path copy = directory.string() + ".crashed";
    fs::create_directory(copy);
    for (const auto& entry : fs::directory_iterator{directory}) {
        std::error_code ignored;
        if (entry.path().filename() == "LOCK") continue;
        fs::copy(entry.path(), copy / entry.path().filename(), ignored);
    }
    return copy;
}

}  // namespace drover::io
