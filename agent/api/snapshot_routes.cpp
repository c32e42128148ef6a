// The whole state as one file: saved from a running cluster, and brought back into one.
#include <utility>

#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"
#include "engine/jobspec/hcl/digest.hpp"
#include "engine/jobspec/hcl/text.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

void save(const ExchangePtr& exchange) {
    auto request = exchange->envelope();
    request->mutable_query()->mutable_snapshot();
    exchange->query(std::move(request), [](Exchange& one, const schema::Response& response) {
        const std::string& file = response.snapshot_file();
        one.answer_file(file, {{"Digest", "sha-256=" + hcl::base64_encoded(hcl::sha256(file))}},
                        response);
    });
}

void restore(const ExchangePtr& exchange) {
    const std::string& file = exchange->request().body;
    if (file.empty()) return exchange->fail(400, "the body is empty; send a snapshot file");
    auto request = exchange->envelope();
    request->mutable_restore_snapshot()->set_file(file);
    exchange->ask(std::move(request), [](Exchange& one, const schema::Response& response) {
        one.answer(JsonValue::Object{{"Index", response.snapshot_restored().index()}}, &response);
    });
}

}  // namespace

void route_snapshot(const ExchangePtr& exchange) {
    if (exchange->is_get()) return save(exchange);
    if (exchange->is_write()) return restore(exchange);
    exchange->invalid_method();
}

}  // namespace drover::agent
