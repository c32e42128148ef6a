#include "sim/job_builder.hpp"

#include <charconv>

#include "engine/schema/job.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/schema/task.pb.h"
#include "engine/schema/value.pb.h"

namespace drover::sim {
namespace {

constexpr std::string_view value_key = "value";

std::shared_ptr<schema::Request> envelope(const Uuid& id) {
    auto request = std::make_shared<schema::Request>();
    request->set_request_id(id.raw());
    request->set_region("global");
    request->set_namespace_("default");
    return request;
}

schema::Task* add_group_with_task(schema::Job& job, std::uint32_t count) {
    schema::TaskGroup* group = job.add_task_groups();
    group->set_name("group");
    group->set_count(static_cast<std::int32_t>(count));
    schema::Task* task = group->add_tasks();
    task->set_name("task");
    task->set_driver("mock_driver");
    return task;
}

void add_variable(schema::Task& task, const std::string& name, std::int64_t value) {
    schema::StringPair* pair = task.add_env();
    pair->set_key(name);
    pair->set_value(std::to_string(value));
}

void add_constraint(schema::Job& job, const char* left, const std::string& operand,
                    const std::string& right) {
    schema::Constraint* constraint = job.add_constraints();
    constraint->set_l_target(left);
    constraint->set_operand(operand);
    constraint->set_r_target(right);
}

void fill_constraints(schema::Job& job, const JobLoad& load) {
    job.set_node_pool(load.pool);
    job.set_priority(load.priority);
    if (!load.node_kind.empty()) add_constraint(job, "${node.class}", "=", load.node_kind);
    if (load.distinct_hosts) add_constraint(job, "", "distinct_hosts", "true");
}

void fill_policies(schema::Job& job, const JobLoad& load) {
    schema::TaskGroup& group = *job.mutable_task_groups(0);
    if (load.restart_attempts) {
        schema::RestartPolicy* restart = group.mutable_restart_policy();
        restart->set_attempts(static_cast<std::int32_t>(*load.restart_attempts));
        restart->set_delay(Duration{std::chrono::seconds{1}}.count());
        restart->set_interval(Duration{std::chrono::minutes{1}}.count());
        restart->set_mode("fail");
    }
    if (load.type != "service" && load.type != "system") return;
    schema::UpdateStrategy* update = job.mutable_update();
    update->set_max_parallel(static_cast<std::int32_t>(load.max_parallel));
    if (load.max_parallel == 0) return;  // no deployment watches over it
    update->set_stagger(Duration{std::chrono::seconds{3}}.count());
    update->set_min_healthy_time(load.min_healthy_time.count());
    update->set_healthy_deadline(load.healthy_deadline.count());
    update->set_progress_deadline(load.progress_deadline.count());
    update->set_canary(static_cast<std::int32_t>(load.canary));
    update->set_auto_promote(load.auto_promote);
    update->set_auto_revert(load.auto_revert);
    if (load.type == "system") return;
    // A failed allocation is placed anew soon: the scenario's time is short.
    schema::ReschedulePolicy* reschedule = group.mutable_reschedule_policy();
    reschedule->set_unlimited(load.reschedules);
    if (!load.reschedules) {
        reschedule->set_attempts(0);
        return;
    }
    reschedule->set_delay(Duration{std::chrono::seconds{5}}.count());
    reschedule->set_delay_function("constant");
}

}  // namespace

server::RequestPtr register_request(const Uuid& id, const JobLoad& load, std::uint32_t count,
                                    std::uint64_t revision, bool broken) {
    auto request = envelope(id);
    schema::Job& job = *request->mutable_register_job()->mutable_job();
    job.set_id(load.id);
    job.set_type(load.type);
    schema::Task* task = add_group_with_task(job, count);
    task->mutable_resources()->set_cpu(static_cast<std::int32_t>(load.cpu_mhz));
    task->mutable_resources()->set_memory_mb(static_cast<std::int32_t>(load.memory_mib));
    if (load.devices > 0) {
        schema::RequestedDevice* device = task->mutable_resources()->add_devices();
        device->set_name(load.device);
        device->set_count(load.devices);
    }
    // Another revision is another job version; an operator's retry of one revision is not.
    add_variable(*task, "REVISION", static_cast<std::int64_t>(revision));
    if (broken) {
        add_variable(*task, "SIM_EXIT_CODE", 1);
        add_variable(*task, "SIM_RUN_FOR_NS", Duration{std::chrono::milliseconds{200}}.count());
    } else if (load.run_for || load.type == "batch" || load.type == "sysbatch") {
        add_variable(*task, "SIM_EXIT_CODE", load.exit_code);
        add_variable(*task, "SIM_RUN_FOR_NS",
                     load.run_for.value_or(std::chrono::seconds{2}).count());
    }
    if (load.disk_mib) {
        job.mutable_task_groups(0)->mutable_ephemeral_disk()->set_size_mb(
            static_cast<std::int32_t>(*load.disk_mib));
        // They have to fit.
        task->mutable_log_config()->set_max_files(1);
        task->mutable_log_config()->set_max_file_size_mb(1);
    }
    fill_constraints(job, load);
    fill_policies(job, load);
    if (!load.cron.empty()) {
        job.mutable_periodic()->add_specs(load.cron);
        job.mutable_periodic()->set_prohibit_overlap(load.prohibit_overlap);
    }
    if (load.parameterized) job.mutable_parameterized_job()->set_payload("optional");
    return request;
}

server::RequestPtr deregister_request(const Uuid& id, const std::string& job) {
    auto request = envelope(id);
    request->mutable_deregister_job()->set_job_id(job);
    return request;
}

server::RequestPtr finalize_request() {
    auto request = std::make_shared<schema::Request>();
    request->mutable_finalize_upgrade();
    return request;
}

server::RequestPtr rehearse_request() {
    auto request = std::make_shared<schema::Request>();
    request->mutable_rehearse();
    return request;
}

server::RequestPtr deployment_request(const Uuid& deployment, Verb verb) {
    using Update = schema::UpdateDeploymentRequest;
    auto request = envelope({});
    Update& update = *request->mutable_update_deployment();
    update.set_deployment_id(deployment.raw());
    update.set_action(verb == Verb::promote            ? Update::PROMOTE
                      : verb == Verb::fail_deployment  ? Update::FAIL
                      : verb == Verb::pause_deployment ? Update::PAUSE
                                                       : Update::RESUME);
    return request;
}

server::RequestPtr revert_request(const std::string& job, std::uint64_t version,
                                  std::uint64_t prior) {
    auto request = envelope({});
    schema::RevertJobRequest& revert = *request->mutable_revert_job();
    revert.set_job_id(job);
    revert.set_version(version);
    revert.set_enforce_prior_version(true);
    revert.set_prior_version(prior);
    return request;
}

server::RequestPtr scale_request(const std::string& job, std::uint32_t count) {
    auto request = envelope({});
    schema::ScaleJobRequest& scale = *request->mutable_scale_job();
    scale.set_job_id(job);
    scale.set_group("group");
    scale.set_count(count);
    return request;
}

server::RequestPtr dispatch_request(const std::string& job, const std::string& token) {
    auto request = envelope({});
    request->mutable_dispatch_job()->set_job_id(job);
    request->mutable_dispatch_job()->set_idempotency_token(token);
    return request;
}

server::RequestPtr force_launch_request(const std::string& job) {
    auto request = envelope({});
    request->mutable_force_periodic_job()->set_job_id(job);
    return request;
}

server::RequestPtr collect_garbage_request() {
    auto request = envelope({});
    request->mutable_collect_garbage();
    return request;
}

server::RequestPtr reject_request(bool rejects) {
    auto request = envelope({});
    auto& configuration = *request->mutable_set_scheduler_configuration()->mutable_configuration();
    configuration.set_reject_job_registration(rejects);
    configuration.mutable_preemption_config()->set_system_scheduler_enabled(true);
    return request;
}

// All else by default.
server::RequestPtr pause_request(bool paused) {
    auto request = std::make_shared<schema::Request>();
    auto& configuration = *request->mutable_set_scheduler_configuration()->mutable_configuration();
    configuration.set_pause_eval_broker(paused);
    configuration.mutable_preemption_config()->set_system_scheduler_enabled(true);
    return request;
}

server::RequestPtr step_aside_request() {
    auto request = std::make_shared<schema::Request>();
    request->mutable_transfer_leadership();
    return request;
}

server::RequestPtr remove_peer_request(const Uuid& id, const schema::ServerInfo& server) {
    auto request = envelope(id);
    if (server.raft_protocol() >= 3) {
        request->mutable_remove_peer()->set_id(state::to_uuid(server.id()).text());
    } else {
        request->mutable_remove_peer()->set_address(server.address());
    }
    return request;
}

server::RequestPtr drain_request(const Uuid& id, const Uuid& node, const DrainWish& wish) {
    auto request = envelope(id);
    schema::UpdateNodeDrainRequest& body = *request->mutable_update_node_drain();
    body.set_node_id(node.raw());
    body.set_mark_eligible(!wish.drains);
    if (!wish.drains) return request;
    body.mutable_spec()->set_deadline(wish.deadline.count());
    body.mutable_spec()->set_ignore_system_jobs(wish.ignore_system);
    return request;
}

server::RequestPtr register_server_request(const Uuid& id, const schema::ServerInfo& server) {
    auto request = envelope(id);
    *request->mutable_register_server()->mutable_server() = server;
    return request;
}

server::RequestPtr compare_and_set_request(const Uuid& id, const std::string& job,
                                           std::uint64_t value, std::uint64_t modify_index) {
    auto request = envelope(id);
    schema::RegisterJobRequest& body = *request->mutable_register_job();
    body.set_enforce_index(true);
    body.set_job_modify_index(modify_index);
    body.mutable_job()->set_id(job);
    body.mutable_job()->set_type("batch");
    add_group_with_task(*body.mutable_job(), 0);
    schema::StringPair* pair = body.mutable_job()->add_meta();
    pair->set_key(std::string{value_key});
    pair->set_value(std::to_string(value));
    return request;
}

server::RequestPtr read_job_request(const Uuid& id, const std::string& job) {
    auto request = envelope(id);
    request->mutable_query()->set_job(job);
    return request;
}

std::uint64_t register_value(const schema::Response& response) {
    for (const auto& pair : response.job().meta()) {
        if (pair.key() != value_key) continue;
        std::uint64_t value = 0;
        const std::string& text = pair.value();
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }
    return 0;
}

}  // namespace drover::sim
