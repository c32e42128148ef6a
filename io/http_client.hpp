// HTTP/1.1 client for command lines and tests: blocking, one connection that is kept and reopened.
// Failures are told in words that a person at a terminal can act on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "io/http.hpp"

namespace drover::io {

struct HttpClientOptions {
    std::string address = "http://127.0.0.1:4646";  // or "unix:///path"
    HttpFields headers;                             // sent with every request
    Duration connect_timeout = std::chrono::seconds{10};
    // Longest silence while waiting for the answer; must exceed the wait of a blocking query.
    Duration silence_timeout = std::chrono::minutes{11};
    std::size_t body_bytes_max = std::size_t{256} << 20;  // of a buffered answer
};

class HttpClient {
public:
    // Receives a streamed body piece by piece; returning false ends it and closes the connection.
    using Receiver = std::function<bool(std::string_view piece)>;

    // Refuses an address it cannot use, naming it.
    [[nodiscard]] static Result<std::unique_ptr<HttpClient>> create(HttpClientOptions options);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // Any status is an answer, not an error. Sent again by itself only if the kept connection turns
    // out to be closed before a byte of the answer came and the method is GET or HEAD. Errors:
    // invalid_argument, timed_out, unknown_outcome (sent, then lost), not_found (nothing listens
    // there: never sent).
    [[nodiscard]] Result<HttpResponse> request(const std::string& method, const std::string& target,
                                               std::string body = {},
                                               const HttpFields& headers = {});
    // Headers and status are returned at the end of the body; its pieces go to the receiver, but
    // only for a 2xx answer: any other body is returned whole.
    [[nodiscard]] Result<HttpResponse> stream(const std::string& method, const std::string& target,
                                              std::string body, const Receiver& receiver,
                                              const HttpFields& headers = {});

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace drover::io
