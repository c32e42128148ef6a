// HTTP/1.1 server: keeps connections, holds thousands of idle blocking queries, bounds what it
// reads, and notices when the asker goes away. It knows no route.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "io/http.hpp"

namespace drover::io {

// A body in chunks, for as long as it takes. Copyable, from any thread. When the last copy goes
// without finish(), the connection is cut, so that the asker does not take half for the whole.
class HttpBody {
public:
    // Errc::overloaded: too much is waiting for a slow reader, nothing was taken; try again when
    // told. Errc::not_found: the asker has gone, or the body is finished.
    [[nodiscard]] Result<void> write(std::string chunk) const;
    // Called each time the waiting bytes have drained after a refused write.
    void on_writable(std::function<void()> callback) const;
    void finish() const;

    struct State;
    explicit HttpBody(std::shared_ptr<State> state) : state_{std::move(state)} {}

private:
    std::shared_ptr<State> state_;
};

// Answers one request. Copyable, from any thread; the first answer counts. When the last copy goes
// unanswered, the asker is told 500.
class HttpResponder {
public:
    void respond(HttpResponse response) const;
    // Sends status and headers now and the body as it comes.
    [[nodiscard]] HttpBody stream(unsigned status, HttpFields headers) const;
    // Called once if the asker goes away before the answer, or while it streams.
    void on_disconnect(std::function<void()> callback) const;

    struct State;
    explicit HttpResponder(std::shared_ptr<State> state) : state_{std::move(state)} {}

private:
    std::shared_ptr<State> state_;
};

struct HttpServerOptions {
    std::string listen = "127.0.0.1:0";  // "host:port" or "unix:///path"
    unsigned threads = 2;
    std::size_t header_bytes_max = std::size_t{64} << 10;  // beyond: 431
    std::size_t body_bytes_max = std::size_t{32} << 20;    // beyond: 413
    std::size_t stream_bytes_max = std::size_t{1} << 20;   // waiting per streamed body
    std::size_t connections_max = 16384;                   // beyond: closed at once
    Duration read_timeout = std::chrono::seconds{30};      // for one request to arrive whole
    Duration idle_timeout = std::chrono::minutes{2};       // between requests
    Duration write_timeout = std::chrono::minutes{1};      // for a stalled reader
};

class HttpServer {
public:
    // Runs on one of the server's threads and must not block: hand long work elsewhere, together
    // with the responder.
    using Handler = std::function<void(HttpRequest request, HttpResponder responder)>;

    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options,
                                                                   Handler handler);
    // Cuts every connection. No handler runs after it returns.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // "127.0.0.1:4646", with the port that was chosen.
    [[nodiscard]] std::string address() const;

    struct Impl;

private:
    explicit HttpServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace drover::io
