// The difference of two jobs, as `job plan` prints it.
#include "engine/schema/diff.hpp"

#include <gtest/gtest.h>

#include "engine/schema/entry.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/json.hpp"

namespace drover::schema {
namespace {

Job example() {
    Job job;
    auto done = from_json(R"({
        "ID": "example", "Name": "example", "Type": "service", "Priority": 50,
        "Datacenters": ["dc1"], "Meta": {"owner": "me"},
        "TaskGroups": [{"Name": "cache", "Count": 1,
          "Constraints": [{"LTarget": "${attr.kernel.name}", "RTarget": "linux", "Operand": "="}],
          "RestartPolicy": {"Attempts": 2, "Mode": "fail"},
          "Tasks": [{"Name": "redis", "Driver": "raw_exec", "Env": {"A": "1"},
                     "KillTimeout": 5000000000,
                     "Config": {"command": "redis", "args": ["-p", "1"], "map": {"db": 6379}},
                     "Resources": {"CPU": 500, "MemoryMB": 256}}]}]})",
                          job);
    EXPECT_TRUE(done) << done.error().message;
    return job;
}

// One line a change, objects indented below their name: easy to read when it breaks.
void print(const auto& part, const std::string& indent, std::string& out) {
    for (const FieldDiff& field : part.fields()) {
        out += indent + field.type() + " " + field.name() + ": \"" + field.old() + "\" => \"" +
               field.new_() + "\"";
        for (const std::string& note : field.annotations()) out += " (" + note + ")";
        out += "\n";
    }
    for (const ObjectDiff& object : part.objects()) {
        out += indent + object.type() + " " + object.name() + "\n";
        print(object, indent + "  ", out);
    }
}

std::string print(const JobDiff& diff) {
    std::string out = diff.type() + " job " + diff.id() + "\n";
    print(diff, "  ", out);
    for (const TaskGroupDiff& group : diff.task_groups()) {
        out += "  " + group.type() + " group " + group.name();
        for (const IntPair& pair : group.updates()) {
            out += " " + std::to_string(pair.value()) + " " + pair.key();
        }
        out += "\n";
        print(group, "    ", out);
        for (const TaskDiff& task : group.tasks()) {
            out += "    " + task.type() + " task " + task.name();
            for (const std::string& note : task.annotations()) out += " (" + note + ")";
            out += "\n";
            print(task, "      ", out);
        }
    }
    return out;
}

TEST(Diff, OfAJobWithItselfNamesItsGroupsAndTasksAndNothingElse) {
    Job job = example();
    EXPECT_EQ(print(diff_jobs(&job, &job)),
              "None job example\n"
              "  None group cache\n"
              "    None task redis\n");
}

TEST(Diff, WhatServersNoteIsNoChange) {
    Job before = example();
    Job after = before;
    after.set_version(9);
    after.set_status("running");
    after.set_submit_time(1);
    after.set_job_modify_index(7);
    EXPECT_EQ(diff_jobs(&before, &after).type(), "None");
}

TEST(Diff, FieldsOfTheJobAreShownOnlyWhereTheyChange) {
    Job before = example();
    Job after = before;
    after.set_priority(70);
    after.add_datacenters("dc2");
    after.mutable_meta(0)->set_value("you");
    EXPECT_EQ(print(diff_jobs(&before, &after)),
              "Edited job example\n"
              "  Edited Meta[owner]: \"me\" => \"you\"\n"
              "  Edited Priority: \"50\" => \"70\"\n"
              "  Edited Datacenters\n"
              "    None Datacenters: \"dc1\" => \"dc1\"\n"
              "    Added Datacenters: \"\" => \"dc2\"\n"
              "  None group cache\n"
              "    None task redis\n");
}

TEST(Diff, AChangedObjectShowsItsOtherFieldsForContext) {
    Job before = example();
    Job after = before;
    Task& task = *after.mutable_task_groups(0)->mutable_tasks(0);
    task.mutable_resources()->set_cpu(600);
    ASSERT_EQ(task.config(1).key(), "command");
    task.mutable_config(1)->mutable_value()->set_text("redis7");
    JobDiff diff = diff_jobs(&before, &after);
    EXPECT_EQ(print(diff),
              "Edited job example\n"
              "  Edited group cache\n"
              "    Edited task redis\n"
              "      Edited Config\n"
              "        None args[0]: \"-p\" => \"-p\"\n"
              "        None args[1]: \"1\" => \"1\"\n"
              "        Edited command: \"redis\" => \"redis7\"\n"
              "        None map[db]: \"6379\" => \"6379\"\n"
              "      Edited Resources\n"
              "        Edited CPU: \"500\" => \"600\"\n"
              "        None MemoryMB: \"256\" => \"256\"\n");
}

