// Whatever somebody writes into a scenario: a story within its bounds, or an error that begins with
// file, line and column.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/ensure.hpp"
#include "sim/scenario_reader.hpp"

namespace {

using namespace drover;
using namespace drover::sim;

// "story.yaml:12:3: …"
bool names_its_place(std::string_view message) {
    constexpr std::string_view file = "story.yaml:";
    if (!message.starts_with(file)) return false;
    message.remove_prefix(file.size());
    for (int i = 0; i < 2; ++i) {
        const std::size_t colon = message.find(':');
        if (colon == 0 || colon == std::string_view::npos || message[0] == '0') return false;
        const auto digits = message.substr(0, colon);
        if (!std::all_of(digits.begin(), digits.end(),
                         [](unsigned char one) { return std::isdigit(one) != 0; })) {
            return false;
        }
        message.remove_prefix(colon + 1);
    }
    return message.starts_with(' ') && message.size() > 1;
}

class AllHolds final : public Facts {
public:
    [[nodiscard]] std::int64_t fact(std::string_view, std::string_view) const override { return 1; }
};

void check_bounds(const Scenario& scenario) {
    ENSURE(scenario.cluster.servers >= 1 && scenario.cluster.servers <= 9);
    std::uint64_t nodes = 0;
    for (const auto& one : scenario.cluster.nodes) nodes += one.count;
    ENSURE(nodes <= 10'000);
    ENSURE(scenario.timeline.size() <= 1000 && scenario.jobs.size() <= 1000);
    for (const auto& job : scenario.jobs) ENSURE(job.count <= 50'000);
    for (const auto& client : scenario.clients) ENSURE(client.interval > Duration{});
    for (const auto* list :
         {&scenario.checks.always, &scenario.checks.sometimes, &scenario.checks.eventually}) {
        for (const Assertion& one : *list) (void)one.conclusion.holds(AllHolds{});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto scenario = read_scenario({reinterpret_cast<const char*>(data), size}, "story.yaml");
    if (scenario) {
        check_bounds(*scenario);
    } else {
        ENSURE(names_its_place(scenario.error().message));
    }
    return 0;
}
