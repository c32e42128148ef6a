// An allocation as the tables keep it: its canonical bytes, a fifth of what the message takes in
// memory, and there may be a million of them. A field is read out of them in place; what is itself
// a message is parsed when it is asked for.
//
// Text and ids are views into the bytes: they live as long as the allocation does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/uuid.hpp"

namespace google::protobuf {
class Message;
}

namespace drover::schema {
class AllocatedResources;
class AllocDeploymentStatus;
class Allocation;
class AllocMetric;
class AllocState;
class DesiredTransition;
class PlacementScores;
class RescheduleTracker;
class TaskState;
}  // namespace drover::schema

namespace drover::state {

class PackedAllocation {
public:
    PackedAllocation() = default;
    explicit PackedAllocation(const schema::Allocation& allocation);
    // Canonical bytes, as bytes() gave them.
    explicit PackedAllocation(std::string canonical);

    [[nodiscard]] schema::Allocation unpack() const;
    [[nodiscard]] std::string_view bytes() const { return bytes_; }

    // Named as the message's own; empty or 0 where the field is not set.
    [[nodiscard]] std::string_view namespace_() const;
    [[nodiscard]] std::string_view name() const;
    [[nodiscard]] std::string_view node_name() const;
    [[nodiscard]] std::string_view job_id() const;
    [[nodiscard]] std::string_view task_group() const;
    [[nodiscard]] std::string_view desired_status() const;
    [[nodiscard]] std::string_view client_status() const;
    [[nodiscard]] std::string_view client_description() const;
    [[nodiscard]] std::uint64_t job_version() const;
    [[nodiscard]] std::uint64_t job_create_index() const;
    [[nodiscard]] std::uint64_t create_index() const;
    [[nodiscard]] std::uint64_t modify_index() const;
    [[nodiscard]] std::uint64_t alloc_modify_index() const;
    [[nodiscard]] std::int64_t create_time() const;  // Unix nanoseconds
    [[nodiscard]] std::int64_t modify_time() const;

    // Raw bytes, as in messages.
    [[nodiscard]] std::string_view id() const;
    [[nodiscard]] std::string_view node_id() const;
    [[nodiscard]] std::string_view eval_id() const;
    [[nodiscard]] std::string_view deployment_id() const;
    [[nodiscard]] std::string_view followup_eval_id() const;
    [[nodiscard]] std::string_view previous_allocation() const;
    [[nodiscard]] std::string_view next_allocation() const;

    [[nodiscard]] bool has_job() const;
    [[nodiscard]] bool has_deployment_status() const;
    [[nodiscard]] bool has_reschedule_tracker() const;
    [[nodiscard]] schema::AllocatedResources allocated_resources() const;
    [[nodiscard]] schema::AllocMetric metrics() const;
    [[nodiscard]] schema::DesiredTransition desired_transition() const;
    [[nodiscard]] schema::AllocDeploymentStatus deployment_status() const;
    [[nodiscard]] schema::RescheduleTracker reschedule_tracker() const;
    [[nodiscard]] std::vector<schema::TaskState> task_states() const;
    [[nodiscard]] std::vector<schema::AllocState> alloc_states() const;

private:
    friend class AllocationMould;
    PackedAllocation(std::string canonical, std::uint64_t present)
        : bytes_{std::move(canonical)}, present_{present} {}

    [[nodiscard]] bool has(int field) const { return (present_ >> field & 1U) != 0; }
    [[nodiscard]] std::string_view text(int field) const;
    [[nodiscard]] std::uint64_t number(int field) const;
    template <class Message>
    [[nodiscard]] Message message(int field) const;
    template <class Message>
    [[nodiscard]] std::vector<Message> messages(int field) const;

    std::string bytes_;
    std::uint64_t present_{};  // which of the fields 1 to 63 are there
};

// An allocation with some of its fields replaced: the bytes of all others are passed on as they
// are, unread. Fields are named by their numbers, and may be set in any order; the last word holds.
class AllocationChange {
public:
    AllocationChange& set(int field, std::uint64_t number);
    AllocationChange& set(int field, std::string_view text);  // also of ids
    AllocationChange& set(int field, const google::protobuf::Message& message);
    template <class Messages>
    AllocationChange& set_all(int field, const Messages& messages) {
        std::string& bytes = fields_[field];
        bytes.clear();
        for (const auto& message : messages) append(bytes, field, message);
        return *this;
    }

    [[nodiscard]] PackedAllocation applied_to(const PackedAllocation& allocation) const;

private:
    static void append(std::string& to, int field, const google::protobuf::Message& message);

    std::map<int, std::string> fields_;  // as they are written, tag and all; empty: taken away
};

// Casts allocations that have all in common but their id, name, node and scores: what they share is
// packed once, and copied around what each has of its own.
class AllocationMould {
public:
    explicit AllocationMould(const schema::Allocation& common);

    struct Own {
        std::string_view id;  // ids as raw bytes
        std::string_view name;
        std::string_view node_id;
        std::string_view node_name;
        const schema::PlacementScores& scores;
    };
    [[nodiscard]] PackedAllocation cast(const Own& own) const;

private:
    // Canonical bytes, cut where what is not shared goes in.
    std::string before_name_;
    std::string after_node_;
    std::string metrics_before_scores_;
    std::string metrics_after_scores_;
    std::string after_metrics_;
    std::uint64_t present_{};
};

}  // namespace drover::state
