// The inside of reconciliation: one run over a job, and one over each of its groups. Only
// reconcile*.cpp include this.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/scheduler/names.hpp"
#include "engine/scheduler/reconcile.hpp"
#include "engine/schema/job.pb.h"

namespace drover::scheduler {

// What the groups of one run share.
struct JobRun {
    const ReconcileInputs& inputs;
    Prng& prng;
    Reconciliation& result;
    std::optional<schema::Deployment> old_deployment;
    bool paused = false;
    bool failed = false;

    void stop(const AllocationSet& set, const char* description, const char* client_status = "");
    // Stops what was classified, as it is right for a group that is gone.
    void stop_all(const std::string& group, const AllocationSet& set);
    // Evaluations at the times at which these have to be looked at again; few, because times that
    // lie close together share one. Gives the raw id for each allocation.
    std::map<Uuid, std::string> follow_up(std::vector<RescheduleLater> later,
                                          const char* first_trigger, const char* description);
};

class GroupRun {
public:
    GroupRun(JobRun& job, const schema::TaskGroup& group, AllocationSet all);
    // True where nothing is left to do for the deployment.
    bool run();

private:
    void drop_old_batch();
    void stop_superseded_canaries();
    void take_in_reconnecting(const AllocationSet& set);
    [[nodiscard]] AllocationSet replacements_of(const state::AllocationRow& row) const;
    bool settle_reconnect(const state::AllocationPtr& original);
    void take_in_disconnecting(const AllocationSet& set);
    void reschedule_untainted();
    void wait_for_stopping_clients();
    void note_later();
    void index_names();
    void stop_surplus();
    void stop_one(AllocationSet& candidates, const state::AllocationPtr& allocation);
    void decide_updates();
    void require_canaries();
    [[nodiscard]] std::size_t update_limit() const;
    [[nodiscard]] std::size_t slots_held() const;
    [[nodiscard]] AllocationSet slots_rescheduled() const;
    void stop_surplus_rescheduling();
    [[nodiscard]] std::vector<Placement> missing_placements();
    [[nodiscard]] Placement reschedule_of(const state::AllocationPtr& allocation) const;
    void place_all(std::vector<Placement> place);
    void place_what_a_halted_deployment_allows(const std::vector<Placement>& place);
    void replace_updated();
    void migrate();
    void create_deployment();
    [[nodiscard]] bool is_complete() const;
    [[nodiscard]] bool canarying() const;
    [[nodiscard]] bool of_this_version(const state::AllocationRow& row) const;

    JobRun& job_;
    const schema::TaskGroup& group_;
    const std::string name_;
    const std::size_t count_;
    schema::DesiredUpdates& desired_;
    NameIndex names_;

    AllocationSet all_;
    AllocationSet canaries_;
    AllocationSet promoted_;  // canaries that take over from those of their names
    Classes classes_;
    AllocationSet untainted_;
    AllocationSet reschedule_now_;
    std::vector<RescheduleLater> reschedule_later_;
    std::vector<RescheduleLater> lost_later_;
    std::vector<RescheduleLater> unknown_later_;
    AllocationSet destructive_;
    AllocationSet in_place_;
    std::vector<Placement> placements_;
    std::size_t limit_ = 0;
    std::size_t placed_ = 0;

    schema::DeploymentState state_;
    bool existing_ = false;  // the current deployment knows the group
    bool requires_canaries_ = false;
};

// Ascending by index, then by id: the order in which allocations of a group take turns.
[[nodiscard]] std::vector<state::AllocationPtr> in_name_order(const AllocationSet& set);

}  // namespace drover::scheduler
