// Jobs made out of jobs: dispatched and launched before their time; the tags of versions; and what
// operators do for the whole system.
#include <charconv>
#include <fstream>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/command_tables.hpp"
#include "agent/cli/monitor.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"
#include "engine/schema/json_text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

constexpr std::size_t payload_max = 16 << 10;

std::string path_of(const std::string& id) { return "/v1/job/" + segment(id); }

// A byte more than is allowed is enough to refuse it.
Result<std::string> read_payload(const std::string& path) {
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
        if (!file) {
            return fail(Errc::not_found,
                        path + ": cannot be read; check the path and its permissions");
        }
    }
    std::istream& in = path == "-" ? std::cin : file;
    std::string payload(payload_max + 1, '\0');
    in.read(payload.data(), static_cast<std::streamsize>(payload.size()));
    payload.resize(static_cast<std::size_t>(in.gcount()));
    if (payload.size() > payload_max) {
        return fail(Errc::invalid_argument, path + ": larger than 16 KiB, the most a payload has");
    }
    return payload;
}

Result<JsonValue> dispatch_body(const Invocation& invocation, const std::string& id) {
    JsonValue::Object meta;
    for (const std::string& pair : invocation.flags.values("meta")) {
        const std::size_t equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return fail(Errc::invalid_argument, "-meta \"" + pair + "\" is not key=value");
        }
        meta.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    JsonValue body = JsonValue::Object{{"JobID", id}, {"Meta", std::move(meta)}};
    if (invocation.arguments().size() > 1) {
        const auto payload = read_payload(invocation.arguments()[1]);
        if (!payload) return tl::unexpected{payload.error()};
        body.set("Payload", schema::base64(*payload));
    }
    if (const auto* prefix = invocation.flags.value("id-prefix-template")) {
        body.set("IdPrefixTemplate", *prefix);
    }
    if (const auto* told = invocation.flags.value("priority")) {
        std::int64_t priority = 0;
        const char* const end = told->data() + told->size();
        const auto [stop, error] = std::from_chars(told->data(), end, priority);
        if (error != std::errc{} || stop != end) {
            return fail(Errc::invalid_argument, "-priority=\"" + *told + "\": write 1 to 100");
        }
        body.set("Priority", priority);
    }
    return body;
}

int follow(const Invocation& invocation, const std::string& evaluation) {
    if (evaluation.empty() || invocation.flags.on("detach")) return 0;
    std::cout << "\n";
    return monitor_evaluation(*invocation.api, evaluation, {invocation.flags.on("verbose"), false});
}

}  // namespace

int job_dispatch(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const std::string id = text(*job, "ID");
    const auto body = dispatch_body(invocation, id);
    if (!body) return report_error(body.error().message);
    Parameters parameters;
    if (const auto* token = invocation.flags.value("idempotency-token")) {
        parameters.emplace_back("idempotency_token", *token);
    }
    const auto reply = invocation.api->put(path_of(id) + "/dispatch", *body, parameters);
    if (!reply) return report_error("Failed to dispatch job: " + reply.error().message);
    const std::string evaluation = text(reply->json, "EvalID");
    std::vector<std::pair<std::string, std::string>> rows{
        {"Dispatched Job ID", text(reply->json, "DispatchedJobID")}};
    if (!evaluation.empty()) {
        rows.emplace_back("Evaluation ID", short_id(evaluation, invocation.flags.on("verbose")));
    }
    std::cout << key_values(rows);
    return follow(invocation, evaluation);
}

int job_periodic_force(const Invocation& invocation) {
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const auto reply = invocation.api->put(path_of(text(*job, "ID")) + "/periodic/force",
                                           JsonValue{JsonValue::Object{}});
    if (!reply) {
        return report_error("Error forcing periodic job \"" + text(*job, "ID") +
                            "\": " + reply.error().message);
    }
    std::cout << "Force periodic successful\n";
    const std::string evaluation = text(reply->json, "EvalID");
    if (invocation.flags.on("detach")) std::cout << "Evaluation ID: " << evaluation << "\n";
    return follow(invocation, evaluation);
}

