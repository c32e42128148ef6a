// Which evaluation is worked on next. It holds what is pending in the replicated state, and is
// rebuilt from there: losing it loses nothing. At most one evaluation of a job is ready or out at a
// time, so that no two plans for one job are ever made side by side.
//
// It never decides that an evaluation is done: the state does, and is observed (remove).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"
#include "engine/control/config.hpp"
#include "engine/state/types.hpp"

namespace drover::control {

using state::EvaluationPtr;

using state::JobKey;
[[nodiscard]] JobKey job_of(const schema::Evaluation& evaluation);
[[nodiscard]] Uuid id_of(const schema::Evaluation& evaluation);

class Broker {
public:
    explicit Broker(const Config& config) : config_{config} {}

    // A known evaluation is not taken twice.
    void enqueue(EvaluationPtr evaluation, Instant now, WallTime wall);
    // While it is paused nothing is handed out. Everything else goes on: nothing is lost.
    void pause(bool paused) { paused_ = paused; }
    [[nodiscard]] bool has_work() const { return !paused_ && !ready_.empty(); }
    // The best ready one; from now on it is out, until removed, nacked or overdue.
    [[nodiscard]] EvaluationPtr dequeue(Instant now);
    // The run failed: it is tried again later, or handed to take_failed at the delivery limit.
    void nack(const Uuid& id, Instant now);
    // The state says that it needs no run any more, or another one than this.
    void remove(const Uuid& id);
    void pass_time(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // Superseded by a newer evaluation of their job while they waited; known until removed.
    [[nodiscard]] std::vector<EvaluationPtr> take_cancelable();
    // Delivered too often; they keep their job's place until removed.
    [[nodiscard]] std::vector<EvaluationPtr> take_failed();

    [[nodiscard]] bool knows(const Uuid& id) const { return known_.contains(id); }
    [[nodiscard]] std::size_t ready_count() const { return ready_.size(); }
    [[nodiscard]] std::size_t known_count() const { return known_.size(); }

private:
    enum class Place : std::uint8_t { waiting, pending, ready, out, given_up };
    struct Known {
        EvaluationPtr evaluation;
        std::uint32_t deliveries{};
        Place place{};
        std::optional<Instant> timer;  // due, or overdue
    };
    // Ascending order is the order of service.
    using ReadyOrder = std::tuple<std::int64_t, std::uint64_t, Uuid>;    // -priority, create index
    using PendingOrder = std::tuple<std::int64_t, std::uint64_t, Uuid>;  // -priority, ~modify index

    void admit(Known& known);
    void make_ready(Known& known);
    void set_timer(Known& known, std::optional<Instant> at);
    void free_job(const JobKey& job);
    static ReadyOrder ready_order(const schema::Evaluation& evaluation);
    static PendingOrder pending_order(const schema::Evaluation& evaluation);

    Config config_;
    bool paused_ = false;
    std::map<Uuid, Known> known_;
    std::map<JobKey, Uuid> job_holder_;  // the one evaluation of a job that may run
    std::map<JobKey, std::set<PendingOrder>> pending_;
    std::set<ReadyOrder> ready_;
    std::set<std::pair<Instant, Uuid>> timers_;
    std::vector<EvaluationPtr> cancelable_;
    std::vector<EvaluationPtr> failed_;
};

}  // namespace drover::control
