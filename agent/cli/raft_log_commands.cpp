// `operator raft logs` and `operator raft info`: the log of a server that does not run.
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"
#include "agent/offline/raft_log.hpp"

namespace drover::agent::cli {
namespace {

using offline::LoggedEntry;
using schema::JsonValue;

constexpr int found_code = 1;
constexpr int unreadable_code = 2;

JsonValue entry_json(const LoggedEntry& entry) {
    return JsonValue::Object{
        {"Index", entry.index}, {"Term", entry.term}, {"Type", entry.type}, {"Entry", entry.body}};
}

int unreadable(const Error& error) {
    return report_error("Error reading the log: " + error.message, unreadable_code);
}

}  // namespace

int raft_logs(const Invocation& invocation) {
    const bool pretty = invocation.flags.on("pretty");
    const bool json = invocation.flags.on("json") || pretty;
    offline::LogVisitor visitor;
    visitor.on_entry = [&](const LoggedEntry& entry) {
        if (json) {
            std::cout << schema::print_json(entry_json(entry), pretty) << (pretty ? "" : "\n");
        } else {
            std::cout << entry.index << " " << entry.term << " " << entry.type << " "
                      << schema::print_json(entry.body) << "\n";
        }
    };
    visitor.on_damage = [&](const std::string& problem) {
        if (json) {
            std::cout << schema::print_json(JsonValue::Object{{"Damage", problem}}, pretty)
                      << (pretty ? "" : "\n");
        } else {
            std::cout << "DAMAGED " << problem << "\n";
        }
    };
    const auto extent = offline::walk_log(invocation.arguments().front(), visitor);
    std::cout.flush();
    if (!extent) return unreadable(extent.error());
    if (extent->damages == 0) return 0;
    return report_error(std::to_string(extent->damages) +
                            " records of the log are damaged or missing; `operator fsck` says "
                            "what to do",
                        found_code);
}

int raft_info(const Invocation& invocation) {
    const auto extent = offline::measure_log(invocation.arguments().front());
    if (!extent) return unreadable(extent.error());
    const auto number = [](std::uint64_t value) { return std::to_string(value); };
    const auto& hard = extent->hard;
    if (invocation.flags.on("json")) {
        print(JsonValue::Object{{"Path", extent->path},
                                {"Length", extent->entries},
                                {"FirstIndex", extent->first_index},
                                {"LastIndex", extent->last_index},
                                {"LastTerm", extent->last_term},
                                {"Term", hard ? hard->term.value() : 0},
                                {"CommitIndex", hard ? hard->commit.value() : 0},
                                {"Damages", extent->damages}});
    } else {
        std::cout << "path:         " << extent->path << "\n"
                  << "length:       " << extent->entries << "\n"
                  << "first index:  " << extent->first_index << "\n"
                  << "last index:   " << extent->last_index << "\n"
                  << "last term:    " << extent->last_term << "\n"
                  << "term:         " << (hard ? number(hard->term.value()) : "unknown") << "\n"
                  << "commit index: " << (hard ? number(hard->commit.value()) : "unknown") << "\n";
    }
    if (extent->damages == 0) return 0;
    return report_error(number(extent->damages) +
                            " records are damaged or missing; `operator raft logs` shows where",
                        found_code);
}

}  // namespace drover::agent::cli
