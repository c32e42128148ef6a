// /v1/operator/upgrade: Drover's own, in the shape that Nomad's operator endpoints have.
#include <charconv>

#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"

namespace drover::agent {

using schema::JsonValue;

namespace {

JsonValue server_json(const schema::UpgradeServer& one) {
    const schema::ServerInfo& server = one.server();
    return JsonValue::Object{{"ID", id_text(server.id())},
                             {"Node", server.name()},
                             {"Address", server.address()},
                             {"RaftID", server.raft_id()},
                             {"Release", server.release()},
                             {"LevelMin", std::uint64_t{server.level_min()}},
                             {"LevelMax", std::uint64_t{server.level_max()}},
                             {"Voter", one.voter()},
                             {"HoldsBack", one.holds_back()}};
}

JsonValue status_json(const schema::UpgradeStatus& status) {
    JsonValue::Array servers, gains;
    for (const auto& server : status.servers()) servers.push_back(server_json(server));
    for (const auto& gain : status.gains()) {
        gains.push_back(JsonValue::Object{{"Level", std::uint64_t{gain.level()}},
                                          {"Release", gain.release()},
                                          {"Gained", gain.gained()}});
    }
    return JsonValue::Object{{"Level", std::uint64_t{status.level()}},
                             {"NextLevel", std::uint64_t{status.next_level()}},
                             {"Ready", status.ready()},
                             {"GoingBack", status.going_back()},
                             {"OldestRelease", status.oldest_release()},
                             {"Servers", std::move(servers)},
                             {"Gains", std::move(gains)}};
}

void upgrade_status(const ExchangePtr& exchange) {
    auto request = exchange->envelope();
    request->mutable_query()->mutable_upgrade_status();
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(status_json(response.upgrade_status()));
    });
}

void upgrade_finalize(const ExchangePtr& exchange) {
    const std::string text = exchange->text("level");
    std::uint32_t level = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
    if (!text.empty() && (error != std::errc{} || end != text.data() + text.size() || level == 0)) {
        return exchange->fail(400, "level \"" + text +
                                       "\": write a feature level as `operator upgrade status` "
                                       "shows them, or leave it out");
    }
    auto request = exchange->envelope();
    request->mutable_finalize_upgrade()->set_level(level);
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(
            JsonValue::Object{{"Level", std::uint64_t{response.upgrade_finalized().level()}}},
            &response);
    });
}

}  // namespace

void route_upgrade(const ExchangePtr& exchange, const Rest& rest) {
    if (rest[1] == "status") {
        return exchange->is_get() ? upgrade_status(exchange) : exchange->invalid_method();
    }
    if (rest[1] == "finalize") {
        return exchange->is_write() ? upgrade_finalize(exchange) : exchange->invalid_method();
    }
    exchange->fail(404, "");
}

}  // namespace drover::agent
