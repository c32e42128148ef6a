// Jobs: listed, registered, parsed, validated.
#include <algorithm>

#include "agent/api/body.hpp"
#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"
#include "engine/jobspec/jobspec.hpp"
#include "engine/schema/diff.hpp"
#include "engine/schema/json.hpp"
#include "engine/schema/json_text.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

// The body's Job; answers the request where there is none.
std::optional<schema::Job> job_of(Exchange& exchange, const JsonValue& body) {
    const JsonValue* const found = member_of(body, "Job");
    if (found == nullptr || found->object() == nullptr) {
        exchange.fail(400, "Job must be specified");
        return std::nullopt;
    }
    schema::Job job;
    if (auto read = schema::from_json_value(*found, job); !read) {
        exchange.fail(400, "Job." + read.error().message);
        return std::nullopt;
    }
    if (job.id().empty()) {
        exchange.fail(400, "Job ID hasn't been provided");
        return std::nullopt;
    }
    return job;
}

// The query's namespace wins over the body's, and that over the job's own.
void settle_namespace(const Exchange& exchange, const JsonValue& body, schema::Request& request,
                      schema::Job& job) {
    std::string chosen = exchange.text("namespace");
    if (chosen.empty()) {
        const JsonValue* const told = member_of(body, "Namespace");
        if (told != nullptr && told->text() != nullptr) chosen = *told->text();
    }
    if (chosen.empty()) chosen = job.namespace_();
    if (chosen.empty()) chosen = "default";
    request.set_namespace_(chosen);
    job.set_namespace_(chosen);
}

void register_job(const ExchangePtr& exchange, const std::string* id) {
    const auto body = exchange->body();
    if (!body) return;
    auto job = job_of(*exchange, *body);
    if (!job) return;
    if (id != nullptr && job->id() != *id) {
        exchange->fail(400, "Job ID does not match name");
        return;
    }
    auto request = exchange->envelope();
    settle_namespace(*exchange, *body, *request, *job);
    auto& registration = *request->mutable_register_job();
    *registration.mutable_job() = std::move(*job);
    registration.set_enforce_index(truth_of(*body, "EnforceIndex"));
    registration.set_job_modify_index(
        static_cast<std::uint64_t>(integer_of(*body, "JobModifyIndex")));
    registration.set_preserve_counts(truth_of(*body, "PreserveCounts"));
    registration.set_evaluation_priority(
        static_cast<std::int32_t>(integer_of(*body, "EvalPriority")));
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(job_written(response), &response);
    });
}

void list_jobs(const ExchangePtr& exchange) {
    const auto meta = exchange->truth("meta");
    if (!meta) return;
    auto request = exchange->envelope();
    request->mutable_query()->mutable_list_jobs()->set_meta(*meta);
    exchange->query(std::move(request),
                    [meta = *meta](Exchange& one, const schema::Response& response) {
                        JsonValue::Array stubs;
                        const auto& list = response.jobs();
                        for (int i = 0; i < list.jobs_size(); ++i) {
                            const schema::JobSummary* const summary =
                                i < list.summaries_size() ? &list.summaries(i) : nullptr;
                            stubs.push_back(job_stub(list.jobs(i), summary, meta));
                        }
                        one.answer(std::move(stubs), &response);
                    });
}

void parse_job(const ExchangePtr& exchange) {
    if (!exchange->is_write()) return exchange->invalid_method();
    const auto body = exchange->body();
    if (!body) return;
    const JsonValue* const text = member_of(*body, "JobHCL");
    if (text == nullptr || text->text() == nullptr || text->text()->empty()) {
        return exchange->fail(400, "Job spec is empty");
    }
    jobspec::VariableInputs variables;
    const JsonValue* const assignments = member_of(*body, "Variables");
    if (assignments != nullptr && assignments->text() != nullptr)
        variables.api_text = *assignments->text();
    jobspec::FileInputs files;
    files.files_disabled = "filesystem function disabled";
    auto parsed = jobspec::parse_hcl({"input.hcl", *text->text()}, variables, files);
    if (!parsed) return exchange->fail(400, "Failed to parse job: " + hcl::to_text(parsed.error()));
    if (truth_of(*body, "Canonicalize")) jobspec::canonicalise(parsed->job);
    exchange->answer(schema::to_json_value(parsed->job));
}

}  // namespace

void route_jobs(const ExchangePtr& exchange, const Rest& rest) {
    if (rest.size() == 1 && rest[0] == "parse") return parse_job(exchange);
    if (!rest.empty()) return exchange->fail(404, "");
    if (exchange->is_get()) return list_jobs(exchange);
    if (exchange->is_write()) return register_job(exchange, nullptr);
    exchange->invalid_method();
}

