// What happened to a task, in the words that `alloc status` shows. Types, details and messages are
// those that users and tools of Nomad look for.
#pragma once

#include <string>

#include "engine/base/time.hpp"
#include "engine/client/boundary.hpp"
#include "engine/schema/allocation.pb.h"

namespace drover::client::events {

[[nodiscard]] schema::TaskEvent received();
[[nodiscard]] schema::TaskEvent building_directory();
[[nodiscard]] schema::TaskEvent setup_failed(const std::string& reason);
[[nodiscard]] schema::TaskEvent driver_failed(const std::string& reason);
[[nodiscard]] schema::TaskEvent started();
[[nodiscard]] schema::TaskEvent restore_failed(const std::string& reason);
[[nodiscard]] schema::TaskEvent terminated(const ExitStatus& status);
[[nodiscard]] schema::TaskEvent restarting(Duration delay, const std::string& reason);
[[nodiscard]] schema::TaskEvent not_restarting(const std::string& reason);
[[nodiscard]] schema::TaskEvent waiting_shutdown_delay(Duration delay);
[[nodiscard]] schema::TaskEvent skipping_shutdown_delay();
[[nodiscard]] schema::TaskEvent killing(Duration kill_timeout);
[[nodiscard]] schema::TaskEvent killed();
[[nodiscard]] schema::TaskEvent sibling_failed(const std::string& sibling);
[[nodiscard]] schema::TaskEvent leader_dead();
[[nodiscard]] schema::TaskEvent main_tasks_dead();
[[nodiscard]] schema::TaskEvent ran_too_long(Duration limit);
[[nodiscard]] schema::TaskEvent servers_unreachable(Duration limit);
[[nodiscard]] schema::TaskEvent unhealthy(const std::string& reason);

// Stamps the event and keeps only the newest ones.
void append(schema::TaskState& state, schema::TaskEvent event, WallTime at, std::uint32_t kept);

}  // namespace drover::client::events
