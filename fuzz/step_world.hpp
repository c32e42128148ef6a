// Engines that have lived a while, for the step fuzzer: three servers and one that is alone, each
// with a node and a job that runs on it; and what means something to them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/ensure.hpp"
#include "engine/host/host.pb.h"
#include "tests/engine/host/group.hpp"

namespace drover::fuzz {

inline schema::Request registration(const std::string& id, int count) {
    schema::Request request;
    schema::Job& job = *request.mutable_register_job()->mutable_job();
    job.set_id(id);
    job.set_name(id);
    job.set_type("service");
    job.add_datacenters("dc1");
    job.mutable_update()->set_max_parallel(1);
    schema::TaskGroup& group = *job.add_task_groups();
    group.set_name("web");
    group.set_count(count);
    schema::Task& task = *group.add_tasks();
    task.set_name("server");
    task.set_driver("mock");
    task.mutable_resources()->set_cpu(100);
    task.mutable_resources()->set_memory_mb(64);
    return request;
}

inline host::wire::ServerConfig snapshots_often() {
    host::wire::ServerConfig config;
    config.set_snapshot_threshold_entries(12);
    config.set_snapshot_trailing_entries(4);
    return config;
}

// Requests that are carried out as they are; what is tried is what they become.
inline std::vector<schema::Request> sound_requests(const std::string& node,
                                                   const std::string& allocation,
                                                   const std::string& deployment) {
    std::vector<schema::Request> all{registration("web", 3), registration("other", 1)};
    all.emplace_back().mutable_plan_job()->CopyFrom(schema::PlanJobRequest{});
    *all.back().mutable_plan_job()->mutable_job() = all.front().register_job().job();
    all.emplace_back().mutable_deregister_job()->set_job_id("web");
    all.emplace_back().mutable_evaluate_job()->set_job_id("web");
    all.emplace_back().mutable_stop_allocation()->set_allocation_id(allocation);
    all.emplace_back().mutable_register_node()->mutable_node()->set_id(node);
    all.back().mutable_register_node()->mutable_node()->set_datacenter("dc1");
    all.emplace_back().mutable_update_node_status()->set_node_id(node);
    all.back().mutable_update_node_status()->set_status("down");
    all.emplace_back().mutable_update_node_eligibility()->set_node_id(node);
    all.back().mutable_update_node_eligibility()->set_eligibility("ineligible");
    all.emplace_back().mutable_update_allocations()->add_allocations()->set_id(allocation);
    all.back().mutable_update_allocations()->mutable_allocations(0)->set_client_status("failed");
    all.emplace_back().mutable_update_deployment()->set_deployment_id(deployment);
    all.emplace_back().mutable_register_server()->mutable_server()->set_raft_id(4);
    all.emplace_back().mutable_query()->set_job("web");
    return all;
}

// Engines that have lived a while, made once and copied for every input.
struct Lived {
    host::Group three{3, snapshots_often()};
    host::Group alone{1, snapshots_often()};
    std::size_t leader = 0;
    std::vector<std::string> words{"",           "web",      "service",
                                   "batch",      "system",   "sysbatch",
                                   "running",    "complete", "failed",
                                   "lost",       "run",      "stop",
                                   "pending",    "blocked",  "ready",
                                   "down",       "dc1",      "*",
                                   "mock",       "server",   "node",
                                   "global",     "default",  "=",
                                   "version",    "regexp",   "${attr.driver.mock}",
                                   "canary",     "host",     "eligible",
                                   "ineligible", "progress", "checks",
                                   "exponential"};

    std::vector<schema::Request> requests;

    Lived() {
        google::protobuf::SetLogHandler(nullptr);
        for (host::Group* group : {&three, &alone}) {
            group->run_for(5000 * host::millisecond);
            group->add_agent();
            group->run_for(2000 * host::millisecond);
            group->ask(0, 1, registration("web", 2));
            group->run_for(12000 * host::millisecond);
            for (std::uint64_t i = 0; i < 8; ++i) {
                group->ask(0, 2 + i, registration("idle-" + std::to_string(i), 0));
                group->run_for(100 * host::millisecond);
            }
        }
        ENSURE(three.leader() && alone.leader() && three.started.size() == 2);
        for (std::size_t i = 0; i < 3; ++i) ENSURE(three.disk(i).snapshot);
        ENSURE(alone.disk(0).snapshot);
        leader = *three.leader();
        const schema::Allocation& placed = three.started.front().start_task().allocation();
        requests = sound_requests(std::string(16, '\7'), placed.id(), placed.deployment_id());
        words.push_back(std::string(16, '\7'));  // the node
        for (const auto& effect : three.started) {
            words.push_back(effect.start_task().key().allocation());
            words.push_back(effect.start_task().allocation().eval_id());
            words.push_back(effect.start_task().allocation().deployment_id());
        }
    }
};

inline Lived& lived() {
    static Lived all;
    return all;
}

}  // namespace drover::fuzz
