// The inside of one evaluation of a system or sysbatch job. Only system_*.cpp include this.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/scheduler/fleet.hpp"
#include "engine/scheduler/group_shape.hpp"
#include "engine/scheduler/node_explanation.hpp"
#include "engine/scheduler/plan_writer.hpp"
#include "engine/scheduler/preemption.hpp"
#include "engine/scheduler/reconcile_nodes.hpp"
#include "engine/scheduler/system_rollout.hpp"

namespace drover::scheduler {

// What one node gives an allocation beside its room.
struct Given {
    std::vector<schema::PortMapping> ports;
    DeviceOffer devices;
};

// A version of the job that is placed, and whether it goes first.
struct Source {
    state::JobPtr job;
    const GroupShape* shape;
    bool canary = false;
};

// A live allocation of another version: its copy of this one, where it can be told.
struct Outdated {
    state::AllocationPtr row;
    std::optional<schema::Allocation> updated;
};

class SystemRun {
public:
    SystemRun(const state::StateView& view, const schema::Evaluation& evaluation,
              const PlanInputs& inputs)
        : view_{view},
          evaluation_{evaluation},
          inputs_{inputs},
          key_{evaluation.namespace_(), evaluation.job_id()},
          job_{view.job(key_)},
          ids_{Prng{inputs.seed}.stream("ids")},
          ports_{Prng{inputs.seed}.stream("ports")},
          writer_{evaluation, inputs.wall},
          fleet_{view, key_, inputs.order} {
        if (job_ != nullptr) preemption_.emplace(view_, fleet_, *job_);
        if (inputs.system_rollouts && evaluation.type() == "system") {
            rollout_.emplace(SystemRollout::Inputs{view_, key_, is_running() ? job_ : nullptr,
                                                   evaluation.priority(), inputs.wall},
                             ids_);
        }
    }

    schema::SchedulerOutput run();

private:
    [[nodiscard]] NodeInputs node_inputs();
    void write_stops(const NodeInputs& inputs, NodeReconciliation& result);
    void look_at_outdated(const NodeReconciliation& result);
    [[nodiscard]] Source source_of(const std::string& group);
    [[nodiscard]] state::JobPtr version_before(const std::string& group) const;
    void update(NodeReconciliation& result);
    void replace(const state::AllocationPtr& row, schema::DesiredUpdates& desired);
    [[nodiscard]] std::optional<schema::Allocation> updated(const state::AllocationRow& row,
                                                            const GroupShape& shape) const;
    void update_in_place(schema::Allocation copy);
    [[nodiscard]] bool may_replace(const std::string& group);
    void count_recent_replacements();
    // False: the node has no room, and keeps what it has.
    bool place(const NodePlacement& placement, const Source& source);
    [[nodiscard]] std::string filtered(const NodePlacement& placement, const GroupShape& shape,
                                       const schema::Node& node);
    void count_properties();
    [[nodiscard]] std::string property_objection(const GroupShape& shape, const schema::Node& node);
    void exhausted(const NodePlacement& placement, const GroupShape& shape, const std::string& why);
    void write(const NodePlacement& placement, const Source& source, std::uint32_t number,
               const Given& given, const std::vector<state::AllocationPtr>& victims);
    // The dimension that ran out on the node; empty where the group fits, with what it gets then.
    [[nodiscard]] std::string missing_on(std::uint32_t number, const GroupShape& shape,
                                         Given& given);
    [[nodiscard]] std::vector<state::AllocationPtr> make_room(std::uint32_t number,
                                                              const GroupShape& shape,
                                                              Given& given);
    void join_rollout(schema::Allocation& placed, bool canary);
    void block(const Uuid& node);
    [[nodiscard]] bool is_blocked_already(const Uuid& node) const;
    [[nodiscard]] bool looks_again_already() const;
    void look_again_after_stagger();
    void finish(NodeReconciliation& result);
    [[nodiscard]] SystemRollout::IsStopped is_stopped() const {
        return [this](const Uuid& id) { return fleet_.is_stopped(id); };
    }
    [[nodiscard]] bool is_running() const { return job_ != nullptr && !job_->stop(); }

    const state::StateView& view_;
    const schema::Evaluation& evaluation_;
    const PlanInputs& inputs_;
    state::JobKey key_;
    state::JobPtr job_;
    Prng ids_;
    Prng ports_;
    PlanWriter writer_;
    Fleet fleet_;
    std::optional<Preemption> preemption_;  // where there is a job
    std::map<std::string, std::uint64_t> preempted_;
    schema::SchedulerOutput output_;
    std::optional<SystemRollout> rollout_;
    std::vector<Outdated> outdated_;
    std::map<std::string, GroupShape, std::less<>> shapes_;
    std::map<std::string, GroupShape> shapes_before_;  // while this version is on trial
    std::map<std::string, NodeExplanation> explanations_;
    std::map<std::string, std::int64_t> replaced_;  // by group, within its stagger
    std::set<Uuid> replacing_;                      // stopped for a new version on its own node
    std::set<Uuid> blocked_;
    std::map<std::tuple<std::string, std::string, std::string>, std::int64_t> properties_;
    std::size_t seen_events_ = 0;  // of the fleet's, counted in properties_
    Duration stagger_{};
    bool held_back_ = false;
};

}  // namespace drover::scheduler
