// What a change does to running allocations, in words beside the diff.
#include <charconv>

#include "engine/schema/diff.hpp"
#include "engine/schema/entry.pb.h"

namespace drover::schema {

namespace {

constexpr const char* forces_create = "forces create";
constexpr const char* forces_destroy = "forces destroy";
constexpr const char* forces_in_place = "forces in-place update";
constexpr const char* forces_destructive = "forces create/destroy update";

std::int64_t number_of(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// A group that comes or goes as a whole says so itself.
void annotate_count(TaskGroupDiff& group) {
    if (group.type() != "Edited") return;
    for (FieldDiff& field : *group.mutable_fields()) {
        if (field.name() != "Count" || field.type() == "None") continue;
        bool grows = number_of(field.new_()) > number_of(field.old());
        field.add_annotations(grows ? forces_create : forces_destroy);
    }
}

// These an agent takes over while the task runs.
bool in_place(const ObjectDiff& object) {
    if (object.name() == "LogConfig") {
        for (const FieldDiff& field : object.fields()) {
            if (field.name() == "Disabled" && field.type() != "None") return false;
        }
        return true;
    }
    return object.name() == "Service" || object.name() == "Constraint" ||
           object.name() == "Affinity" || object.name() == "Spread";
}

void annotate_task(TaskDiff& task) {
    if (task.type() == "None") return;
    if (task.type() == "Added") return task.add_annotations(forces_create);
    if (task.type() == "Deleted") return task.add_annotations(forces_destroy);
    bool destructive = false;
    for (const FieldDiff& field : task.fields()) {
        destructive = destructive || (field.type() != "None" && field.name() != "KillTimeout");
    }
    for (const ObjectDiff& object : task.objects()) {
        destructive = destructive || (object.type() != "None" && !in_place(object));
    }
    task.add_annotations(destructive ? forces_destructive : forces_in_place);
}

void annotate_updates(TaskGroupDiff& group, const DesiredUpdates& updates) {
    struct Row {
        const char* name;
        std::uint64_t count;
    };
    const Row rows[]{{"canary", updates.canary()},
                     {"create", updates.place()},
                     {"create/destroy update", updates.destructive_update()},
                     {"destroy", updates.stop()},
                     {"ignore", updates.ignore()},
                     {"in-place update", updates.in_place_update()},
                     {"migrate", updates.migrate()},
                     {"preemptions", updates.preemptions()}};
    for (const Row& row : rows) {
        if (row.count == 0) continue;
        IntPair& pair = *group.add_updates();
        pair.set_key(row.name);
        pair.set_value(static_cast<std::int64_t>(row.count));
    }
}

}  // namespace

void annotate(JobDiff& diff, const PlanAnnotations& annotations) {
    for (TaskGroupDiff& group : *diff.mutable_task_groups()) {
        for (const DesiredUpdates& updates : annotations.desired_tg_updates()) {
            if (updates.group() == group.name()) annotate_updates(group, updates);
        }
        annotate_count(group);
        for (TaskDiff& task : *group.mutable_tasks()) annotate_task(task);
    }
}

}  // namespace drover::schema
