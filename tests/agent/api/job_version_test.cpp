// Versions of a job over HTTP: canaries promoted, going back, saying what is stable, and scaling.
#include <algorithm>

#include "tests/agent/api/client_types.hpp"
#include "tests/agent/api/dev_agent.hpp"
#include "tests/agent/api/go_types.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

std::string job_text(const std::string& revision, int canaries) {
    return R"({"Job":{"ID":"web","Name":"web","Type":"service","Datacenters":["*"],"TaskGroups":[
{"Name":"g","Count":2,"Scaling":{"Enabled":true,"Min":1,"Max":4,"Type":"horizontal"},
"Tasks":[{"Name":"t","Driver":"mock_driver","Config":{"run_for":"1h"},
"Env":{"REVISION":")" +
           revision + R"("},"Resources":{"CPU":20,"MemoryMB":16}}],
"Update":{"MaxParallel":2,"HealthCheck":"task_states","MinHealthyTime":10000000,"Canary":)" +
           std::to_string(canaries) + R"(,"AutoRevert":true}}]}})";
}

class JobVersions : public testing::Test {
protected:
    JobVersions() {
        EXPECT_TRUE(agent_.await("/v1/nodes", [](const JsonValue& nodes) {
            return nodes.array() != nullptr && !nodes.array()->empty() &&
                   text_at(nodes.array()->front(), "Status") == "ready";
        }));
    }

    JsonValue put(const std::string& target, const std::string& body, const std::string& kind) {
        const auto response = agent_.send("PUT", target, body);
        EXPECT_EQ(response.status, 200U) << target << ": " << response.body;
        const auto json = schema::parse_json(response.body);
        EXPECT_TRUE(json) << target << ": " << response.body;
        if (!json) return {};
        for (const auto& problem : types_.problems(*json, kind)) ADD_FAILURE() << target << problem;
        return *json;
    }
    // What is refused with this status names what is wrong.
    void refused(const std::string& target, const std::string& body, unsigned status,
                 const std::string& part) {
        const auto response = agent_.send("PUT", target, body);
        EXPECT_EQ(response.status, status) << target << " " << body;
        EXPECT_NE(response.body.find(part), std::string::npos) << response.body;
    }
    // The id of the deployment of that version, once it has that status.
    std::string deployment(std::int64_t version, const std::string& status) {
        std::string id;
        EXPECT_TRUE(agent_.await("/v1/job/web/deployment",
                                 [&](const JsonValue& one) {
                                     if (one.is_null() ||
                                         *one.find("JobVersion")->integer() != version)
                                         return false;
                                     id = text_at(one, "ID");
                                     return text_at(one, "Status") == status;
                                 }))
            << "version " << version << " " << status;
        return id;
    }
    std::int64_t version() { return *agent_.get("/v1/job/web").find("Version")->integer(); }
    bool stable(std::size_t newest) {
        return *agent_.get("/v1/job/web/versions")
                    .find("Versions")
                    ->array()
                    ->at(newest)
                    .find("Stable")
                    ->boolean();
    }
    std::int64_t scale_fact(const char* name) {
        const auto status = agent_.get("/v1/job/web/scale");
        for (const auto& problem : types_.problems(status, "JobScaleStatusResponse"))
            ADD_FAILURE() << problem;
        return *status.find("TaskGroups")->find("g")->find(name)->integer();
    }

    DevAgent agent_;
    GoTypes types_{client_types};
};

TEST_F(JobVersions, canaries_wait_for_promotion_and_a_failed_deployment_goes_back) {
    put("/v1/jobs", job_text("a", 1), "JobRegisterResponse");
    deployment(0, "successful");
    put("/v1/jobs", job_text("b", 1), "JobRegisterResponse");
    const std::string second = deployment(1, "running");
    const std::string promote = R"({"DeploymentID":")" + second + R"(","All":true})";
    EXPECT_TRUE(agent_.await("/v1/deployment/" + second, [](const JsonValue& one) {
        return *one.find("TaskGroups")->find("g")->find("HealthyAllocs")->integer() == 1;
    }));
    const auto promoted =
        put("/v1/deployment/promote/" + second, promote, "DeploymentUpdateResponse");
    EXPECT_FALSE(text_at(promoted, "EvalID").empty());
    EXPECT_TRUE(promoted.find("RevertedJobVersion")->is_null());
    deployment(1, "successful");
    refused("/v1/deployment/promote/" + second, promote, 400, "terminal status");

    put("/v1/jobs", job_text("c", 1), "JobRegisterResponse");
    const std::string third = deployment(2, "running");
    refused("/v1/job/web/scale", R"({"Count":3,"Target":{"Group":"g"}})", 400,
            "blocked due to active deployment " + third);
    refused("/v1/deployment/unblock/" + third, "{}", 400, "waits for other regions");
    const auto failed = put("/v1/deployment/fail/" + third, "", "DeploymentUpdateResponse");
    EXPECT_EQ(*failed.find("RevertedJobVersion")->integer(), 1);
    EXPECT_EQ(version(), 3);
}

TEST_F(JobVersions, an_earlier_version_is_registered_again) {
    put("/v1/jobs", job_text("a", 0), "JobRegisterResponse");
    deployment(0, "successful");
    put("/v1/jobs", job_text("b", 0), "JobRegisterResponse");
    deployment(1, "successful");
    const std::string path = "/v1/job/web/revert";
    refused(path, R"({"JobID":"else","JobVersion":0})", 400,
            "JobID is \"else\", but the path names \"web\"");
    refused(path, R"({"JobID":"web"})", 400, "JobVersion is missing");
    refused(path, R"({"JobID":"web","JobVersion":-1})", 400, "whole number");
    refused(path, R"({"JobID":"web","JobVersion":1})", 400, "it is the current one");
    refused(path, R"({"JobID":"web","JobVersion":7})", 404, "has no version 7");
    refused(path, R"({"JobID":"web","JobVersion":0,"EnforcePriorVersion":3})", 400,
            "current job has version 1; enforcing version 3");
    EXPECT_EQ(version(), 1);
    const auto written = put(path, R"({"JobID":"web","JobVersion":0,"EnforcePriorVersion":1})",
                             "JobRegisterResponse");
    EXPECT_FALSE(text_at(written, "EvalID").empty());
    EXPECT_EQ(version(), 2);
    deployment(2, "successful");
    const auto env = agent_.get("/v1/job/web").find("TaskGroups")->array()->front();
    EXPECT_EQ(text_at(*env.find("Tasks")->array()->front().find("Env"), "REVISION"), "a");
}

TEST_F(JobVersions, operators_say_what_is_stable) {
    put("/v1/jobs", job_text("a", 0), "JobRegisterResponse");
    deployment(0, "successful");
    EXPECT_TRUE(stable(0));
    const std::string path = "/v1/job/web/stable";
    put(path, R"({"JobID":"web","JobVersion":0,"Stable":false})", "JobStabilityResponse");
    EXPECT_FALSE(stable(0));
    put(path, R"({"JobID":"web","JobVersion":0,"Stable":true})", "JobStabilityResponse");
    EXPECT_TRUE(stable(0));
    refused(path, R"({"JobID":"web","JobVersion":4,"Stable":true})", 404, "has no version 4");
    refused(path, R"({"JobID":"web","JobVersion":0})", 400, "Stable must be true or false");
    EXPECT_EQ(version(), 0) << "stability makes no new version";
}

TEST_F(JobVersions, a_group_is_scaled_within_its_limits) {
    put("/v1/jobs", job_text("a", 0), "JobRegisterResponse");
    deployment(0, "successful");
    const std::string path = "/v1/job/web/scale";
    const auto body = [](const std::string& count, const std::string& more = "") {
        return R"({"Count":)" + count + R"(,"Target":{"Job":"web","Group":"g"})" + more + "}";
    };
    refused(path, body("5"), 400, "greater than scaling policy maximum: 5 > 4");
    refused(path, body("0"), 400, "less than scaling policy minimum: 0 < 1");
    refused(path, body("-1"), 400, "count -1");
    refused(path, body("3", R"(,"JobModifyIndex":1)"), 500, "conflicting job modify index");
    refused(path, R"({"Count":3,"Target":{"Job":"web","Group":"x"}})", 400, "task group \"x\"");
    refused(path, R"({"Count":3,"Target":{"Job":"x","Group":"g"}})", 400, "Target.Job is");
    refused(path, R"({"Target":{"Job":"web","Group":"g"}})", 400, "Count must be given");
    refused("/v1/job/none/scale", R"({"Count":3,"Target":{"Group":"g"}})", 404, "job not found");
    EXPECT_EQ(scale_fact("Desired"), 2);
    put(path, body("3"), "JobRegisterResponse");
    EXPECT_EQ(version(), 1);
    EXPECT_EQ(scale_fact("Desired"), 3);
    deployment(1, "successful");
    EXPECT_EQ(scale_fact("Running"), 3);
    put(path, body("6", R"(,"PolicyOverride":true)"), "JobRegisterResponse");
    deployment(2, "successful");
    EXPECT_EQ(scale_fact("Desired"), 6);
    EXPECT_EQ(agent_.send("GET", "/v1/job/none/scale").status, 404U);
}

}  // namespace
}  // namespace drover::agent
