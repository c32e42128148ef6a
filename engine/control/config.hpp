// The knobs of what only a leader does. Defaults are those that operators of Nomad know; the
// simulator draws absurd values, so no value here may break safety.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/base/time.hpp"
#include "engine/base/time_zone.hpp"

namespace drover::control {

struct Config {
    // A node's time to live: at least the minimum, stretched so that all nodes together stay below
    // the rate, plus up to as much again by chance. The server waits a grace longer than it tells.
    Duration heartbeat_ttl_min = std::chrono::seconds{10};
    Duration heartbeat_grace = std::chrono::seconds{10};
    std::uint64_t heartbeat_rate_max = 50;  // per second, over all nodes
    // What every node is granted when a new leader takes over.
    Duration heartbeat_failover_ttl = std::chrono::seconds{300};

    Duration evaluation_nack_timeout = std::chrono::seconds{60};
    std::uint32_t evaluation_delivery_limit = 3;
    Duration evaluation_nack_delay_first = std::chrono::seconds{1};
    Duration evaluation_nack_delay_next = std::chrono::seconds{20};
    // A follow-up of a failed evaluation waits this long plus up to the spread by chance.
    Duration failed_follow_up_delay = std::chrono::minutes{1};
    Duration failed_follow_up_spread = std::chrono::minutes{5};
    // Evaluations that ran out of plan attempts are tried again this often.
    Duration unblock_failed_interval = std::chrono::minutes{1};

    std::uint32_t service_plan_attempts = 5;
    std::uint32_t batch_plan_attempts = 2;

    Duration garbage_interval = std::chrono::minutes{5};
    Duration job_garbage_age = std::chrono::hours{4};
    Duration evaluation_garbage_age = std::chrono::hours{1};
    Duration batch_evaluation_garbage_age = std::chrono::hours{24};
    Duration node_garbage_age = std::chrono::hours{24};
    Duration deployment_garbage_age = std::chrono::hours{1};

    // What periodic jobs may name as their time zone; null: UTC only.
    std::shared_ptr<const TimeZones> zones;
};

}  // namespace drover::control
