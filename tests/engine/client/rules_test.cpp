// The small rules of the agent, row by row.
#include <gtest/gtest.h>

#include <set>

#include "engine/client/duration_text.hpp"
#include "engine/client/health.hpp"
#include "engine/client/instants.hpp"
#include "engine/client/lifecycle.hpp"
#include "engine/client/node_registration.hpp"
#include "engine/client/post.hpp"
#include "engine/client/restart_tracker.hpp"
#include "engine/client/state_journal.hpp"
#include "engine/client/task_events.hpp"

namespace drover::client {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant start{seconds{100}};

TEST(DurationText, reads_as_people_write_durations) {
    struct Row {
        Duration duration;
        const char* text;
    };
    const Row rows[]{
        {Duration{}, "0s"},
        {Duration{7}, "7ns"},
        {Duration{1'500}, "1.5µs"},
        {milliseconds{250}, "250ms"},
        {seconds{5}, "5s"},
        {milliseconds{17'250}, "17.25s"},
        {Duration{1'000'000'001}, "1.000000001s"},
        {minutes{30}, "30m0s"},
        {hours{24} + seconds{1}, "24h0m1s"},
        {-milliseconds{1'500}, "-1.5s"},
        {Duration::min(), "-2562047h47m16.854775808s"},
    };
    for (const auto& row : rows) EXPECT_EQ(duration_text(row.duration), row.text);
}

TEST(RestartTracker, follows_the_policy_row_by_row) {
    using Kind = RestartDecision::Kind;
    const RestartRules two{2, minutes{10}, seconds{8}, OnExhausted::fail, true};
    const RestartRules none{0, minutes{10}, seconds{8}, OnExhausted::fail, true};
    auto batch = two;
    batch.on_success = false;
    auto batch_none = none;
    batch_none.on_success = false;
    auto delaying = two;
    delaying.mode = OnExhausted::delay;
    struct Row {
        const char* why;
        RestartRules rules;
        std::vector<Ending> before;
        Ending ending;
        Kind kind;
        const char* reason;
    };
    const Row rows[]{
        {"a failure is worth an attempt",
         two,
         {},
         Ending::failed,
         Kind::restart,
         "Restart within policy"},
        {"a service does not end by itself",
         two,
         {},
         Ending::succeeded,
         Kind::restart,
         "Restart within policy"},
        {"batch work ends by itself", batch, {}, Ending::succeeded, Kind::finished, ""},
        {"even after its attempts are used up",
         batch,
         {Ending::failed, Ending::failed},
         Ending::succeeded,
         Kind::finished,
         ""},
        {"the third failure is one too many",
         two,
         {Ending::failed, Ending::failed},
         Ending::failed,
         Kind::give_up,
         "Exceeded allowed attempts 2 in interval 10m0s and mode is \"fail\""},
        {"or waits",
         delaying,
         {Ending::failed, Ending::failed},
         Ending::failed,
         Kind::restart,
         "Exceeded allowed attempts, applying a delay"},
        {"no attempts: not even for a good end",
         none,
         {},
         Ending::succeeded,
         Kind::give_up,
         "Policy allows no restarts"},
        {"no attempts, and none needed", batch_none, {}, Ending::succeeded, Kind::finished, ""},
        {"failed starts count",
         two,
         {Ending::start_failed, Ending::start_failed},
         Ending::start_failed,
         Kind::give_up,
         "Exceeded allowed attempts 2 in interval 10m0s and mode is \"fail\""},
        {"some starts are hopeless",
         delaying,
         {},
         Ending::start_failed_for_good,
         Kind::give_up,
         "Error was unrecoverable"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.why);
        Prng prng{1};
        RestartTracker tracker{start};
        for (const auto ending : row.before) {
            EXPECT_EQ(tracker.decide(row.rules, ending, start, prng).kind, Kind::restart);
        }
        const auto decision = tracker.decide(row.rules, row.ending, start + seconds{1}, prng);
        EXPECT_EQ(decision.kind, row.kind);
        EXPECT_EQ(decision.reason, row.reason);
    }
}

TEST(RestartTracker, counts_anew_only_after_the_interval_and_spreads_delays) {
    Prng prng{5};
    RestartTracker tracker{start};
    const RestartRules rules{1, minutes{1}, seconds{8}, OnExhausted::delay, true};
    std::set<Duration> delays;
    Instant now = start;
    for (int round = 0; round < 50; ++round) {
        const auto within = tracker.decide(rules, Ending::failed, now, prng);
        EXPECT_GE(within.delay, seconds{8});
        EXPECT_LE(within.delay, seconds{10});
        delays.insert(within.delay);
        const auto beyond = tracker.decide(rules, Ending::failed, now + seconds{20}, prng);
        EXPECT_EQ(beyond.delay, seconds{40}) << "until the interval is over";
        now += minutes{1} + Duration{1};
    }
    EXPECT_GT(delays.size(), 40U);
}

std::vector<TaskFacts> everything(Situation prestart, Situation sidecar, Situation main,
                                  Situation poststart, Situation poststop) {
    const auto one = [](const char* name, TaskKind kind, Situation situation) {
        return TaskFacts{name, kind, false, situation, false, 1};
    };
    return {one("init", TaskKind::prestart, prestart),
            one("proxy", TaskKind::prestart_sidecar, sidecar), one("main", TaskKind::main, main),
            one("warm", TaskKind::poststart, poststart),
            one("clean", TaskKind::poststop, poststop)};
}

TEST(Lifecycle, opens_one_gate_after_the_other) {
    constexpr auto pending = Situation::pending;
    constexpr auto running = Situation::running;
    constexpr auto dead = Situation::dead;
    struct Row {
        const char* why;
        std::vector<TaskFacts> tasks;
        std::set<TaskKind> open;
    };
    const Row rows[]{
        {"preparations first",
         everything(pending, pending, pending, pending, pending),
         {TaskKind::prestart, TaskKind::prestart_sidecar}},
        {"sidecars must run as well",
         everything(dead, pending, pending, pending, pending),
         {TaskKind::prestart, TaskKind::prestart_sidecar}},
        {"then the main tasks",
         everything(dead, running, pending, pending, pending),
         {TaskKind::prestart_sidecar, TaskKind::main}},
        {"then what follows the start",
         everything(dead, running, running, pending, pending),
         {TaskKind::prestart_sidecar, TaskKind::main, TaskKind::poststart,
          TaskKind::poststart_sidecar}},
        {"what followed the start does so once",
         everything(dead, running, running, dead, pending),
         {TaskKind::prestart_sidecar, TaskKind::main, TaskKind::poststart_sidecar}},
        {"in the end the cleaning",
         everything(dead, dead, dead, dead, pending),
         {TaskKind::poststop}},
        {"which comes even when nothing ever ran",
         everything(dead, dead, dead, dead, running),
         {TaskKind::poststop}},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.why);
        Lifecycle lifecycle;
        lifecycle.advance(row.tasks);
        for (int number = 0; number <= static_cast<int>(TaskKind::poststop); ++number) {
            const auto kind = static_cast<TaskKind>(number);
            EXPECT_EQ(lifecycle.admits(kind), row.open.contains(kind)) << number;
        }
    }
}

TEST(Lifecycle, a_failed_preparation_never_opens_the_main_gate) {
    auto tasks = everything(Situation::dead, Situation::running, Situation::pending,
                            Situation::pending, Situation::pending);
    tasks[0].failed = true;
    Lifecycle lifecycle;
    lifecycle.advance(tasks);
    EXPECT_FALSE(lifecycle.admits(TaskKind::main));
}

TEST(Health, waits_for_the_longest_and_no_longer_than_the_deadline) {
    HealthTracker tracker{{seconds{10}, minutes{1}}, start};
    std::vector<TaskFacts> tasks{{"web", TaskKind::main, false, Situation::running, false, 1}};
    EXPECT_FALSE(tracker.judge(tasks, start));
    EXPECT_EQ(tracker.deadline(), start + seconds{10});
    tasks[0].attempt = 2;  // restarted between two looks
    EXPECT_FALSE(tracker.judge(tasks, start + seconds{9}));
    EXPECT_FALSE(tracker.judge(tasks, start + seconds{18}));
    EXPECT_TRUE(tracker.judge(tasks, start + seconds{19})->healthy);

    HealthTracker hopeless{{minutes{2}, minutes{1}}, start};
    EXPECT_FALSE(hopeless.judge(tasks, start));
    EXPECT_FALSE(hopeless.judge(tasks, start + minutes{1})->healthy);
}

TEST(Heartbeat, is_tried_again_soon_while_it_may_still_arrive_in_time) {
    Prng prng{3};
    for (int round = 0; round < 200; ++round) {
        const Duration hope = heartbeat_retry_delay(seconds{10}, prng);
        EXPECT_GE(hope, seconds{1});
        EXPECT_LE(hope, seconds{10});
        const Duration late = heartbeat_retry_delay(-seconds{5}, prng);
        EXPECT_GE(late, seconds{1});
        EXPECT_LE(late, seconds{2});
        EXPECT_LE(heartbeat_retry_delay(-hours{5}, prng), seconds{30});
    }
}

TEST(Retry, doubles_up_to_its_bound_and_never_spins) {
    Prng prng{3};
    for (std::uint32_t failures = 1; failures < 100; ++failures) {
        const Duration delay = retry_delay(milliseconds{250}, seconds{15}, failures, prng);
        const Duration least = failures > 6 ? Duration{seconds{15}}
                                            : Duration{milliseconds{250} * (1 << (failures - 1))};
        EXPECT_GE(delay, std::min(least, Duration{seconds{15}}));
        EXPECT_LE(delay, least + least / 4);
        EXPECT_GT(retry_delay(Duration{}, Duration{}, failures, prng), Duration{});
    }
}

TEST(Instants, end_at_the_end_of_time) {
    EXPECT_EQ(after(start, Duration::max()), Instant::max());
    EXPECT_EQ(after(start, seconds{1}), start + seconds{1});
    EXPECT_EQ(earlier(std::nullopt, start), start);
    EXPECT_EQ(earlier(start, start + seconds{1}), start);
}

StoredBytes bytes(const char* text) { return std::make_shared<const std::string>(text); }

TEST(StateJournal, gathers_changes_while_a_write_is_in_flight) {
    StateJournal journal{{{"old", "1"}}};
    std::vector<Effect> effects;
    EXPECT_TRUE(journal.is_durable(journal.put("old", bytes("1")))) << "it is there already";
    journal.flush(effects);
    EXPECT_TRUE(effects.empty());
    const auto first = journal.put("a", bytes("1"));
    journal.flush(effects);
    const auto second = journal.put("a", bytes("2"));
    EXPECT_EQ(journal.put("b", bytes("1")), second);
    journal.erase("old");
    journal.flush(effects);
    ASSERT_EQ(effects.size(), 1U) << "one at a time";
    EXPECT_FALSE(journal.is_durable(first));
    EXPECT_TRUE(journal.written(first));
    EXPECT_TRUE(journal.is_durable(first));
    EXPECT_FALSE(journal.is_durable(second));
    EXPECT_FALSE(journal.written(first)) << "told twice";
    journal.flush(effects);
    const auto& write = std::get<WriteState>(effects.back());
    std::vector<std::pair<std::string, std::optional<std::string>>> changes;
    for (const auto& [key, value] : write.changes) {
        changes.emplace_back(key, value ? std::optional{*value} : std::nullopt);
    }
    EXPECT_EQ(changes, (decltype(changes){{"a", "2"}, {"b", "1"}, {"old", std::nullopt}}));
    EXPECT_TRUE(journal.write_failed(second, "worn out"));
    EXPECT_FALSE(journal.is_durable(journal.put("c", bytes("1"))));
    journal.flush(effects);
    EXPECT_EQ(effects.size(), 2U) << "a broken disk is left alone";
}

TEST(TaskEvents, say_what_users_of_nomad_look_for) {
    EXPECT_EQ(events::terminated({137, 9, true, "gone"}).display_message(),
              "Exit Code: 137, Signal: 9, Exit Message: \"gone\"");
    EXPECT_EQ(events::terminated({}).display_message(), "Exit Code: 0");
    EXPECT_EQ(events::restarting(seconds{16}, "Restart within policy").display_message(),
              "Task restarting in 16s");
    EXPECT_EQ(events::restarting(seconds{16}, "Exceeded").display_message(),
              "Exceeded - Task restarting in 16s");
    EXPECT_EQ(events::killing(seconds{5}).display_message(),
              "Sent interrupt. Waiting 5s before force killing");
    const auto details = events::terminated({1, 0, false, {}}).details();
    ASSERT_EQ(details.size(), 3);
    EXPECT_EQ(details[0].key(), "exit_code");
    EXPECT_EQ(details[1].key(), "oom_killed");
    EXPECT_EQ(details[2].key(), "signal");
}

TEST(TaskEvents, only_the_newest_are_kept) {
    schema::TaskState state;
    for (int number = 0; number < 25; ++number) {
        events::append(state, events::driver_failed(std::to_string(number)), WallTime{number}, 10);
    }
    ASSERT_EQ(state.events_size(), 10);
    EXPECT_EQ(state.events(0).time(), 15);
    EXPECT_EQ(state.events(9).driver_error(), "24");
}

}  // namespace
}  // namespace drover::client
