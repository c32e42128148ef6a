// See packed_allocation.hpp. Canonical bytes have their fields in ascending order, and those that
// are not repeated once: to look for one is to pass over what comes before it.
#include "engine/state/packed_allocation.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>
#include <optional>

#include "engine/base/ensure.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/canonical.hpp"

namespace drover::state {

namespace {

using schema::Allocation;
using Wire = google::protobuf::internal::WireFormatLite;

constexpr int fields_noted = 64;

struct Field {
    int number{};
    std::uint64_t value{};   // of a varint
    std::string_view bytes;  // of text, bytes and messages
};

// Reads what this program wrote itself: bytes that are no message do not get here.
class Fields {
public:
    explicit Fields(std::string_view bytes) : rest_{bytes} {}

    // What comes after the field that was read last.
    [[nodiscard]] std::string_view rest() const { return rest_; }

    std::optional<Field> next() {
        if (rest_.empty()) return std::nullopt;
        const auto tag = static_cast<std::uint32_t>(varint());
        Field field{Wire::GetTagFieldNumber(tag), 0, {}};
        switch (Wire::GetTagWireType(tag)) {
            case Wire::WIRETYPE_VARINT:
                field.value = varint();
                return field;
            case Wire::WIRETYPE_LENGTH_DELIMITED:
                field.bytes = take(varint());
                return field;
            case Wire::WIRETYPE_FIXED64:
                field.bytes = take(8);
                return field;
            case Wire::WIRETYPE_FIXED32:
                field.bytes = take(4);
                return field;
            default:
                rest_ = {};  // groups: of the unknown fields alone, and they come last
                return std::nullopt;
        }
    }

private:
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<std::uint8_t>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if (byte < 0x80U) break;
        }
        return value;
    }
    std::string_view take(std::uint64_t size) {
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(taken.size());
        return taken;
    }

    std::string_view rest_;
};

std::optional<Field> find(std::string_view bytes, int number) {
    Fields fields{bytes};
    while (const auto field = fields.next()) {
        if (field->number == number) return field;
        if (field->number > number) break;
    }
    return std::nullopt;
}

void append_varint(std::string& to, std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) to += static_cast<char>(value | 0x80U);
    to += static_cast<char>(value);
}

void append_bytes(std::string& to, int field, std::string_view bytes) {
    append_varint(to, Wire::MakeTag(field, Wire::WIRETYPE_LENGTH_DELIMITED));
    append_varint(to, bytes.size());
    to += bytes;
}

template <class Message>
Message parsed(std::string_view bytes) {
    Message message;
    ENSURE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return message;
}

}  // namespace

PackedAllocation::PackedAllocation(const Allocation& allocation)
    : PackedAllocation{schema::canonical_bytes(allocation)} {}

PackedAllocation::PackedAllocation(std::string canonical) : bytes_{std::move(canonical)} {
    Fields fields{bytes_};
    while (const auto field = fields.next()) {
        if (field->number < fields_noted) present_ |= std::uint64_t{1} << field->number;
    }
}

Allocation PackedAllocation::unpack() const { return parsed<Allocation>(bytes_); }

std::string_view PackedAllocation::text(int field) const {
    return has(field) ? find(bytes_, field)->bytes : std::string_view{};
}

std::uint64_t PackedAllocation::number(int field) const {
    return has(field) ? find(bytes_, field)->value : 0;
}

template <class Message>
Message PackedAllocation::message(int field) const {
    return has(field) ? parsed<Message>(find(bytes_, field)->bytes) : Message{};
}

template <class Message>
std::vector<Message> PackedAllocation::messages(int field) const {
    std::vector<Message> list;
    if (!has(field)) return list;
    Fields fields{bytes_};
    while (const auto one = fields.next()) {
        if (one->number > field) break;
        if (one->number == field) list.push_back(parsed<Message>(one->bytes));
    }
    return list;
}

AllocationChange& AllocationChange::set(int field, std::uint64_t number) {
    std::string& bytes = fields_[field];
    bytes.clear();
    if (number == 0) return *this;
    append_varint(bytes, Wire::MakeTag(field, Wire::WIRETYPE_VARINT));
    append_varint(bytes, number);
    return *this;
}

