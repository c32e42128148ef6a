// The routes, a file for each kind of object. `rest` are the decoded segments after the route's own
// prefix.
#pragma once

#include <string>
#include <vector>

#include "agent/api/exchange.hpp"

namespace drover::agent {

using Rest = std::vector<std::string>;

void route_jobs(const ExchangePtr& exchange, const Rest& rest);         // /v1/jobs…
void route_job(const ExchangePtr& exchange, const Rest& rest);          // /v1/job/…
void route_validate(const ExchangePtr& exchange, const Rest& rest);     // /v1/validate/job
void route_nodes(const ExchangePtr& exchange, const Rest& rest);        // /v1/nodes
void route_node(const ExchangePtr& exchange, const Rest& rest);         // /v1/node/…
void route_allocations(const ExchangePtr& exchange, const Rest& rest);  // /v1/allocations
void route_allocation(const ExchangePtr& exchange, const Rest& rest);   // /v1/allocation/…
void route_evaluations(const ExchangePtr& exchange, const Rest& rest);  // /v1/evaluations
void route_evaluation(const ExchangePtr& exchange, const Rest& rest);   // /v1/evaluation/…
void route_deployments(const ExchangePtr& exchange, const Rest& rest);  // /v1/deployments
void route_deployment(const ExchangePtr& exchange, const Rest& rest);   // /v1/deployment/…
void route_client(const ExchangePtr& exchange, const Rest& rest);       // /v1/client/…
void route_agent(const ExchangePtr& exchange, const Rest& rest);        // /v1/agent/…
void route_status(const ExchangePtr& exchange, const Rest& rest);       // /v1/status/…
void route_snapshot(const ExchangePtr& exchange);                       // /v1/operator/snapshot
void route_operator(const ExchangePtr& exchange, const Rest& rest);     // /v1/operator/…
void route_regions(const ExchangePtr& exchange, const Rest& rest);      // /v1/regions
void route_search(const ExchangePtr& exchange, const Rest& rest);       // /v1/search
void route_system(const ExchangePtr& exchange, const Rest& rest);       // /v1/system/…

// ---- parts of /v1/job/:id

// …/revert, …/stable, …/scale
void route_job_version(const ExchangePtr& exchange, const std::string& id, const std::string& what);

// …/dispatch, …/dispatch/payload, …/periodic/force, …/versions/:tag/tag; false: none of these
[[nodiscard]] bool route_job_launch(const ExchangePtr& exchange, const Rest& rest);

// ---- parts of /v1/operator

void route_upgrade(const ExchangePtr& exchange, const Rest& rest);    // …/upgrade/…
void route_scheduler(const ExchangePtr& exchange, const Rest& rest);  // …/scheduler/…

// ---- parts of /v1/client

void route_client_files(const ExchangePtr& exchange, const Rest& rest);  // …/fs/…

// ---- shared by them

// The id in this segment as 16 raw bytes; none where it is no UUID.
[[nodiscard]] std::optional<std::string> raw_id(const std::string& text);
void answer_allocation_list(Exchange& exchange, const schema::Response& response);

}  // namespace drover::agent
