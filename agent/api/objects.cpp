// Nodes, allocations, evaluations and deployments.
#include <string_view>

#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"
#include "engine/schema/json.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

void answer_node_change(Exchange& one, const schema::Response& response) {
    JsonValue::Array evaluations;
    for (const auto& id : response.node_written().evaluation_ids())
        evaluations.emplace_back(id_text(id));
    const std::uint64_t created = evaluations.empty() ? 0 : response.index();
    one.answer(
        JsonValue::Object{
            {"NodeModifyIndex", response.index()},
            {"EvalIDs", evaluations.empty() ? JsonValue{} : JsonValue{std::move(evaluations)}},
            {"EvalCreateIndex", created},
            {"Index", response.index()}},
        &response);
}

// What the body says of a drain; an error names the member that is of another kind.
Result<void> read_drain(const JsonValue& body, schema::UpdateNodeDrainRequest& drain) {
    const auto wrong = [](const char* member, const char* kind) {
        return fail(Errc::invalid_argument, std::string{member} + " must be " + kind);
    };
    if (const JsonValue* spec = body.find("DrainSpec"); spec != nullptr && !spec->is_null()) {
        if (spec->object() == nullptr) return wrong("DrainSpec", "an object or null");
        auto& told = *drain.mutable_spec();
        if (const JsonValue* deadline = spec->find("Deadline")) {
            if (deadline->integer() == nullptr) {
                return wrong("DrainSpec.Deadline", "a whole number of nanoseconds");
            }
            told.set_deadline(*deadline->integer());
        }
        if (const JsonValue* ignore = spec->find("IgnoreSystemJobs")) {
            if (ignore->boolean() == nullptr) {
                return wrong("DrainSpec.IgnoreSystemJobs", "true or false");
            }
            told.set_ignore_system_jobs(*ignore->boolean());
        }
    }
    if (const JsonValue* eligible = body.find("MarkEligible")) {
        if (eligible->boolean() == nullptr) return wrong("MarkEligible", "true or false");
        drain.set_mark_eligible(*eligible->boolean());
    }
    const JsonValue* meta = body.find("Meta");
    if (meta == nullptr || meta->is_null()) return {};
    if (meta->object() == nullptr) return wrong("Meta", "an object of texts");
    for (const auto& [key, value] : *meta->object()) {
        if (value.text() == nullptr) return wrong("Meta", "an object of texts");
        auto& pair = *drain.add_meta();
        pair.set_key(key);
        pair.set_value(*value.text());
    }
    return {};
}

void update_drain(const ExchangePtr& exchange, const std::string& raw) {
    const auto body = exchange->body();
    if (!body) return;
    auto request = exchange->envelope();
    auto& drain = *request->mutable_update_node_drain();
    drain.set_node_id(raw);
    if (const auto read = read_drain(*body, drain); !read) {
        return exchange->fail(400, read.error().message);
    }
    exchange->ask(std::move(request), answer_node_change);
}

void update_eligibility(const ExchangePtr& exchange, const std::string& raw) {
    const auto body = exchange->body();
    if (!body) return;
    const JsonValue* const told = body->find("Eligibility");
    if (told == nullptr || told->text() == nullptr)
        return exchange->fail(400, "missing node eligibility");
    auto request = exchange->envelope();
    request->mutable_update_node_eligibility()->set_node_id(raw);
    request->mutable_update_node_eligibility()->set_eligibility(*told->text());
    exchange->ask(std::move(request), answer_node_change);
}

}  // namespace

void answer_allocation_list(Exchange& exchange, const schema::Response& response) {
    const auto resources = exchange.truth("resources");
    const auto task_states = exchange.truth("task_states", true);
    if (!resources || !task_states) return;
    const JobsOfAllocations jobs{response.allocations()};
    JsonValue::Array list;
    for (const auto& allocation : response.allocations().allocations()) {
        list.push_back(allocation_stub(allocation, jobs.of(allocation), *resources, *task_states));
    }
    exchange.answer(std::move(list), &response);
}

void route_nodes(const ExchangePtr& exchange, const Rest& rest) {
    if (!rest.empty()) return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    const auto resources = exchange->truth("resources");
    const auto os = exchange->truth("os");
    if (!resources || !os) return;
    auto request = exchange->envelope();
    request->mutable_query()->mutable_list_nodes();
    exchange->query(std::move(request), [resources = *resources, os = *os](
                                            Exchange& one, const schema::Response& response) {
        JsonValue::Array list;
        for (const auto& node : response.nodes().nodes())
            list.push_back(node_stub(node, resources, os));
        one.answer(std::move(list), &response);
    });
}

