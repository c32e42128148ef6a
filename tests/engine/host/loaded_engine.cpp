// See loaded_engine.hpp.
#include "tests/engine/host/loaded_engine.hpp"

#include <dlfcn.h>

#include <utility>

namespace drover::host {
namespace {

using TableFunction = const drover_engine_table* (*)();

std::string last_error() {
    const char* text = dlerror();
    return text == nullptr ? "no reason was given" : text;
}

}  // namespace

void LoadedEngine::Close::operator()(void* library) const { dlclose(library); }

Result<LoadedEngine> LoadedEngine::open(const std::filesystem::path& library) {
    Library handle{dlmopen(LM_ID_NEWLM, library.c_str(), RTLD_NOW | RTLD_LOCAL)};
    if (!handle) return fail(Errc::unsupported, library.string() + ": " + last_error());
    void* const found = dlsym(handle.get(), "drover_engine_table_v1");
    if (found == nullptr) return fail(Errc::unsupported, library.string() + ": " + last_error());
    const drover_engine_table* table = reinterpret_cast<TableFunction>(found)();
    if (table->abi_version != DROVER_ABI_VERSION) {
        return fail(Errc::unsupported, library.string() + ": its boundary is of version " +
                                           std::to_string(table->abi_version) + ", ours is " +
                                           std::to_string(DROVER_ABI_VERSION));
    }
    return LoadedEngine{std::move(handle), table};
}

}  // namespace drover::host
