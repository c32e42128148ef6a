// The requests of Nomad's command line, version 1.0, one after the other, sent to a whole agent as
// its Go client sends them; every answer must decode into the structs that the client has for it.
#include <algorithm>

#include "tests/agent/api/client_types.hpp"
#include "tests/agent/api/dev_agent.hpp"
#include "tests/agent/api/go_types.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

// What the client makes of a job file: every field of its struct, null where the file is silent.
const char* const job_body = R"({"Job":{
"Region":null,"Namespace":null,"ID":"web","Name":"web","Type":"service","Priority":null,
"AllAtOnce":null,"Datacenters":["dc1"],
"Constraints":[{"LTarget":"${attr.kernel.name}","RTarget":"linux","Operand":"="}],
"Affinities":null,"TaskGroups":[{"Name":"g","Count":2,"Constraints":null,"Affinities":null,
"Tasks":[{"Name":"t","Driver":"mock_driver","User":"","Lifecycle":null,
"Config":{"run_for":"1h","stdout_string":"out\n","stderr_string":"err\n"},
"Constraints":null,"Affinities":null,"Env":{"K":"v"},"Services":null,
"Resources":{"CPU":20,"MemoryMB":16,"DiskMB":null,"Networks":null,"Devices":null,"IOPS":null},
"RestartPolicy":null,"Meta":null,"KillTimeout":5000000000,"LogConfig":null,"Artifacts":null,
"Vault":null,"Templates":null,"DispatchPayload":null,"VolumeMounts":null,"CSIPluginConfig":null,
"Leader":false,"ShutdownDelay":0,"KillSignal":"","Kind":"","ScalingPolicies":null}],
"Spreads":null,"Volumes":null,
"RestartPolicy":{"Interval":1800000000000,"Attempts":2,"Delay":15000000000,"Mode":"fail"},
"ReschedulePolicy":null,"EphemeralDisk":{"Sticky":null,"Migrate":null,"SizeMB":300},"Update":null,
"Migrate":null,"Networks":[{"Mode":"","Device":"","CIDR":"","IP":"","DNS":null,
"ReservedPorts":null,"DynamicPorts":[{"Label":"db","Value":0,"To":6379,"HostNetwork":""}],
"MBits":null}],"Meta":null,"Services":null,"ShutdownDelay":null,
"StopAfterClientDisconnect":null,"Scaling":null}],
"Update":{"Stagger":null,"MaxParallel":1,"HealthCheck":"task_states","MinHealthyTime":10000000,
"HealthyDeadline":180000000000,"ProgressDeadline":600000000000,"Canary":0,"AutoRevert":false,
"AutoPromote":null},"Multiregion":null,"Spreads":null,"Periodic":null,"ParameterizedJob":null,
"Reschedule":null,"Migrate":{"MaxParallel":1,"HealthCheck":"checks","MinHealthyTime":10000000000,
"HealthyDeadline":300000000000},"Meta":null,"ConsulToken":null,"VaultToken":null,"Stop":null,
"ParentID":null,"Dispatched":false,"Payload":null,"VaultNamespace":null,"NomadTokenID":null,
"Status":null,"StatusDescription":null,"Stable":null,"Version":null,"SubmitTime":null,
"CreateIndex":null,"ModifyIndex":null,"JobModifyIndex":null},
"Diff":true,"PolicyOverride":false,"Region":"","Namespace":"","SecretID":""})";

