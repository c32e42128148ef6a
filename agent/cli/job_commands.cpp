// Jobs from files: validated, planned, run, stopped.
#include <algorithm>
#include <fstream>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/example_job.hpp"
#include "agent/cli/job_diff.hpp"
#include "agent/cli/job_file.hpp"
#include "agent/cli/launch_times.hpp"
#include "agent/cli/monitor.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"
#include "engine/schema/json.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

// The job as it goes into a request. What the file leaves open, the flags and the servers fill in.
JsonValue job_json(const schema::Job& job) { return schema::to_json_value(job, {.redact = false}); }

Result<jobspec::Parsed> read_job(const Invocation& invocation) {
    auto parsed = read_job_file(invocation.arguments()[0], invocation.flags);
    if (!parsed)
        return fail(Errc::invalid_argument,
                    "Error getting job struct: Error parsing job file: " + parsed.error().message);
    if (!parsed->job.has_namespace_() && !invocation.api->namespace_name().empty()) {
        parsed->job.set_namespace_(invocation.api->namespace_name());
    }
    return parsed;
}

void print_warnings(const std::string& warnings) {
    if (!warnings.empty()) std::cout << "Job Warnings:\n" << warnings << "\n\n";
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

Parameters namespace_of(const schema::Job& job) {
    return job.namespace_().empty() ? Parameters{} : Parameters{{"namespace", job.namespace_()}};
}

bool without_evaluation(const schema::Job& job) {
    return job.has_periodic() || job.has_parameterized_job();
}

}  // namespace

int job_validate(const Invocation& invocation) {
    auto parsed = read_job(invocation);
    if (!parsed) return report_error(parsed.error().message);
    print_warnings(joined(parsed->warnings));
    const auto reply =
        invocation.api->put("/v1/validate/job", JsonValue::Object{{"Job", job_json(parsed->job)}},
                            namespace_of(parsed->job));
    jobspec::Validation validation;
    if (reply) {
        for (const auto& error : list(reply->json, "ValidationErrors")) {
            if (error.text() != nullptr) validation.errors.push_back(*error.text());
        }
        print_warnings(text(reply->json, "Warnings"));
    } else {
        // Without an agent the same rules are checked here.
        jobspec::canonicalise(parsed->job);
        validation = jobspec::validate(parsed->job);
        print_warnings(jobspec::warning_text(validation.warnings));
    }
    if (!validation.errors.empty()) {
        return report_error("Job validation errors:\n" + jobspec::error_text(validation.errors));
    }
    std::cout << "Job validation successful\n";
    return 0;
}

int job_run(const Invocation& invocation) {
    auto parsed = read_job(invocation);
    if (!parsed) return report_error(parsed.error().message);
    schema::Job& job = parsed->job;
    if (invocation.flags.on("output")) {
        jobspec::canonicalise(job);
        return print(JsonValue::Object{{"Job", job_json(job)}});
    }
    JsonValue body = JsonValue::Object{{"Job", job_json(job)}};
    if (const auto* index = invocation.flags.value("check-index")) {
        const auto expected = drover::hcl::Number::parse(*index);
        if (!expected || !expected->as_int64() || *expected->as_int64() < 0) {
            return report_error("Error parsing check-index value \"" + *index +
                                "\": write the job's modify index");
        }
        body.set("EnforceIndex", true);
        body.set("JobModifyIndex", *expected->as_int64());
    }
    body.set("PreserveCounts", invocation.flags.on("preserve-counts"));
    if (const auto* priority = invocation.flags.value("eval-priority")) {
        body.set("EvalPriority", std::int64_t{std::atoi(priority->c_str())});
    }
    const auto reply = invocation.api->put("/v1/jobs", body, namespace_of(job));
    if (!reply) return report_error("Error submitting job: " + reply.error().message);
    print_warnings(text(reply->json, "Warnings"));
    const std::string evaluation = text(reply->json, "EvalID");
    if (evaluation.empty() || without_evaluation(job) || invocation.flags.on("detach")) {
        std::cout << "Job registration successful\n";
        const std::string launch = next_launch_text(job);
        if (!launch.empty()) std::cout << "Approximate next launch time: " << launch << "\n";
        if (!evaluation.empty()) std::cout << "Evaluation ID: " << evaluation << "\n";
        return 0;
    }
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), true});
}

