// Whatever bytes a host hands over: an answer or a refusal with a reason, never the end of the
// process, and after a refusal the engine is as it was.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/engine/host/group.hpp"

namespace drover::host {
namespace {

const drover_engine_table& table() { return *drover_engine_table_v1(); }

struct Refusal {
    std::int32_t code = 0;
    std::string text;
};

Refusal try_create(std::uint32_t kind, const std::string& bytes) {
    drover_engine* engine = nullptr;
    drover_buffer created{};
    drover_buffer error{};
    const std::int32_t code = table().create(kind, borrow(bytes), &engine, &created, &error);
    EXPECT_EQ(engine != nullptr, code == DROVER_OK);
    EXPECT_EQ(created.data != nullptr, code == DROVER_OK);
    EXPECT_EQ(error.data != nullptr, code != DROVER_OK);
    table().free_buffer(&created);
    table().destroy(engine);
    return {code, take(table(), error)};
}

Refusal try_step(drover_engine* engine, const std::string& bytes,
                 wire::Effects* effects = nullptr) {
    drover_step out{};
    drover_buffer error{};
    const std::int32_t code = table().step(engine, borrow(bytes), &out, &error);
    EXPECT_EQ(out.effects.data != nullptr, code == DROVER_OK);
    EXPECT_EQ(error.data != nullptr, code != DROVER_OK);
    if (effects != nullptr && code == DROVER_OK) {
        EXPECT_TRUE(effects->ParseFromArray(out.effects.data, static_cast<int>(out.effects.size)));
    }
    table().free_step(&out);
    return {code, take(table(), error)};
}

bool says(const Refusal& refusal, const std::string& words) {
    return refusal.text.find(words) != std::string::npos;
}

wire::Inputs inputs_at(const Group& group) {
    wire::Inputs inputs;
    inputs.set_now(group.now);
    inputs.set_wall(wall_start + group.now);
    return inputs;
}

TEST(HostMalformed, the_table_says_what_it_is) {
    EXPECT_EQ(table().abi_version, DROVER_ABI_VERSION);
    EXPECT_EQ(table().table_size, sizeof(drover_engine_table));
    EXPECT_STRNE(table().release, "");
}

TEST(HostMalformed, what_cannot_become_an_engine_is_refused_with_a_reason) {
    const Group group{1};
    struct Row {
        const char* why;
        std::uint32_t kind;
        std::function<void(wire::Create&)> change;
        std::int32_t code;
        const char* words;
    };
    const Row rows[]{
        {"a kind that does not exist", 9, [](auto&) {}, DROVER_UNSUPPORTED, "kind 9"},
        {"a server without an id", DROVER_SERVER,
         [](auto& one) { one.mutable_server()->mutable_self()->clear_raft_id(); },
         DROVER_INVALID_ARGUMENT, "id must not be 0"},
        {"an agent without a node", DROVER_CLIENT, [](auto&) {}, DROVER_INVALID_ARGUMENT, "node"},
        {"time before the host's beginning", DROVER_SERVER, [](auto& one) { one.set_now(-1); },
         DROVER_INVALID_ARGUMENT, "now is -1"},
        {"a negative duration", DROVER_SERVER,
         [](auto& one) { one.mutable_server()->set_tick(-5); }, DROVER_INVALID_ARGUMENT,
         "tick is -5"},
        {"a feature level beyond this release", DROVER_SERVER,
         [](auto& one) { one.mutable_server()->set_supported_level(99); },
         DROVER_INVALID_ARGUMENT, "supported_feature_level 99"},
        {"an election timeout beyond all measure", DROVER_SERVER,
         [](auto& one) {
             one.mutable_server()->set_tick(std::int64_t{1} << 54);
             one.mutable_server()->set_election_ticks(0xffffffffU);
         },
         DROVER_INVALID_ARGUMENT, "election_ticks"},
        {"records out of order", DROVER_SERVER,
         [](auto& one) {
             one.mutable_server_disk()->add_records()->set_key("b");
             one.mutable_server_disk()->add_records()->set_key("a");
         },
         DROVER_INTERNAL, "order"},
        {"a record that is none", DROVER_SERVER,
         [](auto& one) { one.mutable_server_disk()->add_records()->set_key("raft.hard"); },
         DROVER_CORRUPT, "raft.hard"},
        {"a snapshot file that is none", DROVER_SERVER,
         [](auto& one) { one.mutable_server_disk()->set_snapshot("snap"); }, DROVER_CORRUPT,
         "snapshot"},
    };
    for (const Row& row : rows) {
        wire::Create create = group.create_of(0);
        row.change(create);
        const Refusal refusal = try_create(row.kind, create.SerializeAsString());
        EXPECT_EQ(refusal.code, row.code) << row.why << ": " << refusal.text;
        EXPECT_TRUE(says(refusal, row.words)) << row.why << ": " << refusal.text;
    }
}

TEST(HostMalformed, bytes_that_are_no_message_are_refused) {
    Group group{1};
    struct Row {
        const char* why;
        std::string bytes;
    };
    const Row rows[]{
        {"not a tag", "\xff\xff\xff"},
        {"a length beyond the end", std::string{"\x1a\x7f\x01"}},
        {"a length of four gigabytes", std::string{"\x1a\xff\xff\xff\xff\x0f"}},
        {"a length of sixteen exabytes",
         std::string{"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}},
        {"a group that never ends", std::string(100, '\x1b')},
    };
    for (const Row& row : rows) {
        for (const std::uint32_t kind : {DROVER_SERVER, DROVER_CLIENT}) {
            EXPECT_EQ(try_create(kind, row.bytes).code, DROVER_INVALID_ARGUMENT) << row.why;
        }
        const Refusal refusal = try_step(group.engine(0), row.bytes);
        EXPECT_EQ(refusal.code, DROVER_INVALID_ARGUMENT) << row.why;
        EXPECT_TRUE(says(refusal, "Inputs")) << refusal.text;
    }
}

TEST(HostMalformed, nothing_where_something_must_be_is_refused) {
    Group group{1};
    drover_buffer out{};
    drover_buffer error{};
    drover_step step{};
    EXPECT_EQ(table().step(nullptr, {}, &step, &error), DROVER_INVALID_ARGUMENT);
    EXPECT_NE(take(table(), error).find("engine"), std::string::npos);
    EXPECT_EQ(table().step(group.engine(0), {}, nullptr, nullptr), DROVER_INVALID_ARGUMENT);
    EXPECT_EQ(table().step(group.engine(0), {nullptr, 5}, &step, nullptr), DROVER_INVALID_ARGUMENT);
    EXPECT_EQ(table().create(DROVER_SERVER, {}, nullptr, nullptr, nullptr),
              DROVER_INVALID_ARGUMENT);
    EXPECT_EQ(table().digest(nullptr, &out, nullptr), DROVER_INVALID_ARGUMENT);
    EXPECT_EQ(table().status(group.engine(0), nullptr, nullptr), DROVER_INVALID_ARGUMENT);
    EXPECT_EQ(table().query(nullptr, {}, &out, nullptr), DROVER_INVALID_ARGUMENT);
    EXPECT_EQ(table().next_deadline(nullptr, nullptr), 0);
    table().destroy(nullptr);
    table().release_view(nullptr);
    table().free_buffer(nullptr);
    table().free_step(nullptr);
}

TEST(HostMalformed, what_a_host_gets_wrong_is_refused_and_changes_nothing) {
    Group group{1};
    group.run_for(3000 * millisecond);
    const std::string before = group.status(0).SerializeAsString();
    struct Row {
        const char* why;
        std::function<void(wire::Inputs&)> change;
        const char* words;
    };
    const Row rows[]{
        {"time that goes back", [](auto& one) { one.set_now(5); }, "must not go back"},
        {"time at the end of all numbers",
         [](auto& one) { one.set_now(std::numeric_limits<std::int64_t>::max()); }, "now is"},
        {"a wall clock before 1970", [](auto& one) { one.set_wall(-1); }, "wall is -1"},
        {"a write that nobody asked for",
         [](auto& one) { one.add_server()->set_write_completed(99); }, "write_completed"},
        {"a plan that is none",
         [](auto& one) { one.add_server()->mutable_plan_computed()->set_bytes("\xff"); },
         "plan_computed"},
        {"news for a node agent", [](auto& one) { one.add_client(); }, "not a node agent"},
    };
    for (const Row& row : rows) {
        wire::Inputs inputs = inputs_at(group);
        row.change(inputs);
        const Refusal refusal = try_step(group.engine(0), inputs.SerializeAsString());
        EXPECT_EQ(refusal.code, DROVER_INVALID_ARGUMENT) << row.why;
        EXPECT_TRUE(says(refusal, row.words)) << row.why << ": " << refusal.text;
        EXPECT_EQ(group.status(0).SerializeAsString(), before) << row.why;
    }
    EXPECT_EQ(try_step(group.engine(0), inputs_at(group).SerializeAsString()).code, DROVER_OK);
}

TEST(HostMalformed, what_a_later_release_may_add_is_passed_over) {
    Group group{1};
    group.run_for(3000 * millisecond);
    wire::Inputs inputs = inputs_at(group);
    std::string bytes = inputs.SerializeAsString();
    bytes += "\xfa\x3f\x03new";         // field 1023 of Inputs
    bytes += "\x1a\x05\xfa\x3f\x02hi";  // a ServerInput of an unknown kind
    wire::Effects effects;
    const Refusal refusal = try_step(group.engine(0), bytes, &effects);
    EXPECT_EQ(refusal.code, DROVER_OK) << refusal.text;
    ASSERT_GE(effects.server_size(), 1);
    EXPECT_NE(effects.server(0).report().text().find("does not know"), std::string::npos);
    EXPECT_EQ(
        try_create(DROVER_SERVER, group.create_of(0).SerializeAsString() + "\xfa\x3f\x03new").code,
        DROVER_OK);
}

TEST(HostMalformed, a_peers_nonsense_is_dropped_with_a_word_about_it) {
    Group group{1};
    group.run_for(3000 * millisecond);
    wire::Inputs inputs = inputs_at(group);
    auto& message = *inputs.add_server()->mutable_peer_message_received();
    message.set_from(2);
    message.set_message("\xff\xff");
    wire::Effects effects;
    EXPECT_EQ(try_step(group.engine(0), inputs.SerializeAsString(), &effects).code, DROVER_OK);
    ASSERT_GE(effects.server_size(), 1);
    EXPECT_NE(effects.server(0).report().text().find("server 2 was dropped"), std::string::npos);
}

TEST(HostMalformed, a_view_gives_only_what_it_came_for) {
    Group group{1};
    group.run_for(3000 * millisecond);
    drover_view* view = nullptr;
    ASSERT_EQ(table().view(group.engine(0), &view, nullptr), DROVER_OK);
    drover_buffer out{};
    EXPECT_EQ(table().plan(view, &out, nullptr), DROVER_UNSUPPORTED);
    EXPECT_EQ(table().write_snapshot(view, &out, nullptr), DROVER_UNSUPPORTED);
    EXPECT_EQ(table().query(view, {}, &out, nullptr), DROVER_UNSUPPORTED);
    EXPECT_EQ(table().query(view, borrow("\xff"), &out, nullptr), DROVER_INVALID_ARGUMENT);
    const std::string write = [] {
        schema::Request request;
        request.mutable_register_job();
        return request.SerializeAsString();
    }();
    EXPECT_EQ(table().query(view, borrow(write), &out, nullptr), DROVER_INVALID_ARGUMENT);
    EXPECT_EQ(out.data, nullptr);
    table().release_view(view);
}

TEST(HostMalformed, a_damaged_disk_is_repaired_or_refused_but_never_believed) {
    Group group{1};
    group.run_for(3000 * millisecond);
    const wire::Create whole = group.create_of(0);
    int refused = 0;
    for (int record = 0; record < whole.server_disk().records_size(); ++record) {
        for (std::size_t at = 0; at < whole.server_disk().records(record).value().size(); ++at) {
            wire::Create create = whole;
            std::string& value =
                *create.mutable_server_disk()->mutable_records(record)->mutable_value();
            value[at] = static_cast<char>(value[at] ^ 0x10);
            const Refusal refusal = try_create(DROVER_SERVER, create.SerializeAsString());
            EXPECT_NE(refusal.code, DROVER_OK) << record << " at " << at;
            EXPECT_TRUE(says(refusal, "raft store")) << refusal.text;
            ++refused;
        }
    }
    EXPECT_GT(refused, 100);
}

RC_GTEST_PROP(HostMalformedProperty, any_bytes_at_all_lead_to_an_answer_or_a_reason,
              (const std::string& bytes, bool server)) {
    Group group{1};
    for (const Refusal& refusal : {try_create(server ? DROVER_SERVER : DROVER_CLIENT, bytes),
                                   try_step(group.engine(0), bytes)}) {
        RC_ASSERT((refusal.code == DROVER_OK) == refusal.text.empty());
    }
}

// A real batch, cut anywhere or with some bytes changed.
RC_GTEST_PROP(HostMalformedProperty, a_damaged_batch_is_refused_whole_or_done, ()) {
    static Group group{3};
    static const bool ran = [] {
        group.run_for(3000 * millisecond);
        return true;
    }();
    RC_ASSERT(ran);
    wire::Inputs inputs = inputs_at(group);
    inputs.add_server()->mutable_time_passed();
    auto& request = *inputs.add_server()->mutable_request_received();
    request.set_ticket(*rc::gen::arbitrary<std::uint64_t>());
    request.mutable_request()->mutable_register_job()->mutable_job()->set_id("web");
    auto& message = *inputs.add_server()->mutable_peer_message_received();
    message.set_from(2);
    message.set_message(*rc::gen::arbitrary<std::string>());
    std::string bytes = inputs.SerializeAsString();
    bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
    for (const auto& [at, value] :
         *rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>()) {
        if (at < bytes.size()) bytes[at] = static_cast<char>(value);
    }
    drover_engine* copy = nullptr;
    RC_ASSERT(table().copy(group.engine(0), &copy, nullptr) == DROVER_OK);
    const Refusal refusal = try_step(copy, bytes);
    RC_ASSERT((refusal.code == DROVER_OK) == refusal.text.empty());
    RC_ASSERT(refusal.code != DROVER_INTERNAL);
    wire::Inputs later;
    later.set_now(std::int64_t{1} << 61);
    RC_ASSERT(try_step(copy, later.SerializeAsString()).code == DROVER_OK ||
              refusal.code == DROVER_OK);
    table().destroy(copy);
}

}  // namespace
}  // namespace drover::host
