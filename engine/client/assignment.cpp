#include "engine/client/assignment.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"

namespace drover::client {

Result<Assignment> Assignment::check(schema::Allocation allocation) {
    const auto id = Uuid::from_raw(allocation.id());
    if (!id) {
        return fail(Errc::invalid_argument, "allocation \"" + allocation.name() +
                                                "\": its id has " +
                                                std::to_string(allocation.id().size()) +
                                                " bytes and must have 16");
    }
    const std::string place = "allocation " + id->text() + ": ";
    if (!allocation.has_job()) {
        return fail(Errc::invalid_argument,
                    place + "its job \"" + allocation.job_id() + "\" was not sent with it");
    }
    Assignment made;
    made.id_ = *id;
    made.allocation_ = std::make_shared<const schema::Allocation>(std::move(allocation));
    const auto& groups = made.allocation_->job().task_groups();
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& candidate) {
        return candidate.name() == made.allocation_->task_group();
    });
    if (group == groups.end()) {
        return fail(Errc::invalid_argument, place + "its job has no group \"" +
                                                made.allocation_->task_group() + "\"");
    }
    made.group_ = std::shared_ptr<const schema::TaskGroup>(made.allocation_, &*group);
    const auto names = made.task_names();
    if (names.empty()) return fail(Errc::invalid_argument, place + "its group has no task");
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) {
        return fail(Errc::invalid_argument, place + "two tasks are named \"" + *twice + "\"");
    }
    return made;
}

std::vector<std::string> Assignment::task_names() const {
    std::vector<std::string> names;
    for (const auto& task : group_->tasks()) names.push_back(task.name());
    std::sort(names.begin(), names.end());
    return names;
}

TaskPtr Assignment::task(const std::string& name) const {
    for (const auto& task : group_->tasks()) {
        if (task.name() == name) return {allocation_, &task};
    }
    ENSURE(false && "the names of tasks were checked");
    return nullptr;
}

bool Assignment::skips_shutdown_delay() const {
    return allocation_->desired_transition().no_shutdown_delay();
}

bool Assignment::runs_to_completion() const {
    return job().type() == "batch" || job().type() == "sysbatch";
}

bool is_terminal_client_status(const std::string& status) {
    return status == "complete" || status == "failed" || status == "lost";
}

}  // namespace drover::client
