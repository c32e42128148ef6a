// One HTTP connection, request after request: read with bounds, hand over, write with bounds, and
// notice when the asker goes away in between.
#include "io/http_session.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <cerrno>

namespace drover::io {
namespace {

namespace http = boost::beast::http;

// Small bodies leave in the same packet as their header.
constexpr std::size_t joined_body_max = std::size_t{32} << 10;
constexpr std::size_t linger_bytes_max = std::size_t{64} << 20;
constexpr Duration linger_time = std::chrono::seconds{2};

bool has_body(unsigned status) { return status >= 200 && status != 204 && status != 304; }

// A value must not begin a header of its own.
std::string on_one_line(std::string_view text) {
    std::string line{text};
    std::replace_if(
        line.begin(), line.end(), [](char byte) { return byte == '\r' || byte == '\n'; }, ' ');
    return line;
}

std::string chunk_head(std::size_t size) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    do {
        text.insert(text.begin(), digits[size % 16]);
        size /= 16;
    } while (size > 0);
    return text + "\r\n";
}

}  // namespace

HttpSession::HttpSession(HttpServer::Impl& server, HttpLoop& loop, HttpSocket socket,
                         std::string remote)
    : server_{server},
      loop_{loop},
      socket_{std::move(socket)},
      remote_{std::move(remote)},
      timer_{loop.context} {}

void HttpSession::expire_after(Duration timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const std::shared_ptr<HttpSession> self = weak.lock();
        if (!error && self) self->close();
    });
}

// ---- reading

void HttpSession::read_request() {
    ++turn_;
    after_ = After::nothing;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(server_.options.header_bytes_max));
    parser_->body_limit(server_.options.body_bytes_max);
    expire_after(server_.options.idle_timeout);
    http::async_read_header(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t /*size*/) {
            if (!self->closed_) self->on_header(error);
        });
}

void HttpSession::on_header(const boost::system::error_code& error) {
    if (error) return on_read(error);
    expire_after(server_.options.read_timeout);
    const auto expected = parser_->get()[http::field::expect];
    if (!boost::beast::iequals(expected, "100-continue")) return read_body();
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(
        socket_, asio::buffer(go_on),
        [self = shared_from_this()](const boost::system::error_code& failed, std::size_t /*size*/) {
            if (self->closed_) return;
            if (failed) return self->close();
            self->read_body();
        });
}

void HttpSession::read_body() {
    http::async_read(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t /*size*/) {
            if (!self->closed_) self->on_read(error);
        });
}

void HttpSession::on_read(const boost::system::error_code& error) {
    if (!error) return dispatch();
    if (error == http::error::header_limit) {
        return reject(431, "the request's header exceeds " +
                               std::to_string(server_.options.header_bytes_max) + " bytes");
    }
    if (error == http::error::body_limit) {
        return reject(413, "the request's body exceeds " +
                               std::to_string(server_.options.body_bytes_max) + " bytes");
    }
    const bool malformed = error.category() == make_error_code(http::error::bad_method).category();
    if (malformed && error != http::error::end_of_stream && error != http::error::partial_message) {
        return reject(400, "malformed HTTP request: " + error.message());
    }
    close();
}

// Answers what never became a request. The rest of what the asker sends is read and forgotten for
// a while, because closing on unread bytes would destroy the answer on its way.
void HttpSession::reject(unsigned status, const std::string& text) {
    keep_alive_ = false;
    head_only_ = false;
    write({head(status, {{"Content-Type", "text/plain; charset=utf-8"}},
                "Content-Length: " + std::to_string(text.size()) + "\r\n") +
               text,
           0});
    finish(After::linger);
}

void HttpSession::dispatch() {
    timer_.cancel();
    keep_alive_ = parser_->keep_alive();
    head_only_ = parser_->get().method() == http::verb::head;
    chunked_ = parser_->get().version() >= 11;
    HttpRequest request = take_request();
    std::optional<HttpTarget> target = parse_http_target(request.target);
    if (!target) return reject(400, "malformed request target: " + request.target);
    request.path = std::move(target->path);
    request.segments = std::move(target->segments);
    request.query = std::move(target->query);

    exchange_ = std::make_shared<HttpExchange>();
    exchange_->server = server_.weak_from_this();
    exchange_->loop = &loop_;
    exchange_->session = weak_from_this();
    exchange_->turn = turn_;
    const auto state = std::make_shared<HttpResponder::State>();
    state->exchange = exchange_;
    watch();
    server_.handler(std::move(request), HttpResponder{state});
}

HttpRequest HttpSession::take_request() {
    auto message = parser_->release();
    parser_.reset();
    HttpRequest request;
    request.method = std::string{message.method_string()};
    request.target = std::string{message.target()};
    request.remote = remote_;
    for (const auto& field : message) {
        request.headers.emplace_back(std::string{field.name_string()}, std::string{field.value()});
    }
    request.body = std::move(message.body());
    return request;
}

// ---- noticing that the asker went away

// Becomes readable when the asker closes, or when it sends its next request early; the second is
// none of our business before the first is answered.
void HttpSession::watch() {
    if (watching_ || closed_) return;
    watching_ = true;
    socket_.async_wait(HttpSocket::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                           self->watching_ = false;
                           if (!self->closed_) self->on_watch(error);
                       });
}

