// See blocked.hpp.
#include "engine/control/blocked.hpp"

#include <algorithm>
#include <utility>

#include "engine/schema/evaluation.pb.h"

namespace drover::control {
namespace {

bool waits_for_a_node(const schema::Evaluation& evaluation) {
    return evaluation.type() == "system" || evaluation.type() == "sysbatch";
}

// None: this evaluation has never seen the class.
std::optional<bool> eligibility(const schema::Evaluation& evaluation,
                                const std::string& computed_class) {
    for (const auto& pair : evaluation.class_eligibility()) {
        if (pair.key() == computed_class) return pair.value();
    }
    return std::nullopt;
}

bool helped_by(const schema::Evaluation& evaluation, const std::string& computed_class) {
    return evaluation.escaped_computed_class() ||
           eligibility(evaluation, computed_class).value_or(true);
}

std::uint64_t seen_index(const schema::Evaluation& evaluation) {
    return std::max(evaluation.create_index(), evaluation.snapshot_index());
}

}  // namespace

EvaluationPtr BlockedEvaluations::blocked_of_same_job(const schema::Evaluation& evaluation) const {
    if (waits_for_a_node(evaluation)) return nullptr;
    const auto found = by_job_.find(job_of(evaluation));
    if (found == by_job_.end() || found->second == id_of(evaluation)) return nullptr;
    return blocked_.at(found->second);
}

std::vector<EvaluationPtr> BlockedEvaluations::block(EvaluationPtr evaluation) {
    if (const EvaluationPtr other = blocked_of_same_job(*evaluation)) {
        if (seen_index(*other) > seen_index(*evaluation)) {
            duplicates_.push_back(std::move(evaluation));
            return {};
        }
        remove(id_of(*other));
        duplicates_.push_back(other);
    }
    if (missed_a_change(*evaluation)) return {std::move(evaluation)};
    const Uuid id = id_of(*evaluation);
    if (!waits_for_a_node(*evaluation)) by_job_[job_of(*evaluation)] = id;
    blocked_[id] = std::move(evaluation);
    return {};
}

bool BlockedEvaluations::missed_a_change(const schema::Evaluation& evaluation) const {
    return std::any_of(class_changes_.begin(), class_changes_.end(), [&](const auto& entry) {
        return entry.second.index > evaluation.snapshot_index() &&
               helped_by(evaluation, entry.first);
    });
}

void BlockedEvaluations::remove(const Uuid& id) {
    const auto found = blocked_.find(id);
    if (found == blocked_.end()) return;
    const auto of_job = by_job_.find(job_of(*found->second));
    if (of_job != by_job_.end() && of_job->second == id) by_job_.erase(of_job);
    blocked_.erase(found);
}

std::vector<EvaluationPtr> BlockedEvaluations::release(const std::vector<Uuid>& ids) {
    std::vector<EvaluationPtr> released;
    for (const Uuid& id : ids) {
        released.push_back(blocked_.at(id));
        remove(id);
    }
    return released;
}

std::vector<EvaluationPtr> BlockedEvaluations::unblock_class(const std::string& computed_class,
                                                             std::uint64_t index, Instant now) {
    class_changes_[computed_class] = {index, now};
    std::vector<Uuid> helped;
    for (const auto& [id, evaluation] : blocked_) {
        if (waits_for_a_node(*evaluation)) continue;  // see unblock_node()
        if (helped_by(*evaluation, computed_class)) helped.push_back(id);
    }
    return release(helped);
}

std::vector<EvaluationPtr> BlockedEvaluations::unblock_node(const Uuid& node) {
    std::vector<Uuid> helped;
    for (const auto& [id, evaluation] : blocked_) {
        if (waits_for_a_node(*evaluation) && evaluation->node_id() == node.raw()) {
            helped.push_back(id);
        }
    }
    return release(helped);
}

std::vector<EvaluationPtr> BlockedEvaluations::unblock_failed() {
    std::vector<Uuid> failed;
    for (const auto& [id, evaluation] : blocked_) {
        if (evaluation->triggered_by() == "max-plan-attempts") failed.push_back(id);
    }
    return release(failed);
}

std::vector<EvaluationPtr> BlockedEvaluations::take_duplicates() {
    return std::exchange(duplicates_, {});
}

void BlockedEvaluations::prune(Instant older_than) {
    std::erase_if(class_changes_, [&](const auto& entry) { return entry.second.at < older_than; });
}

}  // namespace drover::control
