// The raft store: every record by itself, and then what a starting server would make of them.
#include <system_error>

#include "agent/offline/parts.hpp"
#include "agent/offline/read_disk.hpp"
#include "engine/storage/recovery.hpp"
#include "io/store.hpp"

namespace drover::agent::offline {
namespace {

constexpr const char* place = "server/raft/store";

void report_damage(const storage::Survey& store, Examination& examined) {
    for (const std::string& damage : store.damages()) {
        examined.findings.push_back({place, damage, start_afresh});
    }
    if (store.damage_count() > store.damages().size()) {
        examined.findings.push_back({place,
                                     std::to_string(store.damage_count() - store.damages().size()) +
                                         " more records do not pass their check",
                                     start_afresh});
    }
    for (std::size_t i = 1; i < store.ranges().size(); ++i) {
        const auto from = next(store.ranges()[i - 1].last).value();
        const auto to = previous(store.ranges()[i].first).value();
        examined.findings.push_back({place,
                                     "entries " + std::to_string(from) + " to " +
                                         std::to_string(to) + " are missing or damaged",
                                     start_afresh});
    }
}

void report_verdict(Result<storage::RecoveredState> recovered, Examination& examined) {
    if (!recovered) {
        Finding refusal = finding_of(place, recovered.error().message);
        refusal.problem = "the server would refuse to start: " + refusal.problem;
        examined.findings.push_back(std::move(refusal));
        return;
    }
    for (const std::string& note : recovered->notes) {
        examined.findings.push_back({place, "at its start the server would " + note,
                                     "nothing is to be done: start the server"});
    }
    const raft::DurableState& log = recovered->raft;
    examined.last_index = (log.entries.empty() ? log.base.index : log.entries.back().index).value();
}

}  // namespace

Result<void> examine_store(const std::filesystem::path& directory, Examination& examined) {
    const auto store = io::RocksStore::open_read_only(directory);
    if (!store && store.error().code == Errc::not_found) {
        examined.notes.emplace_back("there is no raft store: this server has never started");
        return {};
    }
    if (!store && store.error().code == Errc::corrupt) {
        examined.findings.push_back(finding_of(place, store.error().message));
        return {};
    }
    if (!store) return tl::unexpected{store.error()};
    storage::Survey survey;
    storage::Recovery recovery;
    Result<void> fed{};
    const auto visited = (*store)->for_each("", "", [&](auto key, auto value) {
        survey.note(key, value);
        if (fed) fed = recovery.feed(key, value);
        return true;
    });
    report_damage(survey, examined);
    if (!visited && visited.error().code != Errc::corrupt) return visited;
    if (!visited) {
        examined.findings.push_back(finding_of(place, visited.error().message));
    } else if (!fed) {
        report_verdict(tl::unexpected{fed.error()}, examined);
    } else {
        report_verdict(recovery.finish(read_mark(directory.parent_path(), examined.notes)),
                       examined);
    }
    if (survey.unknown() > 0) {
        examined.notes.push_back(std::to_string(survey.unknown()) +
                                 " records of the store are of no kind that this release knows");
    }
    examined.store = std::move(survey);
    return {};
}

}  // namespace drover::agent::offline
