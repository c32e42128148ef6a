// An engine from a shared library: another release, or today's once more. Each lives in a link-map
// namespace of its own, with its own copies of Protobuf and of the standard library, because two
// copies of one schema in one namespace end the process. At most ten fit into a process.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/base/result.hpp"
#include "engine/host/host.h"

namespace drover::host {

class LoadedEngine {
public:
    // Errc::unsupported where the library is no engine, or one with another boundary.
    [[nodiscard]] static Result<LoadedEngine> open(const std::filesystem::path& library);

    // Lives as long as this; so must every engine, view and buffer that it made.
    [[nodiscard]] const drover_engine_table& table() const { return *table_; }
    [[nodiscard]] std::string release() const { return table_->release; }

private:
    struct Close {
        void operator()(void* library) const;
    };
    using Library = std::unique_ptr<void, Close>;

    LoadedEngine(Library library, const drover_engine_table* table)
        : library_{std::move(library)}, table_{table} {}

    Library library_;
    const drover_engine_table* table_;
};

}  // namespace drover::host
