#include "tests/engine/server/requests.hpp"

#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::server {

Uuid node_id(std::uint8_t number) {
    Uuid id;
    id.bytes[0] = 7;
    id.bytes[15] = number;
    return id;
}

schema::Job service_job(const std::string& id, int count, int cpu) {
    schema::Job job;
    job.set_id(id);
    job.set_name(id);
    job.set_type("service");
    job.add_datacenters("dc1");
    auto& group = *job.add_task_groups();
    group.set_name("web");
    group.set_count(count);
    auto& task = *group.add_tasks();
    task.set_name("server");
    task.set_driver("mock");
    task.mutable_resources()->set_cpu(cpu);
    task.mutable_resources()->set_memory_mb(64);
    return job;
}

schema::Request register_job(schema::Job job) {
    schema::Request request;
    *request.mutable_register_job()->mutable_job() = std::move(job);
    return request;
}

schema::Request register_job_if(schema::Job job, std::uint64_t index) {
    schema::Request request = register_job(std::move(job));
    request.mutable_register_job()->set_enforce_index(true);
    request.mutable_register_job()->set_job_modify_index(index);
    return request;
}

schema::Request deregister_job(const std::string& id, bool purge) {
    schema::Request request;
    request.mutable_deregister_job()->set_job_id(id);
    request.mutable_deregister_job()->set_purge(purge);
    return request;
}

schema::Request register_node(std::uint8_t number, int cpu) {
    schema::Request request;
    auto& node = *request.mutable_register_node()->mutable_node();
    node.set_id(node_id(number).raw());
    node.set_secret_id("secret-" + std::to_string(number));
    node.set_name("node-" + std::to_string(number));
    node.set_datacenter("dc1");
    node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(cpu);
    node.mutable_node_resources()->mutable_memory()->set_memory_mb(4096);
    node.mutable_node_resources()->mutable_disk()->set_disk_mb(100'000);
    auto& driver = *node.add_drivers();
    driver.set_name("mock");
    driver.set_detected(true);
    driver.set_healthy(true);
    auto& attribute = *node.add_attributes();
    attribute.set_key("driver.mock");
    attribute.set_value("1");
    return request;
}

schema::Request node_status(std::uint8_t number, const std::string& status) {
    schema::Request request;
    request.mutable_update_node_status()->set_node_id(node_id(number).raw());
    request.mutable_update_node_status()->set_status(status);
    return request;
}

schema::Request report(const schema::Allocation& allocation, const std::string& client_status) {
    schema::Request request;
    auto& update = *request.mutable_update_allocations()->add_allocations();
    update.set_id(allocation.id());
    update.set_node_id(allocation.node_id());
    update.set_client_status(client_status);
    if (!allocation.deployment_id().empty() && client_status == "running") {
        update.mutable_deployment_status()->set_healthy(true);
        update.mutable_deployment_status()->set_timestamp(1'700'000'000'000'000'000);
    }
    return request;
}

schema::Request read_job(const std::string& id) {
    schema::Request request;
    request.mutable_query()->set_job(id);
    return request;
}

schema::Request read_allocations(const std::string& job_id) {
    schema::Request request;
    request.mutable_query()->mutable_job_allocations()->set_job_id(job_id);
    request.mutable_query()->mutable_job_allocations()->set_all(true);
    return request;
}

schema::Request read_evaluation(const std::string& raw_id) {
    schema::Request request;
    request.mutable_query()->set_evaluation(raw_id);
    return request;
}

schema::Request blocking(schema::Request read, std::uint64_t min_index, Duration wait) {
    read.mutable_query()->set_min_index(min_index);
    read.mutable_query()->set_wait_ns(wait.count());
    return read;
}

schema::Request stale(schema::Request read) {
    read.set_consistency(schema::STALE);
    return read;
}

std::optional<Errc> failure_of(const schema::Response& response) {
    if (!response.has_failure()) return std::nullopt;
    return static_cast<Errc>(response.failure().code());
}

}  // namespace drover::server
