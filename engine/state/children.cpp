// See children.hpp.
#include "engine/state/children.hpp"

#include "engine/schema/job.pb.h"

namespace drover::state {

std::vector<JobPtr> children_of(const Tables& tables, const JobKey& parent) {
    std::vector<JobPtr> children;
    const std::string prefix = parent.id + "/";
    for (const JobPtr& row : tables.jobs.from({parent.namespace_, prefix})) {
        if (row->namespace_() != parent.namespace_ || !row->id().starts_with(prefix)) break;
        if (row->parent_id() == parent.id) children.push_back(row);
    }
    return children;
}

JobPtr dispatched_with_token(const Tables& tables, const schema::Job& child) {
    const std::string& token = child.dispatch_idempotency_token();
    if (token.empty() || !child.dispatched()) return nullptr;
    for (JobPtr& other : children_of(tables, {child.namespace_(), child.parent_id()})) {
        if (other->dispatch_idempotency_token() == token) return std::move(other);
    }
    return nullptr;
}

}  // namespace drover::state
