#include "engine/scheduler/plan_writer.hpp"

#include <utility>

namespace drover::scheduler {
namespace {

void write_by_node(std::map<Uuid, schema::Allocation>& allocations,
                   google::protobuf::RepeatedPtrField<schema::NodeAllocations>& lists) {
    std::map<std::string, schema::NodeAllocations> by_node;
    for (auto& [id, allocation] : allocations) {
        auto& list = by_node[allocation.node_id()];
        list.set_node_id(allocation.node_id());
        *list.add_allocations() = std::move(allocation);
    }
    for (auto& [node, list] : by_node) *lists.Add() = std::move(list);
    allocations.clear();
}

}  // namespace

void PlanWriter::append_state(schema::Allocation& allocation,
                              const std::string& client_status) const {
    auto& state = *allocation.add_alloc_states();
    state.set_field(0);
    state.set_value(client_status);
    state.set_time(now_.value());
}

void PlanWriter::name(const state::AllocationRow& row, schema::Allocation& written) const {
    written.set_id(row.id.raw());
    written.set_namespace_(std::string{row.body.namespace_()});
    written.set_job_id(std::string{row.body.job_id()});
    written.set_task_group(std::string{row.body.task_group()});
    written.set_name(std::string{row.body.name()});
    written.set_node_id(row.node_id.raw());
    written.set_node_name(std::string{row.body.node_name()});
    written.set_eval_id(evaluation_.id());
    written.set_modify_time(now_.value());
}

void PlanWriter::stop(const Stop& stop) {
    const auto& row = *stop.allocation;
    auto& written = stops_[row.id];
    name(row, written);
    written.set_desired_status("stop");
    written.set_desired_description(stop.description);
    if (!stop.client_status.empty()) {
        written.set_client_status(stop.client_status);
        written.clear_alloc_states();
        append_state(written, stop.client_status);
    }
    if (!stop.follow_up.empty()) written.set_followup_eval_id(stop.follow_up);
    take_over_note(stop, written);
}

void PlanWriter::preempt(const state::AllocationRow& row, const std::string& by) {
    auto& written = preemptions_[row.id];
    name(row, written);
    written.set_desired_status("evict");
    written.set_desired_description("Preempted by alloc ID " + state::to_uuid(by).text());
    written.set_preempted_by_allocation(by);
}

// An allocation is in one list only. What was noted of one that is now stopped goes with it.
void PlanWriter::take_over_note(const Stop& stop, schema::Allocation& written) {
    const auto noted = placements_.find(stop.allocation->id);
    if (noted == placements_.end()) return;
    const auto& note = noted->second;
    if (stop.client_status.empty() && note.client_status() == "unknown") {
        written.set_client_status(note.client_status());
        written.set_client_description(note.client_description());
        append_state(written, note.client_status());
    }
    placements_.erase(noted);
}

schema::Allocation& PlanWriter::copy_of(const state::AllocationPtr& allocation) {
    const auto [at, added] = placements_.try_emplace(allocation->id);
    if (added) {
        at->second = allocation->body.unpack();
        at->second.set_modify_time(now_.value());
    }
    return at->second;
}

void PlanWriter::note(const Note& note) {
    // Whatever is stopped is written once, as stopped.
    if (stops_.contains(note.allocation->id)) return;
    auto& written = copy_of(note.allocation);
    if (!note.client_status.empty()) {
        append_state(written, note.client_status);
        written.set_client_status(note.client_status);
        written.set_client_description(note.description);
    }
    if (!note.follow_up.empty()) written.set_followup_eval_id(note.follow_up);
}

void PlanWriter::note_failed_reschedule(const state::AllocationPtr& allocation) {
    if (stops_.contains(allocation->id)) return;
    if (allocation->body.reschedule_tracker().last_reschedule() == "no placement") return;
    copy_of(allocation).mutable_reschedule_tracker()->set_last_reschedule("no placement");
}

void PlanWriter::place(schema::Allocation allocation) {
    const Uuid id = state::to_uuid(allocation.id());
    if (stops_.contains(id)) return;
    placements_[id] = std::move(allocation);
}

schema::PlacementBatch& PlanWriter::add_batch(schema::Allocation common) {
    auto& batch = *batches_.Add();
    *batch.mutable_common() = std::move(common);
    return batch;
}

void PlanWriter::finish(schema::Plan& plan) {
    plan.mutable_placement_batches()->Swap(&batches_);
    write_by_node(stops_, *plan.mutable_stops());
    write_by_node(placements_, *plan.mutable_placements());
    write_by_node(preemptions_, *plan.mutable_preemptions());
}

}  // namespace drover::scheduler