TEST(Diff, ConstraintsAreASetAndAreAddedOrDeletedWhole) {
    Job before = example();
    Job after = before;
    after.mutable_task_groups(0)->mutable_constraints(0)->set_r_target("darwin");
    EXPECT_EQ(print(diff_jobs(&before, &after)),
              "Edited job example\n"
              "  Edited group cache\n"
              "    Added Constraint\n"
              "      Added LTarget: \"\" => \"${attr.kernel.name}\"\n"
              "      Added Operand: \"\" => \"=\"\n"
              "      Added RTarget: \"\" => \"darwin\"\n"
              "    Deleted Constraint\n"
              "      Deleted LTarget: \"${attr.kernel.name}\" => \"\"\n"
              "      Deleted Operand: \"=\" => \"\"\n"
              "      Deleted RTarget: \"linux\" => \"\"\n"
              "    None task redis\n");
}

TEST(Diff, ANewJobIsAddedWithAllItHas) {
    Job job = example();
    JobDiff diff = diff_jobs(nullptr, &job);
    EXPECT_EQ(diff.type(), "Added");
    EXPECT_EQ(diff.task_groups(0).type(), "Added");
    EXPECT_EQ(diff.task_groups(0).tasks(0).type(), "Added");
    std::string text = print(diff);
    EXPECT_NE(text.find("  Added Priority: \"\" => \"50\"\n"), std::string::npos) << text;
    EXPECT_NE(text.find("      Added Env[A]: \"\" => \"1\"\n"), std::string::npos) << text;
    EXPECT_NE(text.find("    Added RestartPolicy\n"), std::string::npos) << text;
    EXPECT_EQ(diff_jobs(&job, nullptr).type(), "Deleted");
}

TEST(Annotate, SaysWhatTheChangeForces) {
    struct Row {
        const char* why;
        void (*change)(Task&);
        const char* note;
    };
    const Row rows[]{
        {"another driver", [](Task& task) { task.set_driver("exec"); },
         "forces create/destroy update"},
        {"more time to stop", [](Task& task) { task.set_kill_timeout(1); },
         "forces in-place update"},
        {"a service", [](Task& task) { task.add_services()->set_name("db"); },
         "forces in-place update"},
        {"larger logs", [](Task& task) { task.mutable_log_config()->set_max_files(3); },
         "forces in-place update"},
        {"no logs", [](Task& task) { task.mutable_log_config()->set_disabled(true); },
         "forces create/destroy update"},
    };
    for (const Row& row : rows) {
        Job before = example();
        Job after = before;
        row.change(*after.mutable_task_groups(0)->mutable_tasks(0));
        JobDiff diff = diff_jobs(&before, &after);
        annotate(diff, PlanAnnotations{});
        ASSERT_EQ(diff.task_groups(0).tasks(0).annotations_size(), 1) << row.why;
        EXPECT_EQ(diff.task_groups(0).tasks(0).annotations(0), row.note) << row.why;
    }
}

TEST(Annotate, CountsAndPlannedUpdatesStandBesideTheGroup) {
    Job before = example();
    Job after = before;
    after.mutable_task_groups(0)->set_count(3);
    PlanAnnotations annotations;
    DesiredUpdates& updates = *annotations.add_desired_tg_updates();
    updates.set_group("cache");
    updates.set_place(2);
    updates.set_in_place_update(1);
    JobDiff diff = diff_jobs(&before, &after);
    annotate(diff, annotations);
    EXPECT_EQ(print(diff),
              "Edited job example\n"
              "  Edited group cache 2 create 1 in-place update\n"
              "    Edited Count: \"1\" => \"3\" (forces create)\n"
              "    None task redis\n");
    EXPECT_NE(to_json(diff).find(R"("Updates":{"create":2,"in-place update":1})"),
              std::string::npos);
}

}  // namespace
}  // namespace drover::schema
