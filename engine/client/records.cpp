#include "engine/client/records.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace drover::client::records {
namespace {

constexpr std::string_view allocation_prefix = "allocation/";
constexpr std::string_view task_infix = "/task/";
constexpr std::size_t uuid_length = 36;

constexpr const char* remedy =
    "; restore the client's state directory from a copy, or move it away to begin anew";

Written with_part(int field, const google::protobuf::MessageLite& part, const std::string& rest) {
    using Wire = google::protobuf::internal::WireFormatLite;
    using Out = google::protobuf::io::CodedOutputStream;
    const std::size_t size = part.ByteSizeLong();
    std::array<std::uint8_t, 16> head{};  // tag and length
    const std::uint8_t* const end = Out::WriteVarint64ToArray(
        size,
        Out::WriteTagToArray(Wire::MakeTag(field, Wire::WIRETYPE_LENGTH_DELIMITED), head.data()));
    std::string bytes;
    bytes.reserve(rest.size() + head.size() + size);
    bytes += rest;
    bytes.append(head.begin(), head.begin() + (end - head.data()));
    const std::size_t at = bytes.size();
    part.AppendToString(&bytes);
    auto shared = std::make_shared<const std::string>(std::move(bytes));
    const std::string_view view = std::string_view{*shared}.substr(at);
    return {std::move(shared), view};
}

tl::unexpected<Error> damaged(const std::string& key, const std::string& what) {
    return fail(Errc::corrupt, "client state, key \"" + key + "\": " + what + remedy);
}

Result<void> check_agent(const std::string& value, const std::string& node_id) {
    schema::ClientAgentRecord agent;
    if (!agent.ParseFromString(value)) return damaged(agent_key(), "the value is damaged");
    if (agent.format() > format) {
        return fail(Errc::unsupported, "client state has format " + std::to_string(agent.format()) +
                                           " and this release knows formats up to " +
                                           std::to_string(format) +
                                           "; start the release that wrote it");
    }
    if (agent.node_id() != node_id) {
        const auto theirs = Uuid::from_raw(agent.node_id());
        return fail(Errc::conflict, "client state belongs to node " +
                                        (theirs ? theirs->text() : std::string{"(no id)"}) +
                                        "; give this node a state directory of its own");
    }
    return {};
}

Result<void> read_allocation(const std::string& key, const std::string& value, Stored& stored) {
    const std::string_view rest = std::string_view{key}.substr(allocation_prefix.size());
    const auto id = Uuid::from_text(rest.substr(0, uuid_length));
    if (!id) return damaged(key, "no allocation id");
    if (rest.size() == uuid_length) {
        if (!stored.allocations[*id].record.ParseFromString(value)) {
            return damaged(key, "the value is damaged");
        }
        return {};
    }
    const std::string_view tail = rest.substr(uuid_length);
    if (tail.substr(0, task_infix.size()) != task_infix) return damaged(key, "unknown key");
    const std::string task{tail.substr(task_infix.size())};
    if (!stored.allocations[*id].tasks[task].ParseFromString(value)) {
        return damaged(key, "the value is damaged");
    }
    return {};
}

}  // namespace

std::string agent_key() { return "agent"; }

std::string allocation_key(const Uuid& id) { return std::string{allocation_prefix} + id.text(); }

std::string task_key(const Uuid& id, const std::string& task) {
    return allocation_key(id) + std::string{task_infix} + task;
}

// One message's bytes after another's are those of both merged.
Written with_allocation(const schema::Allocation& allocation,
                        const schema::ClientAllocationRecord& rest) {
    return with_part(schema::ClientAllocationRecord::kAllocationFieldNumber, allocation,
                     rest.SerializeAsString());
}

Written with_state(const schema::TaskState& state, const schema::ClientTaskRecord& rest) {
    return with_part(schema::ClientTaskRecord::kStateFieldNumber, state, rest.SerializeAsString());
}

Result<Stored> read(const std::vector<std::pair<std::string, std::string>>& durable,
                    const std::string& node_id) {
    Stored stored;
    for (const auto& [key, value] : durable) {
        Result<void> taken;
        if (key == agent_key()) {
            taken = check_agent(value, node_id);
            stored.empty = false;
        } else if (std::string_view{key}.substr(0, allocation_prefix.size()) == allocation_prefix) {
            taken = read_allocation(key, value, stored);
        } else {
            taken = damaged(key, "unknown key");
        }
        if (!taken) return tl::unexpected<Error>{taken.error()};
    }
    if (stored.empty && !stored.allocations.empty()) {
        return damaged(agent_key(), "it is missing beside stored allocations");
    }
    for (const auto& [id, allocation] : stored.allocations) {
        if (!allocation.record.has_allocation()) {
            return damaged(allocation_key(id), "the allocation of stored tasks is missing");
        }
    }
    return stored;
}

}  // namespace drover::client::records
