// Texts that cross a process boundary: records, orders, reports, config values.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>

#include "drivers/config.hpp"
#include "drivers/record.hpp"
#include "drivers/task_order.hpp"
#include "tests/drivers/support.hpp"

namespace drover::drivers {
namespace {

RC_GTEST_PROP(Record, any_value_survives, (const std::vector<std::string>& values)) {
    Record record;
    for (const auto& value : values) record.add("key", value);
    const auto parsed = Record::parse(record.encode(), "place");
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(parsed->all("key") == values);
}

RC_GTEST_PROP(Record, any_cut_is_noticed, (const std::string& value)) {
    Record record;
    record.add("key", value);
    const std::string whole = record.encode();
    const auto length = *rc::gen::inRange<std::size_t>(0, whole.size());
    RC_ASSERT(!Record::parse(whole.substr(0, length), "place").has_value());
}

RC_GTEST_PROP(Record, no_bytes_crash_the_parser, (const std::string& bytes)) {
    (void)Record::parse(bytes, "place");
    (void)Record::parse("drover-record 1\n" + bytes + "\nend\n", "place");
    (void)TaskOrder::parse(bytes);
    (void)StartReport::parse(bytes);
}

TEST(Record, a_mistake_is_reported_with_its_line) {
    const auto parsed = Record::parse("drover-record 1\nfine value\nbroken\nend\n", "/x/task");
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().message, "/x/task:3: a line must be a key, a space and a value");
}

TEST(Order, all_of_it_survives_the_way_to_the_executor) {
    TaskOrder order;
    order.alloc_id = "a";
    order.task = "web server";
    order.task_dir = "/t";
    order.command = "run";
    order.arguments = {"", "a b", "c\nd", "\\n"};
    order.environment = {"A=1", "B="};
    order.directory = "/d";
    order.user = "nobody";
    order.log_dir = "/l";
    order.logs = {3, 4, true};
    order.stop_signal = 2;
    order.oom_score_adjustment = 0;
    const auto parsed = TaskOrder::parse(order.encode());
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->encode(), order.encode());
    EXPECT_EQ(parsed->arguments, order.arguments);
    EXPECT_EQ(parsed->oom_score_adjustment, 0);
    const auto refused = StartReport::parse(StartReport::encode(fail(Errc::not_found, "no\nway")));
    EXPECT_EQ(refused.error(), (Error{Errc::not_found, "no\nway"}));
}

TEST(Durations, are_read_as_jobs_spell_them) {
    using namespace std::chrono_literals;
    EXPECT_EQ(parse_duration("1h2m3s"), 1h + 2min + 3s);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("0"), 0s);
    EXPECT_EQ(parse_duration("-2s"), -2s);
    for (const char* text : {"", "-", "1", "s", "1 s", "1d", "1s2", "..s", "999999999h", "1e9s"}) {
        EXPECT_FALSE(parse_duration(text).has_value()) << text;
    }
}

TEST(ConfigReader, scalars_convert_where_nothing_is_lost) {
    const Config config{{"text", 8080},    {"number", "12"},
                        {"whole", 3.0},    {"part", 3.5},
                        {"truth", "true"}, {"list", ConfigValue::List{1, true, 2.5}}};
    ConfigReader reader{"place", config};
    EXPECT_EQ(reader.text("text"), "8080");
    EXPECT_EQ(reader.number("number"), 12);
    EXPECT_EQ(reader.number("whole"), 3);
    EXPECT_EQ(reader.truth("truth"), true);
    EXPECT_EQ(reader.texts("list"), (std::vector<std::string>{"1", "true", "2.5"}));
    EXPECT_EQ(reader.text("absent"), std::nullopt);
    EXPECT_EQ(reader.number("part"), std::nullopt);
    EXPECT_EQ(reader.finish().error().message,
              "place: \"part\" must be a whole number, not a number");
}

TEST(Control, nonsense_on_the_executors_socket_is_answered_and_harms_nothing) {
    TemporaryDirectory root;
    ScriptTask task{root.path(), "echo ready; while :; do sleep 0.01; done"};
    RawExec driver{raw_exec_options()};
    ExitCatcher catcher;
    const auto started = driver.start(task.spec, catcher.callback());
    ASSERT_TRUE(started.has_value()) << started.error().message;
    const auto ask = [&](const std::string& bytes) {
        const auto socket = task.run().connect();
        EXPECT_TRUE(socket.has_value());
        (void)::send(socket->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ::shutdown(socket->get(), SHUT_WR);
        std::string answer;
        char byte = 0;
        while (::read(socket->get(), &byte, 1) == 1) answer += byte;
        return answer;
    };
    for (const char* line : {"\n", "stop\n", "stop 0 1\n", "stop 15\n", "stop 15 -1\n", "kill 9\n",
                             "signal 999999\n", "signal x\n"}) {
        EXPECT_TRUE(ask(line).starts_with("error ")) << line;
    }
    EXPECT_EQ(ask(""), "");
    EXPECT_EQ(ask("no newline"), "");
    (void)ask(std::string(100000, 'x'));
    std::vector<UniqueFd> idle;  // more than it serves at a time: the rest waits, none is harmed
    for (int i = 0; i < 40; ++i) {
        if (auto socket = task.run().connect()) idle.push_back(std::move(*socket));
    }
    idle.clear();
    EXPECT_EQ(driver.inspect(started->handle)->state, TaskStatus::State::running);
    ASSERT_TRUE(driver.stop(started->handle, "", std::chrono::hours{1}).has_value());
    EXPECT_EQ(catcher.wait().exit_code, 130);
}

}  // namespace
}  // namespace drover::drivers
