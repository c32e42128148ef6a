// Snapshots: the replicated tables as named sections of records, and back. What comes back is
// checked against the digests that were written with it.
#include <map>
#include <set>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/schema/scheduler_configuration.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/schema/snapshot.pb.h"
#include "engine/state/state.hpp"
#include "engine/state/writer.hpp"

namespace drover::state {

namespace {

constexpr const char* meta_name = "state";
// In the order of enum Table. The settings have no rows: they are in the section above.
constexpr std::array<const char*, table_count> table_names{
    "nodes",       "jobs",        "job_versions",     "job_summaries",
    "evaluations", "allocations", "allocation_jobs",  "deployments",
    "servers",     "settings",    "periodic_launches"};
// These are in a snapshot only where they hold or held something, so that a release that does not
// know them can read what a cluster of its own level wrote.
constexpr std::array later_tables{Table::periodic_launches};

bool is_later(Table table) { return std::ranges::find(later_tables, table) != later_tables.end(); }

const char* name_of(Table table) { return table_names[static_cast<std::size_t>(table)]; }

void write_meta(const Tables& tables, SnapshotSink& sink) {
    schema::StateMeta meta;
    meta.set_applied_index(tables.applied_index);
    meta.set_feature_level(tables.feature_level);
    meta.set_rehearsals(tables.rehearsals);
    if (const auto& row = tables.scheduler_configuration) {
        *meta.mutable_scheduler_configuration() = *row;
    }
    for (std::size_t i = 0; i < table_count; ++i) {
        if (is_later(Table{static_cast<std::uint8_t>(i)}) && tables.last_index[i] == 0) continue;
        schema::TableMeta& table = *meta.add_tables();
        table.set_name(table_names[i]);
        table.set_last_index(tables.last_index[i]);
        table.set_digest_high(tables.digests[i].high);
        table.set_digest_low(tables.digests[i].low);
    }
    sink.begin_section(meta_name);
    sink.add(meta.SerializeAsString());
}

template <class Tree, class Write>
void write_section(SnapshotSink& sink, Table table, const Tree& rows, Write write) {
    sink.begin_section(name_of(table));
    for (const auto& row : rows.all()) write(row);
}

class Collector : public SnapshotSink {
public:
    void begin_section(std::string_view name) override {
        sections_.push_back({std::string{name}, {}});
    }
    void add(std::string_view record) override { sections_.back().records.emplace_back(record); }
    [[nodiscard]] std::vector<SnapshotSection> take() { return std::move(sections_); }

private:
    std::vector<SnapshotSection> sections_;
};

// ---- reading

using Sections = std::map<std::string, const SnapshotSection*>;

tl::unexpected<Error> corrupt(const std::string& section, const std::string& what) {
    return fail(Errc::corrupt, "snapshot section \"" + section + "\": " + what);
}

Result<Sections> by_name(const std::vector<SnapshotSection>& sections) {
    const auto names = snapshot_section_names();
    std::set<std::string, std::less<>> known{names.begin(), names.end()};
    Sections out;
    for (const SnapshotSection& one : sections) {
        if (!known.contains(one.name)) {
            return fail(Errc::unsupported, "snapshot section \"" + one.name +
                                               "\" is not known to this release: restore it with "
                                               "the release that wrote it");
        }
        if (!out.emplace(one.name, &one).second) return corrupt(one.name, "is there twice");
    }
    for (Table table : later_tables) known.erase(name_of(table));
    for (const std::string& name : known) {
        if (!out.contains(name)) return corrupt(name, "is missing");
    }
    return out;
}

template <class Message, class Take>
Result<void> read_rows(const Sections& sections, Table table, Take take) {
    const auto found = sections.find(name_of(table));
    if (found == sections.end()) return {};  // by_name() has seen to those that must be there
    const SnapshotSection& from = *found->second;
    for (std::size_t i = 0; i < from.records.size(); ++i) {
        auto row = std::make_shared<Message>();
        if (!row->ParseFromString(from.records[i]) || !take(std::move(row))) {
            return corrupt(from.name, "record " + std::to_string(i) + " is malformed");
        }
    }
    return {};
}

using JobRecords = std::map<AllocationJobKey, JobPtr>;

Result<void> read_allocations(const Sections& sections, TableWriter& write) {
    JobRecords jobs;
    auto done = read_rows<schema::Job>(sections, Table::allocation_jobs, [&jobs](JobPtr row) {
        AllocationJobKey key{key_of(*row), row->create_index(), row->version()};
        return jobs.emplace(std::move(key), std::move(row)).second;
    });
    if (!done) return done;
    return read_rows<schema::Allocation>(
        sections, Table::allocations, [&](const std::shared_ptr<const schema::Allocation>& row) {
            auto job = jobs.find(job_key_of(*row));
            if (job == jobs.end() || !Uuid::from_raw(row->id()) || row->has_job()) return false;
            write.put_allocation(make_allocation_row(*row, job->second));
            return true;
        });
}

Result<void> read_tables(const Sections& sections, TableWriter& write) {
    auto has_id = [](const auto& row) { return Uuid::from_raw(row.id()).has_value(); };
    auto rows = [&sections](Table table, auto message, auto take) {
        return read_rows<decltype(message)>(sections, table, take);
    };
    Result<void> done = rows(Table::nodes, schema::Node{}, [&](NodePtr row) {
        if (!has_id(*row)) return false;
        write.put_node(std::move(row));
        return true;
    });
    if (done)
        done = rows(Table::jobs, schema::Job{}, [&](JobPtr row) {
            write.put_job(std::move(row));
            return true;
        });
    if (done)
        done = rows(Table::job_versions, schema::Job{}, [&](JobPtr row) {
            write.put_job_version(std::move(row));
            return true;
        });
    if (done)
        done = rows(Table::job_summaries, schema::JobSummary{}, [&](JobSummaryPtr row) {
            write.put_job_summary(std::move(row));
            return true;
        });
    if (done)
        done = rows(Table::evaluations, schema::Evaluation{}, [&](EvaluationPtr row) {
            if (!has_id(*row)) return false;
            write.put_evaluation(std::move(row));
            return true;
        });
    if (done) done = read_allocations(sections, write);
    if (done)
        done = rows(Table::deployments, schema::Deployment{}, [&](DeploymentPtr row) {
            if (!has_id(*row)) return false;
            write.put_deployment(std::move(row));
            return true;
        });
    if (done)
        done = rows(Table::servers, schema::ServerInfo{}, [&](ServerPtr row) {
            write.put_server(std::move(row));
            return true;
        });
    if (done)
        done = rows(Table::periodic_launches, schema::PeriodicLaunch{}, [&](PeriodicLaunchPtr row) {
            write.put_periodic_launch(std::move(row));
            return true;
        });
    return done;
}

Result<void> apply_meta(const schema::StateMeta& meta, Tables& tables) {
    tables.applied_index = meta.applied_index();
    for (std::size_t i = 0; i < table_count; ++i) {
        const schema::TableMeta* known = nullptr;
        for (const schema::TableMeta& one : meta.tables()) {
            if (one.name() == table_names[i]) known = &one;
        }
        if (known == nullptr && is_later(Table{static_cast<std::uint8_t>(i)})) continue;
        if (known == nullptr) return corrupt(table_names[i], "has no entry in the first section");
        if (tables.digests[i] != Digest{known->digest_high(), known->digest_low()}) {
            return corrupt(table_names[i], "does not have the digest that was written with it");
        }
        tables.last_index[i] = known->last_index();
    }
    return {};
}

}  // namespace

std::vector<std::string_view> snapshot_section_names() {
    std::vector<std::string_view> names{meta_name};
    for (std::size_t i = 0; i < table_count; ++i) {
        if (Table{static_cast<std::uint8_t>(i)} != Table::settings) names.push_back(table_names[i]);
    }
    return names;
}

void write_snapshot(const StateView& view, SnapshotSink& sink) {
    const Tables& tables = view.tables();
    std::string bytes;
    const auto add = [&](const auto& message) {
        message.SerializeToString(&bytes);
        sink.add(bytes);
    };
    const auto plain = [&add](const auto& row) { add(*row); };
    write_meta(tables, sink);
    write_section(sink, Table::nodes, tables.nodes, plain);
    write_section(sink, Table::jobs, tables.jobs, plain);
    write_section(sink, Table::job_versions, tables.job_versions, plain);
    write_section(sink, Table::job_summaries, tables.job_summaries, plain);
    write_section(sink, Table::evaluations, tables.evaluations, plain);
    write_section(sink, Table::allocations, tables.allocations,
                  [&](const AllocationPtr& row) { sink.add(row->body.bytes()); });
    write_section(sink, Table::allocation_jobs, tables.allocation_jobs,
                  [&](const AllocationJob& row) { add(*row.job); });
    write_section(sink, Table::deployments, tables.deployments, plain);
    write_section(sink, Table::servers, tables.servers, plain);
    for (Table table : later_tables) {
        if (tables.last_index[static_cast<std::size_t>(table)] == 0) continue;
        write_section(sink, table, tables.periodic_launches, plain);
    }
}

std::vector<SnapshotSection> write_snapshot(const StateView& view) {
    Collector collector;
    write_snapshot(view, collector);
    return collector.take();
}

Result<State> read_snapshot(const std::vector<SnapshotSection>& sections, StateConfig config) {
    auto named = by_name(sections);
    if (!named) return tl::unexpected<Error>{named.error()};
    const SnapshotSection& first = *named->at(meta_name);
    schema::StateMeta meta;
    if (first.records.size() != 1 || !meta.ParseFromString(first.records[0])) {
        return corrupt(meta_name, "holds one record that describes the state; this is not it");
    }
    State state{config};
    Changes changes;
    TableWriter write{state.tables_, meta.applied_index(), changes};
    if (const std::uint32_t needed = effective_level(meta.feature_level());
        needed < oldest_level || needed > config.supported_level) {
        return tl::unexpected<Error>{
            level_not_supported("the state of this snapshot", needed, config.supported_level)};
    }
    if (meta.feature_level() != 0) write.set_feature_level(meta.feature_level());
    if (meta.rehearsals() != 0) write.set_rehearsals(meta.rehearsals());
    if (meta.has_scheduler_configuration()) {
        write.set_scheduler_configuration(
            std::make_shared<schema::SchedulerConfiguration>(meta.scheduler_configuration()));
    }
    if (auto done = read_tables(*named, write); !done) {
        return tl::unexpected<Error>{done.error()};
    }
    if (auto done = apply_meta(meta, state.tables_); !done) {
        return tl::unexpected<Error>{done.error()};
    }
    return state;
}

}  // namespace drover::state
