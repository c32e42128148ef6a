// Files that the agent puts where a task may have put something first.
#include "drivers/task_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/drivers/support.hpp"

namespace drover::drivers {
namespace {

namespace fs = std::filesystem;

TEST(TaskFile, is_written_below_new_folders_and_replaces_what_was_there) {
    TemporaryDirectory dir;
    ASSERT_TRUE(write_task_file(dir.path(), "a/b/c.txt", "one"));
    ASSERT_TRUE(write_task_file(dir.path(), "a/b/c.txt", "two"));
    ASSERT_TRUE(write_task_file(dir.path(), "./d.txt", "three"));
    EXPECT_EQ(content_of(dir.path() + "/a/b/c.txt"), "two");
    EXPECT_EQ(content_of(dir.path() + "/d.txt"), "three");
}

TEST(TaskFile, follows_no_link_out_of_the_directory) {
    TemporaryDirectory outside, dir;
    const fs::path target = fs::path{outside.path()} / "victim";
    ASSERT_TRUE(write_task_file(outside.path(), "victim", "safe"));
    fs::create_symlink(target, fs::path{dir.path()} / "in.txt");
    fs::create_directory_symlink(outside.path(), fs::path{dir.path()} / "in");
    EXPECT_TRUE(write_task_file(dir.path(), "in.txt", "new")) << "the link itself is replaced";
    EXPECT_FALSE(write_task_file(dir.path(), "in/victim", "new"));
    EXPECT_EQ(content_of(target.string()), "safe");
    EXPECT_EQ(content_of(dir.path() + "/in.txt"), "new");
}

TEST(TaskFile, stays_in_the_directory) {
    TemporaryDirectory dir;
    for (const std::string path : {"../x", "a/../../x", "", "a/", ".."}) {
        EXPECT_FALSE(write_task_file(dir.path(), path, "x")) << path;
    }
    EXPECT_FALSE(write_task_file(dir.path() + "/none", "x", "x"));
}

}  // namespace
}  // namespace drover::drivers
