// The requests that the workload sends: jobs as a user would write them, not yet canonical.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/uuid.hpp"
#include "engine/server/boundary.hpp"
#include "sim/drains.hpp"
#include "sim/scenario.hpp"

namespace drover::sim {

server::RequestPtr register_request(const Uuid& id, const JobLoad& load, std::uint32_t count,
                                    std::uint64_t revision, bool broken = false);
server::RequestPtr deregister_request(const Uuid& id, const std::string& job);
// To a server that is about to stop: if it leads, another one is to.
server::RequestPtr step_aside_request();
// Named as its Raft protocol has it.
server::RequestPtr remove_peer_request(const Uuid& id, const schema::ServerInfo& server);
// As another server's agent asks for it whom a newcomer has greeted.
server::RequestPtr register_server_request(const Uuid& id, const schema::ServerInfo& server);
server::RequestPtr drain_request(const Uuid& id, const Uuid& node, const DrainWish& wish);
// Promote, fail, pause or resume.
server::RequestPtr deployment_request(const Uuid& deployment, Verb verb);
server::RequestPtr revert_request(const std::string& job, std::uint64_t version,
                                  std::uint64_t prior);
server::RequestPtr scale_request(const std::string& job, std::uint32_t count);
// Of the scheduler's configuration: no job is registered, or jobs are again.
[[nodiscard]] server::RequestPtr dispatch_request(const std::string& job, const std::string& token);
[[nodiscard]] server::RequestPtr force_launch_request(const std::string& job);
[[nodiscard]] server::RequestPtr collect_garbage_request();
server::RequestPtr reject_request(bool rejects);
server::RequestPtr finalize_request();
server::RequestPtr pause_request(bool paused);  // of evaluations
server::RequestPtr rehearse_request();
// A register is a job without allocations whose meta holds the value; index 0 asks that it does not
// exist yet.
server::RequestPtr compare_and_set_request(const Uuid& id, const std::string& job,
                                           std::uint64_t value, std::uint64_t modify_index);
server::RequestPtr read_job_request(const Uuid& id, const std::string& job);
// The value that a register's job holds; 0 where it holds none.
std::uint64_t register_value(const schema::Response& response);

}  // namespace drover::sim
