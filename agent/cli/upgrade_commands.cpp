// `operator upgrade`: what a rolling upgrade has come to, and the word that ends it.
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {

using schema::JsonValue;

namespace {

std::string levels_of(const JsonValue& server) {
    if (text(server, "Release").empty()) return "unknown";
    return std::to_string(integer(server, "LevelMin")) + "-" +
           std::to_string(integer(server, "LevelMax"));
}

std::string going_back(const JsonValue& status) {
    return truth(status, "GoingBack")
               ? "possible, to release " + text(status, "OldestRelease") + ", until finalized"
               : "not below release " + text(status, "OldestRelease");
}

std::string verdict(const JsonValue& status) {
    const std::int64_t next = integer(status, "NextLevel");
    if (next == integer(status, "Level")) return "nothing to finalize";
    const std::string level = "level " + std::to_string(next);
    return truth(status, "Ready") ? level + " is ready to be finalized"
                                  : level + " waits for the servers that are held back";
}

}  // namespace

int upgrade_status(const Invocation& invocation) {
    const auto reply = invocation.api->get("/v1/operator/upgrade/status");
    if (!reply) return report_error("Failed to retrieve upgrade status: " + reply.error().message);
    const JsonValue& status = reply->json;
    if (invocation.flags.on("json")) return print(status);
    std::cout << key_values({{"Feature Level", std::to_string(integer(status, "Level"))},
                             {"Upgrade", verdict(status)},
                             {"Going Back", going_back(status)}});
    std::vector<Row> servers{{"Node", "ID", "Release", "Levels", "Voter", "Ready"}};
    for (const auto& server : list(status, "Servers")) {
        servers.push_back({text(server, "Node"), text(server, "ID"), text(server, "Release"),
                           levels_of(server), truth(server, "Voter") ? "true" : "false",
                           truth(server, "HoldsBack") ? "false" : "true"});
    }
    std::cout << "\nServers\n" << columns(servers);
    const auto& gains = list(status, "Gains");
    if (gains.empty()) return 0;
    std::vector<Row> gained{{"Level", "Release", "Gained"}};
    for (const auto& gain : gains) {
        gained.push_back(
            {std::to_string(integer(gain, "Level")), text(gain, "Release"), text(gain, "Gained")});
    }
    std::cout << "\nFinalizing Brings\n" << columns(gained);
    return 0;
}

int upgrade_finalize(const Invocation& invocation) {
    const std::string* const level = invocation.flags.value("level");
    const auto reply =
        invocation.api->put("/v1/operator/upgrade/finalize", JsonValue::Object{},
                            level == nullptr ? Parameters{} : Parameters{{"level", *level}});
    if (!reply) return report_error("Failed to finalize the upgrade: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    std::cout << "The cluster is at feature level " << integer(reply->json, "Level") << "\n";
    return 0;
}

}  // namespace drover::agent::cli
