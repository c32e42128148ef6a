// The rules of a job, one function per kind of object. Each finding names where it applies, which
// value broke the rule, and what would satisfy it.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "engine/jobspec/jobspec.hpp"

namespace drover::jobspec {

// Where findings are collected. `where` is the path that the current object is reached by.
class Findings {
public:
    Findings(Validation& validation, std::string where)
        : validation_{validation}, where_{std::move(where)} {}

    void error(std::string text) { add(validation_.errors, std::move(text)); }
    void warning(std::string text) { add(validation_.warnings, std::move(text)); }
    void require(bool holds, std::string text) {
        if (!holds) error(std::move(text));
    }
    // For a part of this object: `task "web"`.
    [[nodiscard]] Findings at(const std::string& part) const {
        return Findings{validation_, where_.empty() ? part : where_ + ", " + part};
    }

private:
    // A job of ten thousand broken groups gets no answer of ten thousand lines.
    void add(std::vector<std::string>& findings, std::string text) {
        constexpr std::size_t count_max = 100;
        if (findings.size() > count_max) return;
        if (findings.size() == count_max)
            text = "more follow, which are left out";
        else if (!where_.empty())
            text = where_ + ": " + text;
        findings.push_back(std::move(text));
    }

    Validation& validation_;
    std::string where_;
};

// `"web"`, cut if it is long, so that no message grows beyond reason.
[[nodiscard]] std::string quoted(std::string_view text);
[[nodiscard]] bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words);
[[nodiscard]] std::string duration_text(std::int64_t nanoseconds);
// Letters, digits and `extra`, between 1 and `size_max` of them.
[[nodiscard]] bool is_name(std::string_view text, std::string_view extra, std::size_t size_max);
// Whether a path inside an allocation's directory stays there.
[[nodiscard]] bool escapes(std::string_view path);

enum class Level { job, group, task };
void validate_constraints(const google::protobuf::RepeatedPtrField<schema::Constraint>& constraints,
                          Level level, const Findings& findings);
void validate_affinities(const google::protobuf::RepeatedPtrField<schema::Affinity>& affinities,
                         const Findings& findings);
void validate_spreads(const google::protobuf::RepeatedPtrField<schema::Spread>& spreads,
                      const Findings& findings);
void validate_update(const schema::UpdateStrategy& update, Findings findings);

void validate_group(const schema::Job& job, const schema::TaskGroup& group, Findings findings);
void validate_networks(const schema::TaskGroup& group, Findings findings);
void validate_task(const schema::Job& job, const schema::TaskGroup& group, const schema::Task& task,
                   Findings findings);
void validate_resources(const schema::Task& task, Findings findings);
void validate_templates(const schema::Task& task, Findings findings);
void validate_services(const schema::TaskGroup& group, const schema::Task* task, Findings findings);

}  // namespace drover::jobspec
