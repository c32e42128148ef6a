// Versions of a job: going back to one, saying that one is stable, and changing the count of a
// group.
#include <map>
#include <utility>

#include "agent/api/body.hpp"
#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

void answer_written(Exchange& one, const schema::Response& response) {
    one.answer(job_written(response), &response);
}

// A version or an index: answers the request where the member is something else.
bool read_number(Exchange& exchange, const JsonValue& value, const std::string& name,
                 std::uint64_t& number) {
    if (value.integer() == nullptr || *value.integer() < 0) {
        exchange.fail(400, name + " must be a whole number, 0 or more");
        return false;
    }
    number = static_cast<std::uint64_t>(*value.integer());
    return true;
}

// The JobID and JobVersion that revert and stable name.
std::optional<std::uint64_t> read_version(Exchange& exchange, const JsonValue& body,
                                          const std::string& id) {
    const JsonValue* const job = member_of(body, "JobID");
    if (job == nullptr || job->text() == nullptr || job->text()->empty()) {
        exchange.fail(400, "JobID is missing; name the job of the path, \"" + id + "\"");
        return std::nullopt;
    }
    if (*job->text() != id) {
        exchange.fail(400, "JobID is \"" + *job->text() + "\", but the path names \"" + id +
                               "\"; ask under the job that you mean");
        return std::nullopt;
    }
    const JsonValue* const version = member_of(body, "JobVersion");
    std::uint64_t number = 0;
    if (version == nullptr) {
        exchange.fail(400, "JobVersion is missing; give a version that the job still has");
        return std::nullopt;
    }
    if (!read_number(exchange, *version, "JobVersion", number)) return std::nullopt;
    return number;
}

void revert(const ExchangePtr& exchange, const std::string& id) {
    const auto body = exchange->body();
    if (!body) return;
    const auto version = read_version(*exchange, *body, id);
    if (!version) return;
    auto request = exchange->envelope();
    auto& revert = *request->mutable_revert_job();
    revert.set_job_id(id);
    revert.set_version(*version);
    if (const JsonValue* const prior = member_of(*body, "EnforcePriorVersion")) {
        std::uint64_t number = 0;
        if (!read_number(*exchange, *prior, "EnforcePriorVersion", number)) return;
        revert.set_enforce_prior_version(true);
        revert.set_prior_version(number);
    }
    exchange->ask(std::move(request), answer_written);
}

void set_stability(const ExchangePtr& exchange, const std::string& id) {
    const auto body = exchange->body();
    if (!body) return;
    const auto version = read_version(*exchange, *body, id);
    if (!version) return;
    const JsonValue* const stable = member_of(*body, "Stable");
    if (stable == nullptr || stable->boolean() == nullptr) {
        return exchange->fail(400, "Stable must be true or false");
    }
    auto request = exchange->envelope();
    auto& change = *request->mutable_set_job_stability();
    change.set_job_id(id);
    change.set_version(*version);
    change.set_stable(*stable->boolean());
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(JsonValue::Object{{"JobModifyIndex", response.job_written().job_modify_index()},
                                     {"Index", response.index()}},
                   &response);
    });
}

// ---- scaling

std::string target_text(const JsonValue& body, std::string_view name) {
    const JsonValue* const target = member_of(body, "Target");
    const JsonValue* const value = target == nullptr ? nullptr : member_of(*target, name);
    return value == nullptr || value->text() == nullptr ? std::string{} : *value->text();
}

void scale(const ExchangePtr& exchange, const std::string& id) {
    const auto body = exchange->body();
    if (!body) return;
    const std::string job = target_text(*body, "Job");
    if (!job.empty() && job != id) {
        return exchange->fail(400, "Target.Job is \"" + job + "\", but the path names \"" + id +
                                       "\"; leave it out, or ask under the job that you mean");
    }
    const JsonValue* const count = member_of(*body, "Count");
    if (truth_of(*body, "Error") && count != nullptr) {
        return exchange->fail(400, "Count is given although Error is true; leave one of them out");
    }
    if (count == nullptr) {
        return exchange->fail(400, "Count must be given: events without one are not kept");
    }
    if (count->integer() == nullptr) return exchange->fail(400, "Count must be a whole number");
    auto request = exchange->envelope();
    auto& scale = *request->mutable_scale_job();
    scale.set_job_id(id);
    scale.set_group(target_text(*body, "Group"));
    scale.set_count(*count->integer());
    scale.set_policy_override(truth_of(*body, "PolicyOverride"));
    if (const JsonValue* const index = member_of(*body, "JobModifyIndex")) {
        std::uint64_t number = 0;
        if (!read_number(*exchange, *index, "JobModifyIndex", number)) return;
        scale.set_enforce_index(number != 0);
        scale.set_job_modify_index(number);
    }
    exchange->ask(std::move(request), answer_written);
}

struct GroupCounts {
    std::int64_t placed{}, running{}, healthy{}, unhealthy{};
};

// Whose allocations stand, and what is known of their health.
std::map<std::string, GroupCounts> count_groups(const schema::AllocationList& list) {
    std::map<std::string, GroupCounts> groups;
    for (const auto& allocation : list.allocations()) {
        const std::string& status = allocation.client_status();
        if (status == "complete" || status == "failed" || status == "lost") continue;
        GroupCounts& counts = groups[allocation.task_group()];
        ++counts.placed;
        counts.running += status == "running" ? 1 : 0;
        if (!allocation.has_deployment_status()) continue;
        const auto& health = allocation.deployment_status();
        if (!health.has_healthy()) continue;
        ++(health.healthy() ? counts.healthy : counts.unhealthy);
    }
    return groups;
}

JsonValue scale_status(const schema::Job& job, const schema::AllocationList& allocations) {
    auto counts = count_groups(allocations);
    JsonValue::Object groups;
    for (const auto& group : job.task_groups()) {
        const GroupCounts& of = counts[group.name()];
        groups.emplace_back(group.name(),
                            JsonValue::Object{{"Desired", std::int64_t{group.count()}},
                                              {"Placed", of.placed},
                                              {"Running", of.running},
                                              {"Healthy", of.healthy},
                                              {"Unhealthy", of.unhealthy},
                                              {"Events", JsonValue{}}});
    }
    return JsonValue::Object{{"JobID", job.id()},
                             {"Namespace", job.namespace_()},
                             {"JobCreateIndex", job.create_index()},
                             {"JobModifyIndex", job.job_modify_index()},
                             {"JobStopped", job.stop()},
                             {"TaskGroups", std::move(groups)}};
}

void show_scale(const ExchangePtr& exchange, const std::string& id) {
    auto request = exchange->envelope();
    request->mutable_query()->set_job(id);
    exchange->query(std::move(request), [exchange, id](Exchange&, const schema::Response& found) {
        auto next = exchange->envelope();
        next->mutable_query()->mutable_job_allocations()->set_job_id(id);
        exchange->ask(std::move(next),
                      [job = found.job()](Exchange& one, const schema::Response& response) {
                          one.answer(scale_status(job, response.allocations()), &response);
                      });
    });
}

}  // namespace

void route_job_version(const ExchangePtr& exchange, const std::string& id,
                       const std::string& what) {
    if (what == "scale" && exchange->is_get()) return show_scale(exchange, id);
    if (!exchange->is_write()) return exchange->invalid_method();
    if (what == "revert") return revert(exchange, id);
    if (what == "stable") return set_stability(exchange, id);
    scale(exchange, id);
}

}  // namespace drover::agent
