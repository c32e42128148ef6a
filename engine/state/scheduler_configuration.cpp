// See scheduler_configuration.hpp; and the entry that changes it.
#include "engine/state/scheduler_configuration.hpp"

#include "engine/state/apply.hpp"

namespace drover::state {

schema::SchedulerConfiguration effective_scheduler_configuration(const StateView& view) {
    if (const auto& set = view.scheduler_configuration()) return *set;
    schema::SchedulerConfiguration defaults;
    defaults.set_scheduler_algorithm("binpack");
    defaults.mutable_preemption_config()->set_system_scheduler_enabled(true);
    return defaults;
}

Result<void> apply_body(Context& context, const schema::SchedulerConfigurationChange& body) {
    const auto& stored = context.tables().scheduler_configuration;
    const std::uint64_t stands_at = stored ? stored->modify_index() : 0;
    if (body.enforce_index() && body.modify_index() != stands_at) {
        return fail(Errc::conflict, "the scheduler's configuration was changed at index " +
                                        std::to_string(stands_at) + ", not at " +
                                        std::to_string(body.modify_index()) +
                                        ": read it again and decide anew");
    }
    auto row = std::make_shared<schema::SchedulerConfiguration>(body.configuration());
    row->set_create_index(stored ? stored->create_index() : context.index());
    row->set_modify_index(context.index());
    context.write.set_scheduler_configuration(std::move(row));
    return {};
}

}  // namespace drover::state
