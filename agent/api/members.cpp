#include "agent/api/members.hpp"

#include <cstdlib>
#include <utility>

#include "agent/release.hpp"
#include "engine/base/uuid.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

// An IPv6 address loses its brackets: whoever joins it with a port puts them back.
std::pair<std::string, std::uint16_t> host_and_port(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return {address, std::uint16_t{0}};
    const auto port = std::strtoul(address.c_str() + colon + 1, nullptr, 10);
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return {host, static_cast<std::uint16_t>(port)};
}

}  // namespace

Member member_of(const schema::ServerInfo& server) {
    Member member;
    const auto id = Uuid::from_raw(server.id());
    member.name = server.name();
    member.id = id ? id->text() : std::string{};
    std::tie(member.address, member.rpc_port) = host_and_port(server.address());
    member.serf_port = host_and_port(server.serf_address()).second;
    member.status = "alive";
    member.region = server.region();
    member.datacenter = server.datacenter();
    member.release = server.release();
    member.raft_protocol = server.raft_protocol();
    return member;
}

JsonValue member_json(const Member& member) {
    JsonValue::Object tags{{"bootstrap", member.bootstrap_expect == 1 ? "1" : "0"},
                           {"build", std::string{claimed_version}},
                           {"dc", member.datacenter},
                           {"drover", member.release},
                           {"expect", std::to_string(member.bootstrap_expect)},
                           {"id", member.id},
                           {"port", std::to_string(member.rpc_port)},
                           {"raft_vsn", std::to_string(member.raft_protocol)},
                           {"region", member.region},
                           {"role", "nomad"},
                           {"rpc_addr", member.address},
                           {"vsn", "1"}};
    return JsonValue::Object{
        {"Name", member.name},     {"Addr", member.address},  {"Port", int{member.serf_port}},
        {"Tags", std::move(tags)}, {"Status", member.status}, {"ProtocolMin", 1},
        {"ProtocolMax", 5},        {"ProtocolCur", 2},        {"DelegateMin", 2},
        {"DelegateMax", 5},        {"DelegateCur", 4}};
}

}  // namespace drover::agent