int job_plan(const Invocation& invocation) {
    constexpr int error_code = 255;
    auto parsed = read_job(invocation);
    if (!parsed) return report_error(parsed.error().message, error_code);
    const schema::Job& job = parsed->job;
    const bool diff = invocation.flags.on("diff", true);
    const auto reply = invocation.api->put(
        "/v1/job/" + segment(job.id()) + "/plan",
        JsonValue::Object{{"Job", job_json(job)}, {"Diff", diff}}, namespace_of(job));
    if (!reply) return report_error("Error during plan: " + reply.error().message, error_code);
    const JsonValue& plan = reply->json;
    if (diff) std::cout << job_diff_text(at(plan, "Diff"), invocation.flags.on("verbose")) << "\n";
    std::cout << "Scheduler dry-run:\n";
    const auto& failed = object(plan, "FailedTGAllocs");
    if (failed.empty()) {
        std::cout << "- All tasks successfully allocated.\n";
    } else {
        std::cout << "- WARNING: Failed to place all allocations.\n";
        for (const auto& [group, metrics] : failed) {
            const std::int64_t count = integer(metrics, "CoalescedFailures") + 1;
            std::cout << "  Task Group \"" << group << "\" (failed to place " << count
                      << (count == 1 ? " allocation" : " allocations") << "):\n"
                      << placement_metrics(metrics, "    * ");
        }
    }
    std::cout << "\n";
    const std::string launch = next_launch_text(job);
    if (!launch.empty())
        std::cout << "- If submitted now, next periodic launch would be at " << launch << ".\n\n";
    print_warnings(text(plan, "Warnings"));
    const std::string index = std::to_string(integer(plan, "JobModifyIndex"));
    std::cout
        << "Job Modify Index: " << index
        << "\nTo submit the job with version verification run:\n\ndrover job run -check-index "
        << index << " " << invocation.arguments()[0]
        << "\n\nWith that flag nothing happens unless the job is still as this plan found it: "
           "whoever\nregisters it in between changes its modify index.\n";
    for (const auto& [group, updates] : object(at(plan, "Annotations"), "DesiredTGUpdates")) {
        for (const char* what : {"Place", "Migrate", "Stop", "DestructiveUpdate", "Canary"}) {
            if (integer(updates, what) != 0) return 1;
        }
    }
    return 0;
}

namespace {

// Whoever names a job by a part of its id is shown which one is meant.
bool means_it(const Invocation& invocation, const std::string& told, const std::string& id) {
    if (told == id || invocation.flags.on("yes")) return true;
    std::cout << "Are you sure you want to stop job \"" << id << "\"? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return true;
    std::cout << "Cancelling job stop\n";
    return false;
}

int stop_one(const Invocation& invocation, const std::string& told) {
    const auto job = find_job(invocation, told);
    if (!job) return 1;
    const std::string id = text(*job, "ID");
    if (!means_it(invocation, told, id)) return 0;
    Parameters parameters;
    if (invocation.flags.on("purge")) parameters.emplace_back("purge", "true");
    if (const auto* priority = invocation.flags.value("eval-priority"))
        parameters.emplace_back("eval_priority", *priority);
    const auto reply = invocation.api->remove("/v1/job/" + segment(id), parameters);
    if (!reply) return report_error("Error deregistering job: " + reply.error().message);
    const std::string evaluation = text(reply->json, "EvalID");
    if (evaluation.empty()) return 0;
    if (invocation.flags.on("detach")) {
        std::cout << evaluation << "\n";
        return 0;
    }
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), false});
}

}  // namespace

int job_stop(const Invocation& invocation) {
    int code = 0;
    for (const auto& job : invocation.arguments()) code = std::max(code, stop_one(invocation, job));
    return code;
}

int job_init(const Invocation& invocation) {
    const std::string name =
        invocation.arguments().empty() ? "example.nomad.hcl" : invocation.arguments()[0];
    if (std::ifstream{name})
        return report_error("Job file '" + name +
                            "' already exists; remove it or give another name");
    std::ofstream out{name};
    out << (invocation.flags.on("short") ? short_example_job : example_job);
    if (!out.flush())
        return report_error("Failed to write '" + name + "'; check that the folder is writable");
    std::cout << "Example job file written to " << name << "\n";
    return 0;
}

}  // namespace drover::agent::cli
