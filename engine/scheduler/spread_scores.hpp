// Spreading: how much better or worse a node becomes by its value of the attributes that a group
// is to be spread over. Nodes with the same values share a bucket, and a bucket has one score.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/scheduler/group_shape.hpp"
#include "engine/scheduler/score.hpp"

namespace drover::scheduler {

class SpreadScores {
public:
    explicit SpreadScores(const GroupShape& shape);

    [[nodiscard]] bool empty() const { return rules_.empty(); }
    // The bucket of the node, made where no node had these values before. Without rules: bucket 0.
    std::uint32_t bucket_of(const schema::Node& node);
    [[nodiscard]] std::size_t bucket_count() const { return buckets_.size(); }

    // An allocation of the group came to the node, or left it.
    void count(const schema::Node& node, int delta);

    // What one more allocation there adds to a node's score; 0 adds no component.
    [[nodiscard]] Score score(std::uint32_t bucket);

private:
    static constexpr std::int32_t missing = -1;
    struct Rule {
        SpreadRule spread;
        std::map<std::string, std::int32_t> values;  // value -> its number
        std::vector<std::int64_t> used;              // by number
        std::vector<std::int64_t> desired;           // by number, in hundredths; -1: not a target
        std::int64_t implicit = -1;                  // for all values that are no target, together
    };

    static std::int32_t number_of(Rule& rule, const schema::Node& node);
    void refresh();
    // Over the values of one rule.
    struct Totals {
        std::int64_t least = 0;  // of those in use; 0: none is
        std::int64_t most = 0;
        std::int64_t untargeted = 0;
    };
    static Totals totals_of(const Rule& rule);
    [[nodiscard]] std::vector<Score> scores_of(const Rule& rule) const;
    [[nodiscard]] std::optional<Score> targeted(const Rule& rule, std::size_t value,
                                                const Totals& totals) const;
    [[nodiscard]] static Score even(const Rule& rule, std::size_t value, const Totals& totals);

    std::vector<Rule> rules_;
    std::int64_t weights_ = 0;
    std::map<std::vector<std::int32_t>, std::uint32_t> numbers_;
    std::vector<std::vector<std::int32_t>> buckets_;  // a value number for each rule
    std::vector<Score> scores_;
    bool stale_ = true;
};

}  // namespace drover::scheduler