void route_validate(const ExchangePtr& exchange, const Rest& rest) {
    if (rest.size() != 1 || rest[0] != "job") return exchange->fail(404, "");
    if (!exchange->is_write()) return exchange->invalid_method();
    const auto body = exchange->body();
    if (!body) return;
    auto job = job_of(*exchange, *body);
    if (!job) return;
    jobspec::canonicalise(*job);
    const jobspec::Validation validation = jobspec::validate(*job);
    JsonValue::Array errors;
    for (const auto& error : validation.errors) errors.emplace_back(error);
    exchange->answer(JsonValue::Object{
        {"DriverConfigValidated", true},
        {"ValidationErrors", errors.empty() ? JsonValue{} : JsonValue{std::move(errors)}},
        {"Error",
         validation.errors.empty() ? std::string{} : jobspec::error_text(validation.errors)},
        {"Warnings", jobspec::warning_text(validation.warnings)},
        {"Index", 0},
        {"LastContact", 0},
        {"KnownLeader", false}});
}

// ---- one job; its id may hold slashes, so what is asked of it is the last segment

namespace {

std::string joined(const Rest& rest, std::size_t end) {
    std::string id;
    for (std::size_t i = 0; i < end; ++i) id += (i == 0 ? "" : "/") + rest[i];
    return id;
}

void whole_job(const ExchangePtr& exchange, const std::string& id) {
    auto request = exchange->envelope();
    request->mutable_query()->set_job(id);
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(schema::to_json_value(response.job()), &response);
    });
}

void deregister_job(const ExchangePtr& exchange, const std::string& id) {
    const auto purge = exchange->truth("purge");
    const auto priority = exchange->integer("eval_priority", 0);
    if (!purge || !priority) return;
    auto request = exchange->envelope();
    request->mutable_deregister_job()->set_job_id(id);
    request->mutable_deregister_job()->set_purge(*purge);
    request->mutable_deregister_job()->set_evaluation_priority(
        static_cast<std::int32_t>(*priority));
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        JsonValue json = job_written(response);
        json.remove("Warnings");
        one.answer(json, &response);
    });
}

void evaluate_job(const ExchangePtr& exchange, const std::string& id) {
    auto request = exchange->envelope();
    request->mutable_evaluate_job()->set_job_id(id);
    if (!exchange->request().body.empty()) {
        const auto body = exchange->body();
        if (!body) return;
        const JsonValue* const named = member_of(*body, "JobID");
        if (named == nullptr || named->text() == nullptr || named->text()->empty()) {
            return exchange->fail(400, "Job ID must be specified");
        }
        if (*named->text() != id) return exchange->fail(400, "JobID not same as job name");
        const JsonValue* const options = member_of(*body, "EvalOptions");
        if (options != nullptr) {
            request->mutable_evaluate_job()->set_force_reschedule(
                truth_of(*options, "ForceReschedule"));
        }
    }
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(job_written(response), &response);
    });
}

JsonValue planned_json(const schema::Response& response, bool diff, const schema::Job& planned);

void plan_job(const ExchangePtr& exchange, const std::string& id) {
    const auto body = exchange->body();
    if (!body) return;
    auto job = job_of(*exchange, *body);
    if (!job) return;
    if (job->id() != id) return exchange->fail(400, "Job ID does not match");
    auto request = exchange->envelope();
    settle_namespace(*exchange, *body, *request, *job);
    const bool diff = truth_of(*body, "Diff");
    auto planned = std::make_shared<schema::Job>(*job);
    request->mutable_plan_job()->set_diff(diff);
    *request->mutable_plan_job()->mutable_job() = std::move(*job);
    exchange->ask(std::move(request),
                  [diff, planned](Exchange& one, const schema::Response& response) {
                      one.answer(planned_json(response, diff, *planned), &response);
                  });
}

// Go's zero time where there is none.
std::string next_launch_text(std::int64_t unix_ns) {
    return unix_ns == 0 ? "0001-01-01T00:00:00Z" : schema::rfc3339_text(unix_ns);
}

JsonValue planned_json(const schema::Response& response, bool diff, const schema::Job& planned) {
    const auto& plan = response.job_planned();
    JsonValue::Array created;
    for (const auto& evaluation : plan.created()) created.push_back(whole_evaluation(evaluation));
    const JsonValue evaluation = whole_evaluation(plan.evaluation());
    JsonValue json = JsonValue::Object{
        {"Annotations", schema::to_json_value(plan.annotations())},
        {"FailedTGAllocs", *evaluation.find("FailedTGAllocs")},
        {"JobModifyIndex", plan.job_modify_index()},
        {"CreatedEvals", created.empty() ? JsonValue{} : JsonValue{std::move(created)}},
        {"Diff", JsonValue{}},
        {"NextPeriodicLaunch", next_launch_text(plan.next_periodic_launch_ns())},
        {"Warnings", plan.warnings()}};
    if (diff) {
        schema::Job canonical = planned;
        jobspec::canonicalise(canonical);
        schema::JobDiff difference =
            schema::diff_jobs(plan.has_previous() ? &plan.previous() : nullptr, &canonical);
        schema::annotate(difference, plan.annotations());
        json.set("Diff", schema::to_json_value(difference));
    }
    add_query_meta(json, response);
    return json;
}

