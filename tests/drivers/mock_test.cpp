// The driver without processes: it does what its config says, when it says.
#include "drivers/mock.hpp"

#include <csignal>

#include "drivers/log_rotator.hpp"
#include "tests/drivers/support.hpp"

namespace drover::drivers {
namespace {

using State = Recovered::State;
using namespace std::chrono_literals;

TaskSpec spec_with(Config config) {
    TaskSpec spec;
    spec.alloc_id = "a1";
    spec.task = "web";
    spec.config = std::move(config);
    return spec;
}

TEST(MockDriver, a_task_ends_as_its_config_says) {
    struct Row {
        const char* why;
        Config config;
        TaskExit exit;
    };
    const Row rows[]{
        {"nothing said: success at once", {}, {0, 0, false, "", {}}},
        {"an exit code", {{"run_for", "1ms"}, {"exit_code", 3}}, {3, 0, false, "", {}}},
        {"a signal", {{"exit_signal", 9}, {"exit_code", "137"}}, {137, 9, false, "", {}}},
        {"a failure of the driver", {{"exit_err_msg", "lost it"}}, {0, 0, false, "lost it", {}}},
    };
    MockDriver driver;
    for (const auto& row : rows) {
        ExitCatcher catcher;
        const auto started = driver.start(spec_with(row.config), catcher.callback());
        ASSERT_TRUE(started.has_value()) << row.why;
        auto exit = catcher.wait();
        EXPECT_GE(exit.finished_at, started->started_at) << row.why;
        EXPECT_EQ(driver.inspect(started->handle)->exit, exit) << row.why;
        exit.finished_at = {};
        EXPECT_EQ(exit, row.exit) << row.why;
    }
}

TEST(MockDriver, a_failed_start_is_worth_another_try_only_when_said_so) {
    MockDriver driver;
    auto started = driver.start(spec_with({{"start_error", "no"}}), ExitCatcher{}.callback());
    EXPECT_EQ(started.error().message, "no");
    EXPECT_FALSE(is_recoverable(started.error()));
    started = driver.start(spec_with({{"start_error", "no"}, {"start_error_recoverable", true}}),
                           ExitCatcher{}.callback());
    EXPECT_TRUE(is_recoverable(started.error()));
}

TEST(MockDriver, stop_ends_a_task_by_the_signal_or_by_the_timeout) {
    struct Row {
        const char* why;
        const char* kill_after;
        Duration timeout;
        const char* signal;
        int ended_by;
    };
    const Row rows[]{
        {"the default signal", "0s", 1h, "", SIGINT},
        {"the signal asked for", "1ms", 1h, "SIGTERM", SIGTERM},
        {"a task too slow to end", "24h", 1ms, "SIGTERM", SIGKILL},
    };
    MockDriver driver;
    for (const auto& row : rows) {
        ExitCatcher catcher;
        const auto started = driver.start(
            spec_with({{"run_for", "24h"}, {"kill_after", row.kill_after}}), catcher.callback());
        ASSERT_TRUE(started.has_value()) << row.why;
        ASSERT_TRUE(driver.stop(started->handle, row.signal, row.timeout).has_value()) << row.why;
        EXPECT_EQ(catcher.wait().signal, row.ended_by) << row.why;
        EXPECT_TRUE(driver.stop(started->handle, "", 0s).has_value()) << "stopping twice is fine";
    }
}

TEST(MockDriver, a_signal_is_taken_or_refused_as_said) {
    MockDriver driver;
    const auto meek = driver.start(spec_with({{"run_for", "24h"}}), ExitCatcher{}.callback());
    EXPECT_TRUE(driver.signal(meek->handle, "SIGHUP").has_value());
    EXPECT_FALSE(driver.signal(meek->handle, "SIGNONSENSE").has_value());
    const auto stubborn = driver.start(spec_with({{"run_for", "24h"}, {"signal_error", "not now"}}),
                                       ExitCatcher{}.callback());
    EXPECT_EQ(driver.signal(stubborn->handle, "SIGHUP").error().message, "not now");
}

TEST(MockDriver, it_prints_what_it_is_told) {
    TemporaryDirectory root;
    MockDriver driver;
    TaskSpec spec = spec_with({{"run_for", "24h"},
                               {"stdout_string", "tick\n"},
                               {"stdout_repeat", 3},
                               {"stdout_repeat_duration", "1ms"},
                               {"stderr_string", "oh\n"}});
    spec.log_dir = root.path();
    const auto started = driver.start(spec, ExitCatcher{}.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    EXPECT_TRUE(eventually(
        [&] { return content_of(root.path() + "/web.stdout.0") == "tick\ntick\ntick\ntick\n"; }));
    EXPECT_EQ(content_of(root.path() + "/web.stderr.0"), "oh\n");
}

TEST(MockDriver, a_task_goes_on_after_the_agent_was_restarted) {
    TaskHandle handle;
    {
        MockDriver before;
        handle = before.start(spec_with({{"run_for", "24h"}}), ExitCatcher{}.callback())->handle;
    }
    MockDriver after;
    ExitCatcher catcher;
    const auto found = after.recover(handle, catcher.callback());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, State::running);
    ASSERT_TRUE(after.stop(handle, "", 1h).has_value());
    EXPECT_EQ(catcher.wait().signal, SIGINT);
}

TEST(MockDriver, a_task_whose_time_was_up_meanwhile_has_ended) {
    TaskHandle handle;
    {
        MockDriver before;
        handle =
            before
                .start(spec_with({{"run_for", "1ms"}, {"exit_code", 5}}), ExitCatcher{}.callback())
                ->handle;
    }
    ::poll(nullptr, 0, 2);
    MockDriver after;
    ExitCatcher catcher;
    const auto found = after.recover(handle, catcher.callback());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, State::exited);
    EXPECT_EQ(found->exit.exit_code, 5);
    EXPECT_EQ(catcher.count(), 0U);
    EXPECT_FALSE(after.recover({"mock_driver", "garbage"}, catcher.callback()).has_value());
}

TEST(MockDriver, starting_the_same_attempt_again_attaches) {
    MockDriver driver;
    TaskSpec spec = spec_with({{"run_for", "24h"}});
    spec.attempt = 7;
    ExitCatcher first;
    ExitCatcher second;
    const auto started = driver.start(spec, first.callback());
    const auto again = driver.start(spec, second.callback());
    EXPECT_EQ(started->handle, again->handle);
    ASSERT_TRUE(driver.stop(started->handle, "", 1h).has_value());
    EXPECT_EQ(second.wait().signal, SIGINT);
    ExitCatcher third;
    ASSERT_TRUE(driver.start(spec, third.callback()).has_value());
    EXPECT_EQ(third.wait().signal, SIGINT);
    EXPECT_EQ(first.count(), 0U) << "whoever lost the handle is not told";
}

TEST(MockDriver, a_destroyed_task_is_forgotten) {
    MockDriver driver;
    ExitCatcher catcher;
    const auto started = driver.start(spec_with({{"run_for", "20ms"}}), catcher.callback());
    ASSERT_TRUE(driver.destroy(started->handle).has_value());
    EXPECT_EQ(driver.inspect(started->handle)->state, TaskStatus::State::unknown);
    ExitCatcher later;
    const auto other = driver.start(spec_with({{"run_for", "30ms"}}), later.callback());
    (void)later.wait();
    EXPECT_EQ(catcher.count(), 0U);
}

TEST(MockDriver, mistakes_in_the_config_name_the_key) {
    struct Row {
        Config config;
        const char* message;
    };
    const Row rows[]{
        {{{"run_for", "soon"}}, "\"run_for\" must be a duration"},
        {{{"run_for", "-1s"}}, "\"run_for\" must not be negative"},
        {{{"exit_code", 256}}, "\"exit_code\" must be from 0 to 255"},
        {{{"exit_code", "one"}}, "\"exit_code\" must be a whole number"},
        {{{"exit_signal", 1000}}, "\"exit_signal\""},
        {{{"stdout_repeat", 1000000000}}, "\"stdout_repeat\" must be from 0"},
        {{{"start_block_for", "9999h"}}, "\"start_block_for\" must be at most"},
        {{{"runfor", "1s"}}, "\"runfor\" is not a key"},
        {{{"plugin_exit_after", "1s"}}, "not offered"},
    };
    MockDriver driver;
    for (const auto& row : rows) {
        const auto valid = driver.validate(spec_with(row.config));
        ASSERT_FALSE(valid.has_value()) << row.message;
        EXPECT_NE(valid.error().message.find(row.message), std::string::npos)
            << valid.error().message;
    }
}

TEST(Registry, drivers_are_found_by_name_and_alias) {
    const auto registry = DriverRegistry::with_builtin(raw_exec_options());
    EXPECT_EQ(registry.names(), (std::vector<std::string>{"mock_driver", "raw_exec"}));
    EXPECT_NE(registry.find("raw_exec"), nullptr);
    EXPECT_EQ(registry.find("mock"), registry.find("mock_driver"));
    EXPECT_EQ(registry.find("docker"), nullptr);
}

}  // namespace
}  // namespace drover::drivers
