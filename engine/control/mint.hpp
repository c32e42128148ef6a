// What a proposer decides, because apply() may not: ids, wall times and levels. Everything minted
// here travels inside the entry.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/state/types.hpp"

namespace drover::control {

using EntryPtr = std::shared_ptr<const schema::Entry>;

struct Mint {
    WallTime wall;
    Prng& prng;

    [[nodiscard]] Uuid uuid() const { return Uuid::mint(wall, prng); }
};

// An entry of the leader's own; the body is still to be filled in, then sealed.
[[nodiscard]] std::shared_ptr<schema::Entry> new_entry(const Mint& mint);
// Type and level follow from the body.
void seal(schema::Entry& entry);

struct EvaluationOrder {
    state::JobKey job;
    std::int32_t priority{};
    std::string type;  // of the job: the scheduler
    std::string trigger;
};
// Pending, created now.
[[nodiscard]] schema::Evaluation new_evaluation(const Mint& mint, const EvaluationOrder& order);
[[nodiscard]] schema::Evaluation new_evaluation(const Mint& mint, const schema::Job& job,
                                                std::string trigger);

}  // namespace drover::control
