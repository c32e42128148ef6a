// A task outlives its agent: agents here are processes that are killed without warning, and another
// one finds the task again, or learns how it ended while nobody watched.
#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>

#include "drivers/executor_client.hpp"
#include "tests/drivers/support.hpp"

namespace drover::drivers {
namespace {

using State = Recovered::State;

// An agent that starts the task and is killed as soon as it holds the handle.
TaskHandle start_in_a_killed_agent(const TaskSpec& spec) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const pid_t agent = ::fork();
    if (agent == 0) {
        RawExec driver{raw_exec_options()};
        const auto started = driver.start(spec, [](const TaskExit&) {});
        const std::string said = started ? started->handle.opaque : started.error().message;
        (void)write_fully(ends[1], said + "\n", "");
        while (true) ::pause();
    }
    ::close(ends[1]);
    std::string opaque;
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1 && byte != '\n') opaque += byte;
    ::close(ends[0]);
    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);
    return {"raw_exec", opaque};
}

TEST(Recover, a_running_task_is_watched_again_and_its_exit_is_told) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "trap 'exit 21' INT; echo ready; while :; do sleep 0.01; done"};
    const TaskHandle handle = start_in_a_killed_agent(task.spec);
    ASSERT_TRUE(task.is_ready()) << handle.opaque;

    RawExec driver{raw_exec_options()};
    ExitCatcher catcher;
    const auto found = driver.recover(handle, catcher.callback());
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_EQ(found->state, State::running);
    EXPECT_EQ(::kill(static_cast<pid_t>(found->pid), 0), 0);
    EXPECT_GT(found->started_at.value(), 0);
    ASSERT_TRUE(driver.stop(handle, "", std::chrono::hours{1}).has_value());
    EXPECT_EQ(catcher.wait().exit_code, 21);
    EXPECT_TRUE(driver.destroy(handle).has_value());
    EXPECT_FALSE(task.run().exists());
}

TEST(Recover, an_exit_that_nobody_watched_is_kept) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "echo done; exit 17"};
    const TaskHandle handle = start_in_a_killed_agent(task.spec);
    ASSERT_TRUE(eventually([&] { return !task.run().executor_lives(); }));

    RawExec driver{raw_exec_options()};
    ExitCatcher catcher;
    for (int agent = 0; agent < 3; ++agent) {
        const auto found = driver.recover(handle, catcher.callback());
        ASSERT_TRUE(found.has_value()) << found.error().message;
        EXPECT_EQ(found->state, State::exited) << "however often it is asked";
        EXPECT_EQ(found->exit.exit_code, 17);
        EXPECT_GT(found->exit.finished_at.value(), 0);
    }
    EXPECT_EQ(catcher.count(), 0U) << "what recover() returns is not reported again";
    EXPECT_EQ(task.output(), "done\n");
}

TEST(Recover, output_written_while_no_agent_lives_is_not_lost) {
    TemporaryDirectory root;
    ScriptTask task{root.path(),
                    "echo ready; while [ ! -e go ]; do sleep 0.01; done; seq 1 1000; exit 0"};
    const TaskHandle handle = start_in_a_killed_agent(task.spec);
    ASSERT_TRUE(task.is_ready());
    ASSERT_TRUE(replace_file(task.spec.task_dir, "go", "", Durability::process_crash));
    ASSERT_TRUE(eventually([&] { return task.run().exit().has_value(); }));
    EXPECT_TRUE(task.output().ends_with("999\n1000\n"));
}

TEST(Recover, starting_the_same_attempt_again_attaches_instead_of_starting_twice) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "echo run >> runs; echo ready; while :; do sleep 0.01; done"};
    const TaskHandle handle = start_in_a_killed_agent(task.spec);
    ASSERT_TRUE(task.is_ready());

    RawExec driver{raw_exec_options()};
    ExitCatcher catcher;
    const auto again = driver.start(task.spec, catcher.callback());
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->handle, handle);
    EXPECT_EQ(content_of(task.spec.task_dir + "/runs"), "run\n");
    ASSERT_TRUE(driver.stop(handle, "", std::chrono::hours{1}).has_value());
    EXPECT_EQ(catcher.wait().signal, SIGINT);

    ExitCatcher late;
    ASSERT_TRUE(driver.start(task.spec, late.callback()).has_value());
    EXPECT_EQ(late.wait().signal, SIGINT) << "an attempt that has ended is told, not repeated";
    EXPECT_EQ(content_of(task.spec.task_dir + "/runs"), "run\n");
}

TEST(Recover, another_attempt_first_ends_one_that_was_forgotten) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "trap '' INT TERM; echo ready; while :; do sleep 0.01; done"};
    const TaskHandle forgotten = start_in_a_killed_agent(task.spec);
    ASSERT_TRUE(task.is_ready());
    const auto pid = task.run().task()->process;

    task.spec.attempt = 2;
    task.spec.config["args"] = ConfigValue::List{"-c", "exit 5"};
    RawExec driver{raw_exec_options()};
    ExitCatcher catcher;
    ASSERT_TRUE(driver.start(task.spec, catcher.callback()).has_value());
    EXPECT_FALSE(is_alive(pid));
    EXPECT_EQ(catcher.wait().exit_code, 5);
    EXPECT_EQ(driver.recover(forgotten, ExitCatcher{}.callback())->exit.signal, SIGKILL);
}

