// The JSON shapes that differ from the stored objects: list stubs, responses of writes, and the
// legacy fields that clients of Nomad up to 1.1 read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "engine/schema/json_value.hpp"
#include "engine/schema/request.pb.h"

namespace drover::agent {

// Lists of allocations carry their distinct jobs once; this finds each allocation's own.
class JobsOfAllocations {
public:
    // The list outlives this.
    explicit JobsOfAllocations(const schema::AllocationList& list);
    [[nodiscard]] const schema::Job* of(const schema::Allocation& allocation) const;

private:
    // namespace, id, create index, version
    using Key = std::tuple<std::string, std::string, std::uint64_t, std::uint64_t>;
    std::map<Key, const schema::Job*> jobs_;
};

[[nodiscard]] schema::JsonValue job_stub(const schema::Job& job, const schema::JobSummary* summary,
                                         bool meta);
// `job` is the one that the allocation was placed for; null where nobody knows it any more.
[[nodiscard]] schema::JsonValue allocation_stub(const schema::Allocation& allocation,
                                                const schema::Job* job, bool resources,
                                                bool task_states);
[[nodiscard]] schema::JsonValue node_stub(const schema::Node& node, bool resources, bool os);
// Whole objects, with legacy fields and what only the API adds.
[[nodiscard]] schema::JsonValue whole_allocation(const schema::Allocation& allocation,
                                                 const schema::Job* job);
[[nodiscard]] schema::JsonValue whole_node(const schema::Node& node);
[[nodiscard]] schema::JsonValue whole_evaluation(const schema::Evaluation& evaluation);

// The answer to whatever stored a job or had it evaluated.
[[nodiscard]] schema::JsonValue job_written(const schema::Response& response);

// Index, LastContact and KnownLeader, as Nomad's responses embed them.
void add_query_meta(schema::JsonValue& object, const schema::Response& response);

// The UUID text of a raw id field; empty for an empty one.
[[nodiscard]] std::string id_text(const std::string& raw);

}  // namespace drover::agent
