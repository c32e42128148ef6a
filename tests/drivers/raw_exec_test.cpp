// raw_exec with real processes: what a task is given, how it ends, and who hears of it.
#include "drivers/raw_exec.hpp"

#include <sys/stat.h>

#include <csignal>

#include "drivers/log_rotator.hpp"
#include "drivers/process.hpp"
#include "tests/drivers/support.hpp"

namespace drover::drivers {
namespace {

class RawExecTest : public testing::Test {
protected:
    TaskExit run_to_end(ScriptTask& task) {
        ExitCatcher catcher;
        const auto started = driver_.start(task.spec, catcher.callback());
        if (!started) {
            ADD_FAILURE() << started.error().message;
            return {};
        }
        auto exit = catcher.wait();
        EXPECT_EQ(content_of(task.run().path() + "/executor.log"), "") << "nothing went wrong";
        return exit;
    }

    TemporaryDirectory root_;
    RawExec driver_{raw_exec_options()};
};

TEST_F(RawExecTest, every_way_of_ending_is_told_apart) {
    struct Row {
        const char* why;
        const char* script;
        int exit_code;
        int signal;
    };
    const Row rows[]{
        {"success is 0", "exit 0", 0, 0},
        {"a failure keeps its code", "exit 3", 3, 0},
        {"codes reach up to 255", "exit 255", 255, 0},
        {"a signal ends with 128 plus its number", "kill -TERM $$", 143, SIGTERM},
        {"also one that cannot be caught", "kill -KILL $$", 137, SIGKILL},
    };
    for (const auto& row : rows) {
        TemporaryDirectory root;
        ScriptTask task{root.path(), row.script};
        const auto exit = run_to_end(task);
        EXPECT_EQ(exit.exit_code, row.exit_code) << row.why;
        EXPECT_EQ(exit.signal, row.signal) << row.why;
        EXPECT_EQ(exit.error, "") << row.why;
        EXPECT_GT(exit.finished_at.value(), 0) << row.why;
    }
}

TEST_F(RawExecTest, a_task_gets_exactly_its_environment_directory_and_streams) {
    ScriptTask task{root_.path(), "/usr/bin/env; pwd; ls /proc/self/fd; cat; echo bad >&2"};
    task.spec.environment = {{"MULTI", "a\nb\\n"}, {"PATH", "/usr/bin:/bin"}};
    EXPECT_TRUE(run_to_end(task).succeeded());
    const std::string output = task.output();
    EXPECT_NE(output.find("MULTI=a\nb\\n\n"), std::string::npos) << output;
    EXPECT_NE(output.find("\n" + task.spec.task_dir + "\n"), std::string::npos) << output;
    // The listing itself is descriptor 3; nothing of the agent's or the executor's is open.
    EXPECT_NE(output.find("\n0\n1\n2\n3\n"), std::string::npos) << output;
    EXPECT_EQ(output.find("\n4\n"), std::string::npos) << output;
    EXPECT_EQ(output.find("HOME="), std::string::npos) << output;
    EXPECT_EQ(content_of(task.log("stderr")), "bad\n");
}

TEST_F(RawExecTest, denied_variables_do_not_reach_the_task) {
    ScriptTask task{root_.path(), "/usr/bin/env"};
    task.spec.environment = {{"AWS_KEY", "1"}, {"AWS", "2"}, {"OTHER", "3"}};
    task.spec.config["denied_envvars"] = ConfigValue::List{"AWS_*", "OTH?R"};
    EXPECT_TRUE(run_to_end(task).succeeded());
    EXPECT_EQ(task.output().find("AWS_KEY"), std::string::npos);
    EXPECT_NE(task.output().find("AWS=2\n"), std::string::npos);
    EXPECT_EQ(task.output().find("OTHER"), std::string::npos);
}

TEST_F(RawExecTest, a_command_is_found_beside_the_task_and_in_its_path) {
    ScriptTask task{root_.path(), ""};
    const std::string program = task.dir().local("web") + "/hello";
    {
        const auto written = replace_file(task.dir().local("web"), "hello",
                                          "#!/bin/sh\necho hello $1\n", Durability::process_crash);
        ASSERT_TRUE(written.has_value());
        ::chmod(program.c_str(), 0755);
    }
    struct Row {
        const char* why;
        const char* command;
        bool found;
    };
    const Row rows[]{
        {"in local/", "hello", true},
        {"relative to the task directory", "local/hello", true},
        {"by name in PATH", "echo", true},
        {"nowhere", "no-such-command", false},
        {"a directory is no command", "/tmp", false},
    };
    std::uint64_t attempt = 0;
    for (const auto& row : rows) {
        task.spec.attempt = ++attempt;
        task.spec.config = {{"command", row.command},
                            {"args", ConfigValue::List{"world", 1, true}}};
        ExitCatcher catcher;
        const auto started = driver_.start(task.spec, catcher.callback());
        EXPECT_EQ(started.has_value(), row.found) << row.why;
        if (started) {
            EXPECT_TRUE(catcher.wait().succeeded()) << row.why;
        } else {
            EXPECT_EQ(started.error().code, Errc::not_found) << started.error().message;
            EXPECT_NE(started.error().message.find(row.command), std::string::npos);
            EXPECT_FALSE(is_recoverable(started.error()));
            EXPECT_FALSE(task.run().exists()) << "a failed start leaves nothing behind";
        }
    }
    EXPECT_NE(task.output().find("hello world\n"), std::string::npos) << task.output();
    EXPECT_NE(task.output().find("world 1 true\n"), std::string::npos) << task.output();
}

TEST_F(RawExecTest, what_stops_a_program_from_running_is_a_failed_start_that_names_it) {
    ScriptTask task{root_.path(), "true"};
    task.spec.config["work_dir"] = "/no/such/place";
    auto started = driver_.start(task.spec, ExitCatcher{}.callback());
    ASSERT_FALSE(started.has_value());
    EXPECT_NE(started.error().message.find("/no/such/place: No such file"), std::string::npos)
        << started.error().message;

    ASSERT_TRUE(
        replace_file(task.dir().local("web"), "empty", "no header", Durability::process_crash));
    ::chmod((task.dir().local("web") + "/empty").c_str(), 0755);
    task.spec.config = {{"command", "empty"}};
    started = driver_.start(task.spec, ExitCatcher{}.callback());
    ASSERT_FALSE(started.has_value());
    EXPECT_NE(started.error().message.find("Exec format error"), std::string::npos)
        << started.error().message;
    EXPECT_FALSE(task.run().exists());
}

TEST_F(RawExecTest, a_bad_config_is_refused_with_the_key_and_the_remedy) {
    struct Row {
        const char* why;
        Config config;
        const char* message;
    };
    const Row rows[]{
        {"the command is required", {}, "\"command\" is required"},
        {"an unknown key is a typing mistake", {{"command", "a"}, {"arg", "b"}}, "\"arg\" is not"},
        {"args is a list", {{"command", "a"}, {"args", "b"}}, "\"args\" must be a list"},
        {"of texts",
         {{"command", "a"}, {"args", ConfigValue::List{"a", ConfigValue::List{}}}},
         "\"args[1]\" must be a text, not a list"},
        {"the command is a text", {{"command", ConfigValue::List{}}}, "\"command\" must be a text"},
        {"work_dir is absolute", {{"command", "a"}, {"work_dir", "b"}}, "\"work_dir\" must be"},
        {"oom_score_adj has a range", {{"command", "a"}, {"oom_score_adj", -1}}, "from 0 to 1000"},
        {"NUL cannot be passed", {{"command", std::string{"a\0b", 3}}}, "must not hold a NUL"},
        {"what is not offered is said",
         {{"command", "a"}, {"cgroup_v2_override", "x"}},
         "not offered"},
    };
    for (const auto& row : rows) {
        ScriptTask task{root_.path(), ""};
        task.spec.config = row.config;
        const auto valid = driver_.validate(task.spec);
        ASSERT_FALSE(valid.has_value()) << row.why;
        EXPECT_NE(valid.error().message.find(row.message), std::string::npos)
            << row.why << ": " << valid.error().message;
        EXPECT_FALSE(driver_.start(task.spec, ExitCatcher{}.callback()).has_value()) << row.why;
    }
}

TEST_F(RawExecTest, a_task_name_never_leaves_its_directory) {
    for (const char* name : {"", ".", "..", "a/b", "../../etc"}) {
        ScriptTask task{root_.path(), "true"};
        task.spec.task = name;
        EXPECT_FALSE(driver_.start(task.spec, ExitCatcher{}.callback()).has_value()) << name;
    }
}

TEST_F(RawExecTest, a_disabled_driver_starts_nothing_and_is_not_detected) {
    RawExec disabled{RawExecOptions{}};
    ScriptTask task{root_.path(), "true"};
    EXPECT_EQ(disabled.start(task.spec, ExitCatcher{}.callback()).error().code, Errc::unsupported);
    EXPECT_EQ(disabled.fingerprint().health, DriverFingerprint::Health::undetected);
    EXPECT_TRUE(disabled.fingerprint().attributes.empty());
    EXPECT_EQ(driver_.fingerprint().attributes.at("driver.raw_exec"), "1");
}

TEST_F(RawExecTest, a_signal_reaches_the_main_process) {
    ScriptTask task{root_.path(),
                    "trap 'echo heard; exit 7' USR1; echo ready; "
                    "while :; do sleep 0.01; done"};
    ExitCatcher catcher;
    const auto started = driver_.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    ASSERT_TRUE(task.is_ready());
    EXPECT_EQ(driver_.signal(started->handle, "SIGNOPE").error().code, Errc::invalid_argument);
    EXPECT_TRUE(driver_.signal(started->handle, "usr1").has_value());
    EXPECT_EQ(catcher.wait().exit_code, 7);
    EXPECT_EQ(driver_.signal(started->handle, "USR1").error().code, Errc::not_found);
    EXPECT_TRUE(driver_.stop(started->handle, "", std::chrono::seconds{1}).has_value());
}

TEST_F(RawExecTest, stop_sends_the_signal_and_lets_the_task_end_in_its_own_way) {
    ScriptTask task{root_.path(), "trap 'exit 9' INT; echo ready; while :; do sleep 0.01; done"};
    ExitCatcher catcher;
    const auto started = driver_.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    ASSERT_TRUE(task.is_ready());
    // An hour: were the default signal not SIGINT, this test would not end.
    ASSERT_TRUE(driver_.stop(started->handle, "", std::chrono::hours{1}).has_value());
    EXPECT_EQ(catcher.wait().exit_code, 9);
}

TEST_F(RawExecTest, a_task_that_ignores_the_signal_is_killed_after_the_timeout) {
    ScriptTask task{root_.path(), "trap '' INT TERM; echo ready; while :; do sleep 0.01; done"};
    ExitCatcher catcher;
    const auto started = driver_.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    ASSERT_TRUE(task.is_ready());
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(driver_.stop(started->handle, "SIGTERM", std::chrono::milliseconds{300}));
    EXPECT_EQ(catcher.wait().signal, SIGKILL);
    EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds{300});
}

TEST_F(RawExecTest, a_second_stop_may_hurry_but_not_delay) {
    ScriptTask task{root_.path(), "trap '' INT TERM; echo ready; while :; do sleep 0.01; done"};
    ExitCatcher catcher;
    const auto started = driver_.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    ASSERT_TRUE(task.is_ready());
    ASSERT_TRUE(driver_.stop(started->handle, "", std::chrono::hours{1}).has_value());
    ASSERT_TRUE(driver_.stop(started->handle, "", std::chrono::milliseconds{1}).has_value());
    ASSERT_TRUE(driver_.stop(started->handle, "", std::chrono::hours{1}).has_value());
    EXPECT_EQ(catcher.wait().signal, SIGKILL);
}

TEST_F(RawExecTest, children_end_with_their_task_even_when_they_left_its_group) {
    ScriptTask task{
        root_.path(),
        "sleep 1000 & echo $!; setsid sleep 1001 & "
        "setsid sh -c '(trap \"\" TERM HUP; sleep 1002) & echo $!' ; echo ready; exit 4"};
    EXPECT_EQ(run_to_end(task).exit_code, 4);
    EXPECT_EQ(survivors_of(task.spec.alloc_id), std::vector<pid_t>{});
    EXPECT_FALSE(task.run().executor_lives());
}

TEST_F(RawExecTest, all_output_is_on_disk_before_the_exit_is_told) {
    ScriptTask task{root_.path(), "head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2"};
    EXPECT_TRUE(run_to_end(task).succeeded());
    EXPECT_EQ(task.output().size(), 3000000U);
    EXPECT_EQ(content_of(task.log("stderr")).size(), 300000U);
}

TEST_F(RawExecTest, also_what_the_pipe_still_held_when_the_task_ended) {
    if (::access("/usr/bin/perl", X_OK) != 0) GTEST_SKIP() << "needs perl to enlarge a pipe";
    // 1031 is F_SETPIPE_SZ: all of it fits the pipe, and the task has ended before it is read.
    ScriptTask task{root_.path(),
                    "echo ready; while [ ! -e go ]; do sleep 0.01; done; exec perl -e "
                    "'fcntl(STDOUT, 1031, 1048576); syswrite(STDOUT, \"x\" x 1000000)'"};
    ExitCatcher catcher;
    const auto started = driver_.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    ASSERT_TRUE(task.is_ready());
    const auto main = task.run().task()->process;
    signal_process(*task.run().executor(), SIGSTOP);
    ASSERT_TRUE(replace_file(task.spec.task_dir, "go", "", Durability::process_crash));
    ASSERT_TRUE(eventually([&] { return !is_alive(main); }));
    signal_process(*task.run().executor(), SIGCONT);
    EXPECT_TRUE(catcher.wait().succeeded());
    EXPECT_EQ(task.output().size(), 1000006U);
}

TEST_F(RawExecTest, logs_rotate_within_their_limits) {
    ScriptTask task{root_.path(), "seq 1 20000"};
    task.spec.logs = {3, 10000, false};
    EXPECT_TRUE(run_to_end(task).succeeded());
    const auto numbers = log_file_numbers(task.spec.log_dir, "web.stdout");
    ASSERT_TRUE(numbers.has_value());
    ASSERT_EQ(numbers->size(), 3U);
    std::string kept;
    for (const auto number : *numbers) {
        const std::string part = content_of(task.log("stdout", static_cast<int>(number)));
        EXPECT_LE(part.size(), 10000U);
        EXPECT_EQ(part.back(), '\n') << "lines are not split";
        kept += part;
    }
    EXPECT_TRUE(kept.ends_with("19999\n20000\n"));
}

TEST_F(RawExecTest, disabled_logs_create_no_file) {
    ScriptTask task{root_.path(), "echo lost; echo lost >&2"};
    task.spec.logs.disabled = true;
    EXPECT_TRUE(run_to_end(task).succeeded());
    EXPECT_TRUE(log_file_numbers(task.spec.log_dir, "web.stdout")->empty());
}

TEST_F(RawExecTest, a_planted_link_in_the_log_directory_is_not_written_through) {
    ScriptTask task{root_.path(), "echo overwritten"};
    const std::string victim = root_.path() + "/victim";
    ASSERT_TRUE(replace_file(root_.path(), "victim", "precious", Durability::process_crash));
    ASSERT_EQ(::symlink(victim.c_str(), task.log().c_str()), 0);
    EXPECT_FALSE(driver_.start(task.spec, ExitCatcher{}.callback()).has_value());
    EXPECT_EQ(content_of(victim), "precious");
}

TEST_F(RawExecTest, a_path_longer_than_a_socket_name_is_no_obstacle) {
    const std::string root =
        root_.path() + "/" + std::string(120, 'x') + "/" + std::string(90, 'y');
    ScriptTask task{root, "echo ready; while :; do sleep 0.01; done"};
    ExitCatcher catcher;
    const auto started = driver_.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    ASSERT_TRUE(driver_.stop(started->handle, "", std::chrono::hours{1}).has_value());
    EXPECT_EQ(catcher.wait().signal, SIGINT);
}

TEST_F(RawExecTest, a_task_runs_as_the_user_it_names) {
    if (::geteuid() != 0) GTEST_SKIP() << "changing the user needs root";
    ScriptTask task{root_.path(),
                    "id -un; id -Gn; echo > secrets/mine; cat executor/1/task; "
                    "rm -rf executor; mv executor x; ls"};
    task.spec.user = "nobody";
    run_to_end(task);
    // Its secrets are its own; what the executor keeps is neither to be read nor to be replaced.
    EXPECT_EQ(task.output(), "nobody\nnogroup\nexecutor\nlocal\nsecrets\ntmp\n");
    EXPECT_TRUE(task.run().exit().has_value());
    task.spec.attempt = 2;
    task.spec.user = "no-such-user";
    EXPECT_EQ(driver_.start(task.spec, ExitCatcher{}.callback()).error().code, Errc::not_found);
}

TEST_F(RawExecTest, denied_users_are_refused) {
    auto options = raw_exec_options();
    options.denied_host_uids = "1-5," + std::to_string(::geteuid());
    RawExec strict{options};
    ScriptTask task{root_.path(), "true"};
    EXPECT_EQ(strict.start(task.spec, ExitCatcher{}.callback()).error().code,
              Errc::permission_denied);
    options.denied_host_uids = "1-x";
    RawExec broken{options};
    EXPECT_EQ(broken.start(task.spec, ExitCatcher{}.callback()).error().code,
              Errc::invalid_argument);
}

TEST_F(RawExecTest, many_tasks_run_side_by_side_and_each_exit_finds_its_own) {
    constexpr std::size_t count = 40;
    std::vector<std::unique_ptr<ScriptTask>> tasks;
    std::vector<ExitCatcher> catchers(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::string name = "task-" + std::to_string(i);
        tasks.push_back(std::make_unique<ScriptTask>(
            root_.path(), "echo " + name + "; exit " + std::to_string(i), name));
        const auto started = driver_.start(tasks.back()->spec, catchers[i].callback());
        ASSERT_TRUE(started.has_value()) << started.error().message;
    }
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(catchers[i].wait().exit_code, static_cast<int>(i));
        EXPECT_EQ(tasks[i]->output(), tasks[i]->spec.task + "\n");
    }
}

}  // namespace
}  // namespace drover::drivers