TEST(Recover, without_an_attempt_every_start_is_a_new_one) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "exit 0"};
    task.spec.attempt.reset();
    RawExec driver{raw_exec_options()};
    for (const char* expected : {"/executor/1", "/executor/2"}) {
        ExitCatcher catcher;
        const auto started = driver.start(task.spec, catcher.callback());
        ASSERT_TRUE(started.has_value());
        EXPECT_EQ(started->handle.opaque, task.spec.task_dir + expected);
        EXPECT_TRUE(catcher.wait().succeeded());
    }
}

TEST(Recover, a_killed_executor_takes_its_task_along_and_the_loss_is_told) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "sleep 1000 & echo ready; while :; do sleep 0.01; done"};
    RawExec driver{raw_exec_options()};
    ExitCatcher catcher;
    const auto started = driver.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    ASSERT_TRUE(task.is_ready());
    signal_process(*task.run().executor(), SIGKILL);
    const auto exit = catcher.wait();
    EXPECT_NE(exit.error.find("the executor was killed"), std::string::npos) << exit.error;
    EXPECT_FALSE(exit.succeeded());
    EXPECT_TRUE(eventually([&] { return survivors_of(task.spec.alloc_id).empty(); }));
    const auto found = driver.recover(started->handle, ExitCatcher{}.callback());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, State::gone);
    EXPECT_NE(found->reason.find("the executor was killed"), std::string::npos) << found->reason;
}

TEST(Recover, a_task_does_not_outlive_its_executor_even_when_no_agent_is_there) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "trap '' INT TERM HUP; echo ready; while :; do sleep 0.01; done"};
    start_in_a_killed_agent(task.spec);
    ASSERT_TRUE(task.is_ready());
    const auto process = task.run().task()->process;
    signal_process(*task.run().executor(), SIGKILL);
    EXPECT_TRUE(eventually([&] { return !is_alive(process); }));
}

TEST(Recover, an_executor_that_is_asked_to_end_stops_its_task_in_good_order) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "trap 'exit 33' INT; echo ready; while :; do sleep 0.01; done"};
    RawExec driver{raw_exec_options()};
    ExitCatcher catcher;
    ASSERT_TRUE(driver.start(task.spec, catcher.callback()).has_value());
    ASSERT_TRUE(task.is_ready());
    signal_process(*task.run().executor(), SIGTERM);
    EXPECT_EQ(catcher.wait().exit_code, 33);
}

TEST(Recover, a_reused_pid_is_never_taken_for_the_task) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "exit 0"};
    // A stranger that has the pid, the boot and even the allocation's name, but not the start.
    const pid_t stranger = ::fork();
    if (stranger == 0) {
        ::setsid();
        while (true) ::pause();
    }
    const auto run = task.run();
    ASSERT_TRUE(make_directories(run.path(), 0700).has_value());
    auto identity = *identify(stranger);
    identity.start_ticks -= 1;
    ASSERT_TRUE(run.store_task({identity, WallTime{1}, task.spec.alloc_id}).has_value());

    RawExec driver{raw_exec_options()};
    const auto found = driver.recover({"raw_exec", run.path()}, ExitCatcher{}.callback());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, State::gone);
    EXPECT_TRUE(driver.destroy({"raw_exec", run.path()}).has_value());
    EXPECT_EQ(::waitpid(stranger, nullptr, WNOHANG), 0) << "the stranger was killed";
    ::kill(stranger, SIGKILL);
    ::waitpid(stranger, nullptr, 0);
}

TEST(Recover, a_restart_of_the_host_is_told_as_such) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "exit 0"};
    const auto run = task.run();
    ASSERT_TRUE(make_directories(run.path(), 0700).has_value());
    ProcessId before = *identify(::getpid());
    before.boot = "another-boot";
    ASSERT_TRUE(run.store_task({before, WallTime{1}, task.spec.alloc_id}).has_value());
    RawExec driver{raw_exec_options()};
    const auto found = driver.recover({"raw_exec", run.path()}, ExitCatcher{}.callback());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, State::gone);
    EXPECT_NE(found->reason.find("host was restarted"), std::string::npos) << found->reason;
}

TEST(Recover, handles_that_lead_nowhere_are_gone_and_foreign_ones_are_refused) {
    RawExec driver{raw_exec_options()};
    const auto found = driver.recover({"raw_exec", "/no/such/run"}, ExitCatcher{}.callback());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, State::gone);
    EXPECT_NE(found->reason.find("/no/such/run"), std::string::npos);
    EXPECT_FALSE(driver.recover({"mock", "/tmp"}, ExitCatcher{}.callback()).has_value());
    EXPECT_FALSE(driver.recover({"raw_exec", "garbage"}, ExitCatcher{}.callback()).has_value());
}