void HttpSession::on_watch(const boost::system::error_code& error) {
    if (error || !exchange_) return;
    if (disconnected()) close();
}

bool HttpSession::disconnected() {
    char byte = 0;
    const ssize_t got =
        ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (got > 0) return false;  // an early next request
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        watch();
        return false;
    }
    return true;
}

// ---- answering

std::string HttpSession::head(unsigned status, const HttpFields& headers,
                              const std::string& framing) const {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " " +
                       std::string{http::obsolete_reason(static_cast<http::status>(status))} +
                       "\r\n";
    for (const auto& [name, value] : headers) {
        text += on_one_line(name) + ": " + on_one_line(value) + "\r\n";
    }
    text += framing;
    text += keep_alive_ ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    return text + "\r\n";
}

void HttpSession::answer(HttpResponse response) {
    const std::string framing =
        has_body(response.status)
            ? "Content-Length: " + std::to_string(response.body.size()) + "\r\n"
            : std::string{};
    std::string first = head(response.status, response.headers, framing);
    const bool with_body = has_body(response.status) && !head_only_;
    const bool in_one_piece = with_body && response.body.size() <= joined_body_max;
    if (in_one_piece) first += response.body;
    write({std::move(first), 0});
    if (with_body && !in_one_piece) write({std::move(response.body), 0});
    release_exchange(false);
    finish(keep_alive_ ? After::next_request : After::close);
}

void HttpSession::begin_stream(unsigned status, const HttpFields& headers,
                               std::weak_ptr<HttpBody::State> body) {
    body_ = std::move(body);
    if (!chunked_) keep_alive_ = false;  // the end of the bytes is the end of the body
    write({head(status, headers, chunked_ ? "Transfer-Encoding: chunked\r\n" : ""), 0});
}

void HttpSession::stream(std::string chunk) {
    const std::size_t charge = chunk.size();
    if (!head_only_) {
        return write({chunked_ ? chunk_head(charge) + chunk + "\r\n" : std::move(chunk), charge});
    }
    if (const auto body = body_.lock()) body->waiting -= charge;
}

void HttpSession::end_stream() {
    if (chunked_ && !head_only_) write({"0\r\n\r\n", 0});
    release_exchange(false);
    finish(keep_alive_ ? After::next_request : After::close);
}

// ---- writing

void HttpSession::write(Piece piece) {
    pieces_.push_back(std::move(piece));
    write_next();
}

// Piece by piece, so that a slow reader who makes progress is not taken for a stalled one.
void HttpSession::write_next() {
    if (write_under_way_ || closed_ || pieces_.empty()) return;
    write_under_way_ = true;
    expire_after(server_.options.write_timeout);
    const std::string& bytes = pieces_.front().bytes;
    socket_.async_write_some(
        asio::buffer(bytes.data() + piece_sent_, bytes.size() - piece_sent_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
            self->write_under_way_ = false;
            if (self->closed_) return;
            if (error) return self->close();
            self->written(size);
        });
}

void HttpSession::written(std::size_t size) {
    piece_sent_ += size;
    if (!pieces_.empty() && piece_sent_ == pieces_.front().bytes.size()) {
        const std::size_t charge = pieces_.front().charge;
        piece_sent_ = 0;
        pieces_.pop_front();
        if (const auto body = body_.lock()) {
            body->waiting -= charge;
            if (body->waiting == 0 && body->refused.exchange(false) && body->on_writable) {
                body->on_writable();
            }
        }
    }
    if (!pieces_.empty()) return write_next();
    timer_.cancel();
    act();
}

void HttpSession::finish(After after) {
    after_ = after;
    if (pieces_.empty() && !write_under_way_) act();
}

void HttpSession::act() {
    switch (std::exchange(after_, After::nothing)) {
        case After::nothing:
            return;
        case After::next_request:
            return read_request();
        case After::close:
            return close();
        case After::linger: {
            boost::system::error_code ignored;
            socket_.shutdown(HttpSocket::shutdown_send, ignored);
            expire_after(linger_time);
            return linger();
        }
    }
}

void HttpSession::linger() {
    socket_.async_read_some(
        asio::buffer(discarded_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
            if (self->closed_) return;
            self->lingered_ += size;
            if (error || self->lingered_ > linger_bytes_max) return self->close();
            self->linger();
        });
}

// ---- the end

void HttpSession::release_exchange(bool tell) {
    const std::shared_ptr<HttpExchange> ended = std::exchange(exchange_, nullptr);
    if (!ended) return;
    ended->gone = true;
    const auto told = std::exchange(ended->on_disconnect, nullptr);
    if (tell && told) told();
    if (const auto body = body_.lock()) body->on_writable = nullptr;
    body_.reset();
}

void HttpSession::close() {
    if (closed_) return;
    closed_ = true;
    const std::shared_ptr<HttpSession> self = shared_from_this();
    ++turn_;
    boost::system::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    release_exchange(true);
    loop_.sessions.erase(self);
    --server_.connection_count;
}

}  // namespace drover::io
