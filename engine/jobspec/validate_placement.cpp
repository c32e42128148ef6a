// Rules of constraints, affinities, spreads and update strategies.
#include <re2/re2.h>

#include "engine/jobspec/validator.hpp"

namespace drover::jobspec {
namespace {

bool is_operand(std::string_view operand) {
    return is_one_of(
        operand, {"=", "==", "is", "!=", "not", "<", "<=", ">", ">=", "regexp", "version", "semver",
                  "set_contains", "set_contains_all", "set_contains_any", "distinct_hosts",
                  "distinct_property", "is_set", "is_not_set"});
}

void validate_operand(const std::string& operand, const std::string& left, const std::string& right,
                      Findings findings) {
    if (!is_operand(operand))
        return findings.error("operator " + quoted(operand) + " is not known");
    if (operand == "distinct_hosts") return;
    findings.require(!left.empty(), "attribute is missing");
    const bool needs_value =
        is_one_of(operand, {"regexp", "version", "semver", "set_contains", "set_contains_all",
                            "set_contains_any", "<", "<=", ">", ">="});
    findings.require(!needs_value || !right.empty(),
                     "operator " + quoted(operand) + " needs a value");
    if (operand == "regexp") {
        RE2::Options options;
        options.set_log_errors(false);
        const RE2 pattern{right, options};
        findings.require(pattern.ok(), "value " + quoted(right) +
                                           " is no regular expression: " + pattern.error());
    }
    if (operand == "distinct_property" && !right.empty()) {
        const std::optional<hcl::Number> limit = hcl::Number::parse(right);
        findings.require(limit && limit->is_integer() && *limit->as_int64() >= 1,
                         "value " + quoted(right) + " of distinct_property must be 1 or more");
    }
}

}  // namespace

void validate_constraints(const google::protobuf::RepeatedPtrField<schema::Constraint>& constraints,
                          Level level, const Findings& findings) {
    int number = 0;
    for (const schema::Constraint& constraint : constraints) {
        Findings of_one = findings.at("constraint " + std::to_string(++number));
        validate_operand(constraint.operand(), constraint.l_target(), constraint.r_target(),
                         of_one);
        const bool distinct = constraint.operand().starts_with("distinct_");
        of_one.require(!distinct || level != Level::task,
                       constraint.operand() + " is not allowed in a task: put it in the group");
    }
}

void validate_affinities(const google::protobuf::RepeatedPtrField<schema::Affinity>& affinities,
                         const Findings& findings) {
    int number = 0;
    for (const schema::Affinity& affinity : affinities) {
        Findings of_one = findings.at("affinity " + std::to_string(++number));
        validate_operand(affinity.operand(), affinity.l_target(), affinity.r_target(), of_one);
        of_one.require(!affinity.operand().starts_with("distinct_"),
                       "operator " + quoted(affinity.operand()) + " is not allowed here");
        of_one.require(
            affinity.weight() >= -100 && affinity.weight() <= 100 && affinity.weight() != 0,
            "weight " + std::to_string(affinity.weight()) +
                " must be between -100 and 100, and not 0");
    }
}

void validate_spreads(const google::protobuf::RepeatedPtrField<schema::Spread>& spreads,
                      const Findings& findings) {
    int number = 0;
    for (const schema::Spread& spread : spreads) {
        Findings of_one = findings.at("spread " + std::to_string(++number));
        of_one.require(!spread.attribute().empty(), "attribute is missing");
        of_one.require(spread.weight() >= 1 && spread.weight() <= 100,
                       "weight " + std::to_string(spread.weight()) + " must be between 1 and 100");
        std::set<std::string> seen;
        std::uint64_t sum = 0;
        for (const schema::SpreadTarget& target : spread.spread_target()) {
            of_one.require(seen.insert(target.value()).second,
                           "target " + quoted(target.value()) + " is given twice");
            of_one.require(target.percent() <= 100, "percent " + std::to_string(target.percent()) +
                                                        " of target " + quoted(target.value()) +
                                                        " is more than 100");
            sum += target.percent();
        }
        of_one.require(sum <= 100, "the percents of all targets sum up to " + std::to_string(sum) +
                                       ", more than 100");
    }
}

void validate_update(const schema::UpdateStrategy& update, Findings findings) {
    findings.require(is_one_of(update.health_check(), {"checks", "task_states", "manual"}),
                     "health_check " + quoted(update.health_check()) +
                         " is not known: it must be checks, task_states or manual");
    findings.require(
        update.max_parallel() >= 0,
        "max_parallel " + std::to_string(update.max_parallel()) + " must not be negative");
    findings.require(update.canary() >= 0,
                     "canary " + std::to_string(update.canary()) + " must not be negative");
    findings.require(!update.auto_promote() || update.canary() > 0,
                     "auto_promote needs canary to be more than 0");
    findings.require(update.min_healthy_time() >= 0, "min_healthy_time must not be negative");
    findings.require(update.healthy_deadline() > 0, "healthy_deadline must be more than 0");
    findings.require(update.progress_deadline() >= 0, "progress_deadline must not be negative");
    findings.require(update.min_healthy_time() < update.healthy_deadline(),
                     "min_healthy_time " + duration_text(update.min_healthy_time()) +
                         " must be less than healthy_deadline " +
                         duration_text(update.healthy_deadline()));
    findings.require(
        update.progress_deadline() == 0 || update.healthy_deadline() < update.progress_deadline(),
        "healthy_deadline " + duration_text(update.healthy_deadline()) +
            " must be less than progress_deadline " + duration_text(update.progress_deadline()));
    findings.require(update.stagger() > 0, "stagger must be more than 0");
}

}  // namespace drover::jobspec
