// The servers and their consensus.
#include <algorithm>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {

using schema::JsonValue;

int server_members(const Invocation& invocation) {
    const auto reply = invocation.api->get("/v1/agent/members");
    if (!reply) return report_error("Error querying servers: " + reply.error().message);
    if (invocation.flags.on("json")) return print(at(reply->json, "Members"));
    const auto& members = list(reply->json, "Members");
    if (members.empty()) return report_error("Agent doesn't know about server members");
    // The leader is named by its RPC address.
    const auto leader = invocation.api->get("/v1/status/leader");
    const std::string leading =
        leader && leader->json.text() != nullptr ? *leader->json.text() : std::string{};
    const bool detailed = invocation.flags.on("detailed");
    Row heads{"Name", "Address", "Port"};
    for (const char* head : detailed ? std::vector{"Tags"}
                                     : std::vector{"Status", "Leader", "Raft Version", "Build",
                                                   "Datacenter", "Region"}) {
        heads.emplace_back(head);
    }
    std::vector<Row> rows{heads};
    for (const auto& member : members) {
        const JsonValue& tags = at(member, "Tags");
        std::string address = text(member, "Addr");
        if (address.find(':') != std::string::npos) address = "[" + address + "]";
        const bool leads = !leading.empty() && leading == address + ":" + text(tags, "port");
        Row row{text(member, "Name"), text(member, "Addr"),
                std::to_string(integer(member, "Port"))};
        if (detailed) {
            std::string shown;
            for (const auto& [name, value] : object(member, "Tags")) {
                shown += (shown.empty() ? "" : ",") + name + "=" +
                         (value.text() == nullptr ? "" : *value.text());
            }
            row.push_back(shown);
        } else {
            row.insert(row.end(),
                       {text(member, "Status"), leads ? "true" : "false", text(tags, "raft_vsn"),
                        text(tags, "build"), text(tags, "dc"), text(tags, "region")});
        }
        rows.push_back(std::move(row));
    }
    std::cout << columns(rows);
    if (leading.empty()) return report_error("\nError determining leaders: no cluster leader");
    return 0;
}

int raft_list_peers(const Invocation& invocation) {
    const auto reply = invocation.api->get(
        "/v1/operator/raft/configuration",
        invocation.flags.on("stale") ? Parameters{{"stale", ""}} : Parameters{});
    if (!reply)
        return report_error("Failed to retrieve raft configuration: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    std::vector<Row> rows{{"Node", "ID", "Address", "State", "Voter", "RaftProtocol"}};
    for (const auto& server : list(reply->json, "Servers")) {
        rows.push_back({text(server, "Node"), text(server, "ID"), text(server, "Address"),
                        truth(server, "Leader") ? "leader" : "follower",
                        truth(server, "Voter") ? "true" : "false", text(server, "RaftProtocol")});
    }
    std::cout << columns(rows);
    return 0;
}

int raft_state(const Invocation& invocation) {
    const auto reply = invocation.api->get("/v1/operator/raft/state");
    if (!reply) return report_error("Failed to retrieve raft state: " + reply.error().message);
    const JsonValue& state = reply->json;
    if (invocation.flags.on("json")) return print(state);
    std::cout << key_values({{"Role", text(state, "Role")},
                             {"Term", std::to_string(integer(state, "Term"))},
                             {"Commit Index", std::to_string(integer(state, "CommitIndex"))},
                             {"Applied Index", std::to_string(integer(state, "AppliedIndex"))},
                             {"First Index", std::to_string(integer(state, "FirstIndex"))},
                             {"Last Index", std::to_string(integer(state, "LastIndex"))},
                             {"Digest", text(state, "Digest")},
                             {"Raft Protocol", std::to_string(integer(state, "RaftProtocol"))},
                             {"Release", text(state, "Release")}});
    return 0;
}

int raft_remove_peer(const Invocation& invocation) {
    const std::string* const id = invocation.flags.value("peer-id");
    const std::string* const address = invocation.flags.value("peer-address");
    if ((id == nullptr) == (address == nullptr)) {
        return report_error("Exactly one of -peer-id and -peer-address is needed");
    }
    const auto reply = invocation.api->remove(
        "/v1/operator/raft/peer",
        id == nullptr ? Parameters{{"address", *address}} : Parameters{{"id", *id}});
    if (!reply) return report_error("Failed to remove raft peer: " + reply.error().message);
    std::cout << (id == nullptr ? "Removed peer with address \"" + *address
                                : "Removed peer with id \"" + *id)
              << "\"\n";
    return 0;
}

int raft_transfer_leadership(const Invocation& invocation) {
    const std::string* const id = invocation.flags.value("peer-id");
    const std::string* const address = invocation.flags.value("peer-address");
    if ((id == nullptr) == (address == nullptr)) {
        return report_error("Exactly one of -peer-id and -peer-address is needed");
    }
    const auto reply = invocation.api->put(
        "/v1/operator/raft/transfer-leadership", JsonValue::Object{},
        id == nullptr ? Parameters{{"address", *address}} : Parameters{{"id", *id}});
    if (!reply) return report_error("Failed to transfer leadership: " + reply.error().message);
    if (invocation.flags.on("json")) return print(reply->json);
    const JsonValue& to = at(reply->json, "To");
    std::cout << (truth(reply->json, "Noop") ? "Leadership was there already: "
                                             : "Transferred leadership to ")
              << text(to, "Node") << " (" << text(to, "Address") << ")\n";
    return 0;
}

}  // namespace drover::agent::cli