void route_node(const ExchangePtr& exchange, const Rest& rest) {
    const auto raw = rest.empty() ? std::nullopt : raw_id(rest[0]);
    if (!raw) return exchange->fail(404, "node not found");
    auto request = exchange->envelope();
    if (rest.size() == 1 && exchange->is_get()) {
        request->mutable_query()->set_node(*raw);
        return exchange->query(std::move(request),
                               [](Exchange& one, const schema::Response& response) {
                                   one.answer(whole_node(response.node()), &response);
                               });
    }
    if (rest.size() == 2 && rest[1] == "allocations" && exchange->is_get()) {
        request->mutable_query()->set_node_allocations(*raw);
        return exchange->query(
            std::move(request), [](Exchange& one, const schema::Response& response) {
                const JobsOfAllocations jobs{response.allocations()};
                JsonValue::Array list;
                for (const auto& allocation : response.allocations().allocations()) {
                    list.push_back(whole_allocation(allocation, jobs.of(allocation)));
                }
                one.answer(std::move(list), &response);
            });
    }
    if (rest.size() == 2 && rest[1] == "eligibility" && exchange->is_write())
        return update_eligibility(exchange, *raw);
    if (rest.size() == 2 && rest[1] == "drain" && exchange->is_write())
        return update_drain(exchange, *raw);
    const bool known =
        rest.size() == 1 || (rest.size() == 2 && (rest[1] == "allocations" ||
                                                  rest[1] == "eligibility" || rest[1] == "drain"));
    if (!known) return exchange->fail(404, "");
    exchange->invalid_method();
}

void route_allocations(const ExchangePtr& exchange, const Rest& rest) {
    if (!rest.empty()) return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    auto request = exchange->envelope();
    request->mutable_query()->mutable_list_allocations();
    exchange->query(std::move(request), answer_allocation_list);
}

void route_allocation(const ExchangePtr& exchange, const Rest& rest) {
    const bool stops = rest.size() == 2 && rest[1] == "stop";
    const auto raw = rest.empty() ? std::nullopt : raw_id(rest[0]);
    if (!raw) return exchange->fail(404, stops ? "allocation not found" : "alloc not found");
    auto request = exchange->envelope();
    if (rest.size() == 1 && exchange->is_get()) {
        request->mutable_query()->set_allocation(*raw);
        return exchange->query(
            std::move(request), [](Exchange& one, const schema::Response& response) {
                const auto& allocation = response.allocation();
                one.answer(whole_allocation(allocation, &allocation.job()), &response);
            });
    }
    if (!stops) return rest.size() == 1 ? exchange->invalid_method() : exchange->fail(404, "");
    if (!exchange->is_write()) return exchange->invalid_method();
    const auto no_delay = exchange->truth("no_shutdown_delay");
    if (!no_delay) return;
    request->mutable_stop_allocation()->set_allocation_id(*raw);
    request->mutable_stop_allocation()->set_no_shutdown_delay(*no_delay);
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(
            JsonValue::Object{{"EvalID", id_text(response.allocation_stopped().evaluation_id())},
                              {"Index", response.index()}},
            &response);
    });
}

void route_evaluations(const ExchangePtr& exchange, const Rest& rest) {
    if (!rest.empty()) return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    auto request = exchange->envelope();
    request->mutable_query()->mutable_list_evaluations();
    const std::string status = exchange->text("status"), job = exchange->text("job");
    exchange->query(std::move(request),
                    [status, job](Exchange& one, const schema::Response& response) {
                        JsonValue::Array list;
                        for (const auto& evaluation : response.evaluations().evaluations()) {
                            if (!status.empty() && evaluation.status() != status) continue;
                            if (!job.empty() && evaluation.job_id() != job) continue;
                            list.push_back(whole_evaluation(evaluation));
                        }
                        one.answer(std::move(list), &response);
                    });
}

void route_evaluation(const ExchangePtr& exchange, const Rest& rest) {
    const auto raw = rest.empty() ? std::nullopt : raw_id(rest[0]);
    if (!raw) return exchange->fail(404, "eval not found");
    if (rest.size() > 2 || (rest.size() == 2 && rest[1] != "allocations"))
        return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    auto request = exchange->envelope();
    if (rest.size() == 2) {
        request->mutable_query()->set_evaluation_allocations(*raw);
        return exchange->query(std::move(request), answer_allocation_list);
    }
    request->mutable_query()->set_evaluation(*raw);
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(whole_evaluation(response.evaluation()), &response);
    });
}

