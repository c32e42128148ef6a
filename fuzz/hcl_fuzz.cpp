// Arbitrary bytes as a job file, as configuration and as JSON: each ends in a value or in
// diagnostics that can be printed, within bounds of time and memory.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/jobspec/jobspec.hpp"

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

void check_diagnostics(const drover::hcl::Diagnostics& diagnostics, std::string_view text) {
    check(!diagnostics.empty());
    for (const drover::hcl::Diagnostic& diagnostic : diagnostics) {
        check(diagnostic.range.start.byte <= text.size());
        check(!drover::hcl::to_text(diagnostic).empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto configuration = drover::hcl::parse(text, "fuzz", drover::hcl::Dialect::config);
    if (configuration) {
        const auto value = drover::hcl::to_value(*configuration);
        if (!value) check_diagnostics(value.error(), text);
    } else {
        check_diagnostics(configuration.error(), text);
    }
    auto parsed = drover::jobspec::parse_hcl({"fuzz", std::string{text}});
    if (parsed) {
        drover::jobspec::canonicalise(parsed->job);
        static_cast<void>(drover::jobspec::validate(parsed->job));
    } else {
        check_diagnostics(parsed.error(), text);
    }
    if (const auto json = drover::hcl::parse_json(text, "fuzz")) {
        const auto again = drover::hcl::parse_json(drover::hcl::to_json(*json), "fuzz");
        check(again.has_value());
    }
    static_cast<void>(drover::jobspec::parse_json(text));
    return 0;
}