AllocationChange& AllocationChange::set(int field, std::string_view text) {
    std::string& bytes = fields_[field];
    bytes.clear();
    if (!text.empty()) append_bytes(bytes, field, text);
    return *this;
}

AllocationChange& AllocationChange::set(int field, const google::protobuf::Message& message) {
    std::string& bytes = fields_[field];
    bytes.clear();
    append(bytes, field, message);
    return *this;
}

void AllocationChange::append(std::string& to, int field,
                              const google::protobuf::Message& message) {
    append_bytes(to, field, schema::canonical_bytes(message));
}

PackedAllocation AllocationChange::applied_to(const PackedAllocation& allocation) const {
    const std::string_view from = allocation.bytes();
    std::string into;
    into.reserve(from.size() + 128);
    auto next = fields_.begin();
    const auto write_below = [&](int number) {
        for (; next != fields_.end() && next->first <= number; ++next) into += next->second;
    };
    Fields fields{from};
    std::string_view at = from;
    for (; const auto field = fields.next(); at = fields.rest()) {
        write_below(field->number);
        if (fields_.contains(field->number)) continue;
        into.append(at.data(), at.size() - fields.rest().size());
    }
    write_below(std::numeric_limits<int>::max());
    into += at;  // groups
    into.shrink_to_fit();
    return PackedAllocation{std::move(into)};
}

namespace {

// What of the bytes lies between two fields, neither of them included.
std::string between(std::string_view bytes, int low, int high) {
    std::string kept;
    Fields fields{bytes};
    for (std::string_view at = bytes; const auto field = fields.next(); at = fields.rest()) {
        if (field->number <= low || field->number >= high) continue;
        kept.append(at.data(), at.size() - fields.rest().size());
    }
    return kept;
}

}  // namespace

AllocationMould::AllocationMould(const Allocation& common) {
    constexpr int id = Allocation::kIdFieldNumber;
    constexpr int name = Allocation::kNameFieldNumber;
    constexpr int node_name = Allocation::kNodeNameFieldNumber;
    constexpr int metrics = Allocation::kMetricsFieldNumber;
    constexpr int scores = schema::AllocMetric::kPlacementScoresFieldNumber;
    constexpr int end = std::numeric_limits<int>::max();
    const PackedAllocation packed{common};
    const std::string_view bytes = packed.bytes();
    before_name_ = between(bytes, id, name);
    after_node_ = between(bytes, node_name, metrics);
    after_metrics_ = between(bytes, metrics, end);
    const std::string shared_metrics = schema::canonical_bytes(common.metrics());
    metrics_before_scores_ = between(shared_metrics, 0, scores);
    metrics_after_scores_ = between(shared_metrics, scores, end);
    present_ = packed.present_;
    constexpr int node = Allocation::kNodeIdFieldNumber;
    for (const int field : {id, name, node, node_name}) {
        present_ &= ~(std::uint64_t{1} << field);
    }
    present_ |= std::uint64_t{1} << metrics;
}

PackedAllocation AllocationMould::cast(const Own& own) const {
    const std::string scores = schema::canonical_bytes(own.scores);
    std::string metrics;
    metrics.reserve(metrics_before_scores_.size() + scores.size() + metrics_after_scores_.size() +
                    8);
    metrics += metrics_before_scores_;
    append_bytes(metrics, schema::AllocMetric::kPlacementScoresFieldNumber, scores);
    metrics += metrics_after_scores_;

    std::string bytes;
    const std::size_t lengths = 32;  // more than the tags and lengths of six fields
    bytes.reserve(own.id.size() + before_name_.size() + own.name.size() + own.node_id.size() +
                  own.node_name.size() + after_node_.size() + metrics.size() +
                  after_metrics_.size() + lengths);
    std::uint64_t present = present_;
    const auto add = [&](int field, std::string_view text) {
        if (text.empty()) return;
        append_bytes(bytes, field, text);
        present |= std::uint64_t{1} << field;
    };
    add(Allocation::kIdFieldNumber, own.id);
    bytes += before_name_;
    add(Allocation::kNameFieldNumber, own.name);
    add(Allocation::kNodeIdFieldNumber, own.node_id);
    add(Allocation::kNodeNameFieldNumber, own.node_name);
    bytes += after_node_;
    append_bytes(bytes, Allocation::kMetricsFieldNumber, metrics);
    bytes += after_metrics_;
    bytes.shrink_to_fit();
    return {std::move(bytes), present};
}

