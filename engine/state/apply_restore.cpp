// A snapshot that an operator brings back takes the place of every table but one: who the servers
// are is a fact of the cluster that lives, not of the file.
//
// The file may come from a log that was further on than ours. Our index does not jump, and no row
// may seem to be of the future: what lies beyond the entry counts as written by it.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <vector>

#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/periodic_launch.pb.h"
#include "engine/schema/scheduler_configuration.pb.h"
#include "engine/state/apply.hpp"
#include "engine/state/state.hpp"
#include "engine/state/writer.hpp"

namespace drover::state {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool is_index(const FieldDescriptor& field) {
    return field.type() == FieldDescriptor::TYPE_UINT64 && !field.is_repeated() &&
           field.name().ends_with("_index");
}

void cap_indexes(Message& row, std::uint64_t index) {
    const auto* reflection = row.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(row, &fields);
    for (const FieldDescriptor* field : fields) {
        if (is_index(*field)) {
            const std::uint64_t told = reflection->GetUInt64(row, field);
            if (told > index) reflection->SetUInt64(&row, field, index);
        } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
            continue;
        } else if (field->is_repeated()) {
            for (int i = 0; i < reflection->FieldSize(row, field); ++i) {
                cap_indexes(*reflection->MutableRepeatedMessage(&row, field, i), index);
            }
        } else {
            cap_indexes(*reflection->MutableMessage(&row, field), index);
        }
    }
}

template <class Row>
std::shared_ptr<const Row> capped(const Row& row, std::uint64_t index) {
    auto copy = std::make_shared<Row>(row);
    cap_indexes(*copy, index);
    return copy;
}

// Since level 2 a restored allocation counts as changed: a client that was told of a later state of
// it is told of this one.
AllocationPtr restored(const AllocationRow& row, const JobPtr& job, std::uint64_t index,
                       std::uint32_t level) {
    auto body = *capped(row.body.unpack(), index);
    if (level >= 2) {
        body.set_modify_index(index);
        body.set_alloc_modify_index(index);
    }
    return make_allocation_row(body, job);
}

void copy_rows(const Tables& from, TableWriter& write, std::uint32_t level) {
    const std::uint64_t index = write.index();
    for (const auto& row : from.nodes.all()) write.put_node(capped(*row, index));
    for (const auto& row : from.jobs.all()) write.put_job(capped(*row, index));
    for (const auto& row : from.job_versions.all()) write.put_job_version(capped(*row, index));
    for (const auto& row : from.job_summaries.all()) write.put_job_summary(capped(*row, index));
    for (const auto& row : from.evaluations.all()) write.put_evaluation(capped(*row, index));
    for (const auto& row : from.deployments.all()) write.put_deployment(capped(*row, index));
    for (const auto& row : from.periodic_launches.all()) {
        write.put_periodic_launch(capped(*row, index));
    }
    if (const auto& row = from.scheduler_configuration) {
        write.set_scheduler_configuration(capped(*row, index));
    }
    std::map<AllocationJobKey, JobPtr> jobs;  // many allocations share one
    for (const auto& row : from.allocations.all()) {
        JobPtr& job = jobs[job_key_of(*row)];
        if (!job) job = capped(*row->job, index);
        write.put_allocation(restored(*row, job, index, level));
    }
}

}  // namespace

Result<void> State::restore(std::uint64_t index, const schema::StateRestoration& from,
                            Changes& changes) {
    std::vector<SnapshotSection> sections;
    for (const auto& section : from.sections()) {
        if (section.ignorable()) continue;  // for the server to keep
        sections.push_back({section.name(), {section.records().begin(), section.records().end()}});
    }
    auto file = read_snapshot(sections, config_);
    if (!file) return tl::unexpected{file.error()};
    Tables fresh;
    TableWriter write{fresh, index, changes};
    copy_rows(file->tables_, write, tables_.feature_level);
    for (const auto& row : tables_.servers.all()) write.put_server(row);
    if (tables_.feature_level != 0) write.set_feature_level(tables_.feature_level);
    // Also of tables that are empty now: whoever waits for a change of one has seen it.
    fresh.last_index.fill(index);
    tables_ = std::move(fresh);
    return {};
}

}  // namespace drover::state
