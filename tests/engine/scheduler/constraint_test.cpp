// The operators of constraints and affinities, and versions as they compare.
#include <gtest/gtest.h>

#include "engine/scheduler/constraint.hpp"
#include "engine/scheduler/text.hpp"
#include "engine/schema/node.pb.h"
#include "tests/engine/scheduler/harness.hpp"

namespace drover::scheduler {
namespace {

using Side = std::optional<std::string>;
const Side missing = std::nullopt;

TEST(Constraint, operators_decide_as_their_table_says) {
    struct Row {
        const char* why;
        Side left;
        const char* operation;
        Side right;
        bool holds;
    };
    const Row rows[]{
        {"equal text", "linux", "=", "linux", true},
        {"other text", "linux", "=", "windows", false},
        {"== is =", "a", "==", "a", true},
        {"is is =", "a", "is", "a", true},
        {"a missing side equals nothing", missing, "=", "a", false},
        {"not even another missing side", missing, "=", missing, false},
        {"different", "a", "!=", "b", true},
        {"the same is not different", "a", "!=", "a", false},
        {"missing counts as different", missing, "!=", "a", true},
        {"both missing are the same", missing, "not", missing, false},
        {"numbers compare as numbers", "9", "<", "10", true},
        {"text compares as text", "b9", "<", "b10", false},
        {"fractions compare as numbers", "9.5", "<", "10", true},
        {"equal is not less", "10", "<", "10", false},
        {"less or equal", "10", "<=", "10", true},
        {"greater", "11", ">", "10", true},
        {"greater or equal", "10", ">=", "10", true},
        {"negative numbers", "-5", "<", "3", true},
        {"an order needs both sides", missing, "<", "10", false},
        {"set", "", "is_set", missing, true},
        {"not set", missing, "is_set", missing, false},
        {"is_not_set", missing, "is_not_set", missing, true},
        {"set is not is_not_set", "x", "is_not_set", missing, false},
        {"a pattern is searched anywhere", "ubuntu-22.04", "regexp", "2[0-9]\\.", true},
        {"an anchor holds it", "ubuntu", "regexp", "^buntu", false},
        {"a broken pattern matches nothing", "a", "regexp", "(", false},
        {"all elements", "a, b,c", "set_contains", "c ,a", true},
        {"one is missing", "a,b", "set_contains_all", "a,d", false},
        {"any element", "a,b", "set_contains_any", "x,b", true},
        {"no element", "a,b", "set_contains_any", "x,y", false},
        {"an unknown operator never holds", "a", "resembles", "a", false},
    };
    for (const auto& row : rows) {
        const Condition condition{"l", row.operation, row.right.value_or("")};
        EXPECT_EQ(condition.holds(row.left, row.right), row.holds) << row.why;
    }
}

TEST(Constraint, versions_satisfy_lists_of_constraints) {
    struct Row {
        const char* why;
        const char* left;
        const char* operation;
        const char* right;
        bool holds;
    };
    const Row rows[]{
        {"a range", "1.2.3", "version", ">= 1.0, < 2", true},
        {"outside of it", "2.0.0", "version", ">= 1.0, < 2", false},
        {"missing segments are 0", "1.2", "version", "= 1.2.0", true},
        {"a leading v", "v1.2.3", "version", "1.2.3", true},
        {"no operator means equal", "1.2.4", "version", "1.2.3", false},
        {"not equal", "1.2.4", "version", "!= 1.2.3", true},
        {"pessimistic keeps what was written but the last", "1.9.7", "version", "~> 1.2", true},
        {"the last one must not fall", "1.1.9", "version", "~> 1.2", false},
        {"the first one must not rise", "2.2.0", "version", "~> 1.2", false},
        {"three segments written", "1.2.9", "version", "~> 1.2.3", true},
        {"second one fixed then", "1.3.3", "version", "~> 1.2.3", false},
        {"a prerelease does not pass", "1.3.0-beta1", "version", ">= 1.2", false},
        {"unless one of the same segments is named", "1.3.0-beta2", "version", ">= 1.3.0-beta1",
         true},
        {"and only then", "1.4.0-beta2", "version", ">= 1.3.0-beta1", false},
        {"a release follows its prereleases", "1.3.0", "version", "> 1.3.0-rc1", true},
        {"a prerelease without a dash", "1.3.0beta1", "version", "= 1.3.0-beta1", true},
        {"build metadata is ignored", "1.2.3+deb12", "version", "= 1.2.3", true},
        {"no version", "banana", "version", ">= 1", false},
        {"no constraint", "1.2.3", "version", "approximately 1", false},
        {"semver orders prereleases like versions", "1.3.0-beta1", "semver", ">= 1.2", true},
        {"numbers below words", "1.0.0-1", "semver", "< 1.0.0-alpha", true},
        {"numbers by value", "1.0.0-beta.11", "semver", "> 1.0.0-beta.2", true},
        {"semver has no pessimistic operator", "1.2.3", "semver", "~> 1.2", false},
        {"semver needs the dash", "1.3.0beta1", "semver", "< 1.3.0", false},
    };
    for (const auto& row : rows) {
        const Condition condition{"l", row.operation, row.right};
        EXPECT_EQ(condition.holds(Side{row.left}, Side{row.right}), row.holds) << row.why;
    }
}

TEST(Constraint, targets_stand_for_what_the_node_has) {
    auto node = testing::make_node(7);
    node.set_node_class("large");
    testing::set_attribute(node, "kernel.name", "linux");
    testing::set_meta(node, "rack", "r1");
    struct Row {
        const char* target;
        Side value;
    };
    const Row rows[]{
        {"plain text", "plain text"},      {"${node.unique.id}", testing::node_id(7).text()},
        {"${node.unique.name}", "node-7"}, {"${node.datacenter}", "dc1"},
        {"${node.class}", "large"},        {"${node.pool}", "default"},
        {"${attr.kernel.name}", "linux"},  {"${meta.rack}", "r1"},
        {"${meta.row}", missing},          {"${attr.}", missing},
        {"${node.colour}", missing},       {"${broken", missing},
    };
    for (const auto& row : rows)
        EXPECT_EQ(resolve_target(row.target, node), row.value) << row.target;
}

TEST(Constraint, only_unique_targets_escape_the_class) {
    EXPECT_TRUE(escapes_class("${attr.unique.hostname}"));
    EXPECT_TRUE(escapes_class("${node.unique.id}"));
    EXPECT_TRUE(escapes_class("${meta.unique.rack}"));
    EXPECT_FALSE(escapes_class("${attr.kernel.name}"));
    EXPECT_FALSE(escapes_class("unique"));
}

TEST(Text, globs_match_runs_of_characters) {
    struct Row {
        const char* pattern;
        const char* text;
        bool matches;
    };
    const Row rows[]{{"*", "anything", true},     {"*", "", true},
                     {"dc1", "dc1", true},        {"dc1", "dc12", false},
                     {"dc*", "dc12", true},       {"*-east", "us-east", true},
                     {"*-east", "us-eas", false}, {"a*b*c", "axxbyyc", true},
                     {"a*b*c", "axxbyy", false},  {"", "dc1", false}};
    for (const auto& row : rows) {
        EXPECT_EQ(glob_matches(row.pattern, row.text), row.matches)
            << row.pattern << ' ' << row.text;
    }
}

}  // namespace
}  // namespace drover::scheduler
