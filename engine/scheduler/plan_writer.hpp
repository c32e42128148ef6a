// Writes a plan: the lists by node that plan.hpp describes, in the order of node ids.
#pragma once

#include <map>
#include <string>

#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"
#include "engine/scheduler/reconcile.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/entry.pb.h"

namespace drover::scheduler {

class PlanWriter {
public:
    PlanWriter(const schema::Evaluation& evaluation, WallTime now)
        : evaluation_{evaluation}, now_{now} {}

    void stop(const Stop& stop);
    // An allocation of another job gives way to the one with this id.
    void preempt(const state::AllocationRow& row, const std::string& by);
    void note(const Note& note);
    // Beside what is noted of it already: its last rescheduling found no place.
    void note_failed_reschedule(const state::AllocationPtr& allocation);
    // A new allocation, or an updated copy of a stored one.
    void place(schema::Allocation allocation);
    // An empty batch of new allocations with this in common; valid until finish().
    [[nodiscard]] schema::PlacementBatch& add_batch(schema::Allocation common);

    // Moves everything into the plan.
    void finish(schema::Plan& plan);

private:
    // The copy of a stored allocation that the plan will hold, made where there is none yet.
    schema::Allocation& copy_of(const state::AllocationPtr& allocation);
    void take_over_note(const Stop& stop, schema::Allocation& written);
    // Whose end it is that is written, by which evaluation and when.
    void name(const state::AllocationRow& row, schema::Allocation& written) const;
    void append_state(schema::Allocation& allocation, const std::string& client_status) const;

    const schema::Evaluation& evaluation_;
    WallTime now_;
    std::map<Uuid, schema::Allocation> stops_;
    std::map<Uuid, schema::Allocation> preemptions_;
    std::map<Uuid, schema::Allocation> placements_;  // ids are ordered by the time of minting
    google::protobuf::RepeatedPtrField<schema::PlacementBatch> batches_;
};

}  // namespace drover::scheduler