TEST(Recover, damaged_records_never_crash_and_never_count_as_an_exit) {
    TemporaryDirectory root;
    RawExec driver{raw_exec_options()};
    for (const char* bytes : {"", "drover-record 1\n", "drover-record 1\nexit_code 0\n", "\0\0",
                              "drover-record 1\npid 1\\\nend\n", "drover-record 9\nend\n"}) {
        ScriptTask task{root.path(), "exit 0"};
        const auto run = task.run();
        ASSERT_TRUE(make_directories(run.path(), 0700).has_value());
        for (const char* name : {"exit", "task", "executor"}) {
            ASSERT_TRUE(replace_file(run.path(), name, bytes, Durability::process_crash));
        }
        const auto found = driver.recover({"raw_exec", run.path()}, ExitCatcher{}.callback());
        ASSERT_TRUE(found.has_value());
        EXPECT_EQ(found->state, State::gone) << bytes;
        EXPECT_TRUE(driver.destroy({"raw_exec", run.path()}).has_value());
    }
}

TEST(Recover, a_driver_that_goes_away_leaves_its_tasks_running) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "echo ready; while :; do sleep 0.01; done"};
    TaskHandle handle;
    {
        RawExec driver{raw_exec_options()};
        const auto started = driver.start(task.spec, ExitCatcher{}.callback());
        ASSERT_TRUE(started.has_value());
        handle = started->handle;
    }
    RawExec driver{raw_exec_options()};
    EXPECT_EQ(driver.inspect(handle)->state, TaskStatus::State::running);
    EXPECT_TRUE(driver.destroy(handle).has_value()) << "which kills what still runs";
    EXPECT_EQ(survivors_of(task.spec.alloc_id), std::vector<pid_t>{});
}

TEST(Recover, destroying_the_allocation_ends_a_task_that_nobody_remembers) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "trap '' INT TERM; echo ready; while :; do sleep 0.01; done"};
    start_in_a_killed_agent(task.spec);
    ASSERT_TRUE(task.is_ready());
    EXPECT_TRUE(task.dir().destroy().has_value());
    EXPECT_EQ(survivors_of(task.spec.alloc_id), std::vector<pid_t>{});
    EXPECT_NE(::access(task.dir().path().c_str(), F_OK), 0);
}

TEST(Launch, an_executor_that_cannot_run_is_a_failed_start) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "exit 0"};
    struct Row {
        const char* why;
        std::vector<std::string> command;
        const char* message;
    };
    const Row rows[]{
        {"no such program", {"/no/such/executor"}, "/no/such/executor"},
        {"one that ends at once", {"/bin/false"}, "ended before the task started"},
        {"one that says why", {"/bin/sh", "-c", "echo no luck >&2"}, "no luck"},
        {"one that talks nonsense", {"/bin/sh", "-c", "cat >/dev/null; echo hm >&0"}, "record"},
    };
    for (const auto& row : rows) {
        auto options = raw_exec_options();
        options.executor_command = row.command;
        RawExec driver{options};
        const auto started = driver.start(task.spec, ExitCatcher{}.callback());
        ASSERT_FALSE(started.has_value()) << row.why;
        EXPECT_NE(started.error().message.find(row.message), std::string::npos)
            << row.why << ": " << started.error().message;
    }
}

TEST(Launch, a_start_that_nobody_waits_for_any_more_is_undone) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), ""};
    const auto run = task.run();
    ASSERT_TRUE(make_directories(run.path(), 0700).has_value());
    TaskOrder order;
    order.task = "web";
    order.alloc_id = task.spec.alloc_id;
    order.environment = {"NOMAD_ALLOC_ID=" + task.spec.alloc_id};
    order.command = "/bin/sleep";
    order.arguments = {"1000"};
    order.directory = order.task_dir = task.spec.task_dir;
    order.log_dir = task.spec.log_dir;
    // The agent has given up by the time the executor gets to reading its order.
    const std::vector<std::string> command{
        "/bin/sh", "-c", "exec 3<&0; (sleep 0.3; " DROVER_EXECUTOR " \"$0\" 0<&3) & exit 0"};
    const auto started = launch_executor(command, run, order, std::chrono::milliseconds{50});
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error().code, Errc::timed_out);
    EXPECT_TRUE(is_recoverable(started.error()));
    ASSERT_TRUE(eventually([&] {
        return content_of(run.path() + "/executor.log").find("undone") != std::string::npos;
    }));
    EXPECT_TRUE(eventually([&] { return !run.executor_lives(); }));
    EXPECT_EQ(survivors_of(task.spec.alloc_id), std::vector<pid_t>{});
    EXPECT_FALSE(run.exit().has_value());
    EXPECT_FALSE(run.task().has_value()) << "the attempt may be started as if never begun";
}

}  // namespace
}  // namespace drover::drivers
