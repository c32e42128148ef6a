// From a request to the entry that carries it out, on the leader: checks what can be checked, fills
// in what a proposer decides, and says what follows (evaluations). Pure functions of a view.
//
// What must be decided against the state that the entry meets (check-and-set) is not decided here:
// it travels in the entry, and apply() decides.
#pragma once

#include <optional>
#include <string>

#include "engine/base/result.hpp"
#include "engine/base/time_zone.hpp"
#include "engine/control/mint.hpp"
#include "engine/schema/request.pb.h"
#include "engine/state/state.hpp"
#include "engine/state/view.hpp"

namespace drover::server {

struct DraftContext {
    const state::StateView& view;
    const schema::Request& request;
    control::Mint mint;
    const TimeZones* zones = nullptr;  // null: UTC only
};

struct Draft {
    control::EntryPtr entry;  // null: nothing has to change, the request is answered at once
    std::string warnings{};
};

// Whether the request is one that may change the state (register_job, ...).
[[nodiscard]] bool is_write(const schema::Request& request);

[[nodiscard]] Result<Draft> draft(const DraftContext& context);

// ---- one for each kind of thing

[[nodiscard]] Result<Draft> draft_register_job(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_deregister_job(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_evaluate_job(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_stop_allocation(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_update_allocations(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_register_node(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_node_status(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_node_eligibility(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_node_drain(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_update_deployment(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_register_server(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_finalize_upgrade(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_rehearsal(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_scheduler_configuration(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_revert_job(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_set_job_stability(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_scale_job(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_tag_job_version(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_dispatch_job(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_force_periodic_job(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_collect_garbage(const DraftContext& context);
[[nodiscard]] Result<Draft> draft_reconcile_summaries(const DraftContext& context);

// What finalizing asks for where no level is named: all that has come into the cluster.
[[nodiscard]] std::uint32_t newest_level_of_any(const state::StateView& view);
[[nodiscard]] Result<Draft> draft_restore_snapshot(const DraftContext& context);

// An entry that carries the request's id and actor.
[[nodiscard]] std::shared_ptr<schema::Entry> entry_for(const DraftContext& context);
[[nodiscard]] control::EntryPtr sealed(std::shared_ptr<schema::Entry> entry);

// A job as it may be stored: canonical and valid, with its namespace from the request where the job
// names none.
struct AdmittedJob {
    schema::Job job;
    std::string warnings;
};
[[nodiscard]] Result<AdmittedJob> admit_job(const schema::Request& request, const schema::Job& job);
// Its children are evaluated, not the job itself: it is periodic, or a template of dispatches.
[[nodiscard]] bool only_a_parent(const schema::Job& job);
// When a periodic job is next due after now; none where it is not launched by time, or never again.
// Refused where its zone is not known here.
[[nodiscard]] Result<std::optional<WallTime>> next_launch(const schema::Job& job,
                                                          const TimeZones* zones, WallTime now);
// Notes when a job begins to be launched by time: the first launch follows.
void note_beginning(const DraftContext& context, schema::JobRegistration& body);
[[nodiscard]] tl::unexpected<Error> no_such_job(const state::JobKey& key);
[[nodiscard]] std::string namespace_of(const schema::Request& request);
// Refused while the scheduler's configuration says so: asked before a job is registered,
// dispatched or scaled.
[[nodiscard]] Result<void> check_registration_allowed(const state::StateView& view);

// ---- what is answered once the entry was applied, on any server that applied it

// The same where nothing had to be applied.
void fill_unchanged(schema::Response& response, const schema::Request& request,
                    const state::StateView& view);

void fill_written(schema::Response& response, const schema::Request& request,
                  const schema::Entry& entry, const state::StateView& after);

// The same where apply() refused it.
void fill_refused(schema::Response& response, const schema::Request& request, const Error& why);

}  // namespace drover::server
