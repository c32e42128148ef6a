// When an allocation that failed is placed anew: the reschedule policy as arithmetic on times. It
// reads one allocation and its policy; who else competes for the slot is not its business.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/base/time.hpp"
#include "engine/state/types.hpp"

namespace drover::schema {
class Allocation;
class ReschedulePolicy;
class RescheduleTracker;
class TaskGroup;
}  // namespace drover::schema

namespace drover::scheduler {

// The policy of the group that the allocation was placed for; null where there is none.
[[nodiscard]] const schema::TaskGroup* group_of(const state::AllocationRow& row);
[[nodiscard]] const schema::ReschedulePolicy* reschedule_policy_of(const state::AllocationRow& row);

struct RescheduleTime {
    WallTime at;
    bool eligible{};  // the policy has an attempt left
};

// When the policy lets it be placed anew; none where it is not a case for rescheduling.
[[nodiscard]] std::optional<RescheduleTime> next_reschedule(const state::AllocationRow& row);
// The same for one that has not failed but cannot be reached, counted from `fail_time`.
[[nodiscard]] std::optional<RescheduleTime> next_reschedule_from(const state::AllocationRow& row,
                                                                 WallTime fail_time);

// The last attempt to place it anew found no node: it may be tried again.
[[nodiscard]] bool last_reschedule_failed(const state::AllocationRow& row);

// The tracker of the allocation that replaces this one.
[[nodiscard]] schema::RescheduleTracker tracker_after(const state::AllocationRow& previous,
                                                      WallTime now);

// Since when it is unknown, by its own record of states; none where it is not.
[[nodiscard]] std::optional<WallTime> last_unknown(const state::AllocationRow& row);

}  // namespace drover::scheduler
