#include "engine/scheduler/placer.hpp"

#include <algorithm>
#include <utility>

#include "engine/scheduler/names.hpp"
#include "engine/scheduler/reschedule.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/placement_batch.hpp"
#include "engine/schema/placement_scores.hpp"

namespace drover::scheduler {
namespace {

Prng stream(const PlanInputs& inputs, const char* name) { return Prng{inputs.seed}.stream(name); }

const schema::TaskGroup* find_group(const schema::Job& job, const std::string& name) {
    for (const auto& group : job.task_groups()) {
        if (group.name() == name) return &group;
    }
    return nullptr;
}

bool keeps_disk(const schema::TaskGroup& group) {
    return group.ephemeral_disk().sticky() || group.ephemeral_disk().migrate();
}

bool same_reach(const schema::Job& a, const schema::Job& b) {
    return a.node_pool() == b.node_pool() &&
           std::equal(a.datacenters().begin(), a.datacenters().end(), b.datacenters().begin(),
                      b.datacenters().end());
}

std::int64_t count_of(const google::protobuf::RepeatedPtrField<schema::IntPair>& pairs,
                      const char* key) {
    for (const auto& pair : pairs) {
        if (pair.key() == key) return pair.value();
    }
    return 0;
}

schema::Resources& resources_of(schema::AllocMetric& metrics, const std::string& task) {
    for (auto& pair : *metrics.mutable_resources_exhausted()) {
        if (pair.key() == task) return *pair.mutable_value();
    }
    auto& pair = *metrics.add_resources_exhausted();
    pair.set_key(task);
    return *pair.mutable_value();
}

}  // namespace

Placer::Placer(const Inputs& inputs, const Reconciliation& wanted, PlanWriter& writer, Prng& ids,
               PlanMemory& memory)
    : inputs_{inputs},
      wanted_{wanted},
      writer_{writer},
      ids_{ids},
      ports_{stream(inputs.plan, "ports")},
      memory_{memory},
      fleet_{memory.begin(inputs.view, state::key_of(*inputs.job), inputs.plan.order)},
      preemption_{inputs.view, fleet_, *inputs.job} {
    for (const auto& stop : wanted_.stops) fleet_.stop(*stop.allocation);
}

void Placer::place_all() {
    for (const auto* list : {&wanted_.destructive, &wanted_.place}) {
        for (const auto& placement : *list) ++queued_[placement.group];
    }
    for (const auto* list : {&wanted_.destructive, &wanted_.place}) {
        for (const auto& placement : *list) place(placement);
    }
}

Placer::Source Placer::source_of(const Placement& placement) const {
    Source source{inputs_.job, {}};
    if (wanted_.current && is_active(*wanted_.current))
        source.deployment_id = wanted_.current->id();
    if (!placement.downgrade) return source;

    // The newest version that has proved itself keeps what is not a canary running.
    const auto key = state::key_of(*inputs_.job);
    const schema::Deployment* proven = nullptr;
    for (const auto& deployment : inputs_.view.deployments_of(key)) {
        const auto* state = find_state(*deployment, placement.group);
        if (state == nullptr || (state->desired_canaries() != 0 && !state->promoted())) continue;
        if (deployment->job_create_index() != inputs_.job->create_index()) continue;
        if (proven == nullptr || deployment->job_version() > proven->job_version()) {
            proven = deployment.get();
        }
    }
    if (proven != nullptr) {
        auto job = inputs_.view.job_version(key, proven->job_version());
        if (job != nullptr) return {std::move(job), proven->id()};
    }
    auto job = inputs_.view.job_version(key, placement.min_job_version);
    const auto* group = job == nullptr ? nullptr : find_group(*job, placement.group);
    if (group != nullptr && !has_update(*group)) return {std::move(job), {}};
    return source;
}

Ranking* Placer::ranking_of(const state::JobPtr& job, const std::string& group) {
    const RankingKey key{job->create_index(), job->version(), group};
    const auto known = rankings_.find(key);
    if (known != rankings_.end()) return known->second;
    const auto* found = find_group(*job, group);
    if (found == nullptr) return nullptr;
    Ranking& ranking = memory_.ranking(shape_of(job, *found, inputs_.plan), inputs_.plan);
    rankings_.emplace(key, &ranking);
    return &ranking;
}

Wish Placer::wish_of(const Placement& placement, const Source& source) const {
    Wish wish;
    if (placement.previous == nullptr) return wish;
    const auto& previous = *placement.previous;
    if (previous.client_status == state::ClientStatus::failed) {
        wish.penalised.push_back(previous.node_id);
    }
    const auto tracker = previous.body.reschedule_tracker();
    for (const auto& event : tracker.events()) {
        wish.penalised.push_back(state::to_uuid(event.prev_node_id()));
    }
    const auto* group = find_group(*source.job, placement.group);
    const bool stays = group != nullptr && keeps_disk(*group) && previous.job != nullptr &&
                       same_reach(*previous.job, *source.job);
    if (stays) wish.preferred = previous.node_id;
    return wish;
}

// Cut off, not ended: it may come back, and then one of the two is chosen.
bool Placer::keeps_running(const state::AllocationPtr& previous) const {
    if (previous->client_status == state::ClientStatus::unknown) return true;
    const auto note = wanted_.notes.find(previous->id);
    return note != wanted_.notes.end() && note->second.client_status == "unknown";
}

void Placer::place(const Placement& placement) {
    const Source source = source_of(placement);
    Ranking* ranking = ranking_of(source.job, placement.group);
    if (ranking == nullptr) return;
    if (const auto failed = failed_.find(placement.group); failed != failed_.end()) {
        failed->second.set_coalesced_failures(failed->second.coalesced_failures() + 1);
        add_exhausted(failed->second, ranking->shape());
        if (placement.reschedule) writer_.note_failed_reschedule(placement.previous);
        return;
    }
    // A replacement may use the room of what it replaces.
    if (placement.destructive) fleet_.stop(*placement.previous);
    const Wish wish = wish_of(placement, source);
    auto choice = ranking->choose(wish, ports_);
    if (!choice && inputs_.plan.preemption) choice = make_room(*ranking, wish);
    if (!choice) {
        if (placement.destructive) fleet_.undo_stop(*placement.previous);
        refuse(placement, *ranking);
        return;
    }
    if (placement.destructive) {
        writer_.stop({placement.previous, "alloc is being updated due to job update", {}, {}});
    } else if (placement.reschedule && !keeps_running(placement.previous)) {
        writer_.stop({placement.previous, "alloc was rescheduled because it failed", {}, {}});
    }
    write(placement, source, *ranking, std::move(*choice));
    --queued_[placement.group];
}

// On the best of the nodes where lesser jobs can give way, as many of them as must.
std::optional<Choice> Placer::make_room(Ranking& ranking, Wish wish) {
    struct Option {
        std::uint32_t node;
        std::vector<state::AllocationPtr> victims;
        Score score;
        Ranking::Mean mean;
    };
    std::optional<Option> best;
    for (const std::uint32_t node : ranking.exhausted_nodes()) {
        auto victims = preemption_.victims_on(node, ranking.shape());
        if (victims.empty()) continue;
        std::vector<std::int32_t> priorities;
        state::Usage freed;
        for (const auto& victim : victims) {
            priorities.push_back(victim->job->priority());
            freed += victim->usage;
        }
        const Score score = preemption_score(priorities);
        const auto mean = ranking.mean_after(node, freed, score);
        if (best && !mean.better_than(best->mean)) continue;
        best = Option{node, std::move(victims), score, mean};
    }
    if (!best) return std::nullopt;
    for (const auto& victim : best->victims) fleet_.evict(*victim);
    wish.preferred = state::to_uuid(fleet_.node(best->node)->id());
    auto choice = ranking.choose(wish, ports_);
    if (!choice) {
        for (const auto& victim : best->victims) fleet_.undo_evict(*victim);
        return std::nullopt;
    }
    // Nothing but a preemption has this component, and preemptions are few: noted in full.
    auto& metrics = choice->metrics.emplace(ranking.metrics());
    *metrics.mutable_placement_scores() = std::move(choice->scores);
    schema::show_scores(metrics);
    metrics.clear_placement_scores();
    for (auto& meta : *metrics.mutable_score_meta_data()) {
        if (meta.node_id() != fleet_.node(best->node)->id()) continue;
        auto& pair = *meta.add_scores();
        pair.set_key("preemption");
        pair.set_value(to_double(best->score));
        meta.set_norm_score(to_double(best->mean.sum / best->mean.count));
    }
    preemption_.took(best->victims);
    choice->victims = std::move(best->victims);
    return choice;
}

void Placer::refuse(const Placement& placement, Ranking& ranking) {
    auto& metrics = failed_[placement.group];
    metrics = ranking.metrics();
    add_exhausted(metrics, ranking.shape());
    if (placement.reschedule) writer_.note_failed_reschedule(placement.previous);
}

// What the group would have needed of those dimensions that ran out, task by task.
void Placer::add_exhausted(schema::AllocMetric& metrics, const GroupShape& shape) {
    const bool cpu = count_of(metrics.dimension_exhausted(), "cpu") > 0;
    const bool memory = count_of(metrics.dimension_exhausted(), "memory") > 0;
    if (!cpu && !memory) return;
    for (const auto& task : shape.resources.tasks()) {
        auto& resources = resources_of(metrics, task.task());
        if (cpu) {
            resources.set_cpu(resources.cpu() + static_cast<std::int32_t>(task.cpu().cpu_shares()));
        }
        if (memory) {
            resources.set_memory_mb(resources.memory_mb() +
                                    static_cast<std::int32_t>(task.memory().memory_mb()));
        }
    }
}

void Placer::write(const Placement& placement, const Source& source, Ranking& ranking,
                   Choice choice) {
    const std::string id = Uuid::mint(inputs_.plan.wall, ids_).raw();
    const std::uint32_t node = choice.node;
    for (const auto& victim : choice.victims) {
        writer_.preempt(*victim, id);
        ++preempted_[placement.group];
    }
    const auto& shape = ranking.shape();
    if (is_like_others(placement, source, shape, choice)) {
        add_to_batch(placement, source, ranking, id, choice);
        fleet_.place(node, placement.group, shape.ask, shape.resources);
        return;
    }
    schema::Allocation placed = whole(placement, source, ranking, std::move(choice));
    placed.set_id(id);
    fleet_.place(node, placement.group, shape.ask, placed.allocated_resources());
    writer_.place(std::move(placed));
}

// Nothing tells it from the group's other new allocations but its node, number and scores.
bool Placer::is_like_others(const Placement& placement, const Source& source,
                            const GroupShape& shape, const Choice& choice) const {
    return inputs_.plan.batches && source.job == inputs_.job && !placement.canary &&
           placement.previous == nullptr && choice.victims.empty() && choice.ports.empty() &&
           !shape.asks_devices() && !holds_ports(shape.resources);
}

void Placer::add_to_batch(const Placement& placement, const Source& source, Ranking& ranking,
                          const std::string& id, const Choice& choice) {
    OpenBatch& open = batches_[placement.group];
    if (open.batch == nullptr || open.metrics_version != ranking.metrics_version()) {
        schema::Allocation common = common_of(placement, source, ranking);
        common.set_name(source.job->id() + "." + placement.group);
        *common.mutable_allocated_resources() = ranking.shape().resources;
        open = {&writer_.add_batch(std::move(common)), ranking.metrics_version()};
    }
    const auto& node = *fleet_.node(choice.node);
    schema::add_to_batch(*open.batch,
                         {.id = id,
                          .node_id = node.id(),
                          .node_name = node.name(),
                          .name_number = static_cast<std::uint32_t>(index_of(placement.name)),
                          .scores = &choice.scores});
}

// What all new allocations of the group have, as the numbers stand now.
schema::Allocation Placer::common_of(const Placement& placement, const Source& source,
                                     Ranking& ranking) const {
    const std::int64_t now = inputs_.plan.wall.value();
    schema::Allocation common;
    common.set_namespace_(source.job->namespace_());
    common.set_eval_id(inputs_.evaluation.id());
    common.set_job_id(source.job->id());
    common.set_job_version(source.job->version());
    common.set_job_create_index(source.job->create_index());
    common.set_task_group(placement.group);
    *common.mutable_metrics() = ranking.metrics();
    common.set_desired_status("run");
    common.set_client_status("pending");
    common.set_deployment_id(source.deployment_id);
    common.set_create_time(now);
    common.set_modify_time(now);
    return common;
}

schema::Allocation Placer::whole(const Placement& placement, const Source& source, Ranking& ranking,
                                 Choice choice) const {
    const auto& node = *fleet_.node(choice.node);
    schema::Allocation placed = common_of(placement, source, ranking);
    placed.set_name(placement.name);
    placed.set_node_id(node.id());
    placed.set_node_name(node.name());
    if (source.job != inputs_.job) *placed.mutable_job() = *source.job;
    *placed.mutable_allocated_resources() = with_ports(ranking.shape(), choice.ports);
    give_devices(*placed.mutable_allocated_resources(), ranking.shape().devices, choice.devices);
    if (choice.metrics) {
        *placed.mutable_metrics() = std::move(*choice.metrics);
    } else {
        *placed.mutable_metrics()->mutable_placement_scores() = std::move(choice.scores);
    }
    if (placement.canary) placed.mutable_deployment_status()->set_canary(true);
    if (placement.previous != nullptr) {
        placed.set_previous_allocation(placement.previous->id.raw());
        if (placement.reschedule) {
            *placed.mutable_reschedule_tracker() =
                tracker_after(*placement.previous, inputs_.plan.wall);
        } else if (placement.previous->body.has_reschedule_tracker()) {
            *placed.mutable_reschedule_tracker() = placement.previous->body.reschedule_tracker();
        }
    }
    for (const auto& victim : choice.victims) placed.add_preempted_allocations(victim->id.raw());
    return placed;
}

std::map<std::string, bool> Placer::class_eligibility() const {
    std::map<std::string, bool> classes;
    for (const auto& [key, ranking] : rankings_) {
        for (const auto& [name, eligible] : ranking->class_eligibility()) {
            classes[name] = classes[name] || eligible;
        }
    }
    return classes;
}

bool Placer::escaped() const {
    return std::any_of(rankings_.begin(), rankings_.end(),
                       [](const auto& entry) { return !entry.second->shape().escaped.empty(); });
}

}  // namespace drover::scheduler
