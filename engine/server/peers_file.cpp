// See peers_file.hpp.
#include "engine/server/peers_file.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "engine/membership/membership.hpp"
#include "engine/schema/json_value.hpp"
#include "engine/schema/server.pb.h"

namespace drover::server {
namespace {

using schema::JsonValue;

tl::unexpected<Error> refuse(const std::string& what) {
    return fail(Errc::invalid_argument, "peers.json: " + what);
}

std::string element(std::size_t i) { return "element " + std::to_string(i + 1); }

Result<std::string> read_address(const JsonValue& value, std::size_t i) {
    const std::string* const text = value.text();
    if (text == nullptr) {
        return refuse(element(i) + ": the address is " + value.kind() +
                      "; write it as a string, \"ip:port\" of the server's RPC");
    }
    const auto colon = text->rfind(':');
    const bool sound = colon != std::string::npos && colon > 0 && colon + 1 < text->size() &&
                       std::all_of(text->begin() + static_cast<std::ptrdiff_t>(colon) + 1,
                                   text->end(), [](char c) { return c >= '0' && c <= '9'; });
    if (sound) return *text;
    return refuse(element(i) + ": the address \"" + *text +
                  "\" is no \"ip:port\"; write the address of the server's RPC");
}

ServerInfoPtr with_address(const schema::ServerInfo& row, const std::string& address) {
    auto changed = std::make_shared<schema::ServerInfo>(row);
    changed->set_address(address);
    return changed;
}

Result<ForcedMember> read_address_alone(const JsonValue& value, std::size_t i,
                                        const std::vector<ServerInfoPtr>& known) {
    const auto address = read_address(value, i);
    if (!address) return tl::unexpected{address.error()};
    const auto row = std::find_if(known.begin(), known.end(),
                                  [&](const auto& one) { return one->address() == *address; });
    if (row != known.end()) return ForcedMember{*row, true};
    return refuse(element(i) + ": no server with the address \"" + *address +
                  "\" is known to the log; give {\"id\", \"address\", \"non_voter\"} instead");
}

Result<void> check_members(const JsonValue::Object& object, std::size_t i) {
    static const std::set<std::string_view> known{"id", "address", "non_voter"};
    for (const auto& [name, value] : object) {
        if (known.contains(name)) continue;
        return refuse(element(i) + ": \"" + name +
                      "\" is not known; an element has id, address and non_voter");
    }
    return {};
}

Result<ForcedMember> read_object(const JsonValue& value, std::size_t i,
                                 const std::vector<ServerInfoPtr>& known) {
    if (auto sound = check_members(*value.object(), i); !sound) {
        return tl::unexpected{sound.error()};
    }
    const JsonValue* const id = value.find("id");
    const auto uuid = id != nullptr && id->text() != nullptr ? Uuid::from_text(*id->text())
                                                             : std::optional<Uuid>{};
    if (!uuid) {
        return refuse(element(i) + ": the id is missing or no UUID; write what the server has in " +
                      "<data_dir>/server/node-id");
    }
    const JsonValue* const given = value.find("address");
    const auto address = read_address(given == nullptr ? JsonValue{} : *given, i);
    if (!address) return tl::unexpected{address.error()};
    const JsonValue* const non_voter = value.find("non_voter");
    if (non_voter != nullptr && non_voter->boolean() == nullptr) {
        return refuse(element(i) + ": non_voter is " + non_voter->kind() + "; write true or false");
    }
    const bool votes = non_voter == nullptr || !*non_voter->boolean();
    const std::uint64_t raft_id = membership::raft_id_of(*uuid);
    const auto row = std::find_if(known.begin(), known.end(),
                                  [&](const auto& one) { return one->raft_id() == raft_id; });
    if (row != known.end()) return ForcedMember{with_address(**row, *address), votes};
    schema::ServerInfo fresh;
    fresh.set_raft_id(raft_id);
    fresh.set_id(uuid->raw());
    fresh.set_name(uuid->text());  // until it makes itself known
    return ForcedMember{with_address(fresh, *address), votes};
}

Result<void> check_whole(const std::vector<ForcedMember>& members, const Uuid& self) {
    std::set<std::uint64_t> ids;
    std::set<std::string> addresses;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const schema::ServerInfo& one = *members[i].server;
        if (!ids.insert(one.raft_id()).second) {
            return refuse(element(i) + ": the id \"" + Uuid::from_raw(one.id())->text() +
                          "\" is there twice; name each server once");
        }
        if (!addresses.insert(one.address()).second) {
            return refuse(element(i) + ": the address \"" + one.address() +
                          "\" is there twice; name each server once");
        }
    }
    if (std::none_of(members.begin(), members.end(), [](const auto& one) { return one.votes; })) {
        return refuse("nobody in it votes; at least one server must have non_voter false");
    }
    if (!ids.contains(membership::raft_id_of(self))) {
        return refuse("this server is not in it; add its id \"" + self.text() +
                      "\", or take the file away from this server");
    }
    return {};
}

}  // namespace

Result<std::vector<ForcedMember>> parse_peers_file(std::string_view text, const Uuid& self,
                                                   const std::vector<ServerInfoPtr>& known) {
    const auto json = schema::parse_json(text);
    if (!json) return refuse(json.error().message + "; write a JSON list of the servers");
    const JsonValue::Array* const list = json->array();
    if (list == nullptr) {
        return refuse(std::string{"it holds "} + json->kind() +
                      "; write a list of the servers that remain");
    }
    if (list->empty()) return refuse("the list is empty; name the servers that remain");
    std::vector<ForcedMember> members;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const JsonValue& one = (*list)[i];
        if (one.object() == nullptr && one.text() == nullptr) {
            return refuse(element(i) + " is " + one.kind() +
                          "; write {\"id\", \"address\", \"non_voter\"}");
        }
        auto member =
            one.text() != nullptr ? read_address_alone(one, i, known) : read_object(one, i, known);
        if (!member) return tl::unexpected{member.error()};
        members.push_back(std::move(*member));
    }
    if (auto sound = check_whole(members, self); !sound) return tl::unexpected{sound.error()};
    return members;
}

}  // namespace drover::server
