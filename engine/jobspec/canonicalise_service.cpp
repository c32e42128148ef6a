// Defaults of services and checks, and their names.
#include "engine/jobspec/canonicalise.hpp"

namespace drover::jobspec {
namespace {

void replace_all(std::string& text, std::string_view from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

// A service may be named after the job's parts; these are known here, unlike node attributes.
void name_service(const schema::Job& job, const schema::TaskGroup& group, const schema::Task* task,
                  schema::Service& service) {
    const std::string task_name = task == nullptr ? "" : task->name();
    std::string base = job.name() + "-" + group.name();
    if (task != nullptr) base += "-" + task_name;
    std::string name = service.name().empty() ? base : service.name();
    replace_all(name, "${BASE}", base);
    replace_all(name, "${JOB}", job.name());
    replace_all(name, "${TASKGROUP}", group.name());
    replace_all(name, "${GROUP}", group.name());
    if (task != nullptr) replace_all(name, "${TASK}", task_name);
    service.set_name(name);
}

void canonicalise_check(const schema::Service& service, schema::ServiceCheck& check) {
    if (check.name().empty()) check.set_name("service: \"" + service.name() + "\" check");
    if (check.on_update().empty()) check.set_on_update(service.on_update());
    if (service.has_check_restart()) {
        fill_in(*check.mutable_check_restart(), service.check_restart());
    }
    if (check.has_check_restart() && !check.check_restart().has_grace()) {
        check.mutable_check_restart()->set_grace(time_unit::second);
    }
}

void canonicalise_connect(schema::ConsulConnect& connect) {
    if (!connect.has_sidecar_task()) return;
    schema::SidecarTask& task = *connect.mutable_sidecar_task();
    if (!task.has_kill_timeout()) task.set_kill_timeout(5 * time_unit::second);
    if (task.has_resources()) canonicalise_resources(*task.mutable_resources());
    if (task.has_log_config()) canonicalise_log_config(*task.mutable_log_config());
}

}  // namespace

void canonicalise_service(const schema::Job& job, const schema::TaskGroup& group,
                          const schema::Task* task, schema::Service& service) {
    name_service(job, group, task, service);
    if (service.address_mode().empty()) service.set_address_mode("auto");
    if (service.on_update().empty()) service.set_on_update("require_healthy");
    if (service.provider().empty()) service.set_provider("consul");
    const bool native = service.provider() == "nomad";
    if (!native && service.cluster().empty()) service.set_cluster("default");
    if (service.namespace_().empty()) {
        service.set_namespace_(native ? job.namespace_() : "default");
    }
    if (task != nullptr && service.task_name().empty()) service.set_task_name(task->name());
    for (schema::ServiceCheck& check : *service.mutable_checks()) {
        canonicalise_check(service, check);
    }
    service.clear_check_restart();
    if (service.has_connect()) canonicalise_connect(*service.mutable_connect());
}

}  // namespace drover::jobspec
