#include "engine/client/assignment.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"

namespace drover::client {

Result<Assignment> Assignment::check(AllocationPtr allocation) {
    const auto id = Uuid::from_raw(allocation->id());
    if (!id) {
        return fail(Errc::invalid_argument,
                    "allocation \"" + allocation->name() + "\": its id has " +
                        std::to_string(allocation->id().size()) + " bytes and must have 16");
    }
    const std::string place = "allocation " + id->text() + ": ";
    if (!allocation->has_job()) {
        return fail(Errc::invalid_argument,
                    place + "its job \"" + allocation->job_id() + "\" was not sent with it");
    }
    Assignment made;
    made.id_ = *id;
    made.modify_index_ = allocation->alloc_modify_index();
    made.allocation_ = std::move(allocation);
    if (!made.find_group()) {
        return fail(Errc::invalid_argument,
                    place + "its job has no group \"" + made.allocation_->task_group() + "\"");
    }
    const auto names = made.task_names();
    if (names.empty()) return fail(Errc::invalid_argument, place + "its group has no task");
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) {
        return fail(Errc::invalid_argument, place + "two tasks are named \"" + *twice + "\"");
    }
    return made;
}

bool Assignment::find_group() const {
    const auto& groups = allocation_->job().task_groups();
    const auto group = std::find_if(groups.begin(), groups.end(), [this](const auto& candidate) {
        return candidate.name() == allocation_->task_group();
    });
    if (group == groups.end()) return false;
    group_ = std::shared_ptr<const schema::TaskGroup>(allocation_, &*group);
    return true;
}

void Assignment::rest() {
    if (!allocation_) return;
    if (!owner_) {
        owner_ = std::make_shared<const std::string>(allocation_->SerializeAsString());
        bytes_ = *owner_;
    }
    group_.reset();
    allocation_.reset();
}

void Assignment::wake() const {
    if (allocation_) return;
    auto allocation = std::make_shared<schema::Allocation>();
    ENSURE(allocation->ParseFromArray(bytes_.data(), static_cast<int>(bytes_.size())));
    allocation_ = std::move(allocation);
    ENSURE(find_group());
}

std::vector<std::string> Assignment::task_names() const {
    std::vector<std::string> names;
    for (const auto& task : group().tasks()) names.push_back(task.name());
    std::sort(names.begin(), names.end());
    return names;
}

TaskPtr Assignment::task(const std::string& name) const {
    for (const auto& task : group().tasks()) {
        if (task.name() == name) return {allocation_, &task};
    }
    ENSURE(false && "the names of tasks were checked");
    return nullptr;
}

bool Assignment::skips_shutdown_delay() const {
    return allocation()->desired_transition().no_shutdown_delay();
}

bool Assignment::runs_to_completion() const {
    return job().type() == "batch" || job().type() == "sysbatch";
}

bool is_terminal_client_status(const std::string& status) {
    return status == "complete" || status == "failed" || status == "lost";
}

}  // namespace drover::client
