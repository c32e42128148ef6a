// A packed allocation says of every field what the message would say: random messages, with fields
// of later releases among them.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/base/prng.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/canonical.hpp"
#include "engine/state/packed_allocation.hpp"

namespace drover::state {
namespace {

namespace pb = google::protobuf;
using Kind = pb::FieldDescriptor::CppType;

void fill(pb::Message& message, Prng& prng, int depth);

void set_one(pb::Message& message, const pb::FieldDescriptor& field, Prng& prng, int depth) {
    const pb::Reflection& reflection = *message.GetReflection();
    const bool many = field.is_repeated();
    const auto number = prng.below(2) == 0 ? prng.below(200) : prng.next();
    switch (field.cpp_type()) {
        case Kind::CPPTYPE_MESSAGE:
            fill(many ? *reflection.AddMessage(&message, &field)
                      : *reflection.MutableMessage(&message, &field),
                 prng, depth - 1);
            break;
        case Kind::CPPTYPE_STRING: {
            const std::string text(prng.below(40), static_cast<char>('a' + number % 26));
            many ? reflection.AddString(&message, &field, text)
                 : reflection.SetString(&message, &field, text);
            break;
        }
        case Kind::CPPTYPE_UINT64:
            if (!many) reflection.SetUInt64(&message, &field, number);
            break;
        case Kind::CPPTYPE_INT64:
            if (!many) reflection.SetInt64(&message, &field, static_cast<std::int64_t>(number));
            break;
        case Kind::CPPTYPE_BOOL:
            if (!many) reflection.SetBool(&message, &field, number % 2 == 0);
            break;
        case Kind::CPPTYPE_DOUBLE:
            if (!many) reflection.SetDouble(&message, &field, static_cast<double>(number));
            break;
        default:
            break;
    }
}

void fill(pb::Message& message, Prng& prng, int depth) {
    if (depth == 0) return;
    const pb::Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
        const pb::FieldDescriptor& field = *type.field(i);
        const auto times = field.is_repeated() ? prng.below(3) : prng.below(2);
        for (std::uint64_t n = 0; n < times; ++n) set_one(message, field, prng, depth);
    }
    if (prng.below(4) != 0) return;
    auto& unknown = *message.GetReflection()->MutableUnknownFields(&message);
    unknown.AddVarint(static_cast<int>(900 + prng.below(9)), prng.next());
    unknown.AddLengthDelimited(static_cast<int>(900 + prng.below(9)), "of a later release");
}

schema::Allocation random_allocation(std::uint64_t seed) {
    Prng prng{seed};
    schema::Allocation allocation;
    fill(allocation, prng, 4);
    return allocation;
}

template <class Message>
bool same(const Message& a, const Message& b) {
    return schema::canonical_bytes(a) == schema::canonical_bytes(b);
}

template <class Message>
bool same(const std::vector<Message>& a, const pb::RepeatedPtrField<Message>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Message& x, const Message& y) { return same(x, y); });
}

RC_GTEST_PROP(PackedAllocation, SaysWhatTheMessageSays, (std::uint64_t seed)) {
    const schema::Allocation message = random_allocation(seed);
    const PackedAllocation packed{message};
    RC_ASSERT(packed.id() == message.id());
    RC_ASSERT(packed.namespace_() == message.namespace_());
    RC_ASSERT(packed.eval_id() == message.eval_id());
    RC_ASSERT(packed.name() == message.name());
    RC_ASSERT(packed.node_id() == message.node_id());
    RC_ASSERT(packed.node_name() == message.node_name());
    RC_ASSERT(packed.job_id() == message.job_id());
    RC_ASSERT(packed.job_version() == message.job_version());
    RC_ASSERT(packed.job_create_index() == message.job_create_index());
    RC_ASSERT(packed.has_job() == message.has_job());
    RC_ASSERT(packed.task_group() == message.task_group());
    RC_ASSERT(same(packed.allocated_resources(), message.allocated_resources()));
    RC_ASSERT(same(packed.metrics(), message.metrics()));
    RC_ASSERT(packed.desired_status() == message.desired_status());
    RC_ASSERT(same(packed.desired_transition(), message.desired_transition()));
    RC_ASSERT(packed.client_status() == message.client_status());
    RC_ASSERT(packed.client_description() == message.client_description());
    RC_ASSERT(same(packed.task_states(), message.task_states()));
    RC_ASSERT(same(packed.alloc_states(), message.alloc_states()));
    RC_ASSERT(packed.deployment_id() == message.deployment_id());
    RC_ASSERT(same(packed.deployment_status(), message.deployment_status()));
    RC_ASSERT(packed.followup_eval_id() == message.followup_eval_id());
    RC_ASSERT(packed.previous_allocation() == message.previous_allocation());
    RC_ASSERT(packed.next_allocation() == message.next_allocation());
    RC_ASSERT(packed.has_reschedule_tracker() == message.has_reschedule_tracker());
    RC_ASSERT(same(packed.reschedule_tracker(), message.reschedule_tracker()));
    RC_ASSERT(packed.create_index() == message.create_index());
    RC_ASSERT(packed.modify_index() == message.modify_index());
    RC_ASSERT(packed.alloc_modify_index() == message.alloc_modify_index());
    RC_ASSERT(packed.create_time() == message.create_time());
    RC_ASSERT(packed.modify_time() == message.modify_time());
}

