#include "agent/api/exchange.hpp"

#include <algorithm>
#include <charconv>

#include "drivers/config.hpp"

namespace drover::agent {
namespace {

constexpr Duration wait_default = std::chrono::minutes{5};
constexpr Duration wait_max = std::chrono::minutes{5};

unsigned status_of(Errc code) {
    switch (code) {
        case Errc::invalid_argument:
            return 400;
        case Errc::not_found:
            return 404;
        case Errc::permission_denied:
            return 403;
        case Errc::unsupported:
            return 501;
        case Errc::overloaded:
            return 429;
        default:
            return 500;
    }
}

std::string error_text(const schema::Failure& failure) {
    if (failure.code() == static_cast<std::uint32_t>(Errc::no_leader)) return "No cluster leader";
    return failure.message();
}

}  // namespace

Exchange::Exchange(Backend& backend, io::HttpRequest request, io::HttpResponder responder)
    : backend_{backend}, request_{std::move(request)}, responder_{std::move(responder)} {}

// ---- parameters

const std::string* Exchange::parameter(std::string_view name) const {
    return io::find_parameter(request_.query, name);
}

std::string Exchange::text(std::string_view name) const {
    const std::string* const found = parameter(name);
    return found == nullptr ? std::string{} : *found;
}

std::optional<bool> Exchange::truth(std::string_view name, bool absent) {
    const std::string* const found = parameter(name);
    if (found == nullptr) return absent;
    for (const std::string_view word : {"", "1", "t", "T", "true", "TRUE", "True"}) {
        if (*found == word) return true;
    }
    for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (*found == word) return false;
    }
    fail(500, "Failed to parse value of \"" + std::string{name} + "\" (" + *found +
                  ") as a bool: invalid syntax");
    return std::nullopt;
}

std::optional<std::int64_t> Exchange::integer(std::string_view name, std::int64_t absent) {
    const std::string* const found = parameter(name);
    if (found == nullptr || found->empty()) return absent;
    std::int64_t value = 0;
    const char* const end = found->data() + found->size();
    const auto [stop, error] = std::from_chars(found->data(), end, value);
    if (error == std::errc{} && stop == end) return value;
    fail(500, "Failed to parse value of \"" + std::string{name} + "\" (" + *found +
                  ") as a int: invalid syntax");
    return std::nullopt;
}

std::optional<schema::JsonValue> Exchange::body() {
    if (request_.body.empty()) {
        fail(400, "Request body is empty");
        return std::nullopt;
    }
    auto json = schema::parse_json(request_.body);
    if (!json) {
        fail(400, json.error().message);
        return std::nullopt;
    }
    return std::move(*json);
}

// ---- answers

void Exchange::send(unsigned status, std::string body, io::HttpFields headers) const {
    for (const auto& [name, value] : backend_.config().http_api_response_headers)
        headers.emplace_back(name, value);
    responder_.respond({status, std::move(headers), std::move(body)});
}

void Exchange::fail(unsigned status, const std::string& text) const {
    send(status, text, {{"Content-Type", "text/plain; charset=utf-8"}});
}

void Exchange::fail(const schema::Failure& failure) const {
    fail(status_of(static_cast<Errc>(failure.code())), error_text(failure));
}

void Exchange::answer(const schema::JsonValue& json, const schema::Response* response) const {
    io::HttpFields headers{{"Content-Type", "application/json"}};
    if (response != nullptr) {
        headers.emplace_back("X-Nomad-Index", std::to_string(response->index()));
        if (is_get()) {
            headers.emplace_back("X-Nomad-KnownLeader",
                                 response->known_leader() ? "true" : "false");
            headers.emplace_back("X-Nomad-LastContact",
                                 std::to_string(response->last_contact_ns() / 1'000'000));
            if (!response->next_token().empty())
                headers.emplace_back("X-Nomad-NextToken", response->next_token());
        }
    }
    const std::string* const pretty = parameter("pretty");
    send(200, schema::print_json(json, pretty != nullptr && *pretty != "0"), std::move(headers));
}

