// An allocation with its job as the servers told it, checked once, so that everybody else may rely
// on its group and its tasks being there. Immutable; copies share.
//
// While it rests it is kept as its bytes, a fifth of what its messages take: a node runs hundreds
// of allocations of which hardly one is looked at in an hour. Whoever looks wakes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
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
    [[nodiscard]] static Result<Assignment> check(AllocationPtr allocation);

    // These are its bytes, as they were written to disk: then it needs none of its own.
    void keep(std::shared_ptr<const std::string> owner, std::string_view bytes) {
        owner_ = std::move(owner);
        bytes_ = bytes;
    }
    // Ends the life of every reference that was taken from here.
    void rest();

    [[nodiscard]] const Uuid& id() const { return id_; }
    // Grows with every change that the servers make. Asking for it wakes nothing.
    [[nodiscard]] std::uint64_t modify_index() const { return modify_index_; }
    [[nodiscard]] const AllocationPtr& allocation() const {
        wake();
        return allocation_;
    }
    [[nodiscard]] const schema::Job& job() const { return allocation()->job(); }
    [[nodiscard]] const schema::TaskGroup& group() const {
        wake();
        return *group_;
    }
    [[nodiscard]] std::vector<std::string> task_names() const;  // sorted
    [[nodiscard]] TaskPtr task(const std::string& name) const;  // must exist

    // What the servers want and believe.
    [[nodiscard]] bool wants_run() const { return allocation()->desired_status() == "run"; }
    [[nodiscard]] bool skips_shutdown_delay() const;
    [[nodiscard]] bool runs_to_completion() const;  // batch and sysbatch

private:
    Assignment() = default;

    void wake() const;
    // False where the job has no such group.
    [[nodiscard]] bool find_group() const;

    Uuid id_;
    std::uint64_t modify_index_{};
    std::shared_ptr<const std::string> owner_;  // of its bytes, where they are known
    std::string_view bytes_;
    mutable AllocationPtr allocation_;  // none while it rests
    mutable std::shared_ptr<const schema::TaskGroup> group_;
};

// Whether the status says that the allocation has come to its end.
[[nodiscard]] bool is_terminal_client_status(const std::string& status);

}  // namespace drover::client
