// Jobs made out of jobs: dispatches of parameterised ones and launches of periodic ones; and the
// tags of versions, which live under the same path.
#include "agent/api/body.hpp"
#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"
#include "engine/schema/json_text.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

JsonValue dispatched_json(const schema::Response& response) {
    const auto& written = response.job_dispatched();
    JsonValue json = JsonValue::Object{{"DispatchedJobID", written.job_id()},
                                       {"EvalID", id_text(written.evaluation_id())},
                                       {"EvalCreateIndex", written.evaluation_create_index()},
                                       {"JobCreateIndex", written.job_create_index()}};
    add_query_meta(json, response);
    return json;
}

void answer_dispatched(Exchange& one, const schema::Response& response) {
    one.answer(dispatched_json(response), &response);
}

std::string text_of(const JsonValue& body, std::string_view name) {
    const JsonValue* const found = member_of(body, name);
    return found == nullptr || found->text() == nullptr ? std::string{} : *found->text();
}

// Meta's values are text; the request is answered where one is not.
bool read_meta(Exchange& exchange, const JsonValue& body, schema::DispatchJobRequest& request) {
    const JsonValue* const meta = member_of(body, "Meta");
    if (meta == nullptr || meta->is_null()) return true;
    if (meta->object() == nullptr) {
        exchange.fail(400, "Meta must be an object of keys and texts");
        return false;
    }
    for (const auto& [key, value] : *meta->object()) {
        if (value.text() == nullptr) {
            exchange.fail(400, "Meta." + key + " must be a text");
            return false;
        }
        auto& pair = *request.add_meta();
        pair.set_key(key);
        pair.set_value(*value.text());
    }
    return true;
}

void dispatch(const ExchangePtr& exchange, const std::string& id) {
    const auto body = exchange->body();
    if (!body) return;
    const std::string named = text_of(*body, "JobID");
    if (!named.empty() && named != id) {
        return exchange->fail(400, "JobID is \"" + named + "\", but the path names \"" + id +
                                       "\"; ask under the job that you mean");
    }
    auto request = exchange->envelope();
    auto& dispatch = *request->mutable_dispatch_job();
    dispatch.set_job_id(id);
    const auto payload = schema::from_base64(text_of(*body, "Payload"));
    if (!payload) return exchange->fail(400, "Payload must be base64");
    dispatch.set_payload(*payload);
    if (!read_meta(*exchange, *body, dispatch)) return;
    dispatch.set_id_prefix_template(text_of(*body, "IdPrefixTemplate"));
    dispatch.set_idempotency_token(exchange->text("idempotency_token"));
    dispatch.set_priority(static_cast<std::int32_t>(integer_of(*body, "Priority")));
    exchange->ask(std::move(request), answer_dispatched);
}

// The body is the payload, as it is.
void dispatch_payload(const ExchangePtr& exchange, const std::string& id) {
    auto request = exchange->envelope();
    auto& dispatch = *request->mutable_dispatch_job();
    dispatch.set_job_id(id);
    dispatch.set_payload(exchange->request().body);
    dispatch.set_idempotency_token(exchange->text("idempotency_token"));
    exchange->ask(std::move(request), answer_dispatched);
}

void force_periodic(const ExchangePtr& exchange, const std::string& id) {
    auto request = exchange->envelope();
    request->mutable_force_periodic_job()->set_job_id(id);
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        JsonValue json = job_written(response);
        json.remove("Warnings");
        json.remove("JobModifyIndex");
        one.answer(json, &response);
    });
}

void answer_tagged(Exchange& one, const schema::Response& response) {
    const auto& written = response.job_version_tagged();
    one.answer(JsonValue::Object{{"Name", written.name()},
                                 {"Description", written.description()},
                                 {"TaggedTime", written.tagged_time()},
                                 {"Index", response.index()}},
               &response);
}

void tag_version(const ExchangePtr& exchange, const std::string& id, const std::string& name) {
    auto request = exchange->envelope();
    auto& tag = *request->mutable_tag_job_version();
    tag.set_job_id(id);
    tag.set_name(name);
    tag.set_remove(exchange->is_delete());
    if (!exchange->is_delete() && !exchange->request().body.empty()) {
        const auto body = exchange->body();
        if (!body) return;
        tag.set_description(text_of(*body, "Description"));
        const JsonValue* const version = member_of(*body, "Version");
        if (version != nullptr && !version->is_null()) {
            if (version->integer() == nullptr || *version->integer() < 0) {
                return exchange->fail(400, "Version must be a whole number, 0 or more");
            }
            tag.set_version(static_cast<std::uint64_t>(*version->integer()));
        }
    }
    exchange->ask(std::move(request), answer_tagged);
}

std::string joined(const Rest& rest, std::size_t end) {
    std::string id;
    for (std::size_t i = 0; i < end; ++i) id += (i == 0 ? "" : "/") + rest[i];
    return id;
}

}  // namespace

bool route_job_launch(const ExchangePtr& exchange, const Rest& rest) {
    const std::size_t size = rest.size();
    if (size < 2) return false;
    const bool write = exchange->is_write();
    const std::string& last = rest[size - 1];
    const std::string& before = rest[size - 2];
    if (last == "tag" && size >= 4 && rest[size - 3] == "versions") {
        if (!write && !exchange->is_delete()) {
            exchange->invalid_method();
        } else {
            tag_version(exchange, joined(rest, size - 3), before);
        }
        return true;
    }
    if (!write) return false;  // a child's id has such words in it too
    if (last == "dispatch") {
        dispatch(exchange, joined(rest, size - 1));
    } else if (last == "payload" && before == "dispatch" && size >= 3) {
        dispatch_payload(exchange, joined(rest, size - 2));
    } else if (last == "force" && before == "periodic" && size >= 3) {
        force_periodic(exchange, joined(rest, size - 2));
    } else {
        return false;
    }
    return true;
}

void route_system(const ExchangePtr& exchange, const Rest& rest) {
    const bool garbage = rest == Rest{"gc"};
    if (!garbage && rest != Rest{"reconcile", "summaries"}) return exchange->fail(404, "");
    if (!exchange->is_write()) return exchange->invalid_method();
    auto request = exchange->envelope();
    if (garbage) {
        request->mutable_collect_garbage();
    } else {
        request->mutable_reconcile_summaries();
    }
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(JsonValue{}, &response);
    });
}

}  // namespace drover::agent
