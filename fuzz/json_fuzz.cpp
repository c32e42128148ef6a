// Whatever a stranger posts as JSON: it is read or refused, and what was read prints to something
// that reads back to the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/ensure.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/json.hpp"
#include "engine/schema/node.pb.h"

namespace {

using namespace drover::schema;

template <class Message>
void round_trip(std::string_view text) {
    Message message;
    if (!from_json(text, message)) return;
    const JsonStyle open{.redact = false};
    std::string printed = to_json(message, open);
    Message again;
    ENSURE(from_json(printed, again).has_value());
    ENSURE(to_json(again, open) == printed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text{reinterpret_cast<const char*>(data), size};
    if (auto value = parse_json(text)) {
        std::string printed = print_json(*value);
        auto again = parse_json(printed);
        ENSURE(again.has_value() && print_json(*again) == printed);
    }
    round_trip<Job>(text);
    round_trip<Node>(text);
    round_trip<Allocation>(text);
    return 0;
}
