// An allocation with its job as the servers told it, checked once, so that everybody else may rely
// on its group and its tasks being there. Immutable; copies share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/allocation.pb.h"

namespace drover::client {

using AllocationPtr = std::shared_ptr<const schema::Allocation>;
using TaskPtr = std::shared_ptr<const schema::Task>;

class Assignment {
public:
    // Fails where the allocation embeds no job, or its job lacks the group, or the group's tasks
    // are missing or named alike.
    [[nodiscard]] static Result<Assignment> check(schema::Allocation allocation);

    [[nodiscard]] const Uuid& id() const { return id_; }
    [[nodiscard]] const AllocationPtr& allocation() const { return allocation_; }
    [[nodiscard]] const schema::Job& job() const { return allocation_->job(); }
    [[nodiscard]] const schema::TaskGroup& group() const { return *group_; }
    [[nodiscard]] std::vector<std::string> task_names() const;  // sorted
    [[nodiscard]] TaskPtr task(const std::string& name) const;  // must exist

    // What the servers want and believe.
    [[nodiscard]] bool wants_run() const { return allocation_->desired_status() == "run"; }
    [[nodiscard]] bool skips_shutdown_delay() const;
    [[nodiscard]] bool runs_to_completion() const;  // batch and sysbatch

private:
    Assignment() = default;

    Uuid id_;
    AllocationPtr allocation_;
    std::shared_ptr<const schema::TaskGroup> group_;
};

// Whether the status says that the allocation has come to its end.
[[nodiscard]] bool is_terminal_client_status(const std::string& status);

}  // namespace drover::client