std::string edited(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

class Contract : public testing::Test {
protected:
    static void SetUpTestSuite() {
        agent_ = new DevAgent;
        types_ = new GoTypes{client_types};
        ASSERT_TRUE(agent_->await("/v1/nodes", [](const JsonValue& nodes) {
            return nodes.array() != nullptr && !nodes.array()->empty() &&
                   text_at(nodes.array()->front(), "Status") == "ready";
        }));
    }
    static void TearDownTestSuite() {
        delete agent_;
        delete types_;
    }
    // Only when nothing runs any more is the next test's job a new one in every respect.
    void TearDown() override {
        agent_->send("DELETE", "/v1/job/web?purge=true&global=false");
        EXPECT_TRUE(agent_->await("/v1/allocations", [](const JsonValue& list) {
            return std::all_of(list.array()->begin(), list.array()->end(), [](const auto& one) {
                return text_at(one, "ClientStatus") == "complete";
            });
        }));
    }

    static JsonValue decoded(const io::HttpResponse& response, const std::string& kind,
                             const std::string& what) {
        EXPECT_EQ(response.status, 200U) << what << ": " << response.body;
        const auto json = schema::parse_json(response.body);
        EXPECT_TRUE(json) << what << ": " << response.body;
        if (!json) return {};
        EXPECT_FALSE(json->is_null()) << what;
        for (const auto& problem : types_->problems(*json, kind))
            ADD_FAILURE() << what << " as " << kind << problem;
        return *json;
    }
    // A read of the replicated state: its answer tells where in time it stands.
    static JsonValue read(const std::string& target, const std::string& kind) {
        const auto response = agent_->send("GET", target);
        const auto* index = io::find_header(response.headers, "X-Nomad-Index");
        EXPECT_TRUE(index != nullptr && std::stoull(*index) >= 1) << target;
        const auto* contact = io::find_header(response.headers, "X-Nomad-LastContact");
        EXPECT_TRUE(contact != nullptr && std::stoull(*contact) < 60'000) << target;
        const auto* known = io::find_header(response.headers, "X-Nomad-KnownLeader");
        EXPECT_TRUE(known != nullptr && *known == "true") << target;
        return decoded(response, kind, target);
    }
    static JsonValue tell(const std::string& target, const std::string& kind) {
        return decoded(agent_->send("GET", target), kind, target);
    }
    static JsonValue put(const std::string& target, const std::string& body,
                         const std::string& kind) {
        const auto response = agent_->send("PUT", target, body);
        return decoded(response, kind, "PUT " + target);
    }
    static std::string run_job() {
        const std::string evaluation =
            text_at(put("/v1/jobs", job_body, "JobRegisterResponse"), "EvalID");
        EXPECT_TRUE(agent_->await("/v1/job/web/allocations", [](const JsonValue& list) {
            std::size_t running = 0;
            for (const auto& one : *list.array()) {
                const auto* health = one.find("DeploymentStatus")->find("Healthy");
                running += health != nullptr && health->boolean() != nullptr;
            }
            return running == 2;
        }));
        return evaluation;
    }
    static std::string first_id(const std::string& target) {
        const auto list = agent_->get(target);
        return list.array() == nullptr || list.array()->empty()
                   ? std::string{}
                   : text_at(list.array()->front(), "ID");
    }

    // Whether it is among them. A short prefix may be another's too, by chance.
    static bool lists(const std::string& target, const std::string& id) {
        const auto list = agent_->get(target);
        if (list.array() == nullptr) return false;
        return std::any_of(list.array()->begin(), list.array()->end(),
                           [&](const auto& one) { return text_at(one, "ID") == id; });
    }

    static inline DevAgent* agent_ = nullptr;
    static inline GoTypes* types_ = nullptr;
};

TEST_F(Contract, every_list_of_an_empty_cluster_is_a_list_with_an_index) {
    for (const char* path : {"/v1/jobs", "/v1/allocations", "/v1/evaluations", "/v1/deployments",
                             "/v1/jobs?prefix=web", "/v1/allocations?prefix=ab",
                             "/v1/evaluations?prefix=ab", "/v1/nodes?prefix=zz"}) {
        EXPECT_NE(read(path, "[]any").array(), nullptr) << path;
    }
}

TEST_F(Contract, job_validate) {
    const auto good = put("/v1/validate/job", job_body, "JobValidateResponse");
    EXPECT_EQ(text_at(good, "Error"), "");
    const auto bad = put("/v1/validate/job", edited(job_body, R"("Count":2)", R"("Count":-2)"),
                         "JobValidateResponse");
    EXPECT_NE(text_at(bad, "Error"), "");
    EXPECT_FALSE(bad.find("ValidationErrors")->array()->empty());
}

TEST_F(Contract, job_plan_of_a_new_an_edited_and_an_unchanged_job) {
    const std::string path = "/v1/job/web/plan";
    const auto fresh = put(path, job_body, "JobPlanResponse");
    EXPECT_EQ(text_at(*fresh.find("Diff"), "Type"), "Added");
    EXPECT_EQ(text_at(fresh, "NextPeriodicLaunch"), "0001-01-01T00:00:00Z");
    run_job();
    const auto same = put(path, job_body, "JobPlanResponse");
    EXPECT_EQ(text_at(*same.find("Diff"), "Type"), "None");
    EXPECT_TRUE(same.find("Diff")->find("TaskGroups")->array()->front().find("Tasks")->array());
    const auto other =
        put(path, edited(job_body, R"({"K":"v"})", R"({"K":"w"})"), "JobPlanResponse");
    EXPECT_EQ(text_at(*other.find("Diff"), "Type"), "Edited");
}

TEST_F(Contract, job_run_and_its_monitor) {
    const std::string evaluation = run_job();
    const auto found = read("/v1/evaluation/" + evaluation, "Evaluation");
    EXPECT_EQ(text_at(found, "ID"), evaluation);
    EXPECT_EQ(text_at(found, "TriggeredBy"), "job-register");
    EXPECT_EQ(read("/v1/evaluation/" + evaluation + "/allocations", "[]AllocationListStub")
                  .array()
                  ->size(),
              2U);
}

TEST_F(Contract, job_run_refused_by_its_index) {
    run_job();
    const std::string body = edited(job_body, R"("Diff":true)", R"("EnforceIndex":true)");
    const auto refused = agent_->send("PUT", "/v1/jobs", body);
    EXPECT_EQ(refused.status, 500U);
    EXPECT_NE(refused.body.find("Enforcing job modify index 0: job already exists"),
              std::string::npos)
        << refused.body;
}

TEST_F(Contract, job_status) {
    run_job();
    read("/v1/jobs", "[]JobListStub");
    EXPECT_EQ(read("/v1/jobs?prefix=we", "[]JobListStub").array()->size(), 1U);
    read("/v1/job/web?namespace=default", "Job");
    const auto stubs = read("/v1/job/web/allocations?all=false", "[]AllocationListStub");
    ASSERT_EQ(stubs.array()->size(), 2U);
    EXPECT_EQ(text_at(stubs.array()->front(), "JobType"), "service");
    read("/v1/job/web/evaluations", "[]Evaluation");
    read("/v1/job/web/deployment", "Deployment");
    read("/v1/job/web/deployments?all=false", "[]Deployment");
    read("/v1/job/web/summary", "JobSummary");
}

TEST_F(Contract, job_history_with_differences) {
    run_job();
    put("/v1/jobs", edited(job_body, R"({"K":"v"})", R"({"K":"w"})"), "JobRegisterResponse");
    const auto answer = read("/v1/job/web/versions?diffs=true", "JobVersionsResponse");
    EXPECT_EQ(answer.find("Versions")->array()->size(), 2U);
    EXPECT_EQ(answer.find("Diffs")->array()->size(), 1U);
    read("/v1/job/web/versions?diffs=false", "JobVersionsResponse");
}

TEST_F(Contract, job_stop_and_purge) {
    run_job();
    const std::string path = "/v1/job/web";
    const auto stopped = decoded(agent_->send("DELETE", path + "?purge=false&global=false"),
                                 "JobDeregisterResponse", "DELETE");
    read("/v1/evaluation/" + text_at(stopped, "EvalID"), "Evaluation");
    EXPECT_EQ(*read(path, "Job").find("Stop")->boolean(), true);
    const auto purged = decoded(agent_->send("DELETE", path + "?purge=true&global=false"),
                                "JobDeregisterResponse", "DELETE");
    read("/v1/evaluation/" + text_at(purged, "EvalID"), "Evaluation");
    const auto gone = agent_->send("GET", path);
    EXPECT_EQ(gone.status, 404U);
    EXPECT_EQ(gone.body, "job not found");
}

TEST_F(Contract, node_status) {
    run_job();
    const std::string node = text_at(read("/v1/nodes", "[]NodeListStub").array()->front(), "ID");
    EXPECT_EQ(first_id("/v1/nodes?prefix=" + node.substr(0, 8)), node);
    read("/v1/node/" + node, "Node");
    const auto held = read("/v1/node/" + node + "/allocations", "[]Allocation");
    EXPECT_GE(held.array()->size(), 2U);
    const auto self = tell("/v1/agent/self", "AgentSelf");
    EXPECT_EQ(text_at(*self.find("stats")->find("client"), "node_id"), node);
    EXPECT_EQ(text_at(*self.find("config"), "Region"), "global");
}

TEST_F(Contract, a_node_is_drained_and_takes_work_again) {
    run_job();
    const std::string id = text_at(read("/v1/nodes", "[]NodeListStub").array()->front(), "ID");
    const std::string path = "/v1/node/" + id + "/drain";
    const auto wrong = agent_->send("PUT", path, R"({"DrainSpec":{"Deadline":"1h"}})");
    EXPECT_EQ(wrong.status, 400U);
    EXPECT_NE(wrong.body.find("DrainSpec.Deadline"), std::string::npos) << wrong.body;
    EXPECT_EQ(agent_->send("GET", path).status, 405U);

    const auto begun =
        agent_->send("PUT", path, R"({"DrainSpec":{"Deadline":-1},"Meta":{"message":"new disk"}})");
    ASSERT_EQ(begun.status, 200U) << begun.body;
    EXPECT_TRUE(agent_->await("/v1/node/" + id, [](const JsonValue& node) {
        return !*node.find("Drain")->boolean() &&
               text_at(*node.find("LastDrain"), "Status") == "complete";
    }));
    const auto drained = read("/v1/node/" + id, "Node");
    EXPECT_EQ(text_at(drained, "SchedulingEligibility"), "ineligible");
    EXPECT_EQ(text_at(*drained.find("LastDrain")->find("Meta"), "message"), "new disk");
    EXPECT_TRUE(agent_->await("/v1/job/web/allocations", [](const JsonValue& list) {
        return std::ranges::none_of(*list.array(), [](const JsonValue& one) {
            return text_at(one, "ClientStatus") == "running";
        });
    })) << "nothing is left, and there is nowhere else to go";

    const auto back = agent_->send("PUT", path, R"({"DrainSpec":null,"MarkEligible":true})");
    ASSERT_EQ(back.status, 200U) << back.body;
    EXPECT_EQ(text_at(read("/v1/node/" + id, "Node"), "SchedulingEligibility"), "eligible");
    EXPECT_TRUE(agent_->await("/v1/job/web/allocations", [](const JsonValue& list) {
        return std::ranges::any_of(*list.array(), [](const JsonValue& one) {
            return text_at(one, "ClientStatus") == "running";
        });
    })) << "what waited comes back";
}

TEST_F(Contract, alloc_status) {
    run_job();
    const std::string id = first_id("/v1/job/web/allocations");
    ASSERT_FALSE(id.empty());
    for (const std::size_t length : {2U, 4U, 8U, 11U, 36U}) {
        EXPECT_TRUE(lists("/v1/allocations?prefix=" + id.substr(0, length), id)) << length;
    }
    const auto whole = read("/v1/allocation/" + id + "?namespace=default", "Allocation");
    const auto* states = whole.find("TaskStates");
    ASSERT_NE(states->object(), nullptr);
    EXPECT_EQ(text_at(*states->find("t"), "State"), "running");
    for (const auto& event : *states->find("t")->find("Events")->array())
        EXPECT_NE(text_at(event, "DisplayMessage"), "") << text_at(event, "Type");
}

TEST_F(Contract, alloc_logs_come_as_frames_or_plain) {
    run_job();
    const std::string path = "/v1/client/fs/logs/" + first_id("/v1/job/web/allocations");
    const std::string rest = "?follow=false&offset=0&origin=start&task=t&type=";
    const auto out = tell(path + rest + "stdout", "StreamFrame");
    EXPECT_EQ(text_at(out, "Data"), "b3V0Cg==");
    EXPECT_NE(text_at(out, "File"), "");
    EXPECT_EQ(text_at(tell(path + rest + "stderr", "StreamFrame"), "Data"), "ZXJyCg==");
    EXPECT_EQ(agent_->send("GET", path + rest + "stderr&plain=true").body, "err\n");
    EXPECT_EQ(
        text_at(tell(path + "?follow=false&offset=2&origin=end&task=t&type=stdout", "StreamFrame"),
                "Data"),
        "dAo=");
    for (const char* task : {"nobody", "..%2Ft"}) {
        const auto response = agent_->send("GET", path + "?type=stdout&task=" + task);
        EXPECT_EQ(response.status, 400U) << task << ": " << response.body;
    }
}

TEST_F(Contract, eval_status) {
    const std::string id = run_job();
    EXPECT_EQ(first_id("/v1/evaluations?prefix=" + id.substr(0, 8)), id);
    read("/v1/evaluations?prefix=" + id.substr(0, 8), "[]Evaluation");
}

TEST_F(Contract, a_job_that_fits_nowhere_says_why) {
    const std::string big = edited(job_body, R"("CPU":20)", R"("CPU":900000)");
    const auto plan = put("/v1/job/web/plan", big, "JobPlanResponse");
    EXPECT_NE(plan.find("FailedTGAllocs")->object(), nullptr);
    const std::string id = text_at(put("/v1/jobs", big, "JobRegisterResponse"), "EvalID");
    ASSERT_TRUE(agent_->await("/v1/evaluation/" + id, [](const JsonValue& evaluation) {
        return text_at(evaluation, "Status") == "complete";
    }));
    const auto done = read("/v1/evaluation/" + id, "Evaluation");
    EXPECT_NE(done.find("FailedTGAllocs")->object(), nullptr);
    EXPECT_NE(text_at(done, "BlockedEval"), "");
    read("/v1/evaluation/" + text_at(done, "BlockedEval"), "Evaluation");
}

// Without these, `node status` and `alloc status` complain in the middle of what they show.
TEST_F(Contract, what_nodes_and_allocations_use) {
    run_job();
    const std::string node = first_id("/v1/nodes");
    const auto host = tell("/v1/client/stats?node_id=" + node, "HostStats");
    EXPECT_GT(*host.find("Memory")->find("Total")->integer(), 0);
    EXPECT_FALSE(host.find("CPU")->array()->empty());
    tell("/v1/client/stats", "HostStats");
    tell("/v1/client/allocation/" + first_id("/v1/job/web/allocations") + "/stats",
         "AllocResourceUsage");
    const std::string nobody = "00000000-0000-0000-0000-000000000001";
    EXPECT_EQ(agent_->send("GET", "/v1/client/stats?node_id=" + nobody).status, 404U);
    EXPECT_EQ(agent_->send("GET", "/v1/client/allocation/" + nobody + "/stats").status, 404U);
}

TEST_F(Contract, search_finds_what_begins_so) {
    const std::string evaluation = run_job();
    const auto by_name = put("/v1/search", R"({"Prefix":"we","Context":"all"})", "SearchResponse");
    EXPECT_EQ(by_name.find("Matches")->find("jobs")->array()->size(), 1U);
    EXPECT_EQ(by_name.find("Matches")->find("evals"), nullptr) << "no UUID begins with we";
    const auto by_id =
        put("/v1/search", R"({"Prefix":")" + evaluation.substr(0, 8) + R"(","Context":"evals"})",
            "SearchResponse");
    EXPECT_EQ(by_id.find("Matches")->object()->size(), 1U);
    EXPECT_EQ(*by_id.find("Matches")->find("evals")->array()->front().text(), evaluation);
    EXPECT_EQ(agent_->send("PUT", "/v1/search", R"({"Context":"pods"})").status, 400U);
}

// The leader's address must be a member's address and its `port` tag joined, letter by letter.
TEST_F(Contract, server_members_and_list_peers) {
    const auto members = tell("/v1/agent/members", "ServerMembers");
    const JsonValue& member = members.find("Members")->array()->front();
    const auto leader = tell("/v1/status/leader?region=global", "string");
    EXPECT_EQ(*leader.text(),
              text_at(member, "Addr") + ":" + text_at(*member.find("Tags"), "port"));
    for (const char* tag : {"build", "dc", "region", "role", "vsn", "raft_vsn"})
        EXPECT_NE(text_at(*member.find("Tags"), tag), "") << tag;
    EXPECT_EQ(tell("/v1/regions", "[]string").array()->size(), 1U);
    EXPECT_EQ(tell("/v1/status/peers", "[]string").array()->size(), 1U);
    tell("/v1/operator/raft/configuration", "RaftConfiguration");
    tell("/v1/operator/raft/configuration?stale=", "RaftConfiguration");
}

TEST_F(Contract, the_schedulers_configuration_is_read_checked_and_set) {
    const std::string path = "/v1/operator/scheduler/configuration";
    const auto read = [&] {
        const auto answer = agent_->send("GET", path);
        EXPECT_EQ(answer.status, 200U) << answer.body;
        return *schema::parse_json(answer.body)->find("SchedulerConfig");
    };
    const auto cas = [](const JsonValue& config) {
        return "?cas=" + std::to_string(*config.find("ModifyIndex")->integer());
    };
    const JsonValue before = read();
    EXPECT_EQ(text_at(before, "SchedulerAlgorithm"), "binpack");
    EXPECT_TRUE(*before.find("PreemptionConfig")->find("SystemSchedulerEnabled")->boolean());
    EXPECT_FALSE(*before.find("PreemptionConfig")->find("SysBatchSchedulerEnabled")->boolean());
    const auto refused = agent_->send("PUT", path, R"({"SchedulerAlgorithm":"random"})");
    EXPECT_EQ(refused.status, 400U);
    EXPECT_NE(refused.body.find("write binpack or spread"), std::string::npos) << refused.body;

    const std::string rejecting = R"({"SchedulerAlgorithm":"spread","RejectJobRegistration":true,
"PreemptionConfig":{"SystemSchedulerEnabled":true}})";
    const auto set = agent_->send("PUT", path + cas(before), rejecting);
    EXPECT_NE(set.body.find(R"("Updated":true)"), std::string::npos) << set.body;
    const auto late = agent_->send("POST", path + cas(before), rejecting);
    EXPECT_EQ(late.status, 200U);
    EXPECT_NE(late.body.find(R"("Updated":false)"), std::string::npos) << late.body;
    EXPECT_EQ(text_at(read(), "SchedulerAlgorithm"), "spread");

    const auto job = agent_->send("PUT", "/v1/jobs", job_body);
    EXPECT_EQ(job.status, 403U);
    EXPECT_EQ(job.body,
              "Job registration, dispatch, and scale are disabled by the scheduler configuration");
    agent_->send("PUT", path, R"({"PreemptionConfig":{"SystemSchedulerEnabled":true}})");
    EXPECT_EQ(text_at(read(), "SchedulerAlgorithm"), "binpack");
    EXPECT_EQ(agent_->send("PUT", "/v1/jobs", job_body).status, 200U);
    EXPECT_EQ(agent_->send("DELETE", path).status, 405U);
}

