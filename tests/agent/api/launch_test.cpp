// Jobs made out of jobs over HTTP: dispatches, launches by time and out of turn; tags of versions;
// and the removal of what is over.
#include <algorithm>

#include "tests/agent/api/client_types.hpp"
#include "tests/agent/api/dev_agent.hpp"
#include "tests/agent/api/go_types.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

std::string job_text(const std::string& id, const std::string& more) {
    return R"({"Job":{"ID":")" + id + R"(","Name":"n","Type":"batch","Datacenters":["*"],)" + more +
           R"("TaskGroups":[{"Name":"g","Count":1,"Tasks":[{"Name":"t","Driver":"mock_driver",
"Config":{"run_for":"10ms"},"Resources":{"CPU":20,"MemoryMB":16}}]}]}})";
}

class Launches : public testing::Test {
protected:
    JsonValue ask(const std::string& method, const std::string& target, const std::string& body,
                  const std::string& kind) {
        const auto response = agent_.send(method, target, body);
        EXPECT_EQ(response.status, 200U) << target << ": " << response.body;
        const auto json = schema::parse_json(response.body);
        EXPECT_TRUE(json) << target << ": " << response.body;
        if (!json) return {};
        for (const auto& problem : types_.problems(*json, kind)) ADD_FAILURE() << target << problem;
        return *json;
    }
    void refused(const std::string& target, const std::string& body, unsigned status,
                 const std::string& part) {
        const auto response = agent_.send("PUT", target, body);
        EXPECT_EQ(response.status, status) << target << " " << body << ": " << response.body;
        EXPECT_NE(response.body.find(part), std::string::npos) << response.body;
    }
    bool await_status(const std::string& job, const std::string& status) {
        return agent_.await("/v1/job/" + job,
                            [&](const JsonValue& one) { return text_at(one, "Status") == status; });
    }

    DevAgent agent_;
    GoTypes types_{client_types};
};

TEST_F(Launches, a_dispatch_runs_a_job_of_its_own_and_a_token_dispatches_once) {
    ask("PUT", "/v1/jobs",
        job_text("task", R"("ParameterizedJob":{"MetaRequired":["who"],"MetaOptional":["why"]},)"),
        "JobRegisterResponse");
    const std::string body = R"({"Payload":"aGVsbG8=","Meta":{"who":"me"},"IdPrefixTemplate":"p"})";
    const auto first =
        ask("PUT", "/v1/job/task/dispatch?idempotency_token=x", body, "JobDispatchResponse");
    const std::string id = text_at(first, "DispatchedJobID");
    EXPECT_TRUE(id.starts_with("task/dispatch-p-")) << id;
    EXPECT_FALSE(text_at(first, "EvalID").empty());
    const auto again =
        ask("POST", "/v1/job/task/dispatch?idempotency_token=x", body, "JobDispatchResponse");
    EXPECT_EQ(text_at(again, "DispatchedJobID"), id);
    EXPECT_TRUE(await_status(id, "dead"));
    const auto child = agent_.get("/v1/job/" + id);
    EXPECT_EQ(text_at(child, "ParentID"), "task");
    EXPECT_EQ(text_at(child, "Payload"), "aGVsbG8=");
    EXPECT_TRUE(*child.find("Dispatched")->boolean());
    EXPECT_EQ(text_at(*child.find("Meta"), "who"), "me");
    const auto raw = agent_.send("PUT", "/v1/job/task/dispatch/payload", "raw");
    EXPECT_EQ(raw.status, 400U);
    EXPECT_NE(raw.body.find("Meta lacks"), std::string::npos) << raw.body;
}

TEST_F(Launches, a_dispatch_that_does_not_fit_is_refused_by_name) {
    ask("PUT", "/v1/jobs", job_text("plain", ""), "JobRegisterResponse");
    ask("PUT", "/v1/jobs", job_text("needs", R"("ParameterizedJob":{"Payload":"required"},)"),
        "JobRegisterResponse");
    ask("PUT", "/v1/jobs", job_text("bare", R"("ParameterizedJob":{"Payload":"forbidden"},)"),
        "JobRegisterResponse");
    refused("/v1/job/none/dispatch", "{}", 404, "\"none\"");
    refused("/v1/job/plain/dispatch", "{}", 400, "not a parameterized job");
    refused("/v1/job/needs/dispatch", "{}", 400, "Payload is empty");
    refused("/v1/job/bare/dispatch", R"({"Payload":"eA=="})", 400, "forbids");
    refused("/v1/job/bare/dispatch", R"({"Meta":{"k":"v"}})", 400, "\"k\"");
    refused("/v1/job/bare/dispatch", R"({"Meta":{"k":1}})", 400, "Meta.k");
    refused("/v1/job/bare/dispatch", R"({"Payload":"%"})", 400, "base64");
    refused("/v1/job/bare/dispatch", R"({"JobID":"other"})", 400, "\"other\"");
    refused("/v1/job/bare/dispatch", R"({"Priority":101})", 400, "Priority");
    refused("/v1/job/needs/dispatch/payload", std::string(16385, 'x'), 400, "16384");
    const auto whole =
        agent_.send("PUT", "/v1/job/needs/dispatch/payload", std::string(16384, 'x'));
    EXPECT_EQ(whole.status, 200U) << whole.body;
    agent_.send("DELETE", "/v1/job/bare");
    refused("/v1/job/bare/dispatch", "{}", 400, "stopped");
}

