// Canonical bytes: the same on a release that knows a field and on one that does not.
#include "engine/schema/canonical.hpp"

#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"

namespace drover::schema {
namespace {

// The older release's picture of a message: the named field moved among the unknown ones.
template <class Message>
Message without_knowing(const Message& message, int number) {
    google::protobuf::UnknownFieldSet all;
    all.ParseFromString(message.SerializeAsString());
    Message out;
    google::protobuf::UnknownFieldSet known;
    for (int i = 0; i < all.field_count(); ++i) {
        if (all.field(i).number() != number) known.AddField(all.field(i));
    }
    std::string bytes;
    known.SerializeToString(&bytes);
    out.ParseFromString(bytes);
    auto* unknown = out.GetReflection()->MutableUnknownFields(&out);
    for (int i = 0; i < all.field_count(); ++i) {
        if (all.field(i).number() == number) unknown->AddField(all.field(i));
    }
    return out;
}

Job sample() {
    Job job;
    job.set_id("a");
    job.set_region("global");
    job.set_priority(70);
    job.add_datacenters("dc1");
    job.add_datacenters("dc2");
    job.add_task_groups()->set_name("web");
    job.mutable_task_groups(0)->add_tasks()->set_name("t");
    job.set_version(7);
    return job;
}

TEST(Canonical, AnOlderReleaseGetsTheSameBytes) {
    Job job = sample();
    for (int number : {1, 3, 6, 8, 13, 51}) {
        Job old = without_knowing(job, number);
        ASSERT_FALSE(old.GetReflection()->GetUnknownFields(old).empty());
        EXPECT_EQ(canonical_bytes(old), canonical_bytes(job)) << "field " << number;
    }
}

TEST(Canonical, AlsoWhereTheUnknownFieldIsDeepInside) {
    Job job = sample();
    Job old = job;
    *old.mutable_task_groups(0) = without_knowing(job.task_groups(0), 1);
    EXPECT_EQ(canonical_bytes(old), canonical_bytes(job));
    EXPECT_NE(old.SerializeAsString(), job.SerializeAsString()) << "or this test shows nothing";
}

TEST(Canonical, UnknownFieldsCount) {
    Job job = sample();
    Job more = job;
    more.GetReflection()->MutableUnknownFields(&more)->AddVarint(1999, 1);
    EXPECT_NE(canonical_bytes(more), canonical_bytes(job));
}

TEST(Hash128, IsTheWellKnownOne) {
    // Reference values of MurmurHash3_x64_128 with seed 0: first and second half.
    Hash128 empty = hash128("");
    EXPECT_EQ(empty.high, 0U);
    EXPECT_EQ(empty.low, 0U);
    Hash128 hello = hash128("hello");
    EXPECT_EQ(hello.low, 0xcbd8a7b341bd9b02ULL);
    EXPECT_EQ(hello.high, 0x5b1e906a48ae1d19ULL);
    Hash128 fox = hash128("The quick brown fox jumps over the lazy dog");
    EXPECT_EQ(fox.low, 0xe34bbc7bbc071b6cULL);
    EXPECT_EQ(fox.high, 0x7a433ca9c49a9347ULL);
}

TEST(Hash128, SeedsTellTablesApart) { EXPECT_NE(hash128("row", 1), hash128("row", 2)); }

}  // namespace
}  // namespace drover::schema