TEST_F(Contract, an_upgrade_is_shown_and_finalized) {
    const auto read_status = [&] {
        const auto answer = agent_->send("GET", "/v1/operator/upgrade/status");
        EXPECT_EQ(answer.status, 200U);
        return *schema::parse_json(answer.body);
    };
    const JsonValue status = read_status();
    EXPECT_EQ(*status.find("Level")->integer(), 2);
    EXPECT_EQ(*status.find("NextLevel")->integer(), 2);
    EXPECT_FALSE(*status.find("Ready")->boolean());
    EXPECT_FALSE(*status.find("GoingBack")->boolean());
    EXPECT_EQ(text_at(status, "OldestRelease"), "0.2.0");
    const JsonValue& server = status.find("Servers")->array()->front();
    EXPECT_EQ(text_at(server, "Release"), "0.2.0");
    EXPECT_EQ(*server.find("LevelMax")->integer(), 2);
    EXPECT_TRUE(*server.find("Voter")->boolean());
    const std::string path = "/v1/operator/upgrade/finalize";
    EXPECT_EQ(agent_->send("GET", path).status, 405U);
    EXPECT_EQ(agent_->send("PUT", path).body, R"({"Level":2})") << "nothing to do is no mistake";
    EXPECT_EQ(agent_->send("PUT", path + "?level=x").status, 400U);
    const auto refused = agent_->send("PUT", path + "?level=3");
    EXPECT_EQ(refused.status, 500U);
    EXPECT_NE(refused.body.find("feature level 3 is not supported by"), std::string::npos)
        << refused.body;
    EXPECT_EQ(agent_->send("GET", "/v1/operator/upgrade/else").status, 404U);
}

