// The transport's outside and its core: posting to the loop, listening, routing to connections and
// links, and the book of requests under way.
#include "io/transport.hpp"

#include <boost/asio/post.hpp>

#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"
#include "io/address.hpp"
#include "io/clock.hpp"
#include "io/idle_poll.hpp"
#include "io/transport_core.hpp"

namespace drover::io {
namespace {

constexpr std::size_t call_overhead = 256;  // what a posted call costs beside its bytes, about

tl::unexpected<RequestFailure> never_sent(std::string reason) {
    return tl::unexpected<RequestFailure>{{Delivery::never_sent, std::move(reason)}};
}

}  // namespace

OutboxLimits outbox_limits(const TransportOptions& options, Lane lane) {
    return {options.queue_bytes_max, options.message_queue_bytes_max,
            lane == Lane::raft ? OutboxLimits::Order::first_come : OutboxLimits::Order::take_turns};
}

Core::Impl(TransportOptions chosen, TransportHandlers given, std::uint64_t seed)
    : options{std::move(chosen)},
      handlers{std::move(given)},
      guard{loop.get_executor()},
      acceptor{loop},
      accept_pause{loop},
      jitter{seed} {}

void Core::post(std::function<void()> work) { asio::post(loop, std::move(work)); }

bool Core::post_charged(std::size_t bytes, std::function<void()> work) {
    const std::size_t charge = bytes + call_overhead;
    const std::size_t before = inbox_bytes.fetch_add(charge);
    if (before + charge > options.inbox_bytes_max) {
        inbox_bytes.fetch_sub(charge);
        return false;
    }
    asio::post(loop, [this, charge, work = std::move(work)] {
        inbox_bytes.fetch_sub(charge);
        work();
    });
    return true;
}

void Core::run() {
    IdlePoll idle;
    while (!loop.stopped()) {
        if (loop.poll() > 0) continue;
        idle.wait([this] { return loop.poll() > 0 || loop.stopped(); }, [this] { loop.run_one(); });
    }
}

// ---- listening

Result<void> Core::listen(const std::string& where) {
    const Result<HostPort> parts = split_address(where);
    if (!parts) return tl::unexpected<Error>{parts.error()};
    boost::system::error_code error;
    Tcp::resolver resolver{loop};
    const auto results = resolver.resolve(parts->host, parts->port, Tcp::resolver::passive, error);
    if (!error) {
        const Tcp::endpoint endpoint = results.begin()->endpoint();
        acceptor.open(endpoint.protocol(), error);
        if (!error) acceptor.set_option(asio::socket_base::reuse_address{true}, error);
        if (!error) acceptor.bind(endpoint, error);
        if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        return fail(Errc::internal, "cannot listen on " + where + ": " + error.message() +
                                        "; choose another address or port");
    }
    const Tcp::endpoint bound = acceptor.local_endpoint(error);
    const std::string host = bound.address().to_string();
    address =
        (bound.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(bound.port());
    if (options.self.address.empty()) options.self.address = address;
    accept();
    return {};
}

void Core::accept() {
    acceptor.async_accept([this](const boost::system::error_code& error, Tcp::socket socket) {
        if (shutting) return;
        if (error) {  // out of descriptors, most likely: more of them come when others close
            accept_pause.expires_after(std::chrono::milliseconds{50});
            accept_pause.async_wait([this](const boost::system::error_code& cancelled) {
                if (!cancelled && !shutting) accept();
            });
            return;
        }
        if (accepted.size() < options.connections_max) {
            const auto connection =
                std::make_shared<Connection>(*this, std::move(socket), nullptr, Lane::general);
            accepted.insert(connection);
            connection->start();
        } else {
            report(ConnectionRejected{"", "too many connections"});
        }
        accept();
    });
}

void Core::connection_established(const std::shared_ptr<Connection>& connection) {
    if (connection->lane == Lane::general) nodes[connection->peer.node].push_back(connection);
    report(PeerConnected{connection->peer, connection->dialled(), connection->remote});
}

void Core::connection_closed(const std::shared_ptr<Connection>& connection) {
    accepted.erase(connection);
    const auto found = nodes.find(connection->peer.node);
    if (found == nodes.end()) return;
    std::erase_if(found->second, [&](const std::weak_ptr<Connection>& weak) {
        const std::shared_ptr<Connection> open = weak.lock();
        return !open || open == connection;
    });
    if (found->second.empty()) nodes.erase(found);
}

void Core::report(const PeerEvent& event) const {
    if (handlers.on_peer) handlers.on_peer(event);
}

void Core::shut_down() {
    shutting = true;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    accept_pause.cancel();
    const std::string reason = "this agent is stopping";
    for (const auto& [key, link] : std::exchange(links, {})) link->shut(reason);
    for (const auto& connection : std::set<std::shared_ptr<Connection>>{accepted}) {
        connection->close(reason);
    }
    guard.reset();
}

// ---- routing

std::shared_ptr<Link> Core::link(const Address& to, Lane lane) {
    std::shared_ptr<Link>& found = links[{to, lane}];
    if (!found) found = std::make_shared<Link>(*this, to, lane);
    return found;
}

std::shared_ptr<Connection> Core::find(const Node& node) const {
    const auto found = nodes.find(node.id);
    if (found == nodes.end()) return nullptr;
    // The newest: an older one may be what is left of a machine that came back.
    return found->second.back().lock();
}

void Core::send(const Address& to, Lane lane, std::string bytes) {
    if (shutting) return;
    if (bytes.size() > options.frames.message_bytes_max) {
        return report(MessageTooLarge{to, bytes.size()});
    }
    const bool bulky = bytes.size() > options.raft_message_bytes_max;
    const std::shared_ptr<Link> via = link(to, bulky ? Lane::general : lane);
    const std::uint64_t stream = next_id++;
    if (via->phase == Link::Phase::connected) {
        via->connection->outbox.push_message(stream, std::move(bytes));
        via->connection->flush();
    } else {
        via->outbox.push_message(stream, std::move(bytes));
        via->use();
    }
}

void Core::request(RequestId id, const Target& to, std::string bytes, Duration timeout,
                   RequestCallback callback) {
    if (shutting) return callback(never_sent("this agent is stopping"));
    if (bytes.size() > options.frames.message_bytes_max) {
        return callback(never_sent("the request is larger than " +
                                   std::to_string(options.frames.message_bytes_max) + " bytes"));
    }
    PendingRequest& pending = requests[id];
    pending.callback = std::move(callback);
    pending.timer = std::make_unique<asio::steady_timer>(loop, timeout);
    pending.timer->async_wait([this, id](const boost::system::error_code& error) {
        if (!error) expire(id, "no answer in time");
    });
    std::visit(Match{[&](const Address& address) {
                         request_via(link(address, Lane::general), id, std::move(bytes));
                     },
                     [&](const Node& node) {
                         const std::shared_ptr<Connection> open = find(node);
                         if (open) return request_over(open, id, std::move(bytes));
                         settle(id, never_sent("node " + node.id + " is not connected"));
                     }},
               to);
}

void Core::request_over(const std::shared_ptr<Connection>& connection, RequestId id,
                        std::string bytes) {
    requests.at(id).connection = connection;
    if (!connection->outbox.push(FrameKind::request, connection->wire(id), std::move(bytes))) {
        return settle(id, never_sent("too much already waits for " + connection->remote));
    }
    connection->outgoing.insert(id);
    connection->flush();
}

void Core::request_via(const std::shared_ptr<Link>& via, RequestId id, std::string bytes) {
    if (via->phase == Link::Phase::connected) {
        return request_over(via->connection, id, std::move(bytes));
    }
    if (via->phase == Link::Phase::pausing) return settle(id, never_sent(via->last_failure));
    requests.at(id).link = via;
    if (!via->outbox.push(FrameKind::request, id * 2 + 1, std::move(bytes))) {
        return settle(id, never_sent("too much already waits for " + via->address.text));
    }
    via->waiting.insert(id);
    via->use();
}

void Core::mark_sent(RequestId id) {
    const auto found = requests.find(id);
    if (found != requests.end()) found->second.sent = true;
}

// By time-out or by its owner's wish.
void Core::expire(RequestId id, const std::string& reason) {
    const auto found = requests.find(id);
    if (found == requests.end()) return;
    if (const auto connection = found->second.connection.lock();
        connection && !connection->closed) {
        const std::uint64_t wire = connection->wire(id);
        if (found->second.sent) {
            connection->outbox.push_control(FrameKind::cancel, wire);
            connection->flush();
        } else {
            connection->outbox.remove_untouched(FrameKind::request, wire);
        }
    } else if (const auto via = found->second.link.lock()) {
        via->outbox.remove_untouched(FrameKind::request, id * 2 + 1);
    }
    lose(id, reason);
}

void Core::lose(RequestId id, const std::string& reason) {
    const auto found = requests.find(id);
    if (found == requests.end()) return;
    const Delivery delivery = found->second.sent ? Delivery::unknown : Delivery::never_sent;
    settle(id, tl::unexpected<RequestFailure>{{delivery, reason}});
}

void Core::settle(RequestId id, RequestOutcome outcome) {
    const auto found = requests.find(id);
    if (found == requests.end()) return;
    const PendingRequest pending = std::move(found->second);
    requests.erase(found);
    if (const auto connection = pending.connection.lock()) connection->outgoing.erase(id);
    if (const auto via = pending.link.lock()) via->waiting.erase(id);
    pending.callback(std::move(outcome));
}

void Core::open_stream(const std::shared_ptr<Stream::State>& stream, std::uint64_t id,
                       const Target& to, std::string opening) {
    const auto refuse = [&](Errc code, const std::string& reason) {
        stream->finish(Error{code, reason});
    };
    if (shutting) return refuse(Errc::not_found, "this agent is stopping");
    if (opening.size() > frame_payload_max) {
        return refuse(Errc::invalid_argument, "the opening of a stream is too large");
    }
    std::shared_ptr<Connection> open;
    if (const auto* node = std::get_if<Node>(&to)) {
        open = find(*node);
        if (!open) return refuse(Errc::not_found, "node " + node->id + " is not connected");
    } else {
        const std::shared_ptr<Link> via = link(std::get<Address>(to), Lane::general);
        if (via->phase == Link::Phase::pausing) return refuse(Errc::not_found, via->last_failure);
        if (via->phase != Link::Phase::connected) {
            stream->wire = id * 2 + 1;
            via->outbox.push_control(FrameKind::stream_open, stream->wire, std::move(opening));
            via->opening.push_back(stream);
            return via->use();
        }
        open = via->connection;
    }
    if (open->streams.size() >= options.streams_max) {
        return refuse(Errc::overloaded, "too many streams are open on this connection");
    }
    stream->wire = open->wire(id);
    open->outbox.push_control(FrameKind::stream_open, stream->wire, std::move(opening));
    stream->attach(open);
}

// ---- the public face

Transport::Transport(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}

Result<std::unique_ptr<Transport>> Transport::open(TransportOptions options,
                                                   TransportHandlers handlers) {
    const Result<std::uint64_t> seed = entropy_seed();
    if (!seed) return tl::unexpected<Error>{seed.error()};
    auto impl = std::make_shared<Impl>(std::move(options), std::move(handlers), *seed);
    if (impl->options.listen) {
        if (const Result<void> listening = impl->listen(*impl->options.listen); !listening) {
            return tl::unexpected<Error>{listening.error()};
        }
    }
    return std::unique_ptr<Transport>{new Transport{std::move(impl)}};
}

void Transport::run() {
    impl_->thread = std::thread{[core = impl_.get()] { core->run(); }};
}

Result<std::unique_ptr<Transport>> Transport::start(TransportOptions options,
                                                    TransportHandlers handlers) {
    Result<std::unique_ptr<Transport>> opened = open(std::move(options), std::move(handlers));
    if (opened) (*opened)->run();
    return opened;
}

Transport::~Transport() {
    ENSURE(std::this_thread::get_id() != impl_->thread.get_id());
    impl_->post([core = impl_.get()] { core->shut_down(); });
    if (!impl_->thread.joinable()) run();  // never run: what waits is still told
    impl_->thread.join();
}

std::string Transport::address() const { return impl_->address; }

void Transport::send(const Address& to, Lane lane, std::string bytes) {
    const std::size_t size = bytes.size();
    (void)impl_->post_charged(size,
                              [core = impl_.get(), to, lane, bytes = std::move(bytes)]() mutable {
                                  core->send(to, lane, std::move(bytes));
                              });
}

RequestId Transport::request(const Target& to, std::string bytes, Duration timeout,
                             RequestCallback callback) {
    const RequestId id = impl_->next_id++;
    const std::size_t size = bytes.size();
    const bool taken = impl_->post_charged(
        size, [core = impl_.get(), id, to, bytes = std::move(bytes), timeout, callback]() mutable {
            core->request(id, to, std::move(bytes), timeout, std::move(callback));
        });
    if (!taken) {
        impl_->post([callback = std::move(callback)] {
            callback(never_sent("too much already waits for the transport"));
        });
    }
    return id;
}

void Transport::cancel(RequestId request) {
    impl_->post([core = impl_.get(), request] { core->expire(request, "cancelled"); });
}

Stream Transport::open_stream(const Target& to, std::string opening, StreamHandlers handlers) {
    const auto state = std::make_shared<Stream::State>();
    state->core = impl_;
    state->buffer_max = impl_->options.stream_buffer_bytes_max;
    state->handlers = std::move(handlers);
    state->started = true;
    impl_->post([core = impl_.get(), state, id = impl_->next_id++, to,
                 opening = std::move(opening)]() mutable {
        core->open_stream(state, id, to, std::move(opening));
    });
    return Stream{state};
}

void Transport::keep(const Address& address) {
    impl_->post([core = impl_.get(), address] {
        if (core->shutting) return;
        const std::shared_ptr<Link> kept = core->link(address, Lane::general);
        kept->kept = true;
        kept->use();
    });
}

void Transport::drop(const Address& address) {
    impl_->post([core = impl_.get(), address] {
        for (const Lane lane : {Lane::raft, Lane::general}) {
            const auto found = core->links.find({address, lane});
            if (found == core->links.end()) continue;
            const std::shared_ptr<Link> dropped = found->second;
            core->links.erase(found);
            dropped->shut("this address was dropped");
        }
    });
}

void Transport::set_cluster(std::string cluster) {
    impl_->post([core = impl_.get(), cluster = std::move(cluster)] {
        core->options.self.cluster = cluster;
    });
}

}  // namespace drover::io