std::string_view PackedAllocation::namespace_() const {
    return text(Allocation::kNamespaceFieldNumber);
}
std::string_view PackedAllocation::name() const { return text(Allocation::kNameFieldNumber); }
std::string_view PackedAllocation::node_name() const {
    return text(Allocation::kNodeNameFieldNumber);
}
std::string_view PackedAllocation::job_id() const { return text(Allocation::kJobIdFieldNumber); }
std::string_view PackedAllocation::task_group() const {
    return text(Allocation::kTaskGroupFieldNumber);
}
std::string_view PackedAllocation::desired_status() const {
    return text(Allocation::kDesiredStatusFieldNumber);
}
std::string_view PackedAllocation::client_status() const {
    return text(Allocation::kClientStatusFieldNumber);
}
std::string_view PackedAllocation::client_description() const {
    return text(Allocation::kClientDescriptionFieldNumber);
}
std::uint64_t PackedAllocation::job_version() const {
    return number(Allocation::kJobVersionFieldNumber);
}
std::uint64_t PackedAllocation::job_create_index() const {
    return number(Allocation::kJobCreateIndexFieldNumber);
}
std::uint64_t PackedAllocation::create_index() const {
    return number(Allocation::kCreateIndexFieldNumber);
}
std::uint64_t PackedAllocation::modify_index() const {
    return number(Allocation::kModifyIndexFieldNumber);
}
std::uint64_t PackedAllocation::alloc_modify_index() const {
    return number(Allocation::kAllocModifyIndexFieldNumber);
}
std::int64_t PackedAllocation::create_time() const {
    return static_cast<std::int64_t>(number(Allocation::kCreateTimeFieldNumber));
}
std::int64_t PackedAllocation::modify_time() const {
    return static_cast<std::int64_t>(number(Allocation::kModifyTimeFieldNumber));
}

std::string_view PackedAllocation::id() const { return text(Allocation::kIdFieldNumber); }
std::string_view PackedAllocation::node_id() const { return text(Allocation::kNodeIdFieldNumber); }
std::string_view PackedAllocation::eval_id() const { return text(Allocation::kEvalIdFieldNumber); }
std::string_view PackedAllocation::deployment_id() const {
    return text(Allocation::kDeploymentIdFieldNumber);
}
std::string_view PackedAllocation::followup_eval_id() const {
    return text(Allocation::kFollowupEvalIdFieldNumber);
}
std::string_view PackedAllocation::previous_allocation() const {
    return text(Allocation::kPreviousAllocationFieldNumber);
}
std::string_view PackedAllocation::next_allocation() const {
    return text(Allocation::kNextAllocationFieldNumber);
}

bool PackedAllocation::has_job() const { return has(Allocation::kJobFieldNumber); }
bool PackedAllocation::has_deployment_status() const {
    return has(Allocation::kDeploymentStatusFieldNumber);
}
bool PackedAllocation::has_reschedule_tracker() const {
    return has(Allocation::kRescheduleTrackerFieldNumber);
}
schema::AllocatedResources PackedAllocation::allocated_resources() const {
    return message<schema::AllocatedResources>(Allocation::kAllocatedResourcesFieldNumber);
}
schema::AllocMetric PackedAllocation::metrics() const {
    return message<schema::AllocMetric>(Allocation::kMetricsFieldNumber);
}
schema::DesiredTransition PackedAllocation::desired_transition() const {
    return message<schema::DesiredTransition>(Allocation::kDesiredTransitionFieldNumber);
}
schema::AllocDeploymentStatus PackedAllocation::deployment_status() const {
    return message<schema::AllocDeploymentStatus>(Allocation::kDeploymentStatusFieldNumber);
}
schema::RescheduleTracker PackedAllocation::reschedule_tracker() const {
    return message<schema::RescheduleTracker>(Allocation::kRescheduleTrackerFieldNumber);
}
std::vector<schema::TaskState> PackedAllocation::task_states() const {
    return messages<schema::TaskState>(Allocation::kTaskStatesFieldNumber);
}
std::vector<schema::AllocState> PackedAllocation::alloc_states() const {
    return messages<schema::AllocState>(Allocation::kAllocStatesFieldNumber);
}

}  // namespace drover::state