RC_GTEST_PROP(PackedAllocation, GivesTheMessageBack, (std::uint64_t seed)) {
    const schema::Allocation message = random_allocation(seed);
    const PackedAllocation packed{message};
    RC_ASSERT(same(packed.unpack(), message));
    RC_ASSERT(packed.bytes() == schema::canonical_bytes(message));
    RC_ASSERT(PackedAllocation{packed.unpack()}.bytes() == packed.bytes());
}

RC_GTEST_PROP(PackedAllocation, IsChangedAsTheMessageIs, (std::uint64_t seed)) {
    using schema::Allocation;
    Allocation message = random_allocation(seed);
    const Allocation other = random_allocation(seed + 1);
    const PackedAllocation packed{message};
    AllocationChange change;
    change.set(Allocation::kModifyIndexFieldNumber, 1)
        .set(Allocation::kModifyIndexFieldNumber, other.modify_index())
        .set(Allocation::kCreateTimeFieldNumber, static_cast<std::uint64_t>(other.create_time()))
        .set(Allocation::kIdFieldNumber, other.id())
        .set(Allocation::kClientStatusFieldNumber, other.client_status())
        .set(Allocation::kMetricsFieldNumber, other.metrics())
        .set_all(Allocation::kTaskStatesFieldNumber, other.task_states());
    message.set_modify_index(other.modify_index());
    message.set_create_time(other.create_time());
    message.set_id(other.id());
    message.set_client_status(other.client_status());
    *message.mutable_metrics() = other.metrics();
    *message.mutable_task_states() = other.task_states();
    const PackedAllocation changed = change.applied_to(packed);
    RC_ASSERT(changed.bytes() == schema::canonical_bytes(message));
    RC_ASSERT(changed.modify_time() == message.modify_time());
    RC_ASSERT(changed.has_job() == message.has_job());
    RC_ASSERT(AllocationChange{}.applied_to(packed).bytes() == packed.bytes());
}

RC_GTEST_PROP(PackedAllocation, IsCastAsTheMessageIsPacked, (std::uint64_t seed)) {
    schema::Allocation message = random_allocation(seed);
    const auto other = random_allocation(seed + 1);
    *message.mutable_metrics()->mutable_placement_scores() = other.metrics().placement_scores();
    const PackedAllocation packed{message};
    // What the mould is made from may have anything there: only what is cast counts.
    schema::Allocation common = message;
    common.set_id(other.id());
    common.set_name(other.name());
    common.set_node_id(other.node_id());
    common.set_node_name(other.node_name());
    common.mutable_metrics()->clear_placement_scores();
    const PackedAllocation cast =
        AllocationMould{common}.cast({message.id(), message.name(), message.node_id(),
                                      message.node_name(), message.metrics().placement_scores()});
    RC_ASSERT(cast.bytes() == packed.bytes());
    RC_ASSERT(cast.unpack().SerializeAsString() == packed.unpack().SerializeAsString());
    RC_ASSERT(cast.name() == message.name());
    RC_ASSERT(cast.node_id() == message.node_id());
    RC_ASSERT(cast.has_job() == message.has_job());
}

}  // namespace
}  // namespace drover::state
