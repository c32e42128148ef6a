// The parts of canonicalise(): each fills in what one kind of object may leave out. All of them can
// be applied twice without changing anything the second time.
#pragma once

#include <string>

#include "engine/jobspec/jobspec.hpp"

namespace drover::jobspec {

// What the user gave, on top of the defaults. Fields without presence count as given when not
// empty.
template <class Message>
void fill_in(Message& given, Message defaults) {
    defaults.MergeFrom(given);
    given.Swap(&defaults);
}

void canonicalise_group(const schema::Job& job, schema::TaskGroup& group);
void canonicalise_task(const schema::Job& job, const schema::TaskGroup& group, schema::Task& task);
// `task` is null for a service of the group.
void canonicalise_service(const schema::Job& job, const schema::TaskGroup& group,
                          const schema::Task* task, schema::Service& service);

void canonicalise_placement(google::protobuf::RepeatedPtrField<schema::Constraint>& constraints,
                            google::protobuf::RepeatedPtrField<schema::Affinity>& affinities);
void canonicalise_network(schema::NetworkResource& network);
void canonicalise_resources(schema::Resources& resources);
void canonicalise_log_config(schema::LogConfig& logs);

[[nodiscard]] schema::RestartPolicy default_restart(const std::string& job_type);

namespace time_unit {
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
}  // namespace time_unit

}  // namespace drover::jobspec
