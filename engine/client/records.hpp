// The keys and values under which the agent's state lies on disk:
//   agent                        which release's format, and whose state this is
//   allocation/<id>              an allocation and what was decided about it as a whole
//   allocation/<id>/task/<name>  one task: how far its starts went, its handle, its events
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/client_state.pb.h"

namespace drover::client::records {

inline constexpr std::uint32_t format = 1;

[[nodiscard]] std::string agent_key();
[[nodiscard]] std::string allocation_key(const Uuid& id);
[[nodiscard]] std::string task_key(const Uuid& id, const std::string& task);

// A record as bytes, and the part of them that is the message in it.
struct Written {
    std::shared_ptr<const std::string> bytes;
    std::string_view part;
};
// Without a copy of the allocation or the state.
[[nodiscard]] Written with_allocation(const schema::Allocation& allocation,
                                      const schema::ClientAllocationRecord& rest);
[[nodiscard]] Written with_state(const schema::TaskState& state,
                                 const schema::ClientTaskRecord& rest);

struct StoredAllocation {
    schema::ClientAllocationRecord record;
    std::map<std::string, schema::ClientTaskRecord> tasks;
};

struct Stored {
    bool empty = true;  // a new agent
    std::map<Uuid, StoredAllocation> allocations;
};

// Refuses what another node or a later release has written, and anything damaged. `node_id` is raw.
[[nodiscard]] Result<Stored> read(const std::vector<std::pair<std::string, std::string>>& durable,
                                  const std::string& node_id);

}  // namespace drover::client::records
