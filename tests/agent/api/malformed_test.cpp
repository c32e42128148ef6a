// Requests that nobody should send: each is told what is wrong with it, and the agent goes on.
#include "tests/agent/api/dev_agent.hpp"

namespace drover::agent {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

std::string job_with(const std::string& count) {
    return R"({"Job":{"ID":"x","Datacenters":["dc1"],"TaskGroups":[{"Name":"g","Count":)" + count +
           R"(,"Tasks":[{"Name":"t","Driver":"mock_driver"}]}]}})";
}

TEST(Malformed, requests_are_answered_with_what_is_wrong) {
    DevAgent agent;
    struct Row {
        const char* why;
        const char* method;
        std::string target;
        std::string body;
        unsigned status;
        const char* told;
    };
    const Row rows[]{
        {"no body", "PUT", "/v1/jobs", "", 400, "Request body is empty"},
        {"cut off", "PUT", "/v1/jobs", R"({"Job":)", 400, "line 1, column 8"},
        {"no object", "PUT", "/v1/jobs", "[1]", 400, "Job must be specified"},
        {"no job", "PUT", "/v1/jobs", R"({"Job":null})", 400, "Job must be specified"},
        {"no id", "PUT", "/v1/jobs", R"({"Job":{}})", 400, "Job ID hasn't been provided"},
        {"more behind the end", "PUT", "/v1/jobs", job_with("1") + "}", 400, "unexpected text"},
        {"an absurd count", "PUT", "/v1/jobs", job_with("1000000000"), 400, "at most 50000"},
        {"a count below 0", "PUT", "/v1/jobs", job_with("-1"), 400, "must not be negative"},
        {"a count beyond its size", "PUT", "/v1/jobs", job_with("2147483648"), 400,
         "TaskGroups[0].Count: 2147483648 is out of range"},
        {"a count in text", "PUT", "/v1/jobs", job_with(R"("3")"), 400, "expected an integer"},
        {"half a count", "PUT", "/v1/jobs", job_with("1.5"), 400, "expected an integer"},
        {"deep lists", "PUT", "/v1/jobs", repeated("[", 200'000), 400, "nested deeper"},
        {"deep objects", "PUT", "/v1/jobs", repeated(R"({"Job":)", 50'000), 400, "nested deeper"},
        {"deep expressions", "POST", "/v1/jobs/parse",
         R"({"JobHCL":"a = )" + repeated("[", 100'000) + R"("})", 400, "nested too deeply"},
        {"a file of the agent's", "POST", "/v1/jobs/parse",
         R"({"JobHCL":"job \"x\" { meta { a = file(\"/etc/passwd\") } }"})", 400, "file:"},
        {"endless loops", "POST", "/v1/jobs/parse",
         R"({"JobHCL":"locals { a = [for i in range(1000000): i] }"})", 400, "range"},
        {"too large", "PUT", "/v1/jobs", std::string(33U << 20U, ' '), 413, "exceeds"},
        {"another's id", "PUT", "/v1/job/y", job_with("1"), 400, "Job ID does not match"},
        {"no index", "GET", "/v1/jobs?index=-1", "", 400, "Invalid index"},
        {"no time", "GET", "/v1/jobs?index=1&wait=soon", "", 400, "Invalid wait time"},
        {"no truth", "GET", "/v1/nodes?resources=maybe", "", 500, "Failed to parse"},
        {"no UUID", "GET", "/v1/allocation/../../etc", "", 404, ""},
        {"a broken escape", "GET", "/v1/job/%zz", "", 400, ""},
        {"no such path", "GET", "/v1/everything", "", 404, ""},
        {"no such method", "DELETE", "/v1/nodes", "", 405, "Invalid method"},
        {"logs of nothing", "GET", "/v1/client/fs/logs/x?task=t&type=stdout", "", 400,
         "must provide a valid alloc id"},
    };
    for (const Row& row : rows) {
        const auto response = agent.send(row.method, row.target, row.body);
        EXPECT_EQ(response.status, row.status) << row.why << ": " << response.body;
        EXPECT_NE(response.body.find(row.told), std::string::npos)
            << row.why << ": " << response.body;
    }
    EXPECT_EQ(agent.send("GET", "/v1/jobs").status, 200U);
}

}  // namespace
}  // namespace drover::agent
