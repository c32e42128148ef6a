// A job that uses all that the struct of the 1.0 client can say: taken, kept and shown again in the
// shape in which that client reads it.
#include "tests/agent/api/client_types.hpp"
#include "tests/agent/api/dev_agent.hpp"
#include "tests/agent/api/go_types.hpp"

namespace drover::agent {
namespace {

const char* const full_body =
    R"({"Job":{"ID":"full","Name":"full","Type":"service","Priority":60,"AllAtOnce":false,
"Datacenters":["dc1","dc2"],"Region":"global","Namespace":"default","Meta":{"a":"b"},
"Payload":null,"Constraints":[{"LTarget":"${attr.cpu.arch}","RTarget":"amd64","Operand":"="}],
"Affinities":[{"LTarget":"${node.datacenter}","RTarget":"dc1","Operand":"=","Weight":-50}],
"Spreads":[{"Attribute":"${node.datacenter}","Weight":100,"SpreadTarget":[{"Value":"dc1",
"Percent":70},{"Value":"dc2","Percent":30}]}],"Reschedule":{"Attempts":3,"Interval":3600000000000,
"Delay":30000000000,"DelayFunction":"fibonacci","MaxDelay":120000000000,"Unlimited":false},
"TaskGroups":[{"Name":"g","Count":0,"Constraints":[{"LTarget":"","RTarget":"",
"Operand":"distinct_hosts"}],"Affinities":[{"LTarget":"${node.class}","RTarget":"x","Operand":"=",
"Weight":10}],"Spreads":[{"Attribute":"${node.class}","Weight":50,"SpreadTarget":null}],
"Volumes":{"data":{"Name":"data","Type":"host","Source":"data","ReadOnly":true,
"MountOptions":null}},"Networks":[{"Mode":"bridge","DNS":{"Servers":["1.1.1.1"],"Searches":["x"],
"Options":["ndots:2"]},"ReservedPorts":[{"Label":"admin","Value":9000,"To":0,
"HostNetwork":"default"}],"DynamicPorts":[{"Label":"http","Value":0,"To":8080,
"HostNetwork":""}]}],"Scaling":{"Min":0,"Max":10,"Enabled":true,"Policy":{"cooldown":"1m",
"check":[{"x":1}]}},"ShutdownDelay":1000000000,"StopAfterClientDisconnect":60000000000,
"Meta":{"g":"1"},"Services":[{"Name":"s","Tags":["t"],"CanaryTags":["c"],"PortLabel":"http",
"Meta":{"m":"1"},"CanaryMeta":{"m":"2"},"Checks":[{"Name":"h","Type":"http","Path":"/",
"Interval":10000000000,"Timeout":2000000000,"Header":{"X":["1","2"]},"CheckRestart":{"Limit":3,
"Grace":5000000000,"IgnoreWarnings":false}}],"CheckRestart":{"Limit":1,"Grace":null,
"IgnoreWarnings":true}}],"Tasks":[{"Name":"init","Driver":"mock_driver",
"Lifecycle":{"Hook":"prestart","Sidecar":false},"Config":{"run_for":"1s"}},{"Name":"t",
"Driver":"mock_driver","User":"nobody","Config":{"run_for":"10s","exit_code":0,"x":{"y":[1,2.5,
true,null]}},"Env":{"A":"1"},"Meta":{"t":"1"},"Leader":true,"KillTimeout":1000000000,
"KillSignal":"SIGINT","ShutdownDelay":1000000,"Constraints":[{"LTarget":"${attr.os.name}",
"RTarget":"","Operand":"is_set"}],"Resources":{"CPU":100,"MemoryMB":64,
"Devices":[{"Name":"nvidia/gpu","Count":2,"Constraints":[{"LTarget":"${device.attr.memory}",
"RTarget":"2 GiB","Operand":">="}],"Affinities":[{"LTarget":"${device.model}","RTarget":"x",
"Operand":"=","Weight":20}]}]},"LogConfig":{"MaxFiles":3,"MaxFileSizeMB":5},
"Artifacts":[{"GetterSource":"http://x/y.tgz",
"GetterOptions":{"checksum":"md5:d41d8cd98f00b204e9800998ecf8427e"},"GetterHeaders":{"X":"y"},
"GetterMode":"any","RelativeDest":"local/"}],"Vault":{"Policies":["p"],"Namespace":null,
"Env":true,"ChangeMode":"restart","ChangeSignal":""},"Templates":[{"SourcePath":"",
"DestPath":"local/t","EmbeddedTmpl":"x","ChangeMode":"signal","ChangeSignal":"SIGHUP",
"Splay":5000000000,"Perms":"0600","LeftDelim":"[[","RightDelim":"]]","Envvars":false,
"VaultGrace":0}],"VolumeMounts":[{"Volume":"data","Destination":"/data","ReadOnly":true,
"PropagationMode":"private"}],"ScalingPolicies":[{"Type":"vertical_cpu","Min":0,"Max":1,
"Enabled":true,"Policy":{}}]}]}]}})";

schema::JsonValue checked(const GoTypes& types, const io::HttpResponse& response,
                          const char* kind) {
    EXPECT_EQ(response.status, 200U) << response.body;
    auto json = schema::parse_json(response.body);
    EXPECT_TRUE(json) << response.body;
    if (!json) return {};
    for (const auto& problem : types.problems(*json, kind)) ADD_FAILURE() << kind << problem;
    return std::move(*json);
}

TEST(FullJob, is_taken_and_shown_again) {
    DevAgent agent;
    const GoTypes types{client_types};
    const auto valid =
        checked(types, agent.send("PUT", "/v1/validate/job", full_body), "JobValidateResponse");
    EXPECT_EQ(text_at(valid, "Error"), "");
    EXPECT_NE(text_at(valid, "Warnings"), "");
    checked(types, agent.send("PUT", "/v1/jobs", full_body), "JobRegisterResponse");
    const auto job = checked(types, agent.send("GET", "/v1/job/full"), "Job");
    const auto& group = job.find("TaskGroups")->array()->front();
    for (const char* name : {"Constraints", "Affinities", "Spreads", "Volumes", "Networks",
                             "Scaling", "Services", "Meta", "ReschedulePolicy", "ShutdownDelay"}) {
        EXPECT_FALSE(group.find(name)->is_null()) << name;
    }
    const auto& task = (*group.find("Tasks")->array())[1];
    for (const char* name : {"Constraints", "Env", "Meta", "LogConfig", "Artifacts", "Vault",
                             "Templates", "VolumeMounts", "ScalingPolicies", "KillTimeout"}) {
        EXPECT_FALSE(task.find(name)->is_null()) << name;
    }
    // What is shown can be said again and changes nothing.
    const auto again = checked(types,
                               agent.send("PUT", "/v1/job/full/plan",
                                          R"({"Diff":true,"Job":)" + schema::print_json(job) + "}"),
                               "JobPlanResponse");
    EXPECT_EQ(text_at(*again.find("Diff"), "Type"), "None")
        << schema::print_json(*again.find("Diff"));
    const auto same = checked(types,
                              agent.send("PUT", "/v1/job/full/plan",
                                         R"({"Diff":true,)" + std::string{full_body}.substr(1)),
                              "JobPlanResponse");
    EXPECT_EQ(text_at(*same.find("Diff"), "Type"), "None")
        << schema::print_json(*same.find("Diff"));
}

}  // namespace
}  // namespace drover::agent
