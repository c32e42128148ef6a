#include "engine/client/lifecycle.hpp"

#include <algorithm>

#include "engine/schema/task.pb.h"

namespace drover::client {

TaskKind kind_of(const schema::Task& task) {
    if (!task.has_lifecycle()) return TaskKind::main;
    const auto& lifecycle = task.lifecycle();
    if (lifecycle.hook() == "prestart") {
        return lifecycle.sidecar() ? TaskKind::prestart_sidecar : TaskKind::prestart;
    }
    if (lifecycle.hook() == "poststart") {
        return lifecycle.sidecar() ? TaskKind::poststart_sidecar : TaskKind::poststart;
    }
    if (lifecycle.hook() == "poststop") return TaskKind::poststop;
    return TaskKind::main;
}

bool is_sidecar(TaskKind kind) {
    return kind == TaskKind::prestart_sidecar || kind == TaskKind::poststart_sidecar;
}

bool Lifecycle::may_leave(const std::vector<TaskFacts>& tasks) const {
    return std::all_of(tasks.begin(), tasks.end(), [this](const TaskFacts& task) {
        const bool dead = task.situation == Situation::dead;
        switch (stage_) {
            case Stage::prestart:
                if (task.kind == TaskKind::prestart) return dead && !task.failed;
                if (task.kind == TaskKind::prestart_sidecar) {
                    return task.situation == Situation::running;
                }
                return true;
            case Stage::main:
                return task.kind != TaskKind::main || task.situation != Situation::pending;
            case Stage::poststart:
                return task.kind != TaskKind::poststart || dead;
            case Stage::running:
            case Stage::poststop:
                return false;
        }
        return false;
    });
}

void Lifecycle::advance(const std::vector<TaskFacts>& tasks) {
    const bool over = std::all_of(tasks.begin(), tasks.end(), [](const TaskFacts& task) {
        return task.kind == TaskKind::poststop || task.situation == Situation::dead;
    });
    if (over) {
        stage_ = Stage::poststop;
        return;
    }
    while (stage_ < Stage::running && may_leave(tasks)) {
        stage_ = static_cast<Stage>(static_cast<std::uint8_t>(stage_) + 1);
    }
}

bool Lifecycle::admits(TaskKind kind) const {
    switch (kind) {
        case TaskKind::prestart:
            return stage_ == Stage::prestart;
        case TaskKind::prestart_sidecar:
            return stage_ != Stage::poststop;
        case TaskKind::main:
            return stage_ == Stage::main || stage_ == Stage::poststart || stage_ == Stage::running;
        case TaskKind::poststart:
            return stage_ == Stage::poststart;
        case TaskKind::poststart_sidecar:
            return stage_ == Stage::poststart || stage_ == Stage::running;
        case TaskKind::poststop:
            return stage_ == Stage::poststop;
    }
    return false;
}

}  // namespace drover::client
