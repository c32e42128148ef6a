// `operator snapshot inspect` and `operator snapshot state`: what is in one snapshot file.
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"
#include "agent/offline/inspect.hpp"

namespace drover::agent::cli {
namespace {

using offline::InspectedSnapshot;
using schema::JsonValue;

JsonValue inspected_json(const InspectedSnapshot& seen) {
    JsonValue::Array servers, sections;
    for (const auto& one : seen.configuration) {
        servers.emplace_back(JsonValue::Object{{"RaftID", std::to_string(one.raft_id)},
                                               {"ID", one.id},
                                               {"Node", one.name},
                                               {"Address", one.address},
                                               {"Voter", one.votes}});
    }
    for (const auto& one : seen.sections) {
        sections.emplace_back(JsonValue::Object{{"Name", one.name},
                                                {"Records", one.records},
                                                {"Bytes", one.bytes},
                                                {"Ignorable", one.ignorable}});
    }
    return JsonValue::Object{
        {"Release", seen.release}, {"FeatureLevel", std::uint64_t{seen.feature_level}},
        {"Index", seen.index},     {"Term", seen.term},
        {"Bytes", seen.bytes},     {"Configuration", servers},
        {"Sections", sections}};
}

void show(const InspectedSnapshot& seen) {
    std::cout << key_values({{"Release", seen.release},
                             {"Feature Level", std::to_string(seen.feature_level)},
                             {"Index", std::to_string(seen.index)},
                             {"Term", std::to_string(seen.term)},
                             {"Size", std::to_string(seen.bytes) + " bytes"}});
    std::vector<Row> servers{{"Node", "ID", "Address", "Voter", "Raft ID"}};
    for (const auto& one : seen.configuration) {
        servers.push_back({one.name, one.id, one.address, one.votes ? "true" : "false",
                           std::to_string(one.raft_id)});
    }
    std::cout << "\nConfiguration\n" << columns(servers);
    std::vector<Row> sections{{"Section", "Records", "Bytes"}};
    for (const auto& one : seen.sections) {
        sections.push_back({one.name, std::to_string(one.records), std::to_string(one.bytes)});
    }
    std::cout << "\nSections\n" << columns(sections);
}

}  // namespace

int snapshot_inspect(const Invocation& invocation) {
    const auto seen = offline::inspect_snapshot(invocation.arguments().front());
    if (!seen) return report_error("Error reading snapshot: " + seen.error().message);
    if (invocation.flags.on("json")) return print(inspected_json(*seen));
    show(*seen);
    return 0;
}

int snapshot_state(const Invocation& invocation) {
    const auto state = offline::snapshot_state(invocation.arguments().front());
    if (!state) return report_error("Error reading snapshot: " + state.error().message);
    return print(*state);
}

}  // namespace drover::agent::cli
