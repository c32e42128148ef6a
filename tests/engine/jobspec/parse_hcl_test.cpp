// Job files become jobs: the samples field by field, variables from every source, and errors that
// point at their place.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/jobspec/jobspec.hpp"
#include "tests/engine/jobspec/samples.hpp"

namespace drover::jobspec {
namespace {

tl::expected<Parsed, Diagnostics> parsed(std::string_view text,
                                         const VariableInputs& variables = {}) {
    return parse_hcl(Source{"job.hcl", std::string{text}}, variables);
}

std::string failure(std::string_view text, const VariableInputs& variables = {}) {
    const auto result = parsed(text, variables);
    return result ? "no error" : hcl::to_text(result.error());
}

schema::Job job_of(std::string_view text, const VariableInputs& variables = {}) {
    const auto result = parsed(text, variables);
    EXPECT_TRUE(result) << hcl::to_text(result.error());
    return result ? result->job : schema::Job{};
}

TEST(ParseHcl, a_small_service) {
    const schema::Job job = job_of(samples::raw_exec_service);
    EXPECT_EQ(job.id(), "greeter");
    EXPECT_FALSE(job.has_type());  // defaults are canonicalise()'s business
    ASSERT_EQ(job.task_groups_size(), 1);
    EXPECT_EQ(job.task_groups(0).name(), "main");
    EXPECT_EQ(job.task_groups(0).count(), 2);
    const schema::Task& task = job.task_groups(0).tasks(0);
    EXPECT_EQ(task.name(), "server");
    EXPECT_EQ(task.driver(), "raw_exec");
    ASSERT_EQ(task.config_size(), 2);
    EXPECT_EQ(task.config(0).key(), "args");
    EXPECT_EQ(task.config(0).value().list().items(1).text(),
              "echo ${NOMAD_ALLOC_ID} on ${node.unique.name}; sleep ${HOLD}");
    EXPECT_EQ(task.config(1).value().text(), "/bin/sh");
    EXPECT_EQ(task.env(0).key(), "HOLD");
    EXPECT_EQ(task.env(0).value(), "3600");
    EXPECT_EQ(task.resources().memory_mb(), 64);
    EXPECT_FALSE(task.resources().has_cores());
}

schema::Job web() {
    VariableInputs variables;
    variables.flags = {{"image_tag", "v7"}};
    return job_of(samples::docker_web, variables);
}

TEST(ParseHcl, job_level_blocks_and_shortcuts) {
    const schema::Job job = web();
    ASSERT_EQ(job.datacenters_size(), 2);
    ASSERT_EQ(job.meta_size(), 2);
    EXPECT_EQ(job.meta(0).key(), "team.name");
    EXPECT_EQ(job.meta(1).value(), "1");
    EXPECT_EQ(job.update().max_parallel(), 2);
    EXPECT_EQ(job.update().min_healthy_time(), 15'000'000'000);
    EXPECT_FALSE(job.update().has_stagger());
    ASSERT_EQ(job.constraints_size(), 2);
    EXPECT_EQ(job.constraints(0).l_target(), "${attr.kernel.name}");
    EXPECT_EQ(job.constraints(0).operand(), "=");
    EXPECT_EQ(job.constraints(1).operand(), "distinct_hosts");
    EXPECT_EQ(job.constraints(1).r_target(), "true");
    EXPECT_EQ(job.affinities(0).operand(), "regexp");
    EXPECT_EQ(job.affinities(0).r_target(), "^fast");
    EXPECT_EQ(job.affinities(0).weight(), 80);
    EXPECT_EQ(job.spreads(0).spread_target(1).value(), "dc2");
    EXPECT_EQ(job.spreads(0).spread_target(1).percent(), 40U);
}

TEST(ParseHcl, networks_services_and_dynamic_blocks) {
    const schema::Job job = web();
    const schema::TaskGroup& group = job.task_groups(0);
    EXPECT_EQ(group.count(), 3);
    const schema::NetworkResource& network = group.networks(0);
    ASSERT_EQ(network.dynamic_ports_size(), 2);
    EXPECT_EQ(network.dynamic_ports(0).label(), "http");
    EXPECT_EQ(network.dynamic_ports(0).to(), 8080);
    EXPECT_EQ(network.dynamic_ports(1).label(), "metrics");
    ASSERT_EQ(network.reserved_ports_size(), 1);
    EXPECT_EQ(network.reserved_ports(0).value(), 9999);
    const schema::Service& service = group.services(0);
    EXPECT_EQ(service.port_label(), "http");
    EXPECT_EQ(service.tags(0), "http=8080");
    EXPECT_EQ(service.check_restart().grace(), 30'000'000'000);
    EXPECT_EQ(service.checks(0).interval(), 10'000'000'000);
    EXPECT_EQ(service.checks(0).header(0).key(), "Accept");
    EXPECT_EQ(service.checks(0).header(0).value(0), "text/plain");
    EXPECT_EQ(group.volumes(0).name(), "data");
    EXPECT_TRUE(group.volumes(0).read_only());
}

TEST(ParseHcl, everything_in_a_task) {
    const schema::Job job = web();
    const schema::Task& task = job.task_groups(0).tasks(0);
    ASSERT_EQ(task.config_size(), 4);  // image, labels, mount, ports
    EXPECT_EQ(task.config(0).value().text(), "registry.local/web:v7");
    EXPECT_EQ(task.config(1).value().list().items(0).object().fields(0).key(), "app");
    EXPECT_EQ(task.config(2).value().list().items_size(), 2) << "repeated blocks make one list";
    EXPECT_EQ(task.config(3).value().list().items(0).text(), "http");
    EXPECT_EQ(task.volume_mounts(0).destination(), "/data");
    EXPECT_EQ(task.templates(0).embedded_tmpl(),
              "listen {{ env \"NOMAD_PORT_http\" }}\n{{ range service \"db\" }}\n"
              "  db {{ .Address }}\n{{ end }}\ntag v7\n");
    EXPECT_EQ(task.artifacts(0).getter_source(), "https://example.com/web.tgz");
    EXPECT_EQ(task.artifacts(0).getter_options(0).value(), "sha256:abc");
    EXPECT_TRUE(task.identity().env());
    EXPECT_EQ(task.identity().name(), "default");
    ASSERT_EQ(task.identities_size(), 1);
    EXPECT_EQ(task.identities(0).audience(0), "db.example.com");
    EXPECT_EQ(task.identities(0).ttl(), 3'600'000'000'000);
    EXPECT_EQ(task.vault().role(), "web") << "inherited from the job";
    EXPECT_EQ(task.log_config().max_file_size_mb(), 5);
    EXPECT_EQ(task.kill_timeout(), 20'000'000'000);
}

TEST(ParseHcl, batch_jobs) {
    const schema::Job report = job_of(samples::periodic_batch);
    EXPECT_EQ(report.periodic().specs(0), "0 3 * * *");
    EXPECT_TRUE(report.periodic().prohibit_overlap());
    EXPECT_EQ(report.task_groups(0).tasks(0).lifecycle().hook(), "prestart");
    const schema::Job encode = job_of(samples::parameterized_batch);
    EXPECT_EQ(encode.parameterized_job().meta_required(0), "codec");
    ASSERT_EQ(encode.task_groups_size(), 1) << "a task of the job gets a group of its own";
    EXPECT_EQ(encode.task_groups(0).name(), "encode");
    EXPECT_EQ(encode.task_groups(0).tasks(0).dispatch_payload().file(), "input.bin");
}

TEST(ParseHcl, smaller_shortcuts) {
    const schema::Job job = job_of(R"(
job "label" {
  id = "other"
  meta { a = 1 }
  secret "s" {
    provider = "nomad"
    path     = "p"
  }
  group "g" {
    scaling { max = 5 }
    max_run_duration = 1000
    vault { role = "group" }
    task "t" {
      driver = "d"
      env    = { "A.B" = true }
      vault { role = "own" }
      scaling "cpu" { max = 9 }
      resources {
        device "nvidia/gpu" {
          count = 2
          constraint {
            attribute = "${device.attr.memory}"
            operator  = ">="
            value     = "2 GiB"
          }
        }
      }
    }
    task "u" { driver = "d" }
  }
})");
    EXPECT_EQ(job.id(), "other");
    const schema::TaskGroup& group = job.task_groups(0);
    EXPECT_EQ(group.scaling().type(), "horizontal");
    EXPECT_EQ(group.max_run_duration(), 1000) << "a bare number is nanoseconds";
    EXPECT_EQ(group.tasks(0).env(0).key(), "A.B");
    EXPECT_EQ(group.tasks(0).env(0).value(), "true");
    EXPECT_EQ(group.tasks(0).vault().role(), "own");
    EXPECT_EQ(group.tasks(1).vault().role(), "group");
    EXPECT_EQ(group.tasks(1).secrets(0).path(), "p");
    EXPECT_EQ(group.tasks(0).scaling_policies(0).type(), "vertical_cpu");
    EXPECT_EQ(group.tasks(0).resources().devices(0).constraints(0).l_target(),
              "${device.attr.memory}");
}

struct Row {
    const char* why;
    const char* text;
    const char* error;
};

TEST(ParseHcl, errors_point_at_their_place) {
    const Row rows[]{
        {"an unknown attribute, nearly right", "job \"a\" {\n  prioritty = 1\n}",
         "job.hcl:2,3: attribute \"prioritty\" is not known in job; did you mean \"priority\"?\n"
         "      prioritty = 1\n      ^^^^^^^^^"},
        {"an unknown block", "job \"a\" {\n  groop \"g\" {}\n}",
         "job.hcl:2,3: block \"groop\" is not known in job; did you mean \"group\"?\n"
         "      groop \"g\" {}\n      ^^^^^"},
        {"a block written as attribute", "job \"a\" {\n  update = 1\n}",
         "job.hcl:2,3: \"update\" is a block; write update { ... }\n      update = 1\n      "
         "^^^^^^"},
        {"an attribute written as block", "job \"a\" {\n  priority {}\n}",
         "job.hcl:2,3: \"priority\" is an attribute; write priority = ...\n      priority {}\n"
         "      ^^^^^^^^"},
        {"a wrong type", "job \"a\" {\n  priority = \"high\"\n}",
         "job.hcl:2,14: \"priority\" must be a whole number, not a string; the value is \"high\"\n"
         "      priority = \"high\"\n                 ^^^^^^"},
        {"out of range", "job \"a\" {\n  priority = 3000000000\n}",
         "job.hcl:2,14: \"priority\" is out of range: 3000000000; it must be between -2147483648 "
         "and 2147483647\n      priority = 3000000000\n                 ^^^^^^^^^^"},
        {"no list", "job \"a\" {\n  datacenters = \"dc1\"\n}",
         "job.hcl:2,17: \"datacenters\" must be a list, not a string; the value is \"dc1\"\n"
         "      datacenters = \"dc1\"\n                    ^^^^^"},
        {"no duration", "job \"a\" {\n  update { stagger = \"5 minutes\" }\n}",
         "job.hcl:2,22: \"stagger\" is no duration: \"5 minutes\"; write it as \"30s\", \"1h30m\" "
         "or a "
         "number of nanoseconds\n      update { stagger = \"5 minutes\" }\n"
         "                         ^^^^^^^^^^^"},
        {"a group without a name", "job \"a\" {\n  group {}\n}",
         "job.hcl:2,3: \"group\" needs a name; group \"NAME\" { ... }\n      group {}\n      "
         "^^^^^"},
        {"two labels", "job \"a\" \"b\" {}",
         "job.hcl:1,9: \"job\" takes one label only; job \"NAME\" { ... }\n    job \"a\" \"b\" {}\n"
         "            ^^^"},
        {"a label where none belongs", "job \"a\" {\n  update \"x\" {}\n}",
         "job.hcl:2,10: \"update\" takes no label\n      update \"x\" {}\n             ^^^"},
        {"a block twice", "job \"a\" {\n  update {}\n  update {}\n}",
         "job.hcl:3,3: only one \"update\" is allowed in job\n      update {}\n      ^^^^^^"},
        {"two jobs", "job \"a\" {}\njob \"b\" {}",
         "job.hcl:2,1: a job file holds one job only; the first is on line 1\n    job \"b\" {}\n   "
         " ^^^"},
        {"no job", "locals {}\n",
         "job.hcl:2,1: there is no job in this file; write job \"NAME\" { ... }"},
        {"a stray attribute", "a = 1\njob \"a\" {}",
         "job.hcl:1,1: attribute \"a\" is not known outside of job; put it inside job \"NAME\" { "
         "... "
         "}\n    a = 1\n    ^"},
        {"what only servers set", "job \"a\" {\n  status = \"running\"\n}",
         "job.hcl:2,3: attribute \"status\" is not known in job\n      status = \"running\"\n      "
         "^^^^^^"},
        {"a map with a list inside", "job \"a\" {\n  meta { x = [1] }\n}",
         "job.hcl:2,3: \"meta.x\" must be a string, not a list; the value is [1]\n"
         "      meta { x = [1] }\n      ^^^^"},
        {"group scaling without max", "job \"a\" {\n  group \"g\" {\n    scaling {}\n  }\n}",
         "job.hcl:3,5: scaling needs \"max\"; the largest count that may be asked for\n"
         "        scaling {}\n        ^^^^^^^"},
        {"a dynamic block without content",
         "job \"a\" {\n  dynamic \"group\" { for_each = [1] }\n}",
         "job.hcl:2,3: dynamic needs for_each and one content block\n"
         "      dynamic \"group\" { for_each = [1] }\n      ^^^^^^^"},
    };
    for (const Row& row : rows) EXPECT_EQ(failure(row.text), row.error) << row.why;
}

TEST(ParseHcl, all_errors_are_reported_up_to_a_limit) {
    std::string text = "job \"a\" {\n";
    for (int i = 0; i < 100; ++i) text += "  unknown" + std::to_string(i) + " = 1\n";
    const auto result = parsed(text + "}");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().size(), 20U);
}

TEST(ParseHcl, dynamic_blocks_cannot_multiply_without_end) {
    const std::string text =
        "job \"a\" {\n  dynamic \"group\" {\n    for_each = range(1024)\n"
        "    labels = [\"g\"]\n    content {\n      dynamic \"task\" {\n"
        "        for_each = range(1024)\n        labels = [\"t\"]\n"
        "        content {}\n      }\n    }\n  }\n}";
    const auto result = parsed(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error()[0].summary, "the text asks for too much computation");
}

constexpr std::string_view with_variables = R"(
variable "a" { default = "default" }
variable "n" {
  type    = number
  default = 1
}
variable "l" {
  type    = list(string)
  default = []
}
job "j" {
  meta {
    a = var.a
    n = var.n + 1
    l = join(",", var.l)
  }
})";

std::string meta_of(const VariableInputs& variables) {
    const schema::Job job = job_of(with_variables, variables);
    std::string text;
    for (const schema::StringPair& pair : job.meta()) text += pair.key() + "=" + pair.value() + ";";
    return text;
}

TEST(ParseHcl, values_of_variables_come_from_the_strongest_source) {
    VariableInputs given;
    EXPECT_EQ(meta_of(given), "a=default;l=;n=2;");
    given.env = {{"a", "env"}, {"n", "5"}, {"l", "[\"x\", \"y\"]"}, {"nobody", "asked"}};
    EXPECT_EQ(meta_of(given), "a=env;l=x,y;n=6;");
    given.files = {{"one.hcl", "a = \"one\"\nn = 7"}, {"two.json", "{\"a\": \"two\"}"}};
    EXPECT_EQ(meta_of(given), "a=two;l=x,y;n=8;");
    given.flags = {{"a", "first"}, {"a", "flag = [1]"}};
    EXPECT_EQ(meta_of(given), "a=flag = [1];l=x,y;n=8;");
    given.api_text = "a = \"api\"";
    EXPECT_EQ(meta_of(given), "a=api;l=x,y;n=8;");
}

TEST(ParseHcl, variables_that_are_wrong_are_explained) {
    const auto error = [](VariableInputs given) { return failure(with_variables, given); };
    VariableInputs given;
    given.flags = {{"m", "1"}};
    EXPECT_EQ(error(given),
              "-var m:1,1: variable \"m\" is not declared in the job file; add variable "
              "\"m\" {}\n    1\n    ^");
    given.flags = {{"n", "many"}};
    EXPECT_EQ(error(given),
              "-var n:1,1: variable \"n\": a number is needed, not a string\n    many\n    ^");
    given.flags = {};
    given.files = {{"v.hcl", "aa = 1"}};
    EXPECT_EQ(error(given),
              "v.hcl:1,1: variable \"aa\" is not declared in the job file; add variable "
              "\"aa\" {}\n    aa = 1\n    ^^");
    given.strict = false;
    const auto lenient = parsed(with_variables, given);
    ASSERT_TRUE(lenient);
    EXPECT_EQ(lenient->warnings.size(), 1U);
}

TEST(ParseHcl, declarations_that_are_wrong_are_explained) {
    const Row rows[]{
        {"no value", "variable \"a\" {}\njob \"j\" {}",
         "job.hcl:1,10: variable \"a\" has no value; give it a default, -var a=..., a -var-file, "
         "or "
         "NOMAD_VAR_a\n    variable \"a\" {}\n             ^^^"},
        {"declared twice",
         "variable \"a\" { default = 1 }\nvariable \"a\" { default = 1 }\njob \"j\" {}",
         "job.hcl:2,10: variable \"a\" is declared twice; it was first declared on line 1\n"
         "    variable \"a\" { default = 1 }\n             ^^^"},
        {"a type that is none", "variable \"a\" {\n  type = text\n  default = 1\n}\njob \"j\" {}",
         "job.hcl:2,10: type: unknown type \"text\"\n      type = text\n             ^^^^"},
        {"a default of another type",
         "variable \"a\" {\n  type = number\n  default = []\n}\njob \"j\" {}",
         "job.hcl:3,13: variable \"a\": a number is needed, not a list\n      default = []\n       "
         "         ^^"},
        {"a broken rule",
         "variable \"a\" {\n  default = 1\n  validation {\n    condition = var.a > 1\n"
         "    error_message = \"Too small.\"\n  }\n}\njob \"j\" {}",
         "job.hcl:1,10: invalid value for variable \"a\": Too small.\n    variable \"a\" {\n       "
         "      ^^^"},
        {"half a sentence",
         "variable \"a\" {\n  default = 1\n  validation {\n    condition = true\n"
         "    error_message = \"bad\"\n  }\n}\njob \"j\" {}",
         "job.hcl:5,21: error_message must be a full sentence, ended by . ? or !\n"
         "        error_message = \"bad\"\n                        ^^^^^"},
        {"locals in a circle",
         "locals {\n  a = local.b\n  b = [local.c]\n  c = local.a\n}\njob \"j\" {}",
         "job.hcl:2,3: local \"a\" refers to itself; a -> b -> c -> a\n      a = local.b\n      ^"},
        {"an unknown variable", "job \"j\" {\n  name = var.x\n}",
         "job.hcl:2,14: there is no \"x\" here\n      name = var.x\n                 ^"},
    };
    for (const Row& row : rows) EXPECT_EQ(failure(row.text), row.error) << row.why;
}

TEST(ParseHcl, locals_may_be_declared_in_any_order) {
    const schema::Job job = job_of(
        "locals {\n  a = \"${local.b}!\"\n}\njob \"j\" {\n  name = local.a\n}\nlocals {\n  b = "
        "1\n}");
    EXPECT_EQ(job.name(), "1!");
}

TEST(ParseHcl, a_long_chain_of_locals_is_no_deep_recursion) {
    std::string text = "locals {\n  l0 = 1\n";
    for (int i = 1; i < 20'000; ++i) {
        text += "  l" + std::to_string(i) + " = local.l" + std::to_string(i - 1) + "\n";
    }
    EXPECT_EQ(job_of(text + "}\njob \"j\" {\n  name = local.l19999\n}").name(), "1");
}

TEST(ParseHcl, a_reference_that_nearly_names_a_variable_is_warned_about) {
    const auto result = parsed("variable \"a\" { default = 1 }\njob \"j\" {\n  name = vars.a\n}");
    ASSERT_TRUE(result);
    EXPECT_EQ(result->job.name(), "${vars.a}");
    ASSERT_EQ(result->warnings.size(), 1U);
    EXPECT_EQ(result->warnings[0].substr(0, 56),
              "job.hcl:3,10: \"${vars.a}\" stays text; did you mean \"var\"");
}

TEST(ParseHcl, what_the_host_must_read_is_named) {
    const auto first = parsed("job \"j\" {\n  name = file(\"name.txt\")\n}");
    ASSERT_FALSE(first);
    ASSERT_TRUE(first.error()[0].need);
    FileInputs files;
    files.files[first.error()[0].need->path] = "read";
    const auto second =
        parse_hcl(Source{"job.hcl", "job \"j\" {\n  name = file(\"name.txt\")\n}"}, {}, files);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->job.name(), "read");
}

RC_GTEST_PROP(ParseHcl, damaged_job_files_end_in_a_job_or_a_diagnostic, (std::uint64_t seed)) {
    Prng prng{seed};
    const std::string_view all[]{samples::raw_exec_service, samples::docker_web,
                                 samples::periodic_batch, samples::parameterized_batch};
    std::string text{all[prng.below(4)]};
    for (std::uint64_t i = prng.between(1, 6); i > 0; --i) {
        const std::size_t at = prng.below(text.size());
        const std::size_t from = prng.below(text.size());
        if (prng.chance(1, 2))
            text.erase(at, prng.below(12));
        else
            text.insert(at, text.substr(from, prng.below(24)));
    }
    const auto result = parsed(text);
    if (!result) {
        RC_ASSERT(!result.error().empty());
        return;
    }
    schema::Job job = result->job;
    canonicalise(job);
    static_cast<void>(validate(job));
}

}  // namespace
}  // namespace drover::jobspec
