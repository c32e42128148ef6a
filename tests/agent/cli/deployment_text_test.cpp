// How a deployment is shown: columns that say nothing are left out, and ids are short unless asked.
#include <gtest/gtest.h>

#include "agent/cli/rows.hpp"

namespace drover::agent::cli {
namespace {

schema::JsonValue json(const std::string& text) { return *schema::parse_json(text); }

std::string deployment(const std::string& more) {
    return R"({"ID":"7d23a288-0000-1111-2222-01a20a38e54c","JobID":"web","JobVersion":3,
"Status":"running","StatusDescription":"Deployment is running","TaskGroups":{"api":{
"DesiredTotal":4,"PlacedAllocs":2,"HealthyAllocs":1,"UnhealthyAllocs":0,
"RequireProgressBy":"0001-01-01T00:00:00Z")" +
           more + "}}}";
}

TEST(DeploymentText, leaves_out_what_a_plain_rollout_does_not_have) {
    EXPECT_EQ(deployment_text(json(deployment("")), false),
              "ID          = 7d23a288\n"
              "Job ID      = web\n"
              "Job Version = 3\n"
              "Status      = running\n"
              "Description = Deployment is running\n"
              "\n"
              "Deployed\n"
              "Task Group  Desired  Placed  Healthy  Unhealthy  Progress Deadline\n"
              "api         4        2       1        0          N/A\n");
}

TEST(DeploymentText, tells_of_canaries_and_of_going_back) {
    const std::string shown = deployment_text(
        json(deployment(R"(,"AutoRevert":true,"DesiredCanaries":1,"Promoted":false)")), true);
    EXPECT_NE(shown.find("ID          = 7d23a288-0000-1111-2222-01a20a38e54c\n"),
              std::string::npos);
    EXPECT_NE(shown.find("Task Group  Auto Revert  Promoted  Desired  Canaries  Placed"),
              std::string::npos)
        << shown;
    EXPECT_NE(shown.find("api         true         false     4        1         2"),
              std::string::npos)
        << shown;
}

TEST(DeploymentRows, are_one_line_each_or_say_that_there_are_none) {
    EXPECT_EQ(deployment_rows(json("[]"), false), "No deployments found\n");
    EXPECT_EQ(deployment_rows(json("[" + deployment("") + "]"), false),
              "ID        Job ID  Job Version  Status   Description\n"
              "7d23a288  web     3            running  Deployment is running\n");
}

}  // namespace
}  // namespace drover::agent::cli
