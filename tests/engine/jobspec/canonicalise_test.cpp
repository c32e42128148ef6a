// Defaults, and that filling them in twice changes nothing.
#include <gtest/gtest.h>

#include "engine/jobspec/jobspec.hpp"
#include "engine/schema/json.hpp"
#include "tests/engine/jobspec/samples.hpp"

namespace drover::jobspec {
namespace {

constexpr std::int64_t second = 1'000'000'000;

schema::Job canonical(std::string_view text) {
    VariableInputs variables;
    if (text.find("image_tag") != std::string_view::npos) variables.flags = {{"image_tag", "v7"}};
    auto parsed = parse_hcl(Source{"job.hcl", std::string{text}}, variables);
    EXPECT_TRUE(parsed) << hcl::to_text(parsed.error());
    schema::Job job = parsed ? parsed->job : schema::Job{};
    canonicalise(job);
    return job;
}

TEST(Canonicalise, a_service_gets_every_default) {
    const schema::Job job = canonical(samples::raw_exec_service);
    EXPECT_EQ(job.region(), "global");
    EXPECT_EQ(job.namespace_(), "default");
    EXPECT_EQ(job.name(), "greeter");
    EXPECT_EQ(job.type(), "service");
    EXPECT_EQ(job.priority(), 50);
    EXPECT_EQ(job.datacenters(0), "*");
    EXPECT_EQ(job.node_pool(), "default");
    EXPECT_EQ(job.update().stagger(), 30 * second);
    const schema::TaskGroup& group = job.task_groups(0);
    EXPECT_EQ(group.restart_policy().attempts(), 2);
    EXPECT_EQ(group.restart_policy().interval(), 1800 * second);
    EXPECT_TRUE(group.reschedule_policy().unlimited());
    EXPECT_EQ(group.reschedule_policy().max_delay(), 3600 * second);
    EXPECT_EQ(group.migrate().max_parallel(), 1);
    EXPECT_EQ(group.update().progress_deadline(), 600 * second);
    EXPECT_EQ(group.ephemeral_disk().size_mb(), 300);
    const schema::Task& task = group.tasks(0);
    EXPECT_EQ(task.resources().cpu(), 50);
    EXPECT_EQ(task.resources().cores(), 0);
    EXPECT_EQ(task.log_config().max_files(), 10);
    EXPECT_EQ(task.kill_timeout(), 5 * second);
    EXPECT_EQ(task.restart_policy().delay(), 15 * second);
    EXPECT_EQ(task.identity().audience(0), "nomadproject.io");
}

TEST(Canonicalise, a_batch_job_has_other_policies) {
    const schema::Job job = canonical(samples::periodic_batch);
    EXPECT_FALSE(job.has_update());
    EXPECT_EQ(job.periodic().time_zone(), "Europe/Zurich");
    EXPECT_TRUE(job.periodic().enabled());
    EXPECT_EQ(job.periodic().spec_type(), "cron");
    const schema::TaskGroup& group = job.task_groups(0);
    EXPECT_FALSE(group.has_update());
    EXPECT_FALSE(group.has_migrate());
    EXPECT_EQ(group.restart_policy().attempts(), 1) << "given in the group";
    EXPECT_EQ(group.restart_policy().interval(), 86400 * second);
    EXPECT_EQ(group.reschedule_policy().attempts(), 1);
    EXPECT_FALSE(group.reschedule_policy().unlimited());
    EXPECT_EQ(group.tasks(0).restart_policy().attempts(), 1) << "inherited from the group";
    EXPECT_EQ(group.tasks(1).restart_policy().attempts(), 5) << "its own, over the group's";
}

TEST(Canonicalise, job_policies_go_into_groups_below_their_own) {
    const schema::Job job = canonical(R"(
job "j" {
  update { max_parallel = 4 }
  reschedule {
    attempts  = 3
    unlimited = false
    interval  = "1h"
  }
  migrate { max_parallel = 9 }
  group "a" {
    update { canary = 2 }
  }
})");
    const schema::TaskGroup& group = job.task_groups(0);
    EXPECT_EQ(group.update().max_parallel(), 4);
    EXPECT_EQ(group.update().canary(), 2);
    EXPECT_EQ(group.reschedule_policy().attempts(), 3);
    EXPECT_EQ(group.reschedule_policy().delay(), 30 * second);
    EXPECT_EQ(group.migrate().max_parallel(), 9);
    EXPECT_FALSE(job.has_reschedule());
    EXPECT_FALSE(job.has_migrate());
}

TEST(Canonicalise, services_and_templates) {
    const schema::Job job = canonical(samples::docker_web);
    const schema::TaskGroup& group = job.task_groups(0);
    const schema::Service& service = group.services(0);
    EXPECT_EQ(service.address_mode(), "auto");
    EXPECT_EQ(service.namespace_(), "default");
    EXPECT_EQ(service.checks(0).name(), "service: \"web\" check");
    EXPECT_EQ(service.checks(0).check_restart().limit(), 3);
    EXPECT_FALSE(service.has_check_restart());
    EXPECT_EQ(group.networks(0).dynamic_ports(0).host_network(), "default");
    EXPECT_EQ(group.tasks(0).templates(0).change_signal(), "SIGHUP");
    EXPECT_EQ(group.tasks(0).templates(0).perms(), "0644");
    EXPECT_EQ(group.tasks(0).artifacts(0).relative_dest(), "local/");
    EXPECT_EQ(group.tasks(0).vault().change_mode(), "restart");
}

TEST(Canonicalise, names_of_services_are_built_from_the_job) {
    const schema::Job job = canonical(R"(
job "j" {
  group "g" {
    service { port = "1" }
    service { name = "${JOB}-x-${TASKGROUP}" }
    task "t" {
      driver = "d"
      service { name = "${BASE}-${attr.x}" }
    }
  }
})");
    EXPECT_EQ(job.task_groups(0).services(0).name(), "j-g");
    EXPECT_EQ(job.task_groups(0).services(1).name(), "j-x-g");
    EXPECT_EQ(job.task_groups(0).tasks(0).services(0).name(), "j-g-t-${attr.x}");
}

TEST(Canonicalise, scaling_sets_the_count_and_the_target) {
    const schema::Job job =
        canonical("job \"j\" {\n group \"g\" {\n  scaling {\n   min = 3\n   max = 5\n  }\n }\n}");
    EXPECT_EQ(job.task_groups(0).count(), 3);
    EXPECT_EQ(job.task_groups(0).scaling().target(1).key(), "Job");
    EXPECT_EQ(job.task_groups(0).scaling().target(1).value(), "j");
}

TEST(Canonicalise, cores_replace_the_default_of_cpu) {
    const schema::Job job =
        canonical("job \"j\" {\n task \"t\" {\n  driver = \"d\"\n  resources { cores = 2 }\n }\n}");
    EXPECT_EQ(job.task_groups(0).tasks(0).resources().cpu(), 0);
    EXPECT_EQ(job.task_groups(0).tasks(0).resources().memory_mb(), 300);
}

TEST(Canonicalise, doing_it_twice_changes_nothing) {
    for (const std::string_view text : {samples::raw_exec_service, samples::docker_web,
                                        samples::periodic_batch, samples::parameterized_batch}) {
        const schema::Job once = canonical(text);
        schema::Job twice = once;
        canonicalise(twice);
        EXPECT_EQ(schema::to_json(once), schema::to_json(twice));
    }
}

TEST(ParseJson, what_hcl_says_json_can_say_too) {
    for (const std::string_view text : {samples::raw_exec_service, samples::docker_web,
                                        samples::periodic_batch, samples::parameterized_batch}) {
        const schema::Job job = canonical(text);
        const std::string json = schema::to_json(job);
        auto bare = parse_json(json);
        ASSERT_TRUE(bare) << bare.error().message;
        EXPECT_EQ(schema::to_json(*bare), json);
        const auto wrapped = parse_json("{\"job\": " + json + "}");
        ASSERT_TRUE(wrapped) << wrapped.error().message;
        EXPECT_EQ(schema::to_json(*wrapped), json);
        canonicalise(*bare);
        EXPECT_EQ(schema::to_json(*bare), json);
    }
}

TEST(ParseJson, malformed_text_is_refused) {
    for (const char* text :
         {"", "[]", "{", "{\"ID\": 5}", "{\"TaskGroups\": {}}", "{\"Job\": {\"Priority\": \"x\"}}",
          "{\"Update\": {\"Stagger\": \"30s\"}}"}) {
        const auto job = parse_json(text);
        EXPECT_FALSE(job) << text;
        if (!job) {
            EXPECT_FALSE(job.error().message.empty());
        }
    }
}

}  // namespace
}  // namespace drover::jobspec
