// `operator snapshot ...`: the state of a running cluster as a file and back, and what is in a
// file.
#include <ctime>
#include <filesystem>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"
#include "agent/offline/inspect.hpp"
#include "io/durable_file.hpp"

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

std::string default_name() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &utc);
    return std::string{"drover-"} + text + ".snapshot";
}

constexpr std::size_t file_bytes_max = std::size_t{30} << 20;  // what a server takes

}  // namespace

int snapshot_save(const Invocation& invocation) {
    const std::string name =
        invocation.arguments().empty() ? default_name() : invocation.arguments().front();
    std::string bytes;
    const auto got = invocation.api->stream(
        "/v1/operator/snapshot",
        invocation.flags.on("stale") ? Parameters{{"stale", "true"}} : Parameters{},
        [&bytes](std::string_view piece) {
            bytes += piece;
            return true;
        });
    if (!got) return report_error("Error saving snapshot: " + got.error().message);
    // Under another name first: a file of this name is whole and sound, or is not there.
    const std::string part = name + ".part";
    if (auto written = io::write_file_durably(part, bytes); !written) {
        return report_error("Error saving snapshot: " + written.error().message);
    }
    const auto seen = offline::inspect_snapshot(part);
    std::error_code failed;
    if (seen) std::filesystem::rename(part, name, failed);
    if (!seen || failed) {
        std::error_code ignored;
        std::filesystem::remove(part, ignored);
        return report_error("Error saving snapshot: " +
                            (seen ? name + ": " + failed.message() : seen.error().message));
    }
    if (invocation.flags.on("json")) return print(inspected_json(*seen));
    std::cout << "State file written to " << name << ": index " << seen->index << ", "
              << seen->bytes << " bytes, verified\n";
    return 0;
}

int snapshot_restore(const Invocation& invocation) {
    const std::string& name = invocation.arguments().front();
    // Refused here where it is damaged, so that a cluster is not asked for nothing.
    const auto seen = offline::inspect_snapshot(name);
    if (!seen) return report_error("Error restoring snapshot: " + seen.error().message);
    auto bytes = io::read_file(name, 0, file_bytes_max);
    if (!bytes) return report_error("Error restoring snapshot: " + bytes.error().message);
    if (bytes->size() != seen->bytes) {
        return report_error("Error restoring snapshot: " + name + " has " +
                            std::to_string(seen->bytes) + " bytes; at most " +
                            std::to_string(file_bytes_max) + " can be sent to a running cluster");
    }
    const auto reply = invocation.api->put_file("/v1/operator/snapshot", std::move(*bytes));
    if (!reply) return report_error("Error restoring snapshot: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    std::cout << "Snapshot restored: the state of index " << seen->index << " is now that of index "
              << integer(reply->json, "Index") << "\n";
    return 0;
}

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
