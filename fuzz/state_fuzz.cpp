// Whatever entries the log may hold, however odd: each is applied, refused or skipped; digest and
// derived indexes stay in step with the rows, and a snapshot gives the same state back. The input
// is a sequence of entries, each behind one byte: a quarter of its length.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/ensure.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/state/query.hpp"
#include "engine/state/state.hpp"

namespace {

using namespace drover;

void ask(const state::StateView& view, std::string_view bytes) {
    schema::Query question;
    if (!question.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    schema::Response response;
    state::query(view, "default", question, response);
    state::query(view, "*", question, response);
    ENSURE(response.index() >= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    state::State state;
    std::uint64_t index = 0;
    while (!rest.empty()) {
        std::size_t length = static_cast<std::uint8_t>(rest.front()) * 4U;
        std::string_view bytes = rest.substr(1, length);
        rest.remove_prefix(1 + bytes.size());
        ask(state.view(), bytes);
        schema::Entry entry;
        if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
        state::Digest before = state.digest();
        state::ApplyResult result = state.apply(++index, entry);
        if (result.outcome != state::Applied::done) ENSURE(state.digest() == before);
    }
    auto sections = state::write_snapshot(state.view());
    auto restored = state::read_snapshot(sections);
    ENSURE(restored.has_value());
    ENSURE(restored->digest() == state.digest());
    ENSURE(state::write_snapshot(restored->view()) == sections);
    return 0;
}
