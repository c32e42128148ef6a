// The replicated state machine: tables plus apply(entry). It reads nothing but the entry and
// itself, so that every server that applies the same entries holds the same state, digest
// included.
//
// A State is a value that belongs to one thread; view() is what other threads get.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/state/features.hpp"
#include "engine/state/tables.hpp"
#include "engine/state/view.hpp"
#include "engine/state/watch.hpp"
#include "engine/state/writer.hpp"

namespace drover::schema {
class Entry;
class StateRestoration;
}  // namespace drover::schema

namespace drover::state {

enum class Applied : std::uint8_t {
    done,
    refused,  // a deterministic no (check-and-set, unknown object): nothing was changed
    skipped,  // of an unknown type or level, but marked ignorable: nothing was changed
    unknown,  // of an unknown type or level: this release must stop applying and say so
};

struct ApplyResult {
    Applied outcome = Applied::done;
    Error error;  // for refused and unknown
    Changes changes;
};

struct StateConfig {
    // Versions of a job that are kept. Replicas must agree: it is part of the cluster's contract
    // and changes only with the feature level.
    std::uint32_t tracked_job_versions = 6;
    // The highest feature level that this server works at; what is above is unknown to it.
    std::uint32_t supported_level = newest_level;
};

// One section of a snapshot: the rows of one table, each as serialized bytes, in key order.
struct SnapshotSection {
    std::string name;
    std::vector<std::string> records;
    friend bool operator==(const SnapshotSection&, const SnapshotSection&) = default;
};

class State {
public:
    explicit State(StateConfig config = {});

    // Continues from a view, as a world of its own: `job plan` and the optimistic view of the plan
    // applier. The view is not changed.
    [[nodiscard]] static State fork(const StateView& view, StateConfig config = {});

    // `index` must be above applied_index(). It advances also for refused and skipped entries; an
    // unknown entry changes nothing at all.
    ApplyResult apply(std::uint64_t index, const schema::Entry& entry);
    // Until the digest is settled, rows are put without being hashed: for many entries at once of
    // which nobody looks at the state in between.
    void put_off_digest() { unhashed_.emplace(); }
    void settle_digest();
    // An entry without a command (a new leader's first, a configuration change).
    void apply_empty(std::uint64_t index);
    // A configuration change after which these servers are no members any more: their rows go with
    // them, or the leader would take them for newcomers.
    Changes apply_departures(std::uint64_t index, const std::vector<std::uint64_t>& raft_ids);

    // These and no others, without an entry that says so: only for a group that is forced to go on
    // with other members than its log names.
    void force_servers(const std::vector<ServerPtr>& servers);

    [[nodiscard]] std::uint64_t applied_index() const { return tables_.applied_index; }
    // Both need a settled digest.
    [[nodiscard]] Digest digest() const;
    [[nodiscard]] StateView view() const;

private:
    friend Result<State> read_snapshot(const std::vector<SnapshotSection>& sections,
                                       StateConfig config);
    // apply_restore.cpp. An error has changed nothing.
    [[nodiscard]] Result<void> restore(std::uint64_t index, const schema::StateRestoration& from,
                                       Changes& changes);

    StateConfig config_;
    Tables tables_;
    std::optional<Unhashed> unhashed_;  // while the digest is put off
};

// Takes a snapshot as it is written: the records of a section follow its beginning, and are good
// during the call alone. A state of a million rows need not stand beside itself a second time.
class SnapshotSink {
public:
    SnapshotSink() = default;
    SnapshotSink(const SnapshotSink&) = delete;
    SnapshotSink& operator=(const SnapshotSink&) = delete;
    virtual ~SnapshotSink() = default;
    virtual void begin_section(std::string_view name) = 0;
    virtual void add(std::string_view record) = 0;
};

// Sections in the order of the tables; derived indexes are not among them.
void write_snapshot(const StateView& view, SnapshotSink& sink);
[[nodiscard]] std::vector<SnapshotSection> write_snapshot(const StateView& view);
// Of all sections that this release can read; a state writes those of them that it needs.
[[nodiscard]] std::vector<std::string_view> snapshot_section_names();
// Fails with section and record where a section is missing, unknown, malformed, or not what its
// digest says.
[[nodiscard]] Result<State> read_snapshot(const std::vector<SnapshotSection>& sections,
                                          StateConfig config = {});

// The derived indexes, built from the replicated tables alone. Equal to those that apply() keeps.
[[nodiscard]] Derived rebuild_derived(const Tables& tables);

}  // namespace drover::state
