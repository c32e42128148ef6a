// The rollout of one version of a system job: how many nodes may change over at a time, by the
// health of those that have, and which of them go first as canaries. See semantics section 3.17.
//
// It counts and decides; what is placed and stopped is done by the run that asks it. Where a
// version has no deployment to pace it (a group without an update block, a version that has been
// rolled out already), it says so, and the stagger holds.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/scheduler/deployment.hpp"
#include "engine/state/view.hpp"

namespace drover::scheduler {

class SystemRollout {
public:
    struct Inputs {
        const state::StateView& view;
        state::JobKey key;
        state::JobPtr job;  // null: it is stopped, or gone
        std::int32_t priority{};
        WallTime now;
    };
    SystemRollout(const Inputs& inputs, Prng& ids);

    using IsStopped = std::function<bool(const Uuid&)>;  // by this run

    // An allocation of another version was found, which has to be replaced or can be told.
    void found_outdated(const std::string& group, bool destructive);
    // All of them were. Begins a deployment where there is reason to.
    void begin(const IsStopped& is_stopped);

    // Its raw id, where what is placed now belongs to one.
    [[nodiscard]] std::string deployment_id() const;
    // The deployment decides about replacing; else nothing does here.
    [[nodiscard]] bool paces(const std::string& group) const;
    [[nodiscard]] bool may_replace(const std::string& group) const;
    [[nodiscard]] bool wants_canary(const std::string& group) const;
    // The version is on trial, or its trial failed: nodes without any get the version before.
    [[nodiscard]] bool is_on_trial(const std::string& group) const;

    void replaced(const std::string& group);
    void placed_canary(const std::string& group);
    // One more allocation that is, or is to be, of this version.
    void count(const std::string& group);

    // Into the plan: a new deployment, or one whose numbers have moved, and the end of one.
    void finish(schema::Plan& plan, const IsStopped& is_stopped);

private:
    struct Group {
        const schema::TaskGroup* group = nullptr;
        schema::DeploymentState state;
        std::int64_t destructive = 0;  // of other versions, to be replaced
        std::int64_t in_place = 0;
        bool is_known = false;       // some allocation is, or was, of this version
        bool is_unhealthy = false;   // one of the deployment's
        std::int64_t unsettled = 0;  // of the deployment: no health yet
        std::int64_t canaries = 0;   // live
        std::int64_t replaced = 0;   // by this run
        std::int64_t total = 0;      // that the deployment waits for
    };

    void choose();
    void look_at(const state::AllocationRow& row, bool is_leaving);
    void decide_canaries(Group& group);
    void create();
    [[nodiscard]] bool in_deployment(const state::AllocationRow& row) const;
    void count_members(const IsStopped& is_stopped, std::map<std::string, std::int64_t>& healthy);
    [[nodiscard]] bool take_over_states();
    [[nodiscard]] const Group* find(const std::string& group) const;

    const Inputs inputs_;
    Prng& ids_;
    std::map<std::string, Group, std::less<>> groups_;  // those with an update block
    std::optional<schema::Deployment> current_;         // of this version; may have failed
    std::optional<schema::DeploymentStatusUpdate> ended_;
    bool created_ = false;
    bool done_ = false;  // this version was rolled out
};

}  // namespace drover::scheduler