void route_deployments(const ExchangePtr& exchange, const Rest& rest) {
    if (!rest.empty()) return exchange->fail(404, "");
    if (!exchange->is_get()) return exchange->invalid_method();
    auto request = exchange->envelope();
    request->mutable_query()->mutable_list_deployments();
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        JsonValue::Array list;
        for (const auto& deployment : response.deployments().deployments()) {
            list.push_back(schema::to_json_value(deployment));
        }
        one.answer(std::move(list), &response);
    });
}

namespace {

void fill_ids(const JsonValue& body, std::string_view name,
              google::protobuf::RepeatedPtrField<std::string>& ids) {
    const JsonValue* const list = body.find(name);
    if (list == nullptr || list->array() == nullptr) return;
    for (const auto& item : *list->array()) {
        const auto raw = item.text() == nullptr ? std::nullopt : raw_id(*item.text());
        if (raw) *ids.Add() = *raw;
    }
}

bool truth_in(const std::optional<JsonValue>& body, std::string_view name) {
    const JsonValue* const value = body ? body->find(name) : nullptr;
    return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

void change_deployment(const ExchangePtr& exchange, const std::string& what,
                       const std::string& raw) {
    if (!exchange->is_write()) return exchange->invalid_method();
    std::optional<JsonValue> body;
    if (what != "fail") {
        body = exchange->body();
        if (!body) return;
    }
    auto request = exchange->envelope();
    schema::UpdateDeploymentRequest& update = *request->mutable_update_deployment();
    update.set_deployment_id(raw);
    using Action = schema::UpdateDeploymentRequest;
    if (what == "fail") {
        update.set_action(Action::FAIL);
    } else if (what == "pause") {
        update.set_action(truth_in(body, "Pause") ? Action::PAUSE : Action::RESUME);
    } else if (what == "promote") {
        update.set_action(Action::PROMOTE);
        const JsonValue* const groups = body->find("Groups");
        if (groups != nullptr && groups->array() != nullptr && !truth_in(body, "All")) {
            for (const auto& group : *groups->array()) {
                if (group.text() != nullptr) update.add_groups(*group.text());
            }
        }
    } else {
        update.set_action(Action::SET_HEALTH);
        fill_ids(*body, "HealthyAllocationIDs", *update.mutable_healthy_allocation_ids());
        fill_ids(*body, "UnhealthyAllocationIDs", *update.mutable_unhealthy_allocation_ids());
    }
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        const auto& written = response.deployment_written();
        one.answer(
            JsonValue::Object{{"EvalID", id_text(written.evaluation_id())},
                              {"EvalCreateIndex", written.evaluation_create_index()},
                              {"DeploymentModifyIndex", written.deployment_modify_index()},
                              {"RevertedJobVersion", written.has_reverted_job_version()
                                                         ? JsonValue{written.reverted_job_version()}
                                                         : JsonValue{}},
                              {"Index", response.index()}},
            &response);
    });
}

// Only deployments over several regions wait for others; there are none here.
void unblock_deployment(const ExchangePtr& exchange, const std::string& raw) {
    if (!exchange->is_write()) return exchange->invalid_method();
    auto request = exchange->envelope();
    request->mutable_query()->set_deployment(raw);
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.fail(400, "deployment " + id_text(response.deployment().id()) + " is " +
                          response.deployment().status() +
                          ": only one that waits for other regions can be unblocked");
    });
}

}  // namespace

void route_deployment(const ExchangePtr& exchange, const Rest& rest) {
    const auto raw = rest.empty() ? std::nullopt : raw_id(rest.back());
    if (!raw) return exchange->fail(404, "deployment not found");
    auto request = exchange->envelope();
    if (rest.size() == 1) {
        if (!exchange->is_get()) return exchange->invalid_method();
        request->mutable_query()->set_deployment(*raw);
        return exchange->query(
            std::move(request), [](Exchange& one, const schema::Response& response) {
                one.answer(schema::to_json_value(response.deployment()), &response);
            });
    }
    const std::string& what = rest[0];
    if (rest.size() != 2) return exchange->fail(404, "");
    if (what == "allocations" && exchange->is_get()) {
        request->mutable_query()->set_deployment_allocations(*raw);
        return exchange->query(std::move(request), answer_allocation_list);
    }
    if (what == "fail" || what == "pause" || what == "promote" || what == "allocation-health") {
        return change_deployment(exchange, what, *raw);
    }
    if (what == "unblock") return unblock_deployment(exchange, *raw);
    exchange->fail(404, "");
}

}  // namespace drover::agent
