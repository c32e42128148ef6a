// The JSON shapes that differ from the stored objects: list stubs, responses of writes, and the
// legacy fields that clients of Nomad up to 1.1 read.
#pragma once

#include "engine/schema/json_value.hpp"
#include "engine/schema/request.pb.h"

namespace drover::agent {

[[nodiscard]] schema::JsonValue job_stub(const schema::Job& job, const schema::JobSummary* summary,
                                         bool meta);
[[nodiscard]] schema::JsonValue allocation_stub(const schema::Allocation& allocation,
                                                bool resources, bool task_states);
[[nodiscard]] schema::JsonValue node_stub(const schema::Node& node, bool resources, bool os);
// Whole objects, with legacy fields and what only the API adds.
[[nodiscard]] schema::JsonValue whole_allocation(const schema::Allocation& allocation);
[[nodiscard]] schema::JsonValue whole_node(const schema::Node& node);
[[nodiscard]] schema::JsonValue whole_evaluation(const schema::Evaluation& evaluation);

// Index, LastContact and KnownLeader, as Nomad's responses embed them.
void add_query_meta(schema::JsonValue& object, const schema::Response& response);

// The UUID text of a raw id field; empty for an empty one.
[[nodiscard]] std::string id_text(const std::string& raw);

}  // namespace drover::agent