void job_list(const ExchangePtr& exchange, const std::string& id, const std::string& what) {
    const auto all = exchange->truth("all");
    if (!all) return;
    auto request = exchange->envelope();
    schema::Query& query = *request->mutable_query();
    if (what == "allocations") {
        query.mutable_job_allocations()->set_job_id(id);
        query.mutable_job_allocations()->set_all(*all);
        return exchange->query(std::move(request), answer_allocation_list);
    }
    if (what == "evaluations") {
        query.set_job_evaluations(id);
        return exchange->query(
            std::move(request), [](Exchange& one, const schema::Response& response) {
                JsonValue::Array list;
                for (const auto& evaluation : response.evaluations().evaluations())
                    list.push_back(whole_evaluation(evaluation));
                one.answer(std::move(list), &response);
            });
    }
    query.mutable_job_deployments()->set_job_id(id);
    query.mutable_job_deployments()->set_all(*all);
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        JsonValue::Array list;
        for (const auto& deployment : response.deployments().deployments())
            list.push_back(schema::to_json_value(deployment));
        one.answer(std::move(list), &response);
    });
}

void job_deployment(const ExchangePtr& exchange, const std::string& id) {
    auto request = exchange->envelope();
    request->mutable_query()->set_job_latest_deployment(id);
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(
            response.has_deployment() ? schema::to_json_value(response.deployment()) : JsonValue{},
            &response);
    });
}

void job_versions(const ExchangePtr& exchange, const std::string& id) {
    const auto diffs = exchange->truth("diffs");
    if (!diffs) return;
    auto request = exchange->envelope();
    request->mutable_query()->set_job_versions(id);
    exchange->query(
        std::move(request), [diffs = *diffs](Exchange& one, const schema::Response& response) {
            if (response.jobs().jobs_size() == 0) return one.fail(404, "job versions not found");
            std::vector<const schema::Job*> versions;
            for (const auto& job : response.jobs().jobs()) versions.push_back(&job);
            std::sort(versions.begin(), versions.end(),
                      [](const auto* a, const auto* b) { return a->version() > b->version(); });
            JsonValue::Array list, differences;
            for (std::size_t i = 0; i < versions.size(); ++i) {
                list.push_back(schema::to_json_value(*versions[i]));
                if (diffs && i + 1 < versions.size()) {
                    differences.push_back(
                        schema::to_json_value(schema::diff_jobs(versions[i + 1], versions[i])));
                }
            }
            JsonValue json = JsonValue::Object{
                {"Versions", std::move(list)},
                {"Diffs", diffs ? JsonValue{std::move(differences)} : JsonValue{}}};
            add_query_meta(json, response);
            one.answer(json, &response);
        });
}

void job_summary(const ExchangePtr& exchange, const std::string& id) {
    auto request = exchange->envelope();
    request->mutable_query()->set_job_summary(id);
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(schema::to_json_value(response.job_summary()), &response);
    });
}

}  // namespace

void route_job(const ExchangePtr& exchange, const Rest& rest) {
    if (rest.empty()) return exchange->fail(400, "Missing job ID");
    if (route_job_launch(exchange, rest)) return;
    const std::string what = rest.size() > 1 ? rest.back() : std::string{};
    const std::string id = joined(rest, rest.size() - 1);
    const bool get = exchange->is_get();
    if (what == "revert" || what == "stable" || what == "scale")
        return route_job_version(exchange, id, what);
    if (what == "plan")
        return exchange->is_write() ? plan_job(exchange, id) : exchange->invalid_method();
    if (what == "evaluate")
        return exchange->is_write() ? evaluate_job(exchange, id) : exchange->invalid_method();
    if (what == "allocations" || what == "evaluations" || what == "deployments") {
        return get ? job_list(exchange, id, what) : exchange->invalid_method();
    }
    if (what == "deployment")
        return get ? job_deployment(exchange, id) : exchange->invalid_method();
    if (what == "versions") return get ? job_versions(exchange, id) : exchange->invalid_method();
    if (what == "summary") return get ? job_summary(exchange, id) : exchange->invalid_method();
    const std::string whole = joined(rest, rest.size());
    if (get) return whole_job(exchange, whole);
    if (exchange->is_write()) return register_job(exchange, &whole);
    if (exchange->is_delete()) return deregister_job(exchange, whole);
    exchange->invalid_method();
}

}  // namespace drover::agent
