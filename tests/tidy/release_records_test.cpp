// What tests/releases says must be so: each file names a commit from which today's tree descends.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

namespace drover {
namespace {

namespace fs = std::filesystem;

bool git(const std::string& arguments) {
    const std::string command = "git -C '" DROVER_SOURCE_DIR "' " + arguments + " >/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
}

std::string commit_in(const fs::path& record) {
    std::ifstream in{record};
    std::string commit;
    std::getline(in, commit);
    return commit;
}

TEST(ReleaseRecords, each_names_a_commit_of_the_main_line) {
    const bool history = git("rev-parse HEAD") && !fs::exists(DROVER_SOURCE_DIR "/.git/shallow");
    for (const auto& entry : fs::directory_iterator{DROVER_SOURCE_DIR "/tests/releases"}) {
        const std::string name = entry.path().filename();
        if (name == "README.md") continue;
        EXPECT_TRUE(std::regex_match(name, std::regex{R"(\d+\.\d+\.\d+)"})) << name;
        const std::string commit = commit_in(entry.path());
        ASSERT_TRUE(std::regex_match(commit, std::regex{"[0-9a-f]{40}"})) << name << ": " << commit;
        if (!history) continue;
        EXPECT_TRUE(git("merge-base --is-ancestor " + commit + " HEAD"))
            << name << " names " << commit << ", from which this tree does not descend";
    }
    if (!history) GTEST_SKIP() << "only the form was checked: this tree has no whole history";
}

}  // namespace
}  // namespace drover