int job_tag_apply(const Invocation& invocation) {
    const auto* name = invocation.flags.value("name");
    if (name == nullptr) return report_error("-name is missing: give the tag a name");
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    JsonValue body = JsonValue::Object{};
    if (const auto* description = invocation.flags.value("description")) {
        body.set("Description", *description);
    }
    std::int64_t version = integer(*job, "Version");
    if (const auto* told = invocation.flags.value("version")) {
        const char* const end = told->data() + told->size();
        const auto [stop, error] = std::from_chars(told->data(), end, version);
        if (error != std::errc{} || stop != end || version < 0) {
            return report_error("-version=\"" + *told +
                                "\" is no version: write a number that `job history` shows");
        }
    }
    body.set("Version", version);
    const std::string id = text(*job, "ID");
    const auto reply =
        invocation.api->put(path_of(id) + "/versions/" + segment(*name) + "/tag", body);
    if (!reply) return report_error("Error tagging job version: " + reply.error().message);
    std::cout << "Job version " << version << " of \"" << id << "\" is tagged \"" << *name
              << "\"\n";
    return 0;
}

int job_tag_unset(const Invocation& invocation) {
    const auto* name = invocation.flags.value("name");
    if (name == nullptr) return report_error("-name is missing: name the tag to take away");
    const auto job = find_job(invocation, invocation.arguments()[0]);
    if (!job) return 1;
    const std::string id = text(*job, "ID");
    const auto reply =
        invocation.api->remove(path_of(id) + "/versions/" + segment(*name) + "/tag", {});
    if (!reply) return report_error("Error taking the tag away: " + reply.error().message);
    std::cout << "Tag \"" << *name << "\" is gone from job \"" << id << "\"\n";
    return 0;
}

int system_gc(const Invocation& invocation) {
    const auto reply = invocation.api->put("/v1/system/gc", JsonValue{});
    if (!reply)
        return report_error("Error running system garbage-collection: " + reply.error().message);
    return 0;
}

int system_reconcile_summaries(const Invocation& invocation) {
    const auto reply = invocation.api->put("/v1/system/reconcile/summaries", JsonValue{});
    if (!reply) return report_error("Error reconciling job summaries: " + reply.error().message);
    return 0;
}

std::vector<Command> make_launch_commands() {
    return {
        {{"job dispatch"},
         "[options] <parameterized job> [input]",
         "Run an instance of a parameterized job",
         "The input is a file, or - for standard input; it becomes the payload, of at most 16 "
         "KiB.\n"
         "Exit codes: 0 done, 1 error, 2 placed only in part.",
         {{"meta", true, "key=value that the job knows; may be given often"},
          {"id-prefix-template", true, "a part of the new job's id"},
          {"idempotency-token", true, "the same token dispatches once"},
          {"priority", true, "of the new job, 1 to 100"},
          detach_flag,
          verbose_flag},
         true,
         1,
         1,
         2,
         job_dispatch},
        {{"job periodic force"},
         "[options] <periodic job>",
         "Launch a periodic job now, whatever its times say",
         "Also where another launch of it still runs and prohibit_overlap is set.\n"
         "Exit codes: 0 done, 1 error, 2 placed only in part.",
         {detach_flag, verbose_flag},
         true,
         1,
         1,
         1,
         job_periodic_force},
    };
}

std::vector<Command> make_tag_and_system_commands() {
    return {
        {{"job tag apply"},
         "-name <tag> [options] <job>",
         "Give a version of a job a name, so that it is kept",
         "A name stands at one version of a job. Neither the version nor the job is removed while "
         "the tag is there.",
         {{"name", true, "the tag"},
          {"version", true, "the version to tag (default: the current one)"},
          {"description", true, "a word on why"}},
         true,
         1,
         1,
         1,
         job_tag_apply},
        {{"job tag unset"},
         "-name <tag> <job>",
         "Take a tag away from a version of a job",
         "",
         {{"name", true, "the tag"}},
         true,
         1,
         1,
         1,
         job_tag_unset},
        {{"system gc"},
         "",
         "Remove everything that is over, whatever its age",
         "Jobs that nobody can start again, evaluations, allocations, deployments and nodes that "
         "are down.\nA large state takes a while; the command does not wait for all of it.",
         {},
         true,
         1,
         0,
         0,
         system_gc},
        {{"system reconcile summaries"},
         "",
         "Count the summaries of all jobs anew",
         "",
         {},
         true,
         1,
         0,
         0,
         system_reconcile_summaries},
    };
}

}  // namespace drover::agent::cli
