// What operators decide for the whole cluster. See draft.hpp.
#include "engine/control/garbage.hpp"
#include "engine/server/draft.hpp"
#include "engine/state/scheduler_configuration.hpp"

namespace drover::server {

Result<Draft> draft_scheduler_configuration(const DraftContext& context) {
    const auto& request = context.request.set_scheduler_configuration();
    schema::SchedulerConfiguration wanted = request.configuration();
    if (wanted.scheduler_algorithm().empty()) wanted.set_scheduler_algorithm("binpack");
    if (wanted.scheduler_algorithm() != "binpack" && wanted.scheduler_algorithm() != "spread") {
        return fail(Errc::invalid_argument, "invalid scheduler algorithm: \"" +
                                                wanted.scheduler_algorithm() +
                                                "\"; write binpack or spread");
    }
    auto entry = entry_for(context);
    auto& body = *entry->mutable_change_scheduler_configuration();
    *body.mutable_configuration() = std::move(wanted);
    body.set_enforce_index(request.enforce_index());
    body.set_modify_index(request.modify_index());
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_collect_garbage(const DraftContext& context) {
    return Draft{control::collect_everything(context.view, context.mint, entry_for(context))};
}

Result<Draft> draft_reconcile_summaries(const DraftContext& context) {
    auto entry = entry_for(context);
    entry->mutable_reconcile_summaries();
    return Draft{sealed(std::move(entry))};
}

// No token is told from another yet, so nobody is exempt.
Result<void> check_registration_allowed(const state::StateView& view) {
    const auto& set = view.scheduler_configuration();
    if (set == nullptr || !set->reject_job_registration()) return {};
    return fail(Errc::permission_denied,
                "Job registration, dispatch, and scale are disabled by the scheduler "
                "configuration");
}

}  // namespace drover::server
