// The codec between messages and Nomad's JSON.
#include "engine/schema/json.hpp"

#include <gtest/gtest.h>

#include "engine/base/uuid.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/deployment.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/evaluation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/json_text.hpp"
#include "engine/schema/node.pb.h"

namespace drover::schema {
namespace {

std::string id_text() { return "01234567-89ab-cdef-0123-456789abcdef"; }
std::string id_raw() { return Uuid::from_text(id_text())->raw(); }

const JsonValue& member(const JsonValue& value, std::string_view name) {
    static const JsonValue nothing;
    const JsonValue* found = value.find(name);
    EXPECT_NE(found, nullptr) << name;
    return found != nullptr ? *found : nothing;
}

TEST(JsonName, FollowsNomad) {
    struct Row {
        const google::protobuf::Descriptor* type;
        const char* field;
        const char* name;
    };
    const Row rows[]{
        {Job::descriptor(), "id", "ID"},
        {Job::descriptor(), "job_modify_index", "JobModifyIndex"},
        {Job::descriptor(), "nomad_token_id", "NomadTokenID"},
        {Job::descriptor(), "ui", "UI"},
        {Constraint::descriptor(), "l_target", "LTarget"},
        {Resources::descriptor(), "cpu", "CPU"},
        {Resources::descriptor(), "memory_max_mb", "MemoryMaxMB"},
        {AllocatedTaskResources::descriptor(), "cpu", "Cpu"},
        {AllocatedCpuResources::descriptor(), "cpu_shares", "CpuShares"},
        {ServiceCheck::descriptor(), "tls_skip_verify", "TLSSkipVerify"},
        {ServiceCheck::descriptor(), "grpc_use_tls", "GRPCUseTLS"},
        {Node::descriptor(), "http_addr", "HTTPAddr"},
        {Node::descriptor(), "gc_volumes_on_node_gc", "GCVolumesOnNodeGC"},
        {NetworkResource::descriptor(), "mbits", "MBits"},
        {VolumeMount::descriptor(), "selinux_label", "SELinuxLabel"},
        {Evaluation::descriptor(), "failed_tg_allocs", "FailedTGAllocs"},
        {ConsulTransparentProxy::descriptor(), "exclude_outbound_cidrs", "ExcludeOutboundCIDRs"},
        {ConsulSidecarService::descriptor(), "disable_default_tcp_check", "DisableDefaultTCPCheck"},
        {AllocNetworkStatus::descriptor(), "address_ipv6", "AddressIPv6"},
        {PortMapping::descriptor(), "host_ip", "HostIP"},
        {NodeDeviceLocality::descriptor(), "pci_bus_id", "PciBusID"},
    };
    for (const Row& row : rows) {
        const auto* field = row.type->FindFieldByName(row.field);
        ASSERT_NE(field, nullptr) << row.field;
        EXPECT_EQ(json_name(*field), row.name);
    }
}

TEST(ToJson, AbsentIsNullAndServerFieldsAreAlwaysThere) {
    JsonValue json = to_json_value(Job{});
    EXPECT_TRUE(member(json, "ID").is_null());
    EXPECT_TRUE(member(json, "TaskGroups").is_null());
    EXPECT_TRUE(member(json, "Meta").is_null());
    EXPECT_TRUE(member(json, "Payload").is_null());
    EXPECT_EQ(member(json, "Stop"), JsonValue{false});
    EXPECT_EQ(member(json, "Version"), JsonValue{0});
    EXPECT_EQ(json.find("Reschedule"), nullptr) << "servers merge it into the groups";
}

TEST(ToJson, IdsTimesDurationsBytesAndMaps) {
    Evaluation evaluation;
    evaluation.set_id(id_raw());
    evaluation.set_wait(30'000'000'000);
    IntPair& queued = *evaluation.add_queued_allocations();
    queued.set_key("web");
    queued.set_value(2);
    JsonValue json = to_json_value(evaluation);
    EXPECT_EQ(member(json, "ID"), JsonValue{id_text()});
    EXPECT_EQ(member(json, "NodeID"), JsonValue{""});
    EXPECT_EQ(member(json, "Wait"), JsonValue{std::int64_t{30'000'000'000}});
    EXPECT_EQ(member(json, "WaitUntil"), JsonValue{"0001-01-01T00:00:00Z"});
    EXPECT_EQ(print_json(member(json, "QueuedAllocations")), R"({"web":2})");
    Job job;
    job.set_payload("hi!");
    EXPECT_EQ(member(to_json_value(job), "Payload"), JsonValue{"aGkh"});
}

TEST(ToJson, MapsOfMessagesLoseTheirKeyUnlessNomadShowsIt) {
    Allocation allocation;
    TaskState& state = *allocation.add_task_states();
    state.set_task("web");
    state.set_state("running");
    JsonValue json = to_json_value(allocation);
    const JsonValue& shown = member(member(json, "TaskStates"), "web");
    EXPECT_EQ(member(shown, "State"), JsonValue{"running"});
    EXPECT_EQ(shown.find("Task"), nullptr);
    TaskGroup group;
    group.add_volumes()->set_name("data");
    EXPECT_EQ(member(member(member(to_json_value(group), "Volumes"), "data"), "Name"),
              JsonValue{"data"});
}

TEST(ToJson, WhatIsNoPointerInNomadIsAnObject) {
    JsonValue json = to_json_value(Allocation{});
    EXPECT_NE(member(json, "DesiredTransition").object(), nullptr);
    EXPECT_TRUE(member(json, "Job").is_null());
    EXPECT_EQ(json.find("JobVersion"), nullptr) << "a reference of the state, not of the API";
    AllocatedResources resources;
    EXPECT_NE(member(to_json_value(resources), "Shared").object(), nullptr);
}

TEST(ToJson, EmptyListsAreNullOrEmptyAsNomadHasThem) {
    EXPECT_EQ(print_json(member(to_json_value(Node{}), "Attributes")), "{}");
    EXPECT_EQ(print_json(member(to_json_value(Node{}), "HostVolumes")), "null");
    EXPECT_EQ(print_json(member(to_json_value(Deployment{}), "TaskGroups")), "{}");
}

TEST(ToJson, SecretsAreBlankUnlessAskedFor) {
    Node node;
    node.set_secret_id("s3cret");
    EXPECT_EQ(member(to_json_value(node), "SecretID"), JsonValue{""});
    EXPECT_EQ(member(to_json_value(node, JsonStyle{.redact = false}), "SecretID"),
              JsonValue{"s3cret"});
}

TEST(FromJson, ReadsAJobInAnyLetterCaseAndIgnoresWhatItDoesNotKnow) {
    Job job;
    auto done = from_json(R"({
        "id": "example", "NAME": "Example", "Datacenters": ["dc1"], "Unknown": {"x": [1]},
        "Meta": {"b": "2", "a": "1"},
        "TaskGroups": [{"Name": "web", "Count": 2, "RestartPolicy": {"Interval": 1800000000000},
          "Tasks": [{"Name": "t", "Driver": "raw_exec",
                     "Config": {"command": "/bin/sh", "args": ["-c", "x"], "n": 1.5,
                                "deep": {"z": null, "a": true}},
                     "Resources": {"CPU": 500, "MemoryMB": 256}}]}],
        "Update": null})",
                          job);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(job.id(), "example");
    EXPECT_EQ(job.name(), "Example");
    EXPECT_EQ(job.meta(0).key(), "a") << "maps are kept in order of their keys";
    EXPECT_FALSE(job.has_update());
    const Task& task = job.task_groups(0).tasks(0);
    EXPECT_EQ(task.resources().cpu(), 500);
    EXPECT_EQ(job.task_groups(0).restart_policy().interval(), 1'800'000'000'000);
    ASSERT_EQ(task.config_size(), 4);
    EXPECT_EQ(task.config(0).key(), "args");
    EXPECT_EQ(print_json(member(to_json_value(task), "Config")),
              R"({"args":["-c","x"],"command":"/bin/sh","deep":{"a":true,"z":null},"n":1.5})");
}

TEST(FromJson, RefusesWithThePathAndTheValue) {
    struct Row {
        const char* why;
        const char* text;
        const char* message;
    };
    const Row rows[]{
        {"a duration as text", R"({"Update":{"Stagger":"30s"}})",
         "Update.Stagger: expected an integer, got a string (\"30s\")"},
        {"the wrong kind in a list", R"({"TaskGroups":[{},{"Count":"2"}]})",
         "TaskGroups[1].Count: expected an integer, got a string (\"2\")"},
        {"out of range", R"({"Priority":3000000000})", "Priority: 3000000000 is out of range"},
        {"negative where none can be", R"({"Version":-1})", "Version: -1 is out of range"},
        {"a fraction", R"({"Priority":1.5})", "Priority: expected an integer, got a number (1.5)"},
        {"an object for a list", R"({"TaskGroups":{}})",
         "TaskGroups: expected an array, got an object"},
        {"a list for a map", R"({"Meta":[]})", "Meta: expected an object, got an array"},
        {"a number in a map of texts", R"({"Meta":{"a":1}})",
         "Meta.a: expected a string, got an integer (1)"},
        {"no base64", R"({"Payload":"%%%%"})", "Payload: expected base64, got a string (\"%%%%\")"},
        {"not an object at all", "[]", "expected an object, got an array"},
    };
    for (const Row& row : rows) {
        Job job;
        auto done = from_json(row.text, job);
        ASSERT_FALSE(done) << row.why;
        EXPECT_EQ(done.error().message, row.message) << row.why;
    }
    Allocation allocation;
    auto done = from_json(R"({"ID":"nonsense"})", allocation);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "ID: expected a UUID, got a string (\"nonsense\")");
}

TEST(FromJson, WholeNumbersMayBeWrittenAsReals) {
    Job job;
    ASSERT_TRUE(from_json(R"({"Priority":5e1})", job));
    EXPECT_EQ(job.priority(), 50);
}

TEST(FromJson, WhatWasWrittenComesBack) {
    Allocation before;
    before.set_id(id_raw());
    before.set_name("a.web[0]");
    before.mutable_job()->set_id("a");
    before.mutable_job()->add_task_groups()->set_name("web");
    before.mutable_job()->mutable_task_groups(0)->set_count(3);
    before.mutable_desired_transition()->set_migrate(true);
    TaskState& state = *before.add_task_states();
    state.set_task("t");
    state.set_started_at(1'700'000'000'123'000'000);
    TaskEvent& event = *state.add_events();
    event.set_type("Started");
    StringPair& detail = *event.add_details();
    detail.set_key("k");
    detail.set_value("v");
    before.mutable_metrics()->set_nodes_evaluated(4);
    DoublePair& score = *before.mutable_metrics()->add_score_meta_data()->add_scores();
    score.set_key("binpack");
    score.set_value(0.25);
    before.add_preempted_allocations(id_raw());
    before.mutable_deployment_status()->set_healthy(false);
    Allocation after;
    auto done = from_json(to_json(before, JsonStyle{.pretty = true}), after);
    ASSERT_TRUE(done) << done.error().message;
    // What is a plain object in Nomad comes back as one.
    EXPECT_EQ(to_json(after), to_json(before));
    EXPECT_TRUE(after.deployment_status().has_healthy());
    EXPECT_EQ(after.task_states(0).started_at(), 1'700'000'000'123'000'000);
}

TEST(Normalise, SortsMapsAndFreeFormObjectsAndKeepsTheLastOfEqualKeys) {
    Task task;
    for (const char* key : {"b", "a", "b"}) {
        ValuePair& pair = *task.add_config();
        pair.set_key(key);
        pair.mutable_value()->set_integer(task.config_size());
    }
    ObjectValue& inner = *task.mutable_config(1)->mutable_value()->mutable_object();
    inner.add_fields()->set_key("z");
    inner.add_fields()->set_key("y");
    normalise(task);
    EXPECT_EQ(print_json(member(to_json_value(task), "Config")),
              R"({"a":{"y":null,"z":null},"b":3})");
}

TEST(Rfc3339, BothWays) {
    struct Row {
        const char* why;
        const char* text;
        std::int64_t unix_ns;
        const char* printed;
    };
    const Row rows[]{
        {"the zero time", "0001-01-01T00:00:00Z", 0, "0001-01-01T00:00:00Z"},
        {"trailing zeros go", "2023-11-14T22:13:20.120Z", 1'700'000'000'120'000'000,
         "2023-11-14T22:13:20.12Z"},
        {"an offset", "2023-11-15T00:13:20+02:00", 1'700'000'000'000'000'000,
         "2023-11-14T22:13:20Z"},
        {"before 1970", "1969-12-31T23:59:59.5Z", -500'000'000, "1969-12-31T23:59:59.5Z"},
    };
    for (const Row& row : rows) {
        auto value = from_rfc3339(row.text);
        ASSERT_TRUE(value) << row.why;
        EXPECT_EQ(*value, row.unix_ns) << row.why;
        EXPECT_EQ(rfc3339_text(row.unix_ns), row.printed) << row.why;
    }
    for (const char* bad : {"", "2023", "2023-02-30T00:00:00Z", "2023-11-14T22:13:20",
                            "2023-11-14T24:00:00Z", "2023-11-14T22:13:20.Z",
                            "9999-01-01T00:00:00Z"}) {
        EXPECT_FALSE(from_rfc3339(bad)) << bad;
    }
}

TEST(Base64, BothWaysAndRefusals) {
    for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
        EXPECT_EQ(from_base64(base64(text)), text);
    }
    EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
    for (const char* bad : {"a", "ab=c", "ab!d", "====", "a==="}) {
        EXPECT_FALSE(from_base64(bad)) << bad;
    }
}

}  // namespace
}  // namespace drover::schema
