// The inside of HttpServer: its threads, and one session for each connection. A session lives on
// the one loop (thread) that it was given; handles of users refer to it weakly and look at it only
// there.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <set>
#include <thread>

#include "io/http_server.hpp"

namespace drover::io {

namespace asio = boost::asio;
using HttpSocket = asio::generic::stream_protocol::socket;

class HttpSession;

// One thread and the sessions on it.
struct HttpLoop {
    HttpLoop() : guard{context.get_executor()} {}
    // One thread runs it, but it must not be told so: it would then let calls that this thread
    // posts be overtaken by later ones of other threads, and streamed bodies depend on their order.
    asio::io_context context;
    asio::executor_work_guard<asio::io_context::executor_type> guard;
    std::set<std::shared_ptr<HttpSession>> sessions;
    bool stopping = false;
    std::thread thread;
};

// What both handles of one request share. Any thread, except where the loop is named.
struct HttpExchange {
    void post(std::function<void(HttpSession& session)> work) const;

    std::weak_ptr<HttpServer::Impl> server;
    HttpLoop* loop{};  // the server's: valid while the server can be locked
    std::weak_ptr<HttpSession> session;
    std::uint64_t turn{};  // a session that has moved on ignores what comes late
    std::atomic<bool> answered = false;
    std::atomic<bool> gone = false;
    std::function<void()> on_disconnect;  // loop
};

struct HttpResponder::State {
    ~State();
    std::shared_ptr<HttpExchange> exchange;
};

struct HttpBody::State {
    ~State();
    std::shared_ptr<HttpExchange> exchange;
    std::size_t waiting_max{};
    std::atomic<std::size_t> waiting = 0;
    std::atomic<bool> refused = false;
    std::atomic<bool> finished = false;
    std::function<void()> on_writable;  // loop
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
public:
    HttpSession(HttpServer::Impl& server, HttpLoop& loop, HttpSocket socket, std::string remote);

    void read_request();
    void close();
    [[nodiscard]] std::uint64_t turn() const { return turn_; }

    // The answer to the request of this turn.
    void answer(HttpResponse response);
    void begin_stream(unsigned status, const HttpFields& headers,
                      std::weak_ptr<HttpBody::State> body);
    void stream(std::string chunk);
    void end_stream();

    [[nodiscard]] std::shared_ptr<HttpExchange> exchange() const { return exchange_; }

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

    struct Piece {
        std::string bytes;
        std::size_t charge{};  // against the streamed body's bound
    };
    enum class After : std::uint8_t { nothing, next_request, linger, close };

    void on_header(const boost::system::error_code& error);
    void read_body();
    void on_read(const boost::system::error_code& error);
    void reject(unsigned status, const std::string& text);
    void dispatch();
    [[nodiscard]] HttpRequest take_request();
    void watch();
    void on_watch(const boost::system::error_code& error);
    [[nodiscard]] bool disconnected();
    [[nodiscard]] std::string head(unsigned status, const HttpFields& headers,
                                   const std::string& framing) const;
    void write(Piece piece);
    void write_next();
    void written(std::size_t size);
    void finish(After after);  // once everything is written
    void act();
    void linger();
    void expire_after(Duration timeout);
    void release_exchange(bool tell);

    HttpServer::Impl& server_;
    HttpLoop& loop_;
    HttpSocket socket_;
    const std::string remote_;
    asio::steady_timer timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    std::uint64_t turn_ = 0;
    bool keep_alive_ = false;
    bool head_only_ = false;  // the method was HEAD
    bool chunked_ = false;    // HTTP/1.0 gets the bare bytes of a stream
    bool watching_ = false;
    bool closed_ = false;
    After after_ = After::nothing;
    std::size_t lingered_ = 0;
    std::array<char, 4096> discarded_;
    std::deque<Piece> pieces_;
    std::size_t piece_sent_ = 0;
    bool write_under_way_ = false;
    std::shared_ptr<HttpExchange> exchange_;
    std::weak_ptr<HttpBody::State> body_;
};

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
    Impl(HttpServerOptions chosen, Handler given);

    [[nodiscard]] Result<void> listen();
    template <class Acceptor>
    void accept(Acceptor& acceptor);
    void admit(HttpLoop& loop, HttpSocket socket, std::string remote);
    void shut_down();

    HttpServerOptions options;
    Handler handler;
    std::string address;
    std::atomic<std::size_t> connection_count = 0;
    std::vector<std::unique_ptr<HttpLoop>> loops;
    std::size_t next_loop = 0;
    std::atomic<bool> stopping = false;
    struct Listeners;
    std::shared_ptr<Listeners> listeners;
};

}  // namespace drover::io
