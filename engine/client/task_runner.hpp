// One task of an allocation: from waiting for its turn through starts, ends and restarts to its
// death. Decides nothing about other tasks, and never starts a process before the write that
// announces it has been answered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "engine/client/assignment.hpp"
#include "engine/client/lifecycle.hpp"
#include "engine/client/packed.hpp"
#include "engine/client/restart_tracker.hpp"
#include "engine/client/turn.hpp"
#include "engine/schema/client_state.pb.h"

namespace drover::client {

enum class ShutdownDelay : std::uint8_t { wait, skip };

class TaskRunner {
public:
    // A task never seen before.
    TaskRunner(const Assignment& assignment, std::string name, Turn& turn);
    // As an earlier life of the agent left it.
    TaskRunner(const Assignment& assignment, std::string name,
               const schema::ClientTaskRecord& record, Instant now);

    [[nodiscard]] TaskFacts facts() const;
    [[nodiscard]] const schema::TaskState& state() const { return state_.get(); }
    // Grows with every change of the state.
    [[nodiscard]] std::uint64_t revision() const { return revision_; }
    [[nodiscard]] std::uint64_t attempt() const { return attempt_; }
    // Between an asked-for start and its reported end.
    [[nodiscard]] bool process_expected() const;
    [[nodiscard]] bool is_dead() const { return is<Dead>(); }
    // Its process runs, or none of it ever will again.
    [[nodiscard]] bool is_idle() const { return is<Running>() || finished(); }
    // Keeps its state as bytes until somebody asks for it.
    void rest() { state_.pack(); }
    // Something of it goes on when a write is answered.
    [[nodiscard]] bool awaits_disk() const;
    // Dead, its end is on disk, and its driver has been told to forget it.
    [[nodiscard]] bool finished() const;
    // It ran before the agent was restarted, and is gone.
    [[nodiscard]] bool is_lost() const { return is<Lost>(); }

    // Re-attaches to what may still run. Once, in the first step after a restart.
    void recover(const Assignment& assignment, Turn& turn);
    // The servers were reached: a task that was lost may be started anew now.
    void servers_reached(const Assignment& assignment, Turn& turn);

    // News of other attempts than the latest is ignored by all of these.
    void on(const TaskStarted& news, const Assignment& assignment, Turn& turn);
    void on(const TaskStartFailed& news, const Assignment& assignment, Turn& turn);
    void on(const TaskExited& news, const Assignment& assignment, Turn& turn);
    void on(const TaskRecovered& news, const Assignment& assignment, Turn& turn);
    void on(const TaskRecoveryFailed& news, Turn& turn);

    // Ends the task for good, politely; asking again changes at most the delay.
    void kill(ShutdownDelay delay, const Assignment& assignment, Turn& turn);
    // It can never run: its surroundings could not be made.
    void fail_setup(const std::string& reason, Turn& turn);

    void note(schema::TaskEvent event, Turn& turn);

    // Does what is due: starts when `admitted`, ends delays, asks again for stops.
    void advance(bool admitted, const Assignment& assignment, Turn& turn);
    [[nodiscard]] std::optional<Instant> deadline() const;

private:
    struct Waiting {};  // for its turn
    struct Announcing {
        StateWriteId write;
    };
    struct Starting {
        std::optional<ExitStatus> early_exit;  // told before the start was
    };
    struct Recovering {};
    struct Lost {  // until the servers say whether it is still wanted
        std::string reason;
    };
    struct Running {};
    struct DelayingStop {
        Instant until;
    };
    struct Stopping {
        Instant again_at;
        Duration patience;
    };
    struct BackingOff {
        Instant until;
    };
    struct Dead {
        StateWriteId write;
        bool forgotten{};
    };
    using Phase = std::variant<Waiting, Announcing, Starting, Recovering, Lost, Running,
                               DelayingStop, Stopping, BackingOff, Dead>;

    [[nodiscard]] TaskKey key() const { return {allocation_, name_, attempt_}; }
    [[nodiscard]] bool is_latest(const TaskKey& key) const { return key.attempt == attempt_; }
    template <class Wanted>
    [[nodiscard]] bool is() const {
        return std::holds_alternative<Wanted>(phase_);
    }

    // Also where an earlier life of the agent announced a start of which nothing more is known:
    // such an attempt is attached to first, even to be stopped.
    [[nodiscard]] bool may_have_process() const;
    void announce(Turn& turn);
    void start(const Assignment& assignment, Turn& turn);
    void begin_stop(const Assignment& assignment, Turn& turn);
    void send_stop(const Assignment& assignment, Turn& turn);
    void finish_attempt(const ExitStatus& status, const Assignment& assignment, Turn& turn);
    void decide(Ending ending, const Assignment& assignment, Turn& turn);
    void die(bool failed, Turn& turn);
    void forget(Turn& turn);
    StateWriteId save(schema::ClientTaskRecord::Stage stage, Turn& turn);
    schema::TaskState& edit() {
        ++revision_;
        return state_.edit();
    }

    Uuid allocation_;
    std::string name_;
    TaskKind kind_;
    bool leader_;

    std::uint64_t attempt_{};
    // Of the latest attempt from Running on; of the one before while the latest is being started.
    std::optional<TaskHandle> handle_;
    std::optional<std::uint64_t> handle_attempt_;
    Packed<schema::TaskState> state_;
    std::uint64_t revision_{};
    schema::ClientTaskRecord::Stage stage_ = schema::ClientTaskRecord::IDLE;
    RestartTracker restarts_;
    std::optional<ShutdownDelay> kill_;
    Phase phase_;
};

}  // namespace drover::client