void Exchange::answer_file(const std::string& bytes, io::HttpFields headers,
                           const schema::Response& response) const {
    headers.emplace_back("Content-Type", "application/octet-stream");
    headers.emplace_back("X-Nomad-Index", std::to_string(response.index()));
    send(200, bytes, std::move(headers));
}

void Exchange::answer_empty(const schema::Response* response) const {
    io::HttpFields headers;
    if (response != nullptr)
        headers.emplace_back("X-Nomad-Index", std::to_string(response->index()));
    send(200, {}, std::move(headers));
}

// ---- questions

std::shared_ptr<schema::Request> Exchange::envelope() const {
    auto request = std::make_shared<schema::Request>();
    request->set_request_id(backend_.mint().raw());
    const std::string region = text("region");
    request->set_region(region.empty() || region == "global" ? backend_.config().region : region);
    const std::string namespace_ = text("namespace");
    request->set_namespace_(namespace_.empty() ? "default" : namespace_);
    if (const auto* token = io::find_header(request_.headers, "X-Nomad-Token")) {
        request->mutable_authentication()->set_token(*token);
    } else if (const auto* bearer = io::find_header(request_.headers, "Authorization")) {
        if (bearer->size() > 7) request->mutable_authentication()->set_token(bearer->substr(7));
    }
    return request;
}

void Exchange::ask(std::shared_ptr<schema::Request> request,
                   std::function<void(Exchange&, const schema::Response&)> then) {
    const auto self = shared_from_this();
    const Backend::Asked asked = backend_.ask(
        std::move(request), [self, then = std::move(then)](const server::ResponsePtr& response) {
            if (response->has_failure()) {
                self->fail(response->failure());
            } else {
                then(*self, *response);
            }
        });
    responder_.on_disconnect([&backend = backend_, asked] { backend.abandon(asked); });
}

void Exchange::query(std::shared_ptr<schema::Request> request,
                     std::function<void(Exchange&, const schema::Response&)> then) {
    if (fill_query(*request)) ask(std::move(request), std::move(then));
}

bool Exchange::fill_query(schema::Request& request) {
    schema::Query& query = *request.mutable_query();
    if (const auto* index = parameter("index"); index != nullptr && !index->empty()) {
        std::uint64_t value = 0;
        const char* const end = index->data() + index->size();
        const auto [stop, error] = std::from_chars(index->data(), end, value);
        if (error != std::errc{} || stop != end) {
            fail(400, "Invalid index");
            return false;
        }
        query.set_min_index(value);
    }
    Duration wait = wait_default;
    if (const auto* told = parameter("wait"); told != nullptr && !told->empty()) {
        const auto parsed = drivers::parse_duration(*told);
        if (!parsed || parsed->count() < 0) {
            fail(400, "Invalid wait time");
            return false;
        }
        wait = std::min(*parsed, wait_max);
    }
    query.set_wait_ns(query.min_index() == 0 ? 0 : wait.count());
    if (const auto* stale = parameter("stale")) {
        if (!stale->empty() && *stale != "true" && *stale != "false") {
            fail(400, "Expect `true` or `false` for `stale` query string parameter");
            return false;
        }
        if (*stale != "false") request.set_consistency(schema::STALE);
    }
    if (parameter("consistent") != nullptr && request.consistency() != schema::STALE) {
        request.set_consistency(schema::CONSISTENT);
    }
    const auto per_page = integer("per_page", 0);
    const auto reverse = truth("reverse");
    if (!per_page || !reverse) return false;
    query.set_per_page(
        static_cast<std::int32_t>(std::clamp<std::int64_t>(*per_page, 0, INT32_MAX)));
    query.set_reverse(*reverse);
    query.set_prefix(text("prefix"));
    query.set_next_token(text("next_token"));
    query.set_filter(text("filter"));
    return true;
}

}  // namespace drover::agent