TEST_F(Contract, a_raft_peer_is_removed_by_name_but_never_the_last_voter) {
    const std::string path = "/v1/operator/raft/peer";
    const auto nameless = agent_->send("DELETE", path);
    EXPECT_EQ(nameless.status, 400U);
    EXPECT_EQ(nameless.body, "Must specify the peer's ID to remove");
    EXPECT_EQ(agent_->send("PUT", path + "?id=x").status, 404U) << "only DELETE removes";
    EXPECT_EQ(agent_->send("DELETE", path + "?id=x&address=y").status, 400U);
    EXPECT_EQ(agent_->send("DELETE", path + "?id=x").status, 404U);
    const auto servers = tell("/v1/operator/raft/configuration", "RaftConfiguration");
    const JsonValue& self = servers.find("Servers")->array()->front();
    const auto last = agent_->send("DELETE", path + "?id=" + text_at(self, "ID"));
    EXPECT_EQ(last.status, 400U);
    EXPECT_NE(last.body.find("the last voter"), std::string::npos) << last.body;
    const auto by_address = agent_->send("DELETE", path + "?address=" + text_at(self, "Address"));
    EXPECT_EQ(by_address.status, 400U);
    EXPECT_NE(by_address.body.find("name it by its id"), std::string::npos) << by_address.body;
}

}  // namespace
}  // namespace drover::agent
