// See raft_log.hpp.
#include "agent/offline/raft_log.hpp"

#include <google/protobuf/descriptor.h>

#include "agent/offline/parts.hpp"
#include "engine/base/uuid.hpp"
#include "engine/raft/conf_change.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/json.hpp"
#include "engine/storage/layout.hpp"
#include "io/store.hpp"

namespace drover::agent::offline {
namespace {

using schema::JsonValue;

const char* name_of(raft::ConfChangeKind kind) {
    switch (kind) {
        case raft::ConfChangeKind::add_voter:
            return "AddVoter";
        case raft::ConfChangeKind::remove:
            return "RemoveServer";
        case raft::ConfChangeKind::update:
            return "Update";
        case raft::ConfChangeKind::add_learner:
            return "AddNonvoter";
    }
    return "Unknown";
}

// Raft ids have 64 bits, more than a JSON reader's numbers may hold.
JsonValue conf_change_json(const raft::ConfChange& change) {
    JsonValue::Array changes;
    for (const auto& one : change.changes) {
        changes.emplace_back(JsonValue::Object{{"Kind", name_of(one.kind)},
                                               {"RaftID", std::to_string(one.id.value())}});
    }
    return JsonValue::Object{{"LeavesJoint", change.leaves_joint()},
                             {"Joint", change.enters_joint()},
                             {"Changes", std::move(changes)}};
}

// The envelope's own fields stand beside the body's: who wrote it, when, at which level.
JsonValue command_json(const schema::Entry& command) {
    JsonValue json = JsonValue::Object{{"WallTime", command.wall_ns()},
                                       {"Level", std::uint64_t{command.level()}},
                                       {"Ignorable", command.ignorable()}};
    const auto id = Uuid::from_raw(command.request_id());
    json.set("RequestID", id ? id->text() : "");
    const auto* const oneof = schema::Entry::descriptor()->FindOneofByName("body");
    const auto* const field = command.GetReflection()->GetOneofFieldDescriptor(command, oneof);
    if (field == nullptr) return json;
    json.set("Body", schema::to_json_value(command.GetReflection()->GetMessage(command, field)));
    return json;
}

std::string type_of(const schema::Entry& command) {
    const auto* const oneof = schema::Entry::descriptor()->FindOneofByName("body");
    const auto* const field = command.GetReflection()->GetOneofFieldDescriptor(command, oneof);
    return field == nullptr ? "Unknown(" + std::to_string(command.type()) + ")"
                            : schema::json_name(*field);
}

Result<LoggedEntry> logged(const raft::Entry& entry) {
    LoggedEntry shown{entry.index.value(), entry.term.value(), "Noop", {}};
    if (entry.kind == raft::EntryKind::conf_change) {
        const auto change = raft::decode_conf_change(entry.payload());
        if (!change) return tl::unexpected{change.error()};
        shown.type = "Configuration";
        shown.body = conf_change_json(*change);
        return shown;
    }
    const std::string_view bytes = entry.payload();
    if (bytes.empty()) return shown;
    schema::Entry command;
    if (!command.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Errc::corrupt, "its " + std::to_string(bytes.size()) +
                                       " bytes are no entry of this release's schema");
    }
    shown.type = type_of(command);
    shown.body = command_json(command);
    return shown;
}

// One pass over the records of the log.
class Walk {
public:
    Walk(LogExtent& extent, const LogVisitor* visitor) : extent_{extent}, visitor_{visitor} {}

    void record(std::string_view key, std::string_view value) {
        if (key == storage::hard_key) {
            auto hard = storage::decode_hard(key, value);
            if (!hard) return damage(hard.error().message);
            extent_.hard = *hard;
        }
        if (!key.starts_with(storage::log_prefix)) return;
        const auto index = storage::parse_log_key(key);
        if (index && last_seen_ && *index > next(*last_seen_)) {
            damage("entries " + std::to_string(next(*last_seen_).value()) + " to " +
                   std::to_string(previous(*index).value()) + " are missing");
        }
        if (index) last_seen_ = *index;
        const auto entry = storage::decode_entry(key, value);
        if (!entry) return damage(entry.error().message);
        note(*entry);
    }

private:
    void note(const raft::Entry& entry) {
        if (extent_.entries++ == 0) extent_.first_index = entry.index.value();
        extent_.last_index = entry.index.value();
        extent_.last_term = entry.term.value();
        if (visitor_ == nullptr) return;
        const auto shown = logged(entry);
        if (shown) return visitor_->on_entry(*shown);
        damage("entry " + std::to_string(entry.index.value()) + ": " + shown.error().message);
    }

    void damage(const std::string& problem) {
        ++extent_.damages;
        if (visitor_ != nullptr) visitor_->on_damage(problem);
    }

    LogExtent& extent_;
    const LogVisitor* visitor_;
    std::optional<raft::Index> last_seen_;
};

Result<LogExtent> walk(const std::filesystem::path& data_dir, const LogVisitor* visitor) {
    const auto directory = raft_directory(data_dir);
    if (!directory) return tl::unexpected{directory.error()};
    const auto store = io::RocksStore::open_read_only(*directory / "store");
    if (!store) return tl::unexpected{store.error()};
    LogExtent extent;
    extent.path = (*directory / "store").string();
    Walk pass{extent, visitor};
    const auto keys = storage::raft_keys();
    const auto visited = (*store)->for_each(keys.first, keys.end, [&](auto key, auto value) {
        pass.record(key, value);
        return true;
    });
    if (!visited) return tl::unexpected{visited.error()};
    return extent;
}

}  // namespace

Result<LogExtent> walk_log(const std::filesystem::path& data_dir, const LogVisitor& visitor) {
    return walk(data_dir, &visitor);
}

Result<LogExtent> measure_log(const std::filesystem::path& data_dir) {
    return walk(data_dir, nullptr);
}

}  // namespace drover::agent::offline
