// See inspect.hpp.
#include "agent/offline/inspect.hpp"

#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "engine/base/uuid.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/json.hpp"
#include "engine/schema/node.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/schema/snapshot.pb.h"
#include "engine/storage/snapshot_file.hpp"
#include "io/durable_file.hpp"

namespace drover::agent::offline {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Message;
using schema::JsonValue;

// What the records of a section are; null for a section that this release does not know.
const Message* prototype(std::string_view section) {
    static const std::map<std::string_view, const Message*> all{
        {"nodes", &schema::Node::default_instance()},
        {"jobs", &schema::Job::default_instance()},
        {"job_versions", &schema::Job::default_instance()},
        {"job_summaries", &schema::JobSummary::default_instance()},
        {"evaluations", &schema::Evaluation::default_instance()},
        {"allocations", &schema::Allocation::default_instance()},
        {"allocation_jobs", &schema::Job::default_instance()},
        {"deployments", &schema::Deployment::default_instance()},
        {"servers", &schema::ServerInfo::default_instance()},
        {"periodic_launches", &schema::PeriodicLaunch::default_instance()}};
    const auto found = all.find(section);
    return found == all.end() ? nullptr : found->second;
}

// The record about the whole: no message that the API shows.
Result<JsonValue> meta_json(const storage::SnapshotSection& section) {
    schema::StateMeta meta;
    const std::string_view record = section.records.empty() ? "" : section.records.front();
    if (!meta.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
        return fail(Errc::corrupt, "section \"state\" is malformed; take another snapshot");
    }
    JsonValue::Object tables;
    for (const auto& table : meta.tables()) {
        tables.emplace_back(table.name(), JsonValue::Object{{"LastIndex", table.last_index()}});
    }
    return JsonValue{JsonValue::Object{{"AppliedIndex", meta.applied_index()},
                                       {"FeatureLevel", std::uint64_t{meta.feature_level()}},
                                       {"Tables", tables}}};
}

Result<JsonValue> rows_json(const storage::SnapshotSection& section, const Message& kind) {
    JsonValue::Array rows;
    const std::unique_ptr<Message> row{kind.New()};
    for (std::size_t i = 0; i < section.records.size(); ++i) {
        const auto record = section.records[i];
        if (!row->ParseFromArray(record.data(), static_cast<int>(record.size()))) {
            return fail(Errc::corrupt, "section \"" + std::string{section.name} + "\": record " +
                                           std::to_string(i) +
                                           " is malformed; take another snapshot");
        }
        rows.push_back(schema::to_json_value(*row));
    }
    return JsonValue{std::move(rows)};
}

struct Opened {
    std::unique_ptr<const std::string> bytes;  // the reader's views point into it
    storage::SnapshotReader reader;
};

Result<Opened> open(const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (error) {
        const bool missing = error == std::errc::no_such_file_or_directory;
        return fail(missing ? Errc::not_found : Errc::internal,
                    file.string() + ": " + error.message() +
                        "; give a file of <data_dir>/server/raft/snapshots");
    }
    auto bytes = io::read_file(file, 0, static_cast<std::size_t>(size));
    if (!bytes) return tl::unexpected{bytes.error()};
    auto kept = std::make_unique<const std::string>(std::move(*bytes));
    auto reader = storage::SnapshotReader::parse(*kept);
    if (!reader) return fail(reader.error().code, file.string() + ": " + reader.error().message);
    return Opened{std::move(kept), std::move(*reader)};
}

std::map<std::uint64_t, schema::ServerInfo> server_rows(const storage::SnapshotReader& reader) {
    std::map<std::uint64_t, schema::ServerInfo> rows;
    const auto* const section = reader.section("servers");
    if (section == nullptr) return rows;
    for (const auto record : section->records) {
        schema::ServerInfo row;
        if (!row.ParseFromArray(record.data(), static_cast<int>(record.size()))) continue;
        rows[row.raft_id()] = row;
    }
    return rows;
}

std::vector<InspectedServer> configuration(const storage::SnapshotReader& reader) {
    const raft::ConfState& conf = reader.header().meta.conf;
    const auto rows = server_rows(reader);
    std::vector<InspectedServer> servers;
    const auto add = [&](raft::RaftId id) {
        InspectedServer one{id.value(), {}, {}, {}, conf.votes(id)};
        if (const auto row = rows.find(id.value()); row != rows.end()) {
            const auto uuid = Uuid::from_raw(row->second.id());
            one.id = uuid ? uuid->text() : "";
            one.name = row->second.name();
            one.address = row->second.address();
        }
        servers.push_back(std::move(one));
    };
    for (const auto id : conf.members()) add(id);
    return servers;
}

}  // namespace

Result<InspectedSnapshot> inspect_snapshot(const fs::path& file) {
    const auto opened = open(file);
    if (!opened) return tl::unexpected{opened.error()};
    const auto& header = opened->reader.header();
    InspectedSnapshot seen{header.release,
                           header.feature_level,
                           header.meta.index.value(),
                           header.meta.term.value(),
                           opened->bytes->size(),
                           configuration(opened->reader),
                           {}};
    for (const auto& section : opened->reader.sections()) {
        InspectedSection one{std::string{section.name}, section.records.size(), 0,
                             section.ignorable};
        for (const auto record : section.records) one.bytes += record.size();
        seen.sections.push_back(std::move(one));
    }
    return seen;
}

Result<JsonValue> snapshot_state(const fs::path& file) {
    const auto opened = open(file);
    if (!opened) return tl::unexpected{opened.error()};
    JsonValue::Object tables;
    for (const auto& section : opened->reader.sections()) {
        const Message* const kind = prototype(section.name);
        if (kind == nullptr && section.name != "state") continue;  // of another release
        auto rows = kind == nullptr ? meta_json(section) : rows_json(section, *kind);
        if (!rows) return fail(rows.error().code, file.string() + ": " + rows.error().message);
        tables.emplace_back(std::string{section.name}, std::move(*rows));
    }
    return JsonValue{std::move(tables)};
}

}  // namespace drover::agent::offline
