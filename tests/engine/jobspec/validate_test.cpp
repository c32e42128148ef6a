// The rules: one row each, as a change to a job that is right, and the words of the complaint.
#include <gtest/gtest.h>

#include <functional>

#include "engine/jobspec/jobspec.hpp"
#include "tests/engine/jobspec/samples.hpp"

namespace drover::jobspec {
namespace {

using Change = std::function<void(schema::Job&)>;

schema::Job right(std::string_view text) {
    VariableInputs variables;
    if (text.find("image_tag") != std::string_view::npos) variables.flags = {{"image_tag", "v7"}};
    auto parsed = parse_hcl(Source{"job.hcl", std::string{text}}, variables);
    EXPECT_TRUE(parsed);
    schema::Job job = parsed->job;
    canonicalise(job);
    return job;
}

TEST(Validate, the_samples_are_right) {
    for (const std::string_view text : {samples::raw_exec_service, samples::docker_web,
                                        samples::periodic_batch, samples::parameterized_batch}) {
        const Validation validation = validate(right(text));
        EXPECT_EQ(error_text(validation.errors), "") << text;
        EXPECT_EQ(warning_text(validation.warnings), "") << text;
    }
}

schema::TaskGroup& group(schema::Job& job) { return *job.mutable_task_groups(0); }
schema::Task& task(schema::Job& job) { return *group(job).mutable_tasks(0); }

struct Row {
    Change change;
    const char* error;
};

void expect_only(std::string_view sample, const Row& row) {
    schema::Job job = right(sample);
    row.change(job);
    const Validation validation = validate(job);
    ASSERT_EQ(validation.errors.size(), 1U) << row.error << "\n" << error_text(validation.errors);
    EXPECT_EQ(validation.errors[0], row.error);
}

TEST(Validate, rules_of_jobs) {
    const Row rows[]{
        {[](auto& job) { job.set_id("a b"); },
         "id \"a b\" must contain neither blanks nor NUL bytes"},
        {[](auto& job) { job.clear_datacenters(); }, "datacenters is empty: use [\"*\"] for all"},
        {[](auto& job) { job.set_priority(101); }, "priority 101 must be between 1 and 100"},
        {[](auto& job) { job.set_priority(0); }, "priority 0 must be between 1 and 100"},
        {[](auto& job) { job.clear_task_groups(); }, "the job has no group"},
        {[](auto& job) { group(job).set_count(50'001); },
         "the groups ask for 50001 allocations, at most 50000 are allowed"},
        {[](auto& job) { job.mutable_ui()->set_description(std::string(1001, 'x')); },
         "ui.description is longer than 1000 bytes"},
        {[](auto& job) { job.mutable_parameterized_job()->set_payload("optional"); },
         "parameterized is for batch and sysbatch jobs only"},
        {[](auto& job) { *job.add_task_groups() = group(job); },
         "group \"main\": another group has the same name: names must be unique"},
        {[](auto& job) { job.mutable_update()->set_health_check("x"); },
         "update: health_check \"x\" is not known: it must be checks, task_states or manual"},
        {[](auto& job) { job.add_constraints()->set_operand("~"); },
         "constraint 1: operator \"~\" is not known"},
        {[](auto& job) {
             auto* one = job.add_constraints();
             one->set_l_target("${attr.x}");
             one->set_operand("regexp");
             one->set_r_target("(");
         },
         "constraint 1: value \"(\" is no regular expression: missing ): ("},
        {[](auto& job) {
             job.add_affinities()->set_weight(5);
             job.mutable_affinities(0)->set_operand("=");
         },
         "affinity 1: attribute is missing"},
    };
    for (const Row& row : rows) expect_only(samples::raw_exec_service, row);
}

TEST(Validate, rules_of_groups) {
    const Row rows[]{
        {[](auto& job) { group(job).set_count(-1); },
         "group \"main\": count -1 must not be negative"},
        {[](auto& job) { group(job).clear_tasks(); }, "group \"main\": the group has no task"},
        {[](auto& job) { task(job).mutable_lifecycle()->set_hook("prestart"); },
         "group \"main\": at least one task must have no lifecycle: it is the main one"},
        {[](auto& job) { group(job).set_max_run_duration(1); },
         "group \"main\": max_run_duration is for batch and sysbatch jobs only"},
        {[](auto& job) { group(job).clear_reschedule_policy(); },
         "group \"main\": reschedule is missing"},
        {[](auto& job) {
             group(job).mutable_reschedule_policy()->set_attempts(1);
             group(job).mutable_reschedule_policy()->set_interval(60'000'000'000);
         },
         "group \"main\", reschedule: attempts and unlimited exclude each other"},
        {[](auto& job) { group(job).mutable_restart_policy()->set_mode("again"); },
         "group \"main\", restart: mode \"again\" is not known: it must be fail or delay"},
        {[](auto& job) { group(job).mutable_restart_policy()->set_attempts(1000); },
         "group \"main\", restart: 1000 attempts with a delay of 15s do not fit in the interval of "
         "1800s"},
        {[](auto& job) { group(job).mutable_update()->set_healthy_deadline(5'000'000'000); },
         "group \"main\", update: min_healthy_time 10s must be less than healthy_deadline 5s"},
        {[](auto& job) { group(job).mutable_ephemeral_disk()->set_size_mb(100); },
         "group \"main\", task \"server\", logs: 100 MB of logs do not fit in the ephemeral_disk "
         "of 100 MB"},
        {[](auto& job) {
             auto* volume = group(job).add_volumes();
             volume->set_name("v");
             volume->set_type("host");
         },
         "group \"main\", volume \"v\": source is missing"},
    };
    for (const Row& row : rows) expect_only(samples::raw_exec_service, row);
}

TEST(Validate, rules_of_ports) {
    const Row rows[]{
        {[](auto& job) { group(job).mutable_networks(0)->mutable_dynamic_ports(0)->set_to(70000); },
         "group \"front\", network, port \"http\": to 70000 must be between -1 and 65535"},
        {[](auto& job) {
             group(job).mutable_networks(0)->mutable_reserved_ports(0)->set_value(65536);
         },
         "group \"front\", network, port \"admin\": static 65536 must be between 1 and 65535"},
        {[](auto& job) {
             group(job).mutable_networks(0)->mutable_dynamic_ports(0)->set_label("metrics");
             group(job).mutable_services(0)->clear_port_label();
             group(job).mutable_services(0)->mutable_checks(0)->set_port_label("metrics");
         },
         "group \"front\", network, port \"metrics\": another port of the group has the same "
         "label"},
        {[](auto& job) { group(job).mutable_networks(0)->set_mode("bridged"); },
         "group \"front\", network: mode \"bridged\" is not known: it must be host, bridge, none "
         "or cni/NAME"},
        {[](auto& job) { group(job).mutable_services(0)->set_port_label("nope"); },
         "group \"front\", service \"web\": port \"nope\" is no port of the group's network"},
    };
    for (const Row& row : rows) expect_only(samples::docker_web, row);
}

TEST(Validate, rules_of_tasks) {
    const Row rows[]{
        {[](auto& job) { task(job).clear_driver(); },
         "group \"main\", task \"server\": driver is missing"},
        {[](auto& job) { task(job).set_name("a/b"); },
         "group \"main\", task \"a/b\": a name contains neither \"/\" nor NUL bytes"},
        {[](auto& job) { task(job).set_name("alloc"); },
         "group \"main\", task \"alloc\": the name alloc is reserved"},
        {[](auto& job) { task(job).mutable_resources()->set_memory_mb(5); },
         "group \"main\", task \"server\", resources: memory 5 must be at least 10 MB"},
        {[](auto& job) { task(job).mutable_resources()->set_cores(1); },
         "group \"main\", task \"server\", resources: cpu and cores exclude each other"},
        {[](auto& job) { task(job).mutable_resources()->set_memory_max_mb(20); },
         "group \"main\", task \"server\", resources: memory_max 20 is less than memory 64"},
        {[](auto& job) { task(job).add_constraints()->set_operand("distinct_hosts"); },
         "group \"main\", task \"server\", constraint 1: distinct_hosts is not allowed in a task: "
         "put it in the "
         "group"},
        {[](auto& job) { task(job).set_kill_timeout(-1); },
         "group \"main\", task \"server\": kill_timeout must not be negative"},
        {[](auto& job) { task(job).mutable_dispatch_payload()->set_file("../x"); },
         "group \"main\", task \"server\", dispatch_payload: file \"../x\" leaves the task's "
         "directory"},
        {[](auto& job) {
             auto* mount = task(job).add_volume_mounts();
             mount->set_volume("v");
             mount->set_destination("/v");
             mount->set_propagation_mode("private");
         },
         "group \"main\", task \"server\", volume_mount \"v\": the group has no volume of this "
         "name"},
    };
    for (const Row& row : rows) expect_only(samples::raw_exec_service, row);
}

schema::RequestedDevice& device(schema::Job& job, const std::string& name, std::uint64_t count) {
    auto& one = *task(job).mutable_resources()->add_devices();
    one.set_name(name);
    one.set_count(count);
    return one;
}

TEST(Validate, rules_of_devices) {
    const Row rows[]{
        {[](auto& job) { device(job, "", 1); },
         "group \"main\", task \"server\", resources, device \"\": the name is missing"},
        {[](auto& job) { device(job, "acme/", 1); },
         "group \"main\", task \"server\", resources, device \"acme/\": the name must be a type, "
         "vendor/type "
         "or vendor/type/name, without empty parts"},
        {[](auto& job) { device(job, "acme//x", 1); },
         "group \"main\", task \"server\", resources, device \"acme//x\": the name must be a type, "
         "vendor/type or vendor/type/name, without empty parts"},
        {[](auto& job) { device(job, "gpu", 0); },
         "group \"main\", task \"server\", resources, device \"gpu\": count must be at least 1"},
        {[](auto& job) { device(job, "gpu", 1).add_constraints()->set_operand("distinct_hosts"); },
         "group \"main\", task \"server\", resources, device \"gpu\": operator \"distinct_hosts\" "
         "is not "
         "allowed here"},
        {[](auto& job) {
             auto& liked = *device(job, "gpu", 1).add_affinities();
             liked.set_l_target("${device.model}");
             liked.set_operand("=");
             liked.set_r_target("x");
             liked.set_weight(101);
         },
         "group \"main\", task \"server\", resources, device \"gpu\", affinity 1: weight 101 must "
         "be between "
         "-100 and 100, and not 0"},
    };
    for (const Row& row : rows) expect_only(samples::raw_exec_service, row);
}

TEST(Validate, what_no_device_has_is_warned_about) {
    schema::Job job = right(samples::raw_exec_service);
    auto& constraint = *device(job, "acme/gpu/x/1", 2).add_constraints();
    constraint.set_l_target("${attr.kernel.name}");
    constraint.set_operand("=");
    constraint.set_r_target("${device.attr.os}");
    const Validation validation = validate(job);
    EXPECT_TRUE(validation.errors.empty()) << error_text(validation.errors);
    EXPECT_EQ(
        warning_text(validation.warnings),
        "1 warning(s):\n\n* group \"main\", task \"server\", resources, device \"acme/gpu/x/1\": "
        "\"${attr.kernel.name}\" is not known of a device: there are ${device.vendor}, "
        "${device.type}, ${device.model}, ${device.ids} and ${device.attr.<name>}");
}

TEST(Validate, rules_of_services_and_templates) {
    const Row rows[]{
        {[](auto& job) { group(job).mutable_services(0)->set_name("a_b"); },
         "group \"front\", service \"a_b\": a name has letters, digits and dashes, at most 63, and "
         "no dash at its ends"},
        {[](auto& job) { group(job).mutable_services(0)->mutable_checks(0)->set_interval(1); },
         "group \"front\", service \"web\", check \"service: \"web\" check\": interval 1ns must be "
         "at least 1s"},
        {[](auto& job) { group(job).mutable_services(0)->mutable_checks(0)->set_type("grpc"); },
         "group \"front\", service \"web\", check \"service: \"web\" check\": provider nomad "
         "checks by tcp and http "
         "only, not by grpc"},
        {[](auto& job) { task(job).mutable_templates(0)->set_source_path("x"); },
         "group \"front\", task \"server\", template \"local/web.conf\": give either source or "
         "data"},
        {[](auto& job) { task(job).mutable_templates(0)->set_dest_path("a/../../b"); },
         "group \"front\", task \"server\", template \"a/../../b\": destination leaves the "
         "allocation's directory"},
        {[](auto& job) { *task(job).add_templates() = task(job).templates(0); },
         "group \"front\", task \"server\", template \"local/web.conf\": another template has the "
         "same destination"},
        {[](auto& job) { task(job).mutable_identities(0)->set_name("a b"); },
         "group \"front\", task \"server\", identity \"a b\": a name has letters, digits, - and _ "
         "only, at most 128 of "
         "them"},
    };
    for (const Row& row : rows) expect_only(samples::docker_web, row);
}

TEST(Validate, system_jobs_have_rules_of_their_own) {
    schema::Job job = right(
        "job \"s\" {\n type = \"system\"\n group \"g\" {\n  count = 2\n  task \"t\" { driver = "
        "\"d\" }\n }\n}");
    EXPECT_EQ(error_text(validate(job).errors),
              "1 error occurred:\n\t* group \"g\": count 2: a system job runs once on each node, "
              "so it can be 0 or 1 "
              "only\n\n");
    group(job).set_count(1);
    group(job).mutable_update()->set_max_parallel(20);  // nodes
    group(job).mutable_update()->set_canary(101);
    EXPECT_EQ(error_text(validate(job).errors),
              "1 error occurred:\n\t* group \"g\", update: canary 101: of a system job it is a "
              "percentage of the nodes, so it can be 0 to 100\n\n");
    group(job).mutable_update()->set_canary(100);
    EXPECT_TRUE(validate(job).errors.empty());
    EXPECT_TRUE(validate(job).warnings.empty());
    job.add_spreads()->set_attribute("${node.datacenter}");
    job.mutable_spreads(0)->set_weight(1);
    group(job).mutable_reschedule_policy();
    EXPECT_EQ(error_text(validate(job).errors),
              "2 errors occurred:\n\t* system jobs cannot have spreads\n\t* group \"g\": system "
              "jobs cannot have a "
              "reschedule policy\n\n");
}

TEST(Validate, endless_complaints_are_cut) {
    schema::Job job = right(samples::raw_exec_service);
    for (int i = 0; i < 500; ++i) job.add_task_groups()->set_name("g" + std::to_string(i));
    const Validation validation = validate(job);
    ASSERT_EQ(validation.errors.size(), 101U);
    EXPECT_EQ(validation.errors.back(), "more follow, which are left out");
}

TEST(Validate, old_ways_are_warned_about) {
    schema::Job job = right(samples::raw_exec_service);
    group(job).mutable_update()->set_max_parallel(3);
    group(job).set_max_client_disconnect(1);
    task(job).mutable_resources()->add_networks()->set_mode("host");
    const Validation validation = validate(job);
    EXPECT_TRUE(validation.errors.empty()) << error_text(validation.errors);
    EXPECT_EQ(
        warning_text(validation.warnings),
        "3 warning(s):\n\n* group \"main\": update.max_parallel 3 is more than the count of 2\n"
        "* group \"main\": max_client_disconnect is deprecated: use disconnect.lost_after\n"
        "* group \"main\", task \"server\", network: networks of tasks are deprecated: put network "
        "in the group");
}

}  // namespace
}  // namespace drover::jobspec
