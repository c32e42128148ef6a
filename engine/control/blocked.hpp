// Evaluations that could not place everything, kept until something changes that might help. Like
// the broker it mirrors the replicated state and is rebuilt from it. It is exact about one race: a
// change that happened after the view an evaluation was computed from, but before it was blocked,
// sends it back at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/control/broker.hpp"

namespace drover::control {

class BlockedEvaluations {
public:
    // Returned evaluations are to be enqueued: released at once, because a change was missed.
    [[nodiscard]] std::vector<EvaluationPtr> block(EvaluationPtr evaluation);
    void remove(const Uuid& id);

    // Capacity appeared on a node of this computed class, by the entry at this index.
    [[nodiscard]] std::vector<EvaluationPtr> unblock_class(const std::string& computed_class,
                                                           std::uint64_t index, Instant now);
    // The same node for those that wait for that very node (system jobs).
    [[nodiscard]] std::vector<EvaluationPtr> unblock_node(const Uuid& node);
    // Those that ran out of attempts: no change is awaited, only time.
    [[nodiscard]] std::vector<EvaluationPtr> unblock_failed();

    // Superseded by another blocked evaluation of the same job; known no longer.
    [[nodiscard]] std::vector<EvaluationPtr> take_duplicates();
    // Forgets changes that are too old to have been missed by anything still running.
    void prune(Instant older_than);

    [[nodiscard]] std::size_t count() const { return blocked_.size(); }

private:
    struct Change {
        std::uint64_t index{};
        Instant at;
    };
    [[nodiscard]] bool missed_a_change(const schema::Evaluation& evaluation) const;
    [[nodiscard]] std::vector<EvaluationPtr> release(const std::vector<Uuid>& ids);
    // The job's other blocked evaluation, where `evaluation` supersedes it or is superseded by it.
    [[nodiscard]] EvaluationPtr blocked_of_same_job(const schema::Evaluation& evaluation) const;

    std::map<Uuid, EvaluationPtr> blocked_;
    std::map<JobKey, Uuid> by_job_;  // generic jobs only: a system job has one for each node
    std::map<std::string, Change> class_changes_;
    std::vector<EvaluationPtr> duplicates_;
};

}  // namespace drover::control
