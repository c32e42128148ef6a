// How a plan's difference reads: markers, names and values each in a column of their own.
#include <gtest/gtest.h>

#include "agent/cli/job_diff.hpp"

namespace drover::agent::cli {
namespace {

schema::JsonValue parsed(const char* json) {
    auto value = schema::parse_json(json);
    EXPECT_TRUE(value);
    return value ? std::move(*value) : schema::JsonValue{};
}

TEST(JobDiff, a_new_job_shows_its_groups_and_tasks_but_not_their_parts) {
    const auto diff = parsed(R"({"Type":"Added","ID":"web",
        "Fields":[{"Type":"Added","Name":"Priority","Old":"","New":"50"}],"TaskGroups":[
        {"Type":"Added","Name":"g","Updates":{"create":2},
         "Fields":[{"Type":"Added","Name":"Count","Old":"","New":"2"}],
         "Tasks":[{"Type":"Added","Name":"t","Annotations":["forces create"],
                   "Fields":[{"Type":"Added","Name":"Driver","Old":"","New":"exec"}]}]}]})");
    EXPECT_EQ(job_diff_text(diff, false),
              "+ Job: \"web\"\n"
              "+ Task Group: \"g\" (2 create)\n"
              "  + Task: \"t\" (forces create)\n");
    EXPECT_EQ(job_diff_text(diff, true),
              "+ Job: \"web\"\n"
              "+ Priority: \"50\"\n"
              "\n"
              "+ Task Group: \"g\" (2 create)\n"
              "  + Count: \"2\"\n"
              "  + Task: \"t\" (forces create)\n"
              "    + Driver: \"exec\"\n");
}

TEST(JobDiff, an_edited_job_shows_what_changed_and_in_changed_objects_what_did_not) {
    const auto diff = parsed(R"({"Type":"Edited","ID":"web","Fields":[
        {"Type":"Deleted","Name":"Meta[owner]","Old":"me","New":""},
        {"Type":"Edited","Name":"Priority","Old":"50","New":"60"}],"TaskGroups":[
        {"Type":"Edited","Name":"g","Updates":{"create":1,"create/destroy update":2},"Fields":[
         {"Type":"Edited","Name":"Count","Old":"2","New":"3","Annotations":["forces create"]}],
         "Tasks":[
         {"Type":"Edited","Name":"t","Annotations":["forces create/destroy update"],"Objects":[
          {"Type":"Edited","Name":"Resources","Fields":[
           {"Type":"None","Name":"CPU","Old":"50","New":"50"},
           {"Type":"Edited","Name":"MemoryMB","Old":"32","New":"48"}]}]},
         {"Type":"None","Name":"u"}]}]})");
    EXPECT_EQ(job_diff_text(diff, false),
              "+/- Job: \"web\"\n"
              "-   Meta[owner]: \"me\"\n"
              "+/- Priority:    \"50\" => \"60\"\n"
              "\n"
              "+/- Task Group: \"g\" (1 create, 2 create/destroy update)\n"
              "  +/- Count: \"2\" => \"3\" (forces create)\n"
              "  +/- Task: \"t\" (forces create/destroy update)\n"
              "    +/- Resources {\n"
              "          CPU:      \"50\"\n"
              "      +/- MemoryMB: \"32\" => \"48\"\n"
              "        }\n"
              "      Task: \"u\"\n");
}

TEST(JobDiff, an_unchanged_job_still_names_its_groups_and_tasks) {
    const auto diff = parsed(R"({"Type":"None","ID":"web","TaskGroups":[
        {"Type":"None","Name":"g","Updates":{"ignore":3},"Tasks":[{"Type":"None","Name":"t"}]}]})");
    EXPECT_EQ(job_diff_text(diff, false),
              "Job: \"web\"\n"
              "Task Group: \"g\" (3 ignore)\n"
              "  Task: \"t\"\n");
}

}  // namespace
}  // namespace drover::agent::cli
