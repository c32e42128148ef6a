// From the command line to a task of a real agent: a payload arrives as a file, and the commands
// about launches, tags and garbage tell what they did.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/agent/cluster/dev_machine.hpp"

namespace drover::agent::cluster {
namespace {

namespace fs = std::filesystem;

std::string write_file(const Machine& machine, const std::string& name, const std::string& text) {
    const fs::path path = machine.directory() / name;
    std::ofstream{path} << text;
    return path.string();
}

constexpr const char* task_job = R"(
job "task" {
  type = "batch"
  parameterized {
    payload       = "required"
    meta_required = ["who"]
  }
  group "g" {
    task "t" {
      driver = "raw_exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "echo \"$NOMAD_META_who says $(cat $NOMAD_TASK_DIR/in/words.txt)\""]
      }
      dispatch_payload { file = "in/words.txt" }
      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
)";

constexpr const char* nightly_job = R"(
job "nightly" {
  type = "batch"
  periodic {
    crons     = ["30 2 * * *"]
    time_zone = "Europe/Berlin"
  }
  group "g" {
    task "t" {
      driver = "mock_driver"
      config { run_for = "10ms" }
      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
)";

class Commands : public testing::Test {
protected:
    std::string run(std::vector<std::string> arguments, int code = 0) {
        std::string output, told;
        for (const auto& one : arguments) told += one + " ";
        EXPECT_EQ(agent_.machine().command(std::move(arguments), output), code) << told << output;
        return output;
    }
    static void shows(const std::string& output, const std::string& part) {
        EXPECT_NE(output.find(part), std::string::npos) << part << " is not in:\n" << output;
    }

    DevMachine agent_;
};

TEST_F(Commands, a_payload_reaches_its_task) {
    if (::geteuid() != 0) GTEST_SKIP() << "raw_exec tasks need root";
    ASSERT_TRUE(agent_.wait_until_ready());
    shows(run({"job", "run", write_file(agent_.machine(), "task.hcl", task_job)}),
          "Job registration successful");
    const std::string words = write_file(agent_.machine(), "words.txt", "good morning");
    shows(run({"job", "dispatch", "task", words}, 1), "Meta lacks what the job requires: \"who\"");
    shows(run({"job", "dispatch", "-meta", "who", "task", words}, 1), "is not key=value");
    shows(run({"job", "dispatch", "-meta", "who=she", "task", words + ".not"}, 1),
          "cannot be read");
    const std::string output = run({"job", "dispatch", "-meta", "who=she", "task", words});
    const std::string before = "Dispatched Job ID = ";
    shows(output, before);
    const std::size_t at = output.find(before) + before.size();
    const std::string child = output.substr(at, output.find('\n', at) - at);
    EXPECT_TRUE(eventually(
        [&] { return run({"job", "status", "-short", child}).find("dead") != std::string::npos; }));
    const auto allocations = agent_.api().get("/v1/job/" + child + "/allocations");
    ASSERT_TRUE(allocations && items(*allocations).size() == 1);
    shows(run({"alloc", "logs", text(items(*allocations).front(), {"ID"})}),
          "she says good morning");
    const std::string parent = run({"job", "status", "task"});
    shows(parent, "Children Job Summary");
    shows(parent, "Dispatched Jobs");
    shows(parent, child);
    run({"system", "gc"});
    EXPECT_EQ(run({"job", "status", "task"}).find(child), std::string::npos);
}

TEST_F(Commands, a_periodic_job_tells_its_times_and_a_version_its_tag) {
    ASSERT_TRUE(agent_.wait_until_ready());
    const std::string file = write_file(agent_.machine(), "nightly.hcl", nightly_job);
    shows(run({"job", "plan", file}, 1), "next periodic launch would be at");
    shows(run({"job", "run", file}), "Approximate next launch time: ");
    shows(run({"job", "periodic", "force", "nightly"}), "Force periodic successful");
    const std::string status = run({"job", "status", "nightly"});
    shows(status, "Next Periodic Launch");
    shows(status, "Previously Launched Jobs");
    shows(status, "nightly/periodic-");
    shows(run({"job", "tag", "apply", "-name", "first", "-description", "as it was", "nightly"}),
          "\"first\"");
    run({"job", "stop", "nightly"});
    shows(run({"job", "history", "nightly"}), "Tag Description = as it was");
    shows(run({"job", "periodic", "force", "nightly"}, 1), "not launched by time");
    run({"job", "revert", "nightly", "first"});
    shows(run({"job", "status", "-short", "nightly"}), "running");
    run({"job", "tag", "unset", "-name", "first", "nightly"});
    shows(run({"job", "tag", "unset", "-name", "first", "nightly"}, 1), "tagged \"first\"");
    shows(run({"job", "tag", "apply", "nightly"}, 1), "-name is missing");
    run({"system", "reconcile", "summaries"});
}

}  // namespace
}  // namespace drover::agent::cluster
