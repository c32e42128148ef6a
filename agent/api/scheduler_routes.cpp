// /v1/operator/scheduler/configuration: what operators decide about scheduling.
#include "agent/api/routes.hpp"
#include "engine/schema/json.hpp"

namespace drover::agent {

using schema::JsonValue;

namespace {

void read_configuration(const ExchangePtr& exchange) {
    auto request = exchange->envelope();
    request->mutable_query()->mutable_scheduler_configuration();
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(JsonValue::Object{{"SchedulerConfig",
                                      schema::to_json_value(response.scheduler_configuration())},
                                     {"Index", response.index()},
                                     {"LastContact", response.last_contact_ns()},
                                     {"KnownLeader", response.known_leader()},
                                     {"NextToken", ""}},
                   &response);
    });
}

// The whole configuration is replaced. With `cas` only where it stands at that index.
void write_configuration(const ExchangePtr& exchange) {
    const auto body = exchange->body();
    if (!body) return;
    const auto index = exchange->integer("cas", 0);
    if (!index) return;
    if (*index < 0) return exchange->fail(400, "cas is negative; give the ModifyIndex read");
    auto request = exchange->envelope();
    auto& set = *request->mutable_set_scheduler_configuration();
    if (auto read = schema::from_json_value(*body, *set.mutable_configuration()); !read) {
        return exchange->fail(
            400, "the scheduler's configuration cannot be read: " + read.error().message);
    }
    set.set_enforce_index(exchange->parameter("cas") != nullptr);
    set.set_modify_index(static_cast<std::uint64_t>(*index));
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(JsonValue::Object{{"Updated", response.scheduler_configuration_set().updated()},
                                     {"Index", response.index()}},
                   &response);
    });
}

}  // namespace

void route_scheduler(const ExchangePtr& exchange, const Rest& rest) {
    if (rest[1] != "configuration") return exchange->fail(404, "");
    if (exchange->is_get()) return read_configuration(exchange);
    if (exchange->is_write()) return write_configuration(exchange);
    exchange->invalid_method();
}

}  // namespace drover::agent
