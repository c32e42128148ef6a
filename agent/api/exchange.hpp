// One HTTP request being answered: its parameters read and checked, its question put to the
// servers, its answer turned into status, headers and JSON. Every route works on one of these.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/backend.hpp"
#include "engine/schema/json_value.hpp"
#include "engine/schema/request.pb.h"
#include "io/http.hpp"
#include "io/http_server.hpp"

namespace drover::agent {

class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    Exchange(Backend& backend, io::HttpRequest request, io::HttpResponder responder);

    [[nodiscard]] const io::HttpRequest& request() const { return request_; }
    [[nodiscard]] const io::HttpResponder& responder() const { return responder_; }
    [[nodiscard]] Backend& backend() const { return backend_; }

    // ---- parameters

    [[nodiscard]] const std::string* parameter(std::string_view name) const;
    [[nodiscard]] std::string text(std::string_view name) const;  // empty where absent
    // Present and not "false" or "0"; anything that is no truth answers the request with 500.
    [[nodiscard]] std::optional<bool> truth(std::string_view name, bool absent = false);
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, std::int64_t absent);
    [[nodiscard]] bool is_get() const {
        return request_.method == "GET" || request_.method == "HEAD";
    }
    [[nodiscard]] bool is_write() const {
        return request_.method == "PUT" || request_.method == "POST";
    }
    [[nodiscard]] bool is_delete() const { return request_.method == "DELETE"; }
    // The body as JSON; answers the request where it is empty or malformed.
    [[nodiscard]] std::optional<schema::JsonValue> body();

    // ---- answers; exactly one

    void fail(unsigned status, const std::string& text) const;
    void fail(const schema::Failure& failure) const;
    void invalid_method() const { fail(405, "Invalid method"); }
    // Headers that tell the state of the answer come from `response`, where there is one.
    void answer(const schema::JsonValue& json, const schema::Response* response = nullptr) const;
    // Bytes that are no JSON.
    void answer_file(const std::string& bytes, io::HttpFields headers,
                     const schema::Response& response) const;
    void answer_empty(const schema::Response* response = nullptr) const;

    // ---- questions

    // An envelope with region, namespace, token and a fresh id.
    [[nodiscard]] std::shared_ptr<schema::Request> envelope() const;
    // Asks, answers failures by itself, and hands every other response to `then`, on any thread.
    void ask(std::shared_ptr<schema::Request> request,
             std::function<void(Exchange&, const schema::Response&)> then);
    // The same for a read: fills in index, wait, stale, prefix and paging first. False where a
    // parameter was malformed; the request is then answered already.
    void query(std::shared_ptr<schema::Request> request,
               std::function<void(Exchange&, const schema::Response&)> then);

private:
    [[nodiscard]] bool fill_query(schema::Request& request);
    void send(unsigned status, std::string body, io::HttpFields headers) const;

    Backend& backend_;
    io::HttpRequest request_;
    io::HttpResponder responder_;
};

using ExchangePtr = std::shared_ptr<Exchange>;

}  // namespace drover::agent
