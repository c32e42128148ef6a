// Commands for a server that does not run: they work on its files.
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"
#include "agent/offline/examine.hpp"

namespace drover::agent::cli {
namespace {

using offline::Examination;
using offline::ExaminedSnapshot;
using schema::JsonValue;

constexpr int found_code = 1;
constexpr int unreadable_code = 2;

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string ranges_text(const storage::Survey& store) {
    std::string text;
    for (const auto& range : store.ranges()) {
        text += (text.empty() ? "" : ", ") + number(range.first.value()) + " to " +
                number(range.last.value());
    }
    return text;
}

JsonValue store_json(const storage::Survey& store, std::uint64_t last_index) {
    JsonValue::Array ranges;
    for (const auto& range : store.ranges()) {
        ranges.emplace_back(
            JsonValue::Object{{"First", range.first.value()}, {"Last", range.last.value()}});
    }
    JsonValue::Object json{{"Records", store.records()},
                           {"Bytes", store.bytes()},
                           {"DamagedRecords", store.damage_count()},
                           {"Entries", store.entries()},
                           {"EntryRanges", ranges},
                           {"LastIndex", last_index}};
    if (const auto& hard = store.hard()) {
        json.emplace_back("Term", hard->term.value());
        json.emplace_back("VotedFor", hard->vote ? hard->vote->value() : 0);
        json.emplace_back("CommitIndex", hard->commit.value());
    }
    if (const auto& base = store.base()) json.emplace_back("BaseIndex", base->index.value());
    if (const auto& cut = store.cut()) json.emplace_back("CompactedTo", cut->value());
    if (const auto& meta = store.installed()) {
        json.emplace_back("InstalledSnapshotIndex", meta->index.value());
    }
    return json;
}

JsonValue snapshot_json(const ExaminedSnapshot& snapshot) {
    JsonValue::Array sections;
    for (const auto& section : snapshot.sections) {
        sections.emplace_back(JsonValue::Object{
            {"Name", section.name}, {"Records", section.records}, {"Bytes", section.bytes}});
    }
    return JsonValue::Object{{"File", snapshot.file},       {"Index", snapshot.index},
                             {"Term", snapshot.term},       {"Bytes", snapshot.bytes},
                             {"Release", snapshot.release}, {"Usable", snapshot.unusable.empty()},
                             {"Reason", snapshot.unusable}, {"Sections", sections}};
}

JsonValue examination_json(const Examination& examined) {
    JsonValue::Array snapshots, notes, findings;
    for (const auto& snapshot : examined.snapshots) snapshots.push_back(snapshot_json(snapshot));
    for (const auto& note : examined.notes) notes.emplace_back(note);
    for (const auto& one : examined.findings) {
        findings.emplace_back(JsonValue::Object{
            {"Place", one.place}, {"Problem", one.problem}, {"Remedy", one.remedy}});
    }
    return JsonValue::Object{
        {"ServerID", examined.server_id},
        {"RaftVersion", examined.raft_version},
        {"JoinPromise", examined.join_promise},
        {"Store", examined.store ? store_json(*examined.store, examined.last_index) : JsonValue{}},
        {"Snapshots", snapshots},
        {"Notes", notes},
        {"Findings", findings}};
}

void show_store(const storage::Survey& store) {
    const auto& hard = store.hard();
    std::vector<std::pair<std::string, std::string>> pairs{
        {"Records", number(store.records()) + " (" + number(store.bytes()) + " bytes)"},
        {"Damaged Records", number(store.damage_count())},
        {"Entries", number(store.entries())},
        {"Entry Ranges", ranges_text(store)},
        {"Term", hard ? number(hard->term.value()) : ""},
        {"Voted For", hard && hard->vote ? number(hard->vote->value()) : ""},
        {"Commit Index", hard ? number(hard->commit.value()) : ""},
        {"Log Base", store.base() ? number(store.base()->index.value()) : ""},
        {"Compacted To", store.cut() ? number(store.cut()->value()) : ""},
        {"Installed Snapshot", store.installed() ? number(store.installed()->index.value()) : ""}};
    for (auto& [name, value] : pairs) {
        if (value.empty()) value = "<none>";
    }
    std::cout << "\nRaft Store\n" << key_values(pairs);
}

void show_snapshots(const Examination& examined) {
    if (examined.snapshots.empty()) return;
    std::vector<Row> rows{{"File", "Bytes", "Release", "Sections", "Usable"}};
    for (const auto& one : examined.snapshots) {
        rows.push_back({one.file, number(one.bytes), one.release, number(one.sections.size()),
                        one.unusable.empty() ? "yes" : "no"});
    }
    std::cout << "\nSnapshots\n" << columns(rows);
}

void show(const Examination& examined) {
    const auto or_none = [](const std::string& text) { return text.empty() ? "<none>" : text; };
    std::cout << key_values({{"Server ID", or_none(examined.server_id)},
                             {"Raft Version", or_none(examined.raft_version)},
                             {"Join Promise", or_none(examined.join_promise)}});
    if (examined.store) show_store(*examined.store);
    show_snapshots(examined);
    if (!examined.notes.empty()) std::cout << "\nNotes\n";
    for (const auto& note : examined.notes) std::cout << "  " << note << "\n";
    std::cout << "\nFindings: " << examined.findings.size() << "\n";
    for (const auto& one : examined.findings) {
        std::cout << "  " << one.place << ": " << one.problem << "\n    Remedy: " << one.remedy
                  << "\n";
    }
}

}  // namespace

int operator_fsck(const Invocation& invocation) {
    const auto examined = offline::examine(invocation.arguments().front());
    if (!examined) {
        return report_error("Error examining the data directory: " + examined.error().message,
                            unreadable_code);
    }
    if (invocation.flags.on("json")) {
        print(examination_json(*examined));
    } else {
        show(*examined);
    }
    return examined->findings.empty() ? 0 : found_code;
}

}  // namespace drover::agent::cli
