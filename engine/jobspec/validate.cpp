// Rules of the job itself, and the words that all findings are written in.
#include <algorithm>

#include "engine/cron/expression.hpp"
#include "engine/jobspec/validator.hpp"

namespace drover::jobspec {
namespace {

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

void validate_identity(const schema::Job& job, Findings findings) {
    findings.require(!job.region().empty(), "region is missing");
    findings.require(!job.id().empty(), "id is missing");
    findings.require(job.id().find(' ') == std::string::npos && !has_nul(job.id()),
                     "id " + quoted(job.id()) + " must contain neither blanks nor NUL bytes");
    findings.require(!job.name().empty() && !has_nul(job.name()),
                     "name is missing or contains a NUL byte");
    findings.require(!job.namespace_().empty(), "namespace is missing");
    findings.require(is_one_of(job.type(), {"service", "batch", "system", "sysbatch"}),
                     "type " + quoted(job.type()) +
                         " is not known: it must be service, batch, system or sysbatch");
    findings.require(!job.datacenters().empty(), "datacenters is empty: use [\"*\"] for all");
    for (const std::string& datacenter : job.datacenters()) {
        findings.require(!datacenter.empty(), "datacenters contains an empty name");
    }
    findings.require(!job.task_groups().empty(), "the job has no group");
}

void validate_numbers(const schema::Job& job, const ValidationLimits& limits, Findings findings) {
    findings.require(job.priority() >= 1 && job.priority() <= limits.priority_max,
                     "priority " + std::to_string(job.priority()) + " must be between 1 and " +
                         std::to_string(limits.priority_max));
    std::int64_t total = 0;
    for (const schema::TaskGroup& group : job.task_groups()) total += std::max(group.count(), 0);
    findings.require(total <= limits.total_count_max,
                     "the groups ask for " + std::to_string(total) + " allocations, at most " +
                         std::to_string(limits.total_count_max) + " are allowed");
}

void validate_ui(const schema::Job& job, Findings findings) {
    constexpr std::size_t description_max = 1000;
    findings.require(job.ui().description().size() <= description_max,
                     "ui.description is longer than 1000 bytes");
    findings.require(job.version_tag().description().size() <= description_max,
                     "the description of the version tag is longer than 1000 bytes");
}

void validate_periodic(const schema::PeriodicConfig& periodic, Findings findings) {
    if (!periodic.enabled()) return;
    const bool one = !periodic.spec().empty();
    const bool many = !periodic.specs().empty();
    findings.require(one != many, "give either cron or crons");
    if (one) findings.warning("cron is deprecated: use crons = [...]");
    std::vector<std::string> expressions{periodic.specs().begin(), periodic.specs().end()};
    if (one) expressions.push_back(periodic.spec());
    for (const std::string& expression : expressions) {
        const auto read = cron::Expression::parse(expression);
        findings.require(read.has_value(), read ? "" : read.error().message);
    }
}

void validate_parameterized(const schema::ParameterizedJobConfig& config, Findings findings) {
    findings.require(is_one_of(config.payload(), {"optional", "required", "forbidden"}),
                     "payload " + quoted(config.payload()) +
                         " is not known: it must be optional, required or forbidden");
    for (const std::string& key : config.meta_required()) {
        const auto& optional = config.meta_optional();
        findings.require(std::find(optional.begin(), optional.end(), key) == optional.end(),
                         "key " + quoted(key) + " is both required and optional");
    }
}

void validate_kind(const schema::Job& job, Findings findings) {
    const bool batch = is_one_of(job.type(), {"batch", "sysbatch"});
    const bool system = is_one_of(job.type(), {"system", "sysbatch"});
    if (job.has_periodic()) {
        findings.require(batch, "periodic is for batch and sysbatch jobs only");
        validate_periodic(job.periodic(), findings.at("periodic"));
    }
    if (job.has_parameterized_job()) {
        findings.require(batch, "parameterized is for batch and sysbatch jobs only");
        validate_parameterized(job.parameterized_job(), findings.at("parameterized"));
    }
    findings.require(!system || job.affinities().empty(), "system jobs cannot have affinities");
    findings.require(!system || job.spreads().empty(), "system jobs cannot have spreads");
    if (job.has_update()) validate_update(job.update(), findings.at("update"));
}

void validate_groups(const schema::Job& job, const Findings& findings) {
    std::set<std::string> names;
    bool any_promotes = false;
    bool all_promote = true;
    for (const schema::TaskGroup& group : job.task_groups()) {
        Findings of_group = findings.at("group " + quoted(group.name()));
        of_group.require(names.insert(group.name()).second,
                         "another group has the same name: names must be unique");
        validate_group(job, group, of_group);
        any_promotes = any_promotes || group.update().auto_promote();
        all_promote = all_promote && group.update().auto_promote();
    }
    if (any_promotes && !all_promote) {
        Findings{findings}.warning(
            "auto_promote is set for some groups only: canaries are promoted for all or none");
    }
}

}  // namespace

std::string quoted(std::string_view text) {
    constexpr std::size_t size_max = 80;
    std::string result{"\""};
    for (const char c : text.substr(0, size_max)) {
        if (static_cast<unsigned char>(c) < 0x20) {
            result += '?';
        } else {
            result += c;
        }
    }
    return result + (text.size() > size_max ? "...\"" : "\"");
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string duration_text(std::int64_t nanoseconds) {
    constexpr std::int64_t millisecond = 1'000'000;
    if (nanoseconds % (1000 * millisecond) == 0) {
        return std::to_string(nanoseconds / (1000 * millisecond)) + "s";
    }
    if (nanoseconds % millisecond == 0) return std::to_string(nanoseconds / millisecond) + "ms";
    return std::to_string(nanoseconds) + "ns";
}

bool is_name(std::string_view text, std::string_view extra, std::size_t size_max) {
    if (text.empty() || text.size() > size_max) return false;
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               extra.find(c) != std::string_view::npos;
    });
}

bool escapes(std::string_view path) {
    std::int64_t depth = 0;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        if (part == "..") --depth;
        if (part != ".." && part != "." && !part.empty()) ++depth;
        if (depth < 0) return true;
        at = end + 1;
    }
    return false;
}

Validation validate(const schema::Job& job, const ValidationLimits& limits) {
    Validation validation;
    const Findings findings{validation, {}};
    validate_identity(job, findings);
    validate_numbers(job, limits, findings);
    validate_ui(job, findings);
    validate_kind(job, findings);
    validate_constraints(job.constraints(), Level::job, findings);
    validate_affinities(job.affinities(), findings);
    validate_spreads(job.spreads(), findings);
    validate_groups(job, findings);
    return validation;
}

std::string error_text(const std::vector<std::string>& errors) {
    if (errors.empty()) return {};
    std::string text = errors.size() == 1 ? "1 error occurred:"
                                          : std::to_string(errors.size()) + " errors occurred:";
    for (const std::string& error : errors) text += "\n\t* " + error;
    return text + "\n\n";
}

std::string warning_text(const std::vector<std::string>& warnings) {
    if (warnings.empty()) return {};
    std::string text = std::to_string(warnings.size()) + " warning(s):\n";
    for (const std::string& warning : warnings) text += "\n* " + warning;
    return text;
}

}  // namespace drover::jobspec
