// The HTTP server's outside: listening, spreading connections over loops, and the handles by which
// other threads answer.
#include "io/http_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>

#include "engine/base/ensure.hpp"
#include "io/address.hpp"
#include "io/http_session.hpp"

namespace drover::io {
namespace {

using Tcp = asio::ip::tcp;
using Unix = asio::local::stream_protocol;

constexpr std::string_view unix_scheme = "unix://";

tl::unexpected<Error> listen_error(const std::string& where, const std::string& why) {
    return fail(Errc::internal,
                "cannot listen on " + where + ": " + why + "; choose another address or port");
}

std::string remote_of(Tcp::socket& socket) {
    boost::system::error_code ignored;
    socket.set_option(Tcp::no_delay{true}, ignored);
    const Tcp::endpoint peer = socket.remote_endpoint(ignored);
    return ignored ? "" : join_address(peer.address().to_string(), peer.port());
}
std::string remote_of(const Unix::socket& /*socket*/) { return {}; }

}  // namespace

struct HttpServer::Impl::Listeners {
    explicit Listeners(asio::io_context& loop) : tcp{loop}, local{loop}, pause{loop} {}
    Tcp::acceptor tcp;
    Unix::acceptor local;
    asio::steady_timer pause;
};

HttpServer::Impl::Impl(HttpServerOptions chosen, Handler given)
    : options{std::move(chosen)}, handler{std::move(given)} {
    for (unsigned i = 0; i < std::max(1U, options.threads); ++i) {
        loops.push_back(std::make_unique<HttpLoop>());
    }
    listeners = std::make_shared<Listeners>(loops.front()->context);
}

Result<void> HttpServer::Impl::listen() {
    boost::system::error_code error;
    const auto open = [&](auto& acceptor, const auto& endpoint) {
        acceptor.open(endpoint.protocol(), error);
        if (!error) acceptor.set_option(asio::socket_base::reuse_address{true}, error);
        if (!error) acceptor.bind(endpoint, error);
        if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    };
    if (options.listen.starts_with(unix_scheme)) {
        const std::string path = options.listen.substr(unix_scheme.size());
        std::error_code ignored;  // a socket that an earlier agent left behind
        if (std::filesystem::is_socket(path, ignored)) std::filesystem::remove(path, ignored);
        if (path.size() >= 108) return listen_error(options.listen, "the path is too long");
        open(listeners->local, Unix::endpoint{path});
        if (error) return listen_error(options.listen, error.message());
        address = options.listen;
        accept(listeners->local);
        return {};
    }
    const Result<HostPort> parts = split_address(options.listen);
    if (!parts) return tl::unexpected<Error>{parts.error()};
    Tcp::resolver resolver{loops.front()->context};
    const auto found = resolver.resolve(parts->host, parts->port, Tcp::resolver::passive, error);
    if (!error) open(listeners->tcp, found.begin()->endpoint());
    if (error) return listen_error(options.listen, error.message());
    const Tcp::endpoint bound = listeners->tcp.local_endpoint();
    address = join_address(bound.address().to_string(), bound.port());
    accept(listeners->tcp);
    return {};
}

template <class Acceptor>
void HttpServer::Impl::accept(Acceptor& acceptor) {
    HttpLoop& loop = *loops[next_loop++ % loops.size()];
    const auto socket = std::make_shared<typename Acceptor::protocol_type::socket>(loop.context);
    acceptor.async_accept(*socket, [this, &acceptor, &loop,
                                    socket](const boost::system::error_code& error) {
        if (stopping) return;
        if (error) {  // out of descriptors, most likely: more come when others close
            listeners->pause.expires_after(std::chrono::milliseconds{50});
            listeners->pause.async_wait([this, &acceptor](const boost::system::error_code& stop) {
                if (!stop && !stopping) accept(acceptor);
            });
            return;
        }
        if (connection_count < options.connections_max) {
            ++connection_count;
            asio::post(loop.context, [this, &loop, socket] {
                std::string remote = remote_of(*socket);
                admit(loop, HttpSocket{std::move(*socket)}, std::move(remote));
            });
        }
        accept(acceptor);
    });
}

void HttpServer::Impl::admit(HttpLoop& loop, HttpSocket socket, std::string remote) {
    if (loop.stopping) return;
    const auto session =
        std::make_shared<HttpSession>(*this, loop, std::move(socket), std::move(remote));
    loop.sessions.insert(session);
    session->read_request();
}

void HttpServer::Impl::shut_down() {
    stopping = true;
    asio::post(loops.front()->context, [this] {
        boost::system::error_code ignored;
        listeners->tcp.close(ignored);
        listeners->local.close(ignored);
        listeners->pause.cancel();
    });
    for (const auto& loop : loops) {
        asio::post(loop->context, [each = loop.get()] {
            each->stopping = true;
            for (const auto& session : std::set<std::shared_ptr<HttpSession>>{each->sessions}) {
                session->close();
            }
            each->guard.reset();
        });
    }
    for (const auto& loop : loops) {
        if (loop->thread.joinable()) loop->thread.join();
    }
}

// ---- handles

// Runs on the session's loop, unless the session has ended or moved on to another request.
void HttpExchange::post(std::function<void(HttpSession& session)> work) const {
    const std::shared_ptr<HttpServer::Impl> alive = server.lock();
    if (!alive) return;
    asio::post(loop->context, [weak = session, asked = turn, work = std::move(work)] {
        const std::shared_ptr<HttpSession> open = weak.lock();
        if (open && open->turn() == asked) work(*open);
    });
}

void HttpResponder::respond(HttpResponse response) const {
    if (state_->exchange->answered.exchange(true)) return;
    state_->exchange->post([response = std::move(response)](HttpSession& session) mutable {
        session.answer(std::move(response));
    });
}

HttpBody HttpResponder::stream(unsigned status, HttpFields headers) const {
    const auto body = std::make_shared<HttpBody::State>();
    body->exchange = state_->exchange;
    if (const auto server = state_->exchange->server.lock()) {
        body->waiting_max = server->options.stream_bytes_max;
    }
    if (state_->exchange->answered.exchange(true)) {
        body->finished = true;  // an answer was already given: this one leads nowhere
        return HttpBody{body};
    }
    state_->exchange->post([status, headers = std::move(headers),
                            weak = std::weak_ptr<HttpBody::State>{body}](HttpSession& session) {
        session.begin_stream(status, headers, weak);
    });
    return HttpBody{body};
}

void HttpResponder::on_disconnect(std::function<void()> callback) const {
    const std::shared_ptr<HttpExchange> exchange = state_->exchange;
    const std::shared_ptr<HttpServer::Impl> alive = exchange->server.lock();
    if (!alive) return;
    asio::post(exchange->loop->context, [exchange, callback = std::move(callback)]() mutable {
        if (!exchange->gone) {
            exchange->on_disconnect = std::move(callback);
        } else if (!exchange->answered) {
            callback();
        }
    });
}

HttpResponder::State::~State() {
    if (exchange->answered.exchange(true)) return;
    exchange->post([](HttpSession& session) {
        session.answer({500, {}, "the request was dropped without an answer"});
    });
}

Result<void> HttpBody::write(std::string chunk) const {
    if (state_->finished || state_->exchange->gone) {
        return fail(Errc::not_found, "the reader has gone");
    }
    const std::size_t size = chunk.size();
    if (size == 0) return {};  // an empty chunk would mean the end
    const std::size_t before = state_->waiting.fetch_add(size);
    if (before > 0 && before + size > state_->waiting_max) {
        state_->refused = true;
        state_->waiting -= size;
        // It may all have drained in between: then nobody else would tell of it.
        state_->exchange->post([state = state_](HttpSession&) {
            if (state->waiting == 0 && state->refused.exchange(false) && state->on_writable) {
                state->on_writable();
            }
        });
        return fail(Errc::overloaded,
                    "the reader is slow: " + std::to_string(before) + " bytes already wait for it");
    }
    state_->exchange->post([chunk = std::move(chunk)](HttpSession& session) mutable {
        session.stream(std::move(chunk));
    });
    return {};
}

void HttpBody::on_writable(std::function<void()> callback) const {
    state_->exchange->post([state = state_, callback = std::move(callback)](HttpSession&) mutable {
        if (!state->exchange->gone) state->on_writable = std::move(callback);
    });
}

void HttpBody::finish() const {
    if (state_->finished.exchange(true)) return;
    state_->exchange->post([](HttpSession& session) { session.end_stream(); });
}

HttpBody::State::~State() {
    if (finished.exchange(true)) return;
    exchange->post([](HttpSession& session) { session.close(); });
}

// ---- the public face

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, Handler handler) {
    auto impl = std::make_shared<Impl>(std::move(options), std::move(handler));
    if (const Result<void> listening = impl->listen(); !listening) {
        return tl::unexpected<Error>{listening.error()};
    }
    for (const auto& loop : impl->loops) {
        loop->thread = std::thread{[each = loop.get()] { each->context.run(); }};
    }
    return std::unique_ptr<HttpServer>{new HttpServer{std::move(impl)}};
}

HttpServer::~HttpServer() {
    for (const auto& loop : impl_->loops) {
        ENSURE(std::this_thread::get_id() != loop->thread.get_id());
    }
    impl_->shut_down();
}

std::string HttpServer::address() const { return impl_->address; }

}  // namespace drover::io
