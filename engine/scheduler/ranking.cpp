#include "engine/scheduler/ranking.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/placement_scores.hpp"
#include "engine/schema/value.pb.h"

namespace drover::scheduler {
namespace {

// Beside those components that all nodes have: anti-affinity and penalty.
constexpr std::size_t component_counts = 3;
constexpr std::size_t shown_scores_max = 5;

// What is not there counts as 0 for whoever reads it: most components are, of most nodes.
void add_counts(google::protobuf::RepeatedPtrField<schema::IntPair>& pairs,
                const std::map<std::string_view, std::int32_t>& counts) {
    for (const auto& [key, count] : counts) {
        auto& pair = *pairs.Add();
        pair.set_key(std::string{key});
        pair.set_value(count);
    }
}

bool asks_what_is_unique(const GroupShape& shape) {
    return !shape.escaped.empty() || shape.asks_devices() ||
           std::any_of(shape.affinities.begin(), shape.affinities.end(),
                       [](const auto& one) { return one.condition.escapes(); }) ||
           std::any_of(shape.spreads.begin(), shape.spreads.end(),
                       [](const auto& one) { return escapes_class(one.target); }) ||
           std::any_of(shape.distinct_properties.begin(), shape.distinct_properties.end(),
                       [](const auto& one) { return escapes_class(one.target); });
}

}  // namespace

bool Ranking::Mean::better_than(const Mean& other) const {
    const Score left = sum * other.count;
    const Score right = other.sum * count;
    return left != right ? left > right : tie < other.tie;
}

Ranking::Ranking(Fleet& fleet, GroupShape shape, Algorithm algorithm)
    : fleet_{fleet},
      shape_{std::move(shape)},
      algorithm_{algorithm},
      spreads_{shape_},
      components_min_{1 + (shape_.affinities.empty() ? 0 : 1) +
                      (shape_.device_weight == 0 ? 0 : 1)} {
    if (shape_.device_weight != 0) device_scores_.resize(fleet_.size());
    for (const auto& property : shape_.distinct_properties) {
        properties_.push_back({property, {}, {}, {}});
        properties_.back().values.resize(fleet_.size());
    }
    look_at_nodes();
    // Events before now only count: nobody is seated yet.
    seen_events_ = fleet_.first_event();
    for (; seen_events_ < fleet_.events().size(); ++seen_events_) {
        apply(fleet_.events()[seen_events_]);
    }
    heaps_.emplace(fleet_.size(), spreads_.bucket_count() * component_counts);
    seat_all();
}

void Ranking::look_at_nodes() {
    base_.set_node_pool(shape_.job->node_pool().empty() ? "default" : shape_.job->node_pool());
    std::vector<ClassSeat> classes;
    const bool unique = asks_what_is_unique(shape_);
    for (const auto& one : fleet_.classes()) classes.push_back(look_at_class(one, unique));
    count_datacenters();
    seats_.resize(fleet_.size());
    for (std::uint32_t number = 0; number < seats_.size(); ++number) {
        const auto& of_class = classes[fleet_.class_of(number)];
        Seat& seat = seats_[number];
        seat = of_class.seat;
        if (!seat.in_reach || seat.objection != 0) continue;
        if (unique) look_at_node(number);
        if (seat.objection != 0) continue;
        for (std::size_t i = 0; i < of_class.values.size(); ++i) {
            properties_[i].values[number] = of_class.values[i];
        }
        for (auto& property : properties_) {
            const auto& value = property.values[number];
            if (value) property.nodes[*value].push_back(number);
        }
    }
}

Ranking::ClassSeat Ranking::look_at_class(const Fleet::Class& one, bool unique) {
    const auto& node = *fleet_.node(one.first);
    ClassSeat found;
    Seat& seat = found.seat;
    if (in_pool(*shape_.job, node)) base_.set_nodes_in_pool(base_.nodes_in_pool() + one.size);
    seat.in_reach = in_reach(*shape_.job, node);
    if (!seat.in_reach) return found;
    base_.set_nodes_evaluated(base_.nodes_evaluated() + one.size);
    seat.node_class = node_class_number(node.node_class());
    seat.objection = reason_number(class_objection(shape_, node));
    if (!node.computed_class().empty()) classes_[node.computed_class()] = seat.objection == 0;
    if (seat.objection != 0 || unique) return found;
    seat.affinity = affinity_of(shape_, node);
    seat.bucket = spreads_.bucket_of(node);
    for (const auto& property : properties_) {
        found.values.push_back(resolve_target(property.property.target, node));
    }
    return found;
}

// Where the group asks for what tells nodes of one class apart.
void Ranking::look_at_node(std::uint32_t number) {
    const auto& node = *fleet_.node(number);
    Seat& seat = seats_[number];
    seat.objection = reason_number(node_objection(shape_, node));
    if (seat.objection != 0) return;
    seat.affinity = affinity_of(shape_, node);
    seat.bucket = spreads_.bucket_of(node);
    for (auto& property : properties_) {
        property.values[number] = resolve_target(property.property.target, node);
    }
}

std::uint32_t Ranking::node_class_number(const std::string& name) {
    const auto [at, added] =
        node_class_numbers_.try_emplace(name, static_cast<std::uint32_t>(node_classes_.size()));
    if (added) {
        node_classes_.push_back(name);
        by_node_class_.emplace_back();
    }
    return at->second;
}

void Ranking::count_datacenters() {
    std::map<std::string, std::int32_t> available;
    const auto& job = *shape_.job;
    for (const auto& datacenter : job.datacenters()) {
        if (datacenter.find('*') == std::string::npos) available[datacenter] = 0;
    }
    for (const auto& one : fleet_.classes()) {
        const auto& node = *fleet_.node(one.first);
        if (in_reach(job, node)) available[node.datacenter()] += one.size;
    }
    for (const auto& [datacenter, count] : available) {
        auto& pair = *base_.add_nodes_available();
        pair.set_key(datacenter);
        pair.set_value(count);
    }
}

std::uint32_t Ranking::reason_number(const std::string& reason) {
    if (reason.empty()) return 0;
    const auto [at, added] =
        reason_numbers_.try_emplace(reason, static_cast<std::uint32_t>(reasons_.size()));
    if (added) {
        reasons_.push_back(reason);
        by_reason_.emplace_back();
    }
    return at->second;
}

void Ranking::catch_up() {
    for (; seen_events_ < fleet_.events().size(); ++seen_events_) {
        const auto& event = fleet_.events()[seen_events_];
        apply(event);
        if (event.node == Fleet::elsewhere || !seats_[event.node].in_reach) continue;
        seats_[event.node].ports_failed = false;
        seat(event.node);
    }
}

void Ranking::apply(const Fleet::Event& event) {
    const bool same_group = event.group == shape_.name;
    if (event.node != Fleet::elsewhere) {
        Seat& seat = seats_[event.node];
        seat.job_allocations += event.delta;
        if (same_group) seat.group_allocations += event.delta;
    }
    if (event.record == nullptr) return;
    if (same_group && !shape_.spreads.empty()) spreads_.count(*event.record, event.delta);
    if (!properties_.empty()) apply_to_properties(event);
}

void Ranking::apply_to_properties(const Fleet::Event& event) {
    for (auto& property : properties_) {
        if (property.property.scope == Scope::group && event.group != shape_.name) continue;
        const auto value = resolve_target(property.property.target, *event.record);
        if (!value) continue;
        property.used[*value] += event.delta;
        const auto nodes = property.nodes.find(*value);
        if (nodes == property.nodes.end() || !heaps_) continue;
        for (const std::uint32_t node : nodes->second) seat(node);
    }
}

std::pair<Ranking::Fate, std::uint32_t> Ranking::fate_of(std::uint32_t number) {
    const Seat& seat = seats_[number];
    if (seat.objection != 0) return {Fate::filtered, seat.objection};
    if ((shape_.distinct_hosts_in_job && seat.job_allocations > 0) ||
        (shape_.distinct_hosts_in_group && seat.group_allocations > 0)) {
        return {Fate::filtered, reason_number("distinct_hosts")};
    }
    for (const auto& property : properties_) {
        const auto& value = property.values[number];
        if (!value) {
            return {Fate::filtered,
                    reason_number("missing property \"" + property.property.target + "\"")};
        }
        const auto used = property.used.find(*value);
        if (used == property.used.end() || used->second < property.property.allowed) continue;
        return {Fate::filtered,
                reason_number("distinct_property: " + property.property.target + "=" + *value +
                              " used by " + std::to_string(used->second) + " allocs")};
    }
    state::Usage wanted = fleet_.used(number);
    wanted += shape_.ask;
    if (const char* dimension = exceeded(fleet_.capacity(number), wanted)) {
        return {Fate::exhausted, reason_number(dimension)};
    }
    if (seat.ports_failed) {
        return {Fate::exhausted, reason_number("network: dynamic port selection failed")};
    }
    if (shape_.ports.reserved_ports_size() > 0) {
        const auto free = fleet_.ports(number).offers_static(shape_.ports);
        if (!free) return {Fate::exhausted, reason_number(free.error().message)};
    }
    if (shape_.asks_devices()) {
        if (const auto missing = look_at_devices(number)) return {Fate::exhausted, *missing};
    }
    return {Fate::candidate, 0};
}

// A reason's number where the free devices are not enough.
std::optional<std::uint32_t> Ranking::look_at_devices(std::uint32_t number) {
    const NodeDevices& devices = fleet_.devices(number);
    const auto offer = devices.offer(shape_.devices);
    if (!offer) return reason_number("devices: " + devices.first_missing(shape_.devices));
    if (shape_.device_weight != 0) {
        device_scores_[number] = ratio(offer->matching_weight, shape_.device_weight);
    }
    return std::nullopt;
}

void Ranking::leave_counts(const Seat& seat) {
    if (seat.fate == Fate::candidate) return;
    const auto member = seat.fate == Fate::filtered ? &Counts::filtered : &Counts::exhausted;
    --(totals_.*member);
    --(by_reason_[seat.reason].*member);
    --(by_node_class_[seat.node_class].*member);
}

void Ranking::enter_counts(const Seat& seat) {
    if (seat.fate == Fate::candidate) return;
    const auto member = seat.fate == Fate::filtered ? &Counts::filtered : &Counts::exhausted;
    ++(totals_.*member);
    ++(by_reason_[seat.reason].*member);
    ++(by_node_class_[seat.node_class].*member);
}

void Ranking::seat_all() {
    for (std::uint32_t number = 0; number < seats_.size(); ++number) {
        Seat& seat = seats_[number];
        if (!seat.in_reach) continue;
        std::tie(seat.fate, seat.reason) = fate_of(number);
        enter_counts(seat);
        if (seat.fate != Fate::candidate) continue;
        const Components components = components_of(number);
        heaps_->append(number, heap_of(seat, components.count),
                       Key{components.sum, fleet_.tie(number)});
    }
    heaps_->put_in_order();
}

// Decides again about one node, after something there has changed.
void Ranking::seat(std::uint32_t number) {
    Seat& seat = seats_[number];
    if (!seat.in_reach) return;
    const auto fate = fate_of(number);
    if (fate != std::pair{seat.fate, seat.reason}) {
        leave_counts(seat);
        std::tie(seat.fate, seat.reason) = fate;
        enter_counts(seat);
        ++metrics_version_;
    }
    if (seat.fate != Fate::candidate) {
        heaps_->erase(number);
        return;
    }
    const Components components = components_of(number);
    heaps_->put(number, heap_of(seat, components.count), Key{components.sum, fleet_.tie(number)});
}

Ranking::Components Ranking::components_of(std::uint32_t number) const {
    state::Usage used = fleet_.used(number);
    used += shape_.ask;
    return components_with(number, used);
}

Ranking::Components Ranking::components_with(std::uint32_t number, const state::Usage& used) const {
    const Seat& seat = seats_[number];
    Components components;
    components.fitness = fitness(fleet_.capacity(number), used, algorithm_);
    components.sum = components.fitness;
    components.count = 1;
    const auto add = [&](Score& component, Score score) {
        component = score;
        components.sum += score;
        ++components.count;
    };
    if (seat.group_allocations > 0) {
        add(components.anti_affinity, -ratio(seat.group_allocations + 1, shape_.count));
    }
    if (seat.penalised) add(components.penalty, -score_one);
    if (!shape_.affinities.empty()) add(components.affinity, seat.affinity);
    if (shape_.device_weight != 0) add(components.devices, device_scores_[number]);
    return components;
}

std::size_t Ranking::heap_of(const Seat& seat, std::int64_t components) const {
    return seat.bucket * component_counts + static_cast<std::size_t>(components - components_min_);
}

Ranking::Mean Ranking::mean_at(Position position) {
    const auto& slot = heaps_->heap(position.heap)[position.slot];
    const Score spread =
        spreads_.score(static_cast<std::uint32_t>(position.heap / component_counts));
    const auto components =
        static_cast<std::int64_t>(position.heap % component_counts) + components_min_;
    return {slot.key.sum + spread, components + (spread != 0 ? 1 : 0), slot.key.tie};
}

Ranking::Mean Ranking::mean_of(std::uint32_t number) {
    const Components components = components_of(number);
    const Score spread = spreads_.score(seats_[number].bucket);
    return {components.sum + spread, components.count + (spread != 0 ? 1 : 0), fleet_.tie(number)};
}

std::vector<std::uint32_t> Ranking::exhausted_nodes() {
    catch_up();
    std::vector<std::uint32_t> nodes;
    for (std::uint32_t number = 0; number < seats_.size(); ++number) {
        const Seat& seat = seats_[number];
        if (seat.in_reach && seat.fate == Fate::exhausted) nodes.push_back(number);
    }
    return nodes;
}

Ranking::Mean Ranking::mean_after(std::uint32_t number, const state::Usage& freed,
                                  Score component) {
    state::Usage used = fleet_.used(number);
    used -= freed;
    used += shape_.ask;
    const Components components = components_with(number, used);
    const Score spread = spreads_.score(seats_[number].bucket);
    return {components.sum + spread + component, components.count + (spread != 0 ? 1 : 0) + 1,
            fleet_.tie(number)};
}

// The best ones in order. A heap's second is among the children of its first: only roots, and the
// children of what was taken, can be next.
std::vector<Ranking::Position> Ranking::best_positions(std::size_t how_many) {
    struct Open {
        Position position;
        Mean mean;
    };
    const auto better = [](const Open& a, const Open& b) { return a.mean.better_than(b.mean); };
    std::vector<Open> open;  // best first; more than how_many are never needed
    const auto consider = [&](Position position) {
        if (position.slot >= heaps_->heap(position.heap).size()) return;
        const Open candidate{position, mean_at(position)};
        if (open.size() == how_many && !better(candidate, open.back())) return;
        open.insert(std::upper_bound(open.begin(), open.end(), candidate, better), candidate);
        if (open.size() > how_many) open.pop_back();
    };
    open.reserve(how_many + 1);
    for (std::size_t heap = 0; heap < heaps_->heap_count(); ++heap) consider({heap, 0});
    std::vector<Position> best;
    while (best.size() < how_many && !open.empty()) {
        const Position taken = open.front().position;
        open.erase(open.begin());
        best.push_back(taken);
        const std::size_t first = IndexedHeaps<Key>::first_child(taken.slot);
        for (std::size_t i = 0; i < IndexedHeaps<Key>::arity; ++i)
            consider({taken.heap, first + i});
    }
    return best;
}

void Ranking::penalise(const Wish& wish, bool on) {
    for (const auto& id : wish.penalised) {
        const std::uint32_t number = fleet_.find(id);
        if (number == Fleet::elsewhere || seats_[number].penalised == on) continue;
        seats_[number].penalised = on;
        seat(number);
    }
}

std::optional<Choice> Ranking::take(std::uint32_t number, Prng& prng) {
    Choice choice;
    choice.node = number;
    if (shape_.asks_ports()) {
        auto offer = fleet_.ports(number).offer(shape_.ports, prng);
        if (!offer) {
            seats_[number].ports_failed = true;
            seat(number);
            return std::nullopt;
        }
        choice.ports = std::move(*offer);
    }
    if (shape_.asks_devices()) {
        // A candidate has them: it would not be one otherwise.
        auto offer = fleet_.devices(number).offer(shape_.devices);
        ENSURE(offer.has_value());
        choice.devices = std::move(*offer);
    }
    return choice;
}

std::optional<Choice> Ranking::choose(const Wish& wish, Prng& prng) {
    catch_up();
    penalise(wish, true);
    std::optional<Choice> choice;
    if (wish.preferred) {
        const std::uint32_t number = fleet_.find(*wish.preferred);
        if (number != Fleet::elsewhere && heaps_->contains(number)) choice = take(number, prng);
    }
    auto best = best_positions(shown_scores_max);
    while (!choice && !best.empty()) {
        choice = take(heaps_->heap(best[0].heap)[best[0].slot].item, prng);
        if (!choice) best = best_positions(shown_scores_max);
    }
    if (choice) choice->scores = scores_of(best);
    penalise(wish, false);
    return choice;
}

std::optional<std::uint32_t> Ranking::choose_by_full_scan(const Wish& wish) {
    catch_up();
    penalise(wish, true);
    std::optional<std::uint32_t> best;
    for (std::uint32_t number = 0; number < seats_.size(); ++number) {
        if (!seats_[number].in_reach || fate_of(number).first != Fate::candidate) continue;
        if (!best || mean_of(number).better_than(mean_of(*best))) best = number;
    }
    penalise(wish, false);
    return best;
}

schema::AllocMetric Ranking::metrics() {
    catch_up();
    schema::AllocMetric metrics = base_;
    metrics.set_nodes_filtered(totals_.filtered);
    metrics.set_nodes_exhausted(totals_.exhausted);
    if (totals_.filtered == 0 && totals_.exhausted == 0) return metrics;
    std::map<std::string_view, std::int32_t> filtered, exhausted;
    const auto gather = [&](const std::string& key, const Counts& counts) {
        if (key.empty()) return;
        if (counts.filtered > 0) filtered[key] = counts.filtered;
        if (counts.exhausted > 0) exhausted[key] = counts.exhausted;
    };
    for (std::size_t i = 0; i < by_reason_.size(); ++i) gather(reasons_[i], by_reason_[i]);
    add_counts(*metrics.mutable_constraint_filtered(), filtered);
    add_counts(*metrics.mutable_dimension_exhausted(), exhausted);
    filtered.clear();
    exhausted.clear();
    for (std::size_t i = 0; i < by_node_class_.size(); ++i) {
        gather(node_classes_[i], by_node_class_[i]);
    }
    add_counts(*metrics.mutable_class_filtered(), filtered);
    add_counts(*metrics.mutable_class_exhausted(), exhausted);
    return metrics;
}

schema::PlacementScores Ranking::scores_of(const std::vector<Position>& best) {
    schema::PlacementScores scores;
    for (const Position position : best) {
        const std::uint32_t number = heaps_->heap(position.heap)[position.slot].item;
        const Components components = components_of(number);
        const Mean mean = mean_at(position);
        schema::add_scores(
            scores, fleet_.node(number)->id(),
            {.norm = mean.sum / mean.count,
             .binpack = components.fitness,
             .job_anti_affinity = components.anti_affinity,
             .node_affinity = components.affinity,
             .node_reschedule_penalty = components.penalty,
             .allocation_spread = spreads_.score(seats_[number].bucket),
             .devices =
                 shape_.device_weight == 0 ? std::nullopt : std::optional{components.devices}});
    }
    return scores;
}

}  // namespace drover::scheduler
