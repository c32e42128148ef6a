// The promise that makes releases live together: what a release could say is understood for ever.
// No field of it is renumbered, given another type, moved, or taken away.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/host/host.h"
#include "engine/host/host.pb.h"
#include "engine/raft/raft.pb.h"
#include "engine/schema/client_state.pb.h"
#include "engine/schema/diff.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/membership.pb.h"
#include "engine/schema/peer.pb.h"
#include "engine/schema/snapshot.pb.h"
#include "engine/schema/stream.pb.h"

namespace drover::host {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorSet;

// Everything wrong with today's messages, seen from a release: a line each.
class Comparison {
public:
    void compare(const FileDescriptor& then) {
        for (int i = 0; i < then.message_type_count(); ++i) compare(*then.message_type(i));
        for (int i = 0; i < then.enum_type_count(); ++i) compare(*then.enum_type(i));
    }
    std::vector<std::string> broken;
    int fields = 0;

private:
    void compare(const Descriptor& then) {
        const Descriptor* now = today().FindMessageTypeByName(then.full_name());
        if (now == nullptr) return broken.push_back(then.full_name() + " is gone");
        for (int i = 0; i < then.field_count(); ++i) compare(*then.field(i), *now);
        for (int i = 0; i < then.nested_type_count(); ++i) compare(*then.nested_type(i));
        for (int i = 0; i < then.enum_type_count(); ++i) compare(*then.enum_type(i));
    }

    void compare(const FieldDescriptor& then, const Descriptor& message) {
        ++fields;
        const FieldDescriptor* now = message.FindFieldByNumber(then.number());
        if (now == nullptr) return broken.push_back(then.full_name() + " is gone");
        // A name may change: it is not on the wire.
        if (shape(*now) != shape(then)) {
            broken.push_back(then.full_name() + " was " + shape(then) + " and is " + shape(*now));
        }
    }

    void compare(const EnumDescriptor& then) {
        const EnumDescriptor* now = today().FindEnumTypeByName(then.full_name());
        if (now == nullptr) return broken.push_back(then.full_name() + " is gone");
        for (int i = 0; i < then.value_count(); ++i) {
            if (now->FindValueByNumber(then.value(i)->number()) == nullptr) {
                broken.push_back(then.value(i)->full_name() + " is gone");
            }
        }
    }

    static std::string shape(const FieldDescriptor& field) {
        std::string text = field.is_repeated() ? "repeated " : field.has_presence() ? "one " : "";
        if (const auto* oneof = field.real_containing_oneof()) text += "of " + oneof->name() + " ";
        text += field.type_name();
        if (field.message_type() != nullptr) text += " " + field.message_type()->full_name();
        if (field.enum_type() != nullptr) text += " " + field.enum_type()->full_name();
        return text;
    }

    static const DescriptorPool& today() { return *DescriptorPool::generated_pool(); }
};

// Messages are looked up by name, which finds only what is linked in: one of each file is named.
void link_all() {
    for (const Descriptor* one :
         {wire::Create::descriptor(), raft::wire::Append::descriptor(), schema::Entry::descriptor(),
          schema::PeerEnvelope::descriptor(), schema::ClientAgentRecord::descriptor(),
          schema::ServerCard::descriptor(), schema::StateMeta::descriptor(),
          schema::LogStreamOpening::descriptor(), schema::JobDiff::descriptor()}) {
        ASSERT_NE(one, nullptr);
    }
}

class FrozenSchema : public testing::TestWithParam<fs::path> {
protected:
    void SetUp() override {
        std::ifstream in{GetParam(), std::ios::binary};
        ASSERT_TRUE(set.ParseFromIstream(&in)) << GetParam();
        link_all();
    }

    Comparison compared() {
        Comparison result;
        DescriptorPool pool;
        for (const auto& file : set.file()) {
            const FileDescriptor* then = pool.BuildFile(file);
            EXPECT_NE(then, nullptr) << file.name();
            if (then == nullptr || file.package().starts_with("google.")) continue;
            result.compare(*then);
        }
        return result;
    }

    FileDescriptorSet set;
};

TEST_P(FrozenSchema, every_field_of_the_release_is_understood_today) {
    const Comparison result = compared();
    for (const std::string& line : result.broken) ADD_FAILURE() << line;
    EXPECT_GT(result.fields, 500);
}

// The check itself: each of these is what must never happen, and is found.
TEST_P(FrozenSchema, a_field_that_was_renumbered_or_changed_its_type_is_found) {
    for (auto& file : *set.mutable_file()) {
        if (!file.name().ends_with("entry.proto")) continue;
        for (auto& message : *file.mutable_message_type()) {
            if (message.name() == "JobDeregistration") message.mutable_field(1)->set_number(99);
            if (message.name() == "DeploymentStatusUpdate") {
                message.mutable_field(2)->set_type(
                    google::protobuf::FieldDescriptorProto::TYPE_BYTES);
            }
        }
    }
    const Comparison result = compared();
    ASSERT_EQ(result.broken.size(), 2U);
    EXPECT_EQ(result.broken[0], "drover.schema.JobDeregistration.job_id is gone");
    EXPECT_EQ(result.broken[1],
              "drover.schema.DeploymentStatusUpdate.description was bytes and is string");
}

std::vector<fs::path> recorded() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator{DROVER_FROZEN_SCHEMAS}) {
        if (entry.path().extension() == ".protoset") found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

// A function table is a layout: what 0.1.0 had stays where it was, and more may follow.
TEST(FrozenTable, the_functions_of_the_first_release_stay_where_they_were) {
    constexpr std::size_t first = 16;  // after abi_version, table_size and release
    const std::vector<std::size_t> offsets{
        offsetof(drover_engine_table, create),         offsetof(drover_engine_table, step),
        offsetof(drover_engine_table, next_deadline),  offsetof(drover_engine_table, copy),
        offsetof(drover_engine_table, digest),         offsetof(drover_engine_table, status),
        offsetof(drover_engine_table, view),           offsetof(drover_engine_table, destroy),
        offsetof(drover_engine_table, query),          offsetof(drover_engine_table, plan),
        offsetof(drover_engine_table, write_snapshot), offsetof(drover_engine_table, release_view),
        offsetof(drover_engine_table, free_buffer),    offsetof(drover_engine_table, free_step)};
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        EXPECT_EQ(offsets[i], first + i * sizeof(void (*)())) << i;
    }
    EXPECT_EQ(drover_engine_table_v1()->abi_version, 1U);
}

INSTANTIATE_TEST_SUITE_P(Releases, FrozenSchema, testing::ValuesIn(recorded()),
                         [](const testing::TestParamInfo<fs::path>& file) {
                             std::string name = file.param.stem();
                             std::replace(name.begin(), name.end(), '.', '_');
                             return name;
                         });

}  // namespace
}  // namespace drover::host
