// What a task sees of its surroundings.
#include "engine/client/environment.hpp"

#include <gtest/gtest.h>

#include "engine/client/assignment.hpp"
#include "engine/client/packed.hpp"
#include "engine/client/records.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {
namespace {

template <class Pairs>
void add(Pairs* pairs, const std::string& key, const std::string& value) {
    auto* pair = pairs->Add();
    pair->set_key(key);
    pair->set_value(value);
}

Config config() {
    schema::Node node;
    Uuid id;
    id.bytes[15] = 7;
    node.set_id(id.raw());
    node.set_name("node-7");
    node.set_datacenter("dc2");
    node.set_node_class("big");
    node.set_node_pool("blue");
    add(node.mutable_attributes(), "kernel.name", "linux");
    add(node.mutable_attributes(), "unique.hostname", "host7");
    add(node.mutable_meta(), "rack", "r1");
    Config made;
    made.node = std::make_shared<const schema::Node>(node);
    made.region = "europe";
    made.alloc_dir = "/var/allocs";
    made.host_environment = {{"PATH", "/bin"}, {"NOMAD_DC", "forged"}};
    made.host_environment_drivers = {"raw_exec"};
    return made;
}

schema::Allocation allocation() {
    schema::Allocation made;
    Uuid id;
    id.bytes[0] = 0xab;
    made.set_id(id.raw());
    made.set_namespace_("prod");
    made.set_name("shop.group[12]");
    made.set_task_group("group");
    auto* job = made.mutable_job();
    job->set_id("shop");
    job->set_name("The shop");
    job->set_parent_id("shops");
    add(job->mutable_meta(), "tier", "job");
    add(job->mutable_meta(), "owner-team", "a");
    auto* group = job->add_task_groups();
    group->set_name("group");
    add(group->mutable_meta(), "tier", "group");
    auto* task = group->add_tasks();
    task->set_name("web");
    task->set_driver("raw_exec");
    task->set_user("${meta.rack}-user");
    task->mutable_resources()->set_cpu(100);
    task->mutable_resources()->set_memory_mb(300);
    group->add_tasks()->set_name("db");
    return made;
}

std::map<std::string, std::string> variables(const schema::Allocation& from,
                                             const std::string& task = "web") {
    return task_environment(
               config(), *Assignment::check(std::make_shared<const schema::Allocation>(from)), task)
        .variables;
}

TEST(Environment, tells_a_task_who_and_where_it_is) {
    auto seen = variables(allocation());
    struct Row {
        const char* name;
        const char* value;
    };
    const std::string root = "/var/allocs/" + seen["NOMAD_ALLOC_ID"];
    const Row rows[]{
        {"NOMAD_ALLOC_NAME", "shop.group[12]"},
        {"NOMAD_ALLOC_INDEX", "12"},
        {"NOMAD_TASK_NAME", "web"},
        {"NOMAD_GROUP_NAME", "group"},
        {"NOMAD_JOB_ID", "shop"},
        {"NOMAD_JOB_NAME", "The shop"},
        {"NOMAD_JOB_PARENT_ID", "shops"},
        {"NOMAD_NAMESPACE", "prod"},
        {"NOMAD_REGION", "europe"},
        {"NOMAD_DC", "dc2"},
        {"NOMAD_CPU_LIMIT", "100"},
        {"NOMAD_MEMORY_LIMIT", "300"},
        {"NOMAD_META_tier", "group"},
        {"NOMAD_META_TIER", "group"},
        {"NOMAD_META_owner_team", "a"},
        {"NOMAD_META_OWNER_TEAM", "a"},
        {"PATH", "/bin"},
    };
    for (const auto& row : rows) EXPECT_EQ(seen[row.name], row.value) << row.name;
    EXPECT_EQ(seen["NOMAD_ALLOC_DIR"], root + "/alloc");
    EXPECT_EQ(seen["NOMAD_TASK_DIR"], root + "/web/local");
    EXPECT_EQ(seen["NOMAD_SECRETS_DIR"], root + "/web/secrets");
    EXPECT_EQ(seen["NOMAD_SHORT_ALLOC_ID"], seen["NOMAD_ALLOC_ID"].substr(0, 8));
    EXPECT_FALSE(variables(allocation(), "db").contains("PATH"))
        << "another driver's tasks see nothing of the host";
}

TEST(Environment, names_ports_as_seen_from_inside_and_from_the_host) {
    auto made = allocation();
    auto* port = made.mutable_allocated_resources()->mutable_shared()->add_ports();
    port->set_label("http");
    port->set_host_ip("10.0.0.7");
    port->set_value(21000);
    port->set_to(80);
    port = made.mutable_allocated_resources()->mutable_shared()->add_ports();
    port->set_label("admin");
    port->set_host_ip("fd00::7");
    port->set_value(21001);
    made.mutable_network_status()->set_address("172.26.0.2");
    auto* other = made.mutable_allocated_resources()->add_tasks();
    other->set_task("db");
    auto* network = other->add_networks();
    network->set_ip("10.0.0.7");
    auto* dynamic = network->add_dynamic_ports();
    dynamic->set_label("sql");
    dynamic->set_value(22000);
    auto seen = variables(made);
    EXPECT_EQ(seen["NOMAD_PORT_http"], "80");
    EXPECT_EQ(seen["NOMAD_HOST_PORT_http"], "21000");
    EXPECT_EQ(seen["NOMAD_IP_http"], "10.0.0.7");
    EXPECT_EQ(seen["NOMAD_HOST_ADDR_http"], "10.0.0.7:21000");
    EXPECT_EQ(seen["NOMAD_ALLOC_ADDR_http"], "172.26.0.2:80");
    EXPECT_EQ(seen["NOMAD_PORT_admin"], "21001");
    EXPECT_EQ(seen["NOMAD_ADDR_admin"], "[fd00::7]:21001");
    EXPECT_EQ(seen["NOMAD_ADDR_db_sql"], "10.0.0.7:22000");
    EXPECT_FALSE(seen.contains("NOMAD_PORT_sql")) << "another task's port";
}

TEST(Environment, prefers_what_was_granted_over_what_was_asked_for) {
    auto made = allocation();
    auto* granted = made.mutable_allocated_resources()->add_tasks();
    granted->set_task("web");
    granted->mutable_cpu()->set_cpu_shares(2000);
    for (const std::uint32_t core : {0U, 1U, 2U, 5U})
        granted->mutable_cpu()->add_reserved_cores(core);
    granted->mutable_memory()->set_memory_mb(512);
    granted->mutable_memory()->set_memory_max_mb(1024);
    auto seen = variables(made);
    EXPECT_EQ(seen["NOMAD_CPU_LIMIT"], "2000");
    EXPECT_EQ(seen["NOMAD_CPU_CORES"], "0-2,5");
    EXPECT_EQ(seen["NOMAD_MEMORY_LIMIT"], "512");
    EXPECT_EQ(seen["NOMAD_MEMORY_MAX_LIMIT"], "1024");
}

TEST(Environment, a_jobs_own_variables_are_interpolated_and_win) {
    auto made = allocation();
    auto* task = made.mutable_job()->mutable_task_groups(0)->mutable_tasks(0);
    add(task->mutable_env(), "WHERE",
        "${node.datacenter}/${NOMAD_ALLOC_INDEX}/${attr.kernel.name}");
    add(task->mutable_env(), "NOMAD_DC", "mine");
    add(task->mutable_env(), "odd-name", "x");
    auto seen = variables(made);
    EXPECT_EQ(seen["WHERE"], "dc2/12/linux");
    EXPECT_EQ(seen["NOMAD_DC"], "mine");
    EXPECT_EQ(seen["odd_name"], "x");
}

TEST(Interpolation, replaces_what_it_knows_and_leaves_the_rest) {
    Interpolation interpolation{*config().node, "europe"};
    interpolation.add_environment({{"NAME", "value"}, {"OPEN", "${NAME}"}});
    struct Row {
        const char* why;
        const char* source;
        const char* result;
    };
    const Row rows[]{
        {"nothing to do", "plain", "plain"},
        {"the node", "${node.unique.name} ${node.class} ${node.pool} ${node.region}",
         "node-7 big blue europe"},
        {"its attributes and meta", "${attr.unique.hostname}-${meta.rack}", "host7-r1"},
        {"variables in three spellings", "${NAME}${env[\"NAME\"]}${ env.NAME }", "valuevaluevalue"},
        {"what nobody knows stays", "a ${nothing.here} b", "a ${nothing.here} b"},
        {"an escape", "$${NAME} ${NAME}", "${NAME} value"},
        {"never closed", "x ${NAME", "x ${NAME"},
        {"a value is not looked at again", "${OPEN}", "${NAME}"},
        {"lonely signs", "$ } { $", "$ } { $"},
        {"empty", "${}", "${}"},
    };
    for (const auto& row : rows) EXPECT_EQ(interpolation.text(row.source), row.result) << row.why;
}

TEST(Interpolation, reaches_every_text_of_a_configuration) {
    schema::Task task;
    task.set_user("${NAME}");
    auto* pair = task.add_config();
    pair->set_key("args");
    auto* list = pair->mutable_value()->mutable_list();
    list->add_items()->set_text("-n=${NAME}");
    list->add_items()->set_integer(3);
    auto* field = list->add_items()->mutable_object()->add_fields();
    field->set_key("${NAME}");
    field->mutable_value()->set_text("${NAME}");
    Interpolation interpolation{*config().node, "europe"};
    interpolation.add_environment({{"NAME", "value"}});
    interpolation.apply(task);
    const auto& items = task.config(0).value().list();
    EXPECT_EQ(task.user(), "value");
    EXPECT_EQ(items.items(0).text(), "-n=value");
    EXPECT_EQ(items.items(1).integer(), 3);
    EXPECT_EQ(items.items(2).object().fields(0).value().text(), "value");
    EXPECT_EQ(items.items(2).object().fields(0).key(), "${NAME}");
}

TEST(Assignment, refuses_what_no_runner_could_run) {
    struct Row {
        const char* why;
        void (*change)(schema::Allocation&);
        const char* says;
    };
    const Row rows[]{
        {"no id", [](auto& one) { one.set_id("short"); }, "must have 16"},
        {"no job", [](auto& one) { one.clear_job(); }, "was not sent with it"},
        {"no group", [](auto& one) { one.set_task_group("x"); }, "no group \"x\""},
        {"no task", [](auto& one) { one.mutable_job()->mutable_task_groups(0)->clear_tasks(); },
         "no task"},
        {"twice",
         [](auto& one) { one.mutable_job()->mutable_task_groups(0)->add_tasks()->set_name("db"); },
         "two tasks are named \"db\""},
    };
    EXPECT_TRUE(Assignment::check(std::make_shared<const schema::Allocation>(allocation())));
    for (const auto& row : rows) {
        SCOPED_TRACE(row.why);
        auto made = allocation();
        row.change(made);
        const auto checked = Assignment::check(std::make_shared<const schema::Allocation>(made));
        ASSERT_FALSE(checked);
        EXPECT_NE(checked.error().message.find(row.says), std::string::npos)
            << checked.error().message;
    }
}

TEST(Assignment, says_after_a_rest_what_it_said_before) {
    auto made = allocation();
    made.set_alloc_modify_index(17);
    auto assignment = *Assignment::check(std::make_shared<const schema::Allocation>(made));
    const Assignment copy = assignment;
    const TaskPtr held = assignment.task("db");
    const std::weak_ptr<const schema::Allocation> whole = assignment.allocation();
    for (int time = 0; time < 2; ++time) {
        assignment.rest();
        EXPECT_EQ(assignment.modify_index(), 17U);
        EXPECT_EQ(assignment.id(), copy.id());
        EXPECT_EQ(assignment.task_names(), copy.task_names());
        EXPECT_EQ(assignment.allocation()->SerializeAsString(), made.SerializeAsString());
        EXPECT_EQ(assignment.task("db")->SerializeAsString(), held->SerializeAsString());
        EXPECT_EQ(assignment.group().name(), made.task_group());
    }
    EXPECT_NE(assignment.allocation(), whole.lock());  // it was made anew from its bytes
    const auto written = records::with_allocation(*assignment.allocation(), {});
    assignment.keep(written.bytes, written.part);
    const auto holders = written.bytes.use_count();
    assignment.rest();
    EXPECT_EQ(written.bytes.use_count(), holders);
    EXPECT_EQ(assignment.allocation()->SerializeAsString(), made.SerializeAsString());
}

TEST(Packed, gives_back_what_was_put_in_and_keeps_copies_apart) {
    Packed<schema::TaskState> state;
    EXPECT_EQ(state.get().task(), "");
    state.edit().set_task("db");
    state.pack();
    state.pack();
    Packed<schema::TaskState> copy = state;
    EXPECT_EQ(copy.get().task(), "db");
    copy.edit().set_task("web");
    EXPECT_EQ(state.get().task(), "db");
    const auto written = records::with_state(copy.get(), {});
    copy.keep(written.bytes, written.part);
    copy.pack();
    EXPECT_EQ(written.bytes.use_count(), 2);
    EXPECT_EQ(copy.get().task(), "web");
    state = copy;
    state.edit().clear_task();
    state.pack();  // an empty message has no bytes
    EXPECT_EQ(state.get().task(), "");
    EXPECT_EQ(copy.get().task(), "web");
}

}  // namespace
}  // namespace drover::client
