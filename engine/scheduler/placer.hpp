// Finds a node for everything that reconciliation wants placed, one after the other, and notes what
// found none. It has the fleet and a ranking for each group, and writes into the plan.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/scheduler/plan_memory.hpp"
#include "engine/scheduler/plan_writer.hpp"
#include "engine/scheduler/preemption.hpp"
#include "engine/scheduler/ranking.hpp"

namespace drover::scheduler {

class Placer {
public:
    struct Inputs {
        const state::StateView& view;
        const schema::Evaluation& evaluation;
        const PlanInputs& plan;
        state::JobPtr job;
    };
    Placer(const Inputs& inputs, const Reconciliation& wanted, PlanWriter& writer, Prng& ids,
           PlanMemory& memory);
    Placer(const Placer&) = delete;
    Placer& operator=(const Placer&) = delete;
    ~Placer() { memory_.end(); }

    void place_all();

    // What is left over, by group.
    [[nodiscard]] const std::map<std::string, schema::AllocMetric>& failed() const {
        return failed_;
    }
    [[nodiscard]] const std::map<std::string, std::int64_t>& queued() const { return queued_; }
    // How many allocations of other jobs gave way, by group.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& preempted() const {
        return preempted_;
    }
    // For the blocked evaluation: which computed classes could take one of the groups, and whether
    // classes can tell at all.
    [[nodiscard]] std::map<std::string, bool> class_eligibility() const;
    [[nodiscard]] bool escaped() const;

private:
    // Which record of the job a placement is made from, and the deployment it belongs to.
    struct Source {
        state::JobPtr job;
        std::string deployment_id;
    };
    using RankingKey = std::tuple<std::uint64_t, std::uint64_t, std::string>;
    // Where the next allocation of a group goes, as long as the numbers stay as they are.
    struct OpenBatch {
        schema::PlacementBatch* batch = nullptr;  // in the writer
        std::uint64_t metrics_version{};
    };

    void place(const Placement& placement);
    [[nodiscard]] std::optional<Choice> make_room(Ranking& ranking, Wish wish);
    void refuse(const Placement& placement, Ranking& ranking);
    void add_exhausted(schema::AllocMetric& metrics, const GroupShape& shape);
    [[nodiscard]] Source source_of(const Placement& placement) const;
    [[nodiscard]] Ranking* ranking_of(const state::JobPtr& job, const std::string& group);
    [[nodiscard]] Wish wish_of(const Placement& placement, const Source& source) const;
    [[nodiscard]] bool keeps_running(const state::AllocationPtr& previous) const;
    void write(const Placement& placement, const Source& source, Ranking& ranking, Choice choice);
    [[nodiscard]] bool is_like_others(const Placement& placement, const Source& source,
                                      const GroupShape& shape, const Choice& choice) const;
    void add_to_batch(const Placement& placement, const Source& source, Ranking& ranking,
                      const std::string& id, const Choice& choice);
    [[nodiscard]] schema::Allocation common_of(const Placement& placement, const Source& source,
                                               Ranking& ranking) const;
    [[nodiscard]] schema::Allocation whole(const Placement& placement, const Source& source,
                                           Ranking& ranking, Choice choice) const;

    const Inputs& inputs_;
    const Reconciliation& wanted_;
    PlanWriter& writer_;
    Prng& ids_;
    Prng ports_;
    PlanMemory& memory_;
    Fleet& fleet_;
    Preemption preemption_;
    std::map<RankingKey, Ranking*> rankings_;   // in the memory
    std::map<std::string, OpenBatch> batches_;  // by group
    std::map<std::string, std::uint64_t> preempted_;
    std::map<std::string, schema::AllocMetric> failed_;
    std::map<std::string, std::int64_t> queued_;
};

}  // namespace drover::scheduler
