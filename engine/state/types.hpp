// The vocabulary of the replicated state: tables, keys, and the rows as they lie in memory. Rows
// are immutable once stored: a change stores a new row. Nothing in here knows how tables are
// kept.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/uuid.hpp"
#include "engine/state/packed_allocation.hpp"

namespace drover::schema {
class Allocation;
class Deployment;
class Evaluation;
class Job;
class JobSummary;
class Node;
class PeriodicLaunch;
class SchedulerConfiguration;
class ServerInfo;
}  // namespace drover::schema

namespace drover::state {

// The replicated tables, in the order of the snapshot. Numbers and names are part of snapshots:
// append, never renumber.
enum class Table : std::uint8_t {
    nodes = 0,
    jobs = 1,
    job_versions = 2,
    job_summaries = 3,
    evaluations = 4,
    allocations = 5,
    allocation_jobs = 6,  // the jobs that stored allocations were placed for
    deployments = 7,
    servers = 8,
    settings = 9,            // no rows: the feature level, the scheduler's configuration
    periodic_launches = 10,  // since level 2
};
constexpr std::size_t table_count = 11;

using NodePtr = std::shared_ptr<const schema::Node>;
using JobPtr = std::shared_ptr<const schema::Job>;
using JobSummaryPtr = std::shared_ptr<const schema::JobSummary>;
using EvaluationPtr = std::shared_ptr<const schema::Evaluation>;
using DeploymentPtr = std::shared_ptr<const schema::Deployment>;
using PeriodicLaunchPtr = std::shared_ptr<const schema::PeriodicLaunch>;
using SchedulerConfigurationPtr = std::shared_ptr<const schema::SchedulerConfiguration>;
using ServerPtr = std::shared_ptr<const schema::ServerInfo>;

struct JobKey {
    std::string namespace_;
    std::string id;
    friend auto operator<=>(const JobKey&, const JobKey&) = default;
};

struct JobVersionKey {
    JobKey job;
    std::uint64_t version{};
    friend auto operator<=>(const JobVersionKey&, const JobVersionKey&) = default;
};

// A job that was purged and registered again starts with version 0 again: the create index tells
// the two apart.
struct AllocationJobKey {
    JobKey job;
    std::uint64_t create_index{};
    std::uint64_t version{};
    friend auto operator<=>(const AllocationJobKey&, const AllocationJobKey&) = default;
};

// A commutative sum of 128-bit row hashes: equal for equal contents, whatever the order of writes.
struct Digest {
    std::uint64_t high{};
    std::uint64_t low{};
    Digest& operator+=(const Digest& other);
    Digest& operator-=(const Digest& other);
    friend auto operator<=>(const Digest&, const Digest&) = default;
    [[nodiscard]] std::string text() const;  // 32 hex digits
};

enum class DesiredStatus : std::uint8_t { run, stop, evict };
enum class ClientStatus : std::uint8_t { pending, running, complete, failed, lost, unknown };

// What an allocation takes from its node: the tasks that can run at the same time, together.
struct Usage {
    std::int64_t cpu_mhz{};
    std::int64_t memory_mb{};
    std::int64_t memory_max_mb{};
    std::int64_t disk_mb{};
    std::int64_t allocations{};  // 1 for one allocation; the number of them in a sum

    Usage& operator+=(const Usage& other) {
        cpu_mhz += other.cpu_mhz;
        memory_mb += other.memory_mb;
        memory_max_mb += other.memory_max_mb;
        disk_mb += other.disk_mb;
        allocations += other.allocations;
        return *this;
    }
    Usage& operator-=(const Usage& other) {
        cpu_mhz -= other.cpu_mhz;
        memory_mb -= other.memory_mb;
        memory_max_mb -= other.memory_max_mb;
        disk_mb -= other.disk_mb;
        allocations -= other.allocations;
        return *this;
    }
    friend auto operator<=>(const Usage&, const Usage&) = default;
};

// What allocations may take of a node: its resources without the reserved ones.
struct Capacity {
    std::int64_t cpu_mhz{};
    std::int64_t memory_mb{};
    std::int64_t disk_mb{};
    std::int64_t allocations{};  // 0: no limit

    friend bool operator==(const Capacity&, const Capacity&) = default;
};
[[nodiscard]] Capacity capacity_of(const schema::Node& node);

// Ready, eligible and not draining: new allocations may go there.
[[nodiscard]] bool ready_for_placement(const schema::Node& node);

struct AllocationRow {
    Uuid id;
    Uuid node_id;
    DesiredStatus desired_status{};
    ClientStatus client_status{};
    Usage usage;
    // Never embeds the job: `job` below is the record that it was placed for, shared by every
    // allocation of that version.
    PackedAllocation body;
    JobPtr job;

    // The servers want it stopped.
    [[nodiscard]] bool server_terminal() const { return desired_status != DesiredStatus::run; }
    // Its client has reported (or the servers have concluded) that it will not run again.
    [[nodiscard]] bool client_terminal() const {
        return client_status == ClientStatus::complete || client_status == ClientStatus::failed ||
               client_status == ClientStatus::lost;
    }
    [[nodiscard]] bool terminal() const { return server_terminal() || client_terminal(); }
};
using AllocationPtr = std::shared_ptr<const AllocationRow>;

// What an allocation with these resources takes; the rule of tasks that never run together (before,
// beside and after the main tasks) is in here, so that scheduler and plan applier cannot differ.
[[nodiscard]] Usage usage_of(const schema::Allocation& allocation);

// A row as the tables keep it. The allocation must not embed a job.
[[nodiscard]] AllocationPtr make_allocation_row(const schema::Allocation& body, JobPtr job);
// The same where it is packed already; `usage` is that of its resources.
[[nodiscard]] AllocationPtr make_allocation_row(PackedAllocation body, const Usage& usage,
                                                JobPtr job);

[[nodiscard]] JobKey key_of(const schema::Job& job);
// The job that it belongs to, and which record of that job it was placed for.
[[nodiscard]] JobKey job_of(const AllocationRow& row);
[[nodiscard]] AllocationJobKey job_key_of(const AllocationRow& row);
[[nodiscard]] AllocationJobKey job_key_of(const schema::Allocation& allocation);
// The schema's 16 raw bytes; the nil id where the field is empty or malformed.
[[nodiscard]] Uuid to_uuid(std::string_view raw);

}  // namespace drover::state
