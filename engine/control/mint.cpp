// See mint.hpp.
#include "engine/control/mint.hpp"

#include <utility>

#include "engine/schema/job.pb.h"
#include "engine/state/features.hpp"

namespace drover::control {

std::shared_ptr<schema::Entry> new_entry(const Mint& mint) {
    auto entry = std::make_shared<schema::Entry>();
    entry->set_wall_ns(mint.wall.value());
    entry->set_request_id(mint.uuid().raw());
    entry->mutable_actor()->set_kind(schema::Actor::SERVER);
    return entry;
}

void seal(schema::Entry& entry) {
    entry.set_type(static_cast<std::uint32_t>(entry.body_case()));
    entry.set_level(state::level_of_contents(entry));
}

schema::Evaluation new_evaluation(const Mint& mint, const EvaluationOrder& order) {
    schema::Evaluation evaluation;
    evaluation.set_id(mint.uuid().raw());
    evaluation.set_namespace_(order.job.namespace_);
    evaluation.set_job_id(order.job.id);
    evaluation.set_priority(order.priority);
    evaluation.set_type(order.type);
    evaluation.set_triggered_by(order.trigger);
    evaluation.set_status("pending");
    evaluation.set_create_time(mint.wall.value());
    evaluation.set_modify_time(mint.wall.value());
    return evaluation;
}

schema::Evaluation new_evaluation(const Mint& mint, const schema::Job& job, std::string trigger) {
    schema::Evaluation evaluation =
        new_evaluation(mint, {state::key_of(job), job.priority(), job.type(), std::move(trigger)});
    evaluation.set_job_modify_index(job.job_modify_index());
    return evaluation;
}

}  // namespace drover::control