TEST_F(Launches, what_only_servers_say_of_a_job_is_not_taken_from_its_user) {
    refused("/v1/jobs", job_text("a", R"("Payload":"eA==",)"), 400, "only dispatched");
    ask("PUT", "/v1/jobs",
        job_text("a", R"("ParentID":"x","Dispatched":true,"DispatchIdempotencyToken":"y",)"),
        "JobRegisterResponse");
    const auto job = agent_.get("/v1/job/a");
    EXPECT_EQ(text_at(job, "ParentID"), "");
    EXPECT_FALSE(*job.find("Dispatched")->boolean());
    EXPECT_EQ(text_at(job, "DispatchIdempotencyToken"), "");
}

TEST_F(Launches, a_periodic_job_is_launched_by_time_and_out_of_turn) {
    const std::string every_second = R"("Periodic":{"Enabled":true,"Specs":["* * * * * * *"],)"
                                     R"("SpecType":"cron","TimeZone":"Europe/Berlin"},)";
    ask("PUT", "/v1/jobs", job_text("tick", every_second), "JobRegisterResponse");
    EXPECT_TRUE(agent_.await("/v1/jobs?prefix=tick/periodic-", [](const JsonValue& jobs) {
        return jobs.array() != nullptr && jobs.array()->size() >= 2;
    }));
    const std::string daily = R"("Periodic":{"Enabled":true,"Specs":["0 0 * * *"]},)";
    ask("PUT", "/v1/jobs", job_text("daily", daily), "JobRegisterResponse");
    EXPECT_TRUE(agent_.get("/v1/jobs?prefix=daily/").array()->empty());
    ask("PUT", "/v1/job/daily/periodic/force", "", "PeriodicForceResponse");
    const auto children = agent_.get("/v1/jobs?prefix=daily/");
    ASSERT_EQ(children.array()->size(), 1U);
    EXPECT_EQ(text_at(children.array()->front(), "ParentID"), "daily");
    refused("/v1/job/none/periodic/force", "", 404, "\"none\"");
    ask("PUT", "/v1/jobs", job_text("plain", ""), "JobRegisterResponse");
    refused("/v1/job/plain/periodic/force", "", 400, "not launched by time");
    const auto plan = agent_.send("PUT", "/v1/job/daily/plan", job_text("daily", daily));
    const auto planned = schema::parse_json(plan.body);
    ASSERT_TRUE(planned) << plan.body;
    const std::string next = text_at(*planned, "NextPeriodicLaunch");
    EXPECT_TRUE(next.ends_with("T00:00:00Z") && !next.starts_with("0001")) << plan.body;
}

TEST_F(Launches, what_no_clock_shows_is_refused_before_it_is_stored) {
    const auto periodic = [](const std::string& spec, const std::string& zone) {
        return job_text("bad", R"("Periodic":{"Enabled":true,"Specs":[")" + spec +
                                   R"("],"TimeZone":")" + zone + R"("},)");
    };
    refused("/v1/jobs", periodic("99 * * * *", "UTC"), 400, "\"99\" is no minute");
    refused("/v1/jobs", periodic("* * * * *", "Mars/Olympus"), 400, "Mars/Olympus");
    EXPECT_EQ(agent_.send("GET", "/v1/job/bad").status, 404U);
}

TEST_F(Launches, a_tag_stands_at_one_version_and_is_taken_away_again) {
    ask("PUT", "/v1/jobs", job_text("web", ""), "JobRegisterResponse");
    ask("PUT", "/v1/jobs", job_text("web", R"("Priority":60,)"), "JobRegisterResponse");
    const auto tag = ask("PUT", "/v1/job/web/versions/golden/tag",
                         R"({"Version":0,"Description":"why"})", "JobTagResponse");
    EXPECT_EQ(text_at(tag, "Name"), "golden");
    const auto tagged = agent_.get("/v1/job/web/versions");
    EXPECT_EQ(text_at(*tagged.find("Versions")->array()->at(1).find("VersionTag"), "Description"),
              "why");
    refused("/v1/job/web/versions/golden/tag", R"({"Version":1})", 400, "already exists");
    refused("/v1/job/web/versions/other/tag", R"({"Version":9})", 404, "no version 9");
    refused("/v1/job/none/versions/other/tag", "{}", 404, "\"none\"");
    ask("PUT", "/v1/job/web/versions/newest/tag", "{}", "JobTagResponse");
    EXPECT_EQ(text_at(*agent_.get("/v1/job/web").find("VersionTag"), "Name"), "newest");
    ask("DELETE", "/v1/job/web/versions/golden/tag", "", "JobTagResponse");
    const auto gone = agent_.send("DELETE", "/v1/job/web/versions/golden/tag");
    EXPECT_EQ(gone.status, 404U) << gone.body;
}

TEST_F(Launches, what_is_over_goes_when_an_operator_says_so) {
    EXPECT_TRUE(agent_.await("/v1/nodes", [](const JsonValue& nodes) {
        return nodes.array() != nullptr && !nodes.array()->empty() &&
               text_at(nodes.array()->front(), "Status") == "ready";
    }));
    ask("PUT", "/v1/jobs", job_text("once", ""), "JobRegisterResponse");
    EXPECT_TRUE(await_status("once", "dead"));
    for (const std::string target : {"/v1/system/reconcile/summaries", "/v1/system/gc"}) {
        EXPECT_EQ(agent_.send("GET", target).status, 405U);
        const auto done = agent_.send("PUT", target);
        EXPECT_EQ(done.status, 200U) << done.body;
    }
    EXPECT_EQ(agent_.send("GET", "/v1/job/once").status, 404U);
    EXPECT_TRUE(agent_.await("/v1/allocations", [](const JsonValue& list) {
        return list.array() != nullptr && list.array()->empty();
    }));
    EXPECT_EQ(agent_.send("PUT", "/v1/system/none").status, 404U);
}

}  // namespace
}  // namespace drover::agent
