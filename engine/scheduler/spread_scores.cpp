#include "engine/scheduler/spread_scores.hpp"

#include <algorithm>
#include <utility>

#include "engine/scheduler/constraint.hpp"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {

SpreadScores::SpreadScores(const GroupShape& shape) {
    for (const auto& spread : shape.spreads) {
        Rule rule;
        rule.spread = spread;
        weights_ += spread.weight;
        std::int64_t percents = 0;
        for (const auto& target : spread.targets) {
            rule.values.emplace(target.value, static_cast<std::int32_t>(rule.desired.size()));
            rule.desired.push_back(target.percent * shape.count);
            rule.used.push_back(0);
            percents += target.percent;
        }
        if (percents < 100) rule.implicit = (100 - percents) * shape.count;
        rules_.push_back(std::move(rule));
    }
    if (rules_.empty()) {
        buckets_.emplace_back();
        scores_.push_back(0);
    }
}

std::int32_t SpreadScores::number_of(Rule& rule, const schema::Node& node) {
    const auto value = resolve_target(rule.spread.target, node);
    if (!value) return missing;
    const auto next = static_cast<std::int32_t>(rule.used.size());
    const auto [at, added] = rule.values.try_emplace(*value, next);
    if (added) {
        rule.used.push_back(0);
        rule.desired.push_back(-1);
    }
    return at->second;
}

std::uint32_t SpreadScores::bucket_of(const schema::Node& node) {
    if (rules_.empty()) return 0;
    std::vector<std::int32_t> values;
    for (auto& rule : rules_) values.push_back(number_of(rule, node));
    const auto [at, added] =
        numbers_.try_emplace(values, static_cast<std::uint32_t>(buckets_.size()));
    if (added) {
        buckets_.push_back(std::move(values));
        scores_.push_back(0);
        stale_ = true;
    }
    return at->second;
}

void SpreadScores::count(const schema::Node& node, int delta) {
    for (auto& rule : rules_) {
        const std::int32_t value = number_of(rule, node);
        if (value != missing) rule.used[static_cast<std::size_t>(value)] += delta;
    }
    stale_ = true;
}

Score SpreadScores::score(std::uint32_t bucket) {
    if (stale_) refresh();
    return scores_[bucket];
}

SpreadScores::Totals SpreadScores::totals_of(const Rule& rule) {
    Totals totals;
    for (std::size_t value = 0; value < rule.used.size(); ++value) {
        const std::int64_t used = rule.used[value];
        if (rule.desired[value] < 0) totals.untargeted += used;
        if (used <= 0) continue;
        totals.least = totals.least == 0 ? used : std::min(totals.least, used);
        totals.most = std::max(totals.most, used);
    }
    return totals;
}

// One more allocation with this value, against what is wanted of it. None for a target of nothing
// at all, which has no measure of its own.
std::optional<Score> SpreadScores::targeted(const Rule& rule, std::size_t value,
                                            const Totals& totals) const {
    const bool is_target = rule.desired[value] >= 0;
    const std::int64_t desired = is_target ? rule.desired[value] : rule.implicit;
    const std::int64_t used = is_target ? rule.used[value] : totals.untargeted;
    if (desired < 0) return -score_one;
    if (desired == 0) return std::nullopt;
    const Score distance = ratio(desired - 100 * (used + 1), desired);
    return weights_ == 0 ? 0 : distance * rule.spread.weight / weights_;
}

Score SpreadScores::even(const Rule& rule, std::size_t value, const Totals& totals) {
    if (totals.most == 0) return 0;
    const std::int64_t used = std::max<std::int64_t>(rule.used[value], 0);
    if (used != totals.least) return ratio(totals.least - used, totals.least);
    if (totals.least == totals.most) return -score_one;
    return ratio(totals.most - totals.least, totals.least);
}

std::vector<Score> SpreadScores::scores_of(const Rule& rule) const {
    const Totals totals = totals_of(rule);
    std::vector<Score> scores(rule.used.size());
    if (rule.spread.targets.empty()) {
        for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = even(rule, i, totals);
        return scores;
    }
    // What is wanted nowhere gets the lowest that any value gets, and never more than -1.
    Score lowest = -score_one;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const auto score = targeted(rule, i, totals);
        if (score) lowest = std::min(lowest, *score);
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
        scores[i] = targeted(rule, i, totals).value_or(lowest);
    }
    return scores;
}

void SpreadScores::refresh() {
    std::fill(scores_.begin(), scores_.end(), 0);
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const auto by_value = scores_of(rules_[i]);
        for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
            const std::int32_t value = buckets_[bucket][i];
            scores_[bucket] +=
                value == missing ? -score_one : by_value[static_cast<std::size_t>(value)];
        }
    }
    stale_ = false;
}

}  // namespace drover::scheduler
