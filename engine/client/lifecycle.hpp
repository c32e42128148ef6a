// Which tasks of an allocation may start: preparatory tasks first, then the main ones, then those
// that follow the start, and at the very end those that clean up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace drover::schema {
class Task;
}

namespace drover::client {

enum class TaskKind : std::uint8_t {
    prestart,
    prestart_sidecar,
    main,
    poststart,
    poststart_sidecar,
    poststop,
};

[[nodiscard]] TaskKind kind_of(const schema::Task& task);
[[nodiscard]] bool is_sidecar(TaskKind kind);

enum class Situation : std::uint8_t { pending, running, dead };

// What is known of one task by those who decide about all of them.
struct TaskFacts {
    std::string name;
    TaskKind kind{};
    bool leader{};
    Situation situation{};
    bool failed{};
    std::uint64_t attempt{};

    friend bool operator==(const TaskFacts&, const TaskFacts&) = default;
};

class Lifecycle {
public:
    // Moves on as far as the tasks allow. Stages are never taken back.
    void advance(const std::vector<TaskFacts>& tasks);
    // Whether a task of this kind may be started now, or started again.
    [[nodiscard]] bool admits(TaskKind kind) const;

private:
    enum class Stage : std::uint8_t { prestart, main, poststart, running, poststop };
    [[nodiscard]] bool may_leave(const std::vector<TaskFacts>& tasks) const;

    Stage stage_ = Stage::prestart;
};

}  // namespace drover::client
