// One allocation on this node: prepares its surroundings, runs its tasks in their order, ends them
// together, and says how the whole fares. It never learns how the news reaches the servers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/client/assignment.hpp"
#include "engine/client/client.hpp"
#include "engine/client/health.hpp"
#include "engine/client/records.hpp"
#include "engine/client/task_runner.hpp"
#include "engine/client/turn.hpp"

namespace drover::client {

class AllocationRunner {
public:
    // New from the servers.
    AllocationRunner(Assignment assignment, Turn& turn);
    // As an earlier life of the agent left it; recover() follows in the first step.
    AllocationRunner(Assignment assignment, const records::StoredAllocation& stored, Instant now);

    void recover(Turn& turn);
    // What the servers hold its client status to be. True where that moved something.
    bool servers_reached(const std::string& client_status, Turn& turn);

    // The servers changed their mind about it, or no longer know it.
    void update(Assignment assignment, Turn& turn);
    void remove(Turn& turn);
    // No server was heard of for longer than the group bears.
    void stop_out_of_reach(Duration limit, Turn& turn);

    void on(const AllocationDirectoryBuilt& news, Turn& turn);
    void on(const AllocationDirectoryFailed& news, Turn& turn);
    // News of one of its tasks.
    template <class News>
    void on_task(const News& news, Turn& turn) {
        const auto found = tasks_.find(news.key.task);
        if (found == tasks_.end()) return;
        if constexpr (requires { found->second.on(news, assignment_, turn); }) {
            found->second.on(news, assignment_, turn);
        } else {
            found->second.on(news, turn);
        }
    }

    // Brings everything that is due or possible as far as it goes. `clear` tells that allocations
    // which must end before this one starts have ended.
    void settle(bool clear, Turn& turn);
    // Changes only when something happens to it.
    [[nodiscard]] std::optional<Instant> deadline() const;
    // Where its group bounds how long it may run, or be out of reach of servers.
    [[nodiscard]] bool is_bounded() const;
    [[nodiscard]] std::optional<Instant> end_of_run(Instant now, WallTime wall) const;

    [[nodiscard]] const Assignment& assignment() const { return assignment_; }
    [[nodiscard]] bool all_tasks_dead() const;
    // It goes on when a write is answered, or when another allocation has ended for good.
    [[nodiscard]] bool awaits_disk() const;
    [[nodiscard]] bool is_stopping() const { return stopping_; }
    // Keeps what it knows as bytes where nothing is about to happen: it runs, or it has ended.
    void rest_if_idle();
    // Removed, and nothing of it is left: the directory was asked to be destroyed.
    [[nodiscard]] bool gone() const { return gone_; }
    [[nodiscard]] const std::string& client_status() const { return client_status_; }
    // Whether report() says anything new since this was asked last.
    [[nodiscard]] bool take_news();
    // What the servers should know: only the fields that a client owns, and the identity.
    [[nodiscard]] schema::Allocation report() const;
    [[nodiscard]] AllocationSummary summary() const;

private:
    enum class Ground : std::uint8_t { recording, waiting, building, built, failed };

    [[nodiscard]] std::vector<TaskFacts> facts() const;
    [[nodiscard]] std::optional<WallTime> run_limit() const;
    StateWriteId save(Turn& turn);
    void prepare(bool clear, Turn& turn);
    void begin_stop(Turn& turn);
    void choose_kill(const std::vector<TaskFacts>& tasks, Turn& turn);
    void end_tasks(schema::TaskEvent event, Turn& turn);
    void drive_kill(const std::vector<TaskFacts>& tasks, Turn& turn);
    void settle_tasks(Turn& turn);
    void watch_health(const std::vector<TaskFacts>& tasks, Turn& turn);
    void conclude(const std::vector<TaskFacts>& tasks, Turn& turn);
    void decide_health(bool healthy, Turn& turn);
    void dismantle(Turn& turn);

    Assignment assignment_;
    std::map<std::string, TaskRunner> tasks_;
    Lifecycle lifecycle_;

    Ground ground_ = Ground::recording;
    StateWriteId recorded_;
    bool directory_built_{};

    bool removed_{};
    bool gone_{};
    bool stopping_{};                 // the servers want it to end
    std::optional<Instant> kill_at_;  // when the group's shutdown delay is over
    bool killing_{};                  // tasks are being ended, in their order
    bool kill_poststop_{};            // those that clean up, too
    bool ran_too_long_{};

    std::optional<HealthTracker> health_;
    std::optional<schema::AllocDeploymentStatus> verdict_;
    std::string verdict_deployment_;  // the raw id of the deployment that the verdict is about

    std::string client_status_ = "pending";
    std::string client_description_;

    std::uint64_t revision_ = 1;  // of all that report() tells, but for the tasks' own
    std::uint64_t told_revision_{};
};

}  // namespace drover::client
