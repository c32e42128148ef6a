// `operator raft recover`: what peers.json makes of a stopped server's group, shown or done.
#include <algorithm>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"
#include "agent/offline/peers_recovery.hpp"

namespace drover::agent::cli {
namespace {

void show_members(const char* title, const std::vector<offline::RecoveryMember>& members) {
    std::vector<Row> rows{{"Node", "ID", "Address", "Voter"}};
    for (const auto& one : members) {
        rows.push_back({one.name, one.id, one.address, one.votes ? "true" : "false"});
    }
    std::cout << "\n" << title << "\n" << columns(rows);
}

void show(const offline::PeersRecovery& recovery) {
    const auto uncertain =
        recovery.last_index - std::min(recovery.last_index, recovery.commit_index);
    std::cout << key_values({{"Last Index", std::to_string(recovery.last_index)},
                             {"Last Term", std::to_string(recovery.last_term)},
                             {"Known Committed", std::to_string(recovery.commit_index)},
                             {"Committed By This", std::to_string(uncertain) + " entries at most"},
                             {"Entries Replayed", std::to_string(recovery.replayed)},
                             {"Jobs", std::to_string(recovery.jobs)}});
    show_members("Members Before", recovery.before);
    show_members("Members From Now On", recovery.members);
    std::cout << "\n"
              << (recovery.backup.empty()
                      ? "Nothing was changed.\n"
                      : "Done. What was there before is in " + recovery.backup.string() + "\n");
}

}  // namespace

int raft_recover(const Invocation& invocation) {
    const std::string& data_dir = invocation.arguments().front();
    const auto recovery = invocation.flags.on("dry-run") ? offline::plan_peers_recovery(data_dir)
                                                         : offline::recover_by_peers_file(data_dir);
    if (!recovery) return report_error("Error recovering: " + recovery.error().message);
    if (!*recovery) {
        return report_error("Error recovering: there is no " + data_dir +
                            "/server/raft/peers.json; write the servers that remain into it");
    }
    show(**recovery);
    return 0;
}

}  // namespace drover::agent::cli
