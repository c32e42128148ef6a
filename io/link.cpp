// Dialling: resolve, connect, hand the socket to a Connection, and try again with a growing,
// jittered pause when it is wanted. What waited for a dial that failed is given up at once, so that
// its owner can turn elsewhere.
#include <boost/asio/connect.hpp>
#include <charconv>

#include "io/address.hpp"
#include "io/transport_core.hpp"

namespace drover::io {

Link::Link(Core& core, Address to, Lane on)
    : address{std::move(to)},
      lane{on},
      outbox{outbox_limits(core.options, on)},
      core_{core},
      resolver_{core.loop},
      timer_{core.loop} {}

void Link::use() {
    if (phase == Phase::idle) dial();
}

void Link::dial() {
    phase = Phase::dialling;
    const std::uint64_t attempt = ++attempt_;
    timer_.expires_after(core_.options.dial_timeout);
    timer_.async_wait([weak = weak_from_this(), attempt](const boost::system::error_code& error) {
        const std::shared_ptr<Link> self = weak.lock();
        if (error || !self || self->attempt_ != attempt || self->phase != Phase::dialling) return;
        if (self->connection) {
            self->connection->close("no handshake in time");
        } else {
            self->failed("no answer in time");
        }
    });
    const Result<HostPort> parts = split_address(address.text);
    if (!parts) return failed(parts.error().message);
    boost::system::error_code error;
    const auto numeric = asio::ip::make_address(parts->host, error);
    if (error) return resolve(parts->host, parts->port);
    std::uint16_t port = 0;
    std::from_chars(parts->port.data(), parts->port.data() + parts->port.size(), port);
    connect({Tcp::endpoint{numeric, port}});
}

void Link::resolve(const std::string& host, const std::string& port) {
    resolver_.async_resolve(
        host, port,
        [weak = weak_from_this(), attempt = attempt_](const boost::system::error_code& error,
                                                      const Tcp::resolver::results_type& results) {
            const std::shared_ptr<Link> self = weak.lock();
            if (!self || self->attempt_ != attempt) return;
            if (error) return self->failed(error.message());
            std::vector<Tcp::endpoint> endpoints;
            for (const auto& entry : results) {
                endpoints.push_back(entry.endpoint());
            }
            self->connect(std::move(endpoints));
        });
}

void Link::connect(std::vector<Tcp::endpoint> endpoints) {
    dialling_ = std::make_shared<Tcp::socket>(core_.loop);
    asio::async_connect(*dialling_, endpoints,
                        [weak = weak_from_this(), attempt = attempt_, socket = dialling_](
                            const boost::system::error_code& error, const Tcp::endpoint& /*to*/) {
                            const std::shared_ptr<Link> self = weak.lock();
                            if (!self || self->attempt_ != attempt) return;
                            if (error) return self->failed(error.message());
                            self->connected(std::move(*socket));
                        });
}

void Link::connected(Tcp::socket socket) {
    dialling_.reset();
    connection = std::make_shared<Connection>(core_, std::move(socket), shared_from_this(), lane);
    connection->start();
}

// What waited now belongs to the connection.
void Link::established() {
    phase = Phase::connected;
    timer_.cancel();
    since_ = std::chrono::steady_clock::now();
    last_failure.clear();
    connection->outbox = std::exchange(outbox, Outbox{outbox_limits(core_.options, lane)});
    for (const RequestId id : std::exchange(waiting, {})) {
        connection->outgoing.insert(id);
        core_.requests.at(id).connection = connection;
    }
    for (const auto& stream : std::exchange(opening, {})) stream->attach(connection);
}

void Link::lost(const std::string& reason, bool was_established) {
    connection.reset();
    if (phase == Phase::dropped) return;
    if (!was_established) return failed(reason);
    // A connection that lasted deserves an immediate new attempt; one that did not may be the work
    // of a process that dies on arrival.
    if (std::chrono::steady_clock::now() - since_ > core_.options.redial_max) pause_ = {};
    if (pause_ > Duration::zero()) return pause();
    pause_ = core_.options.redial_min;
    phase = Phase::idle;
    if (kept) dial();
}

void Link::failed(const std::string& reason) {
    ++attempt_;
    resolver_.cancel();
    timer_.cancel();
    if (const auto socket = std::exchange(dialling_, nullptr)) {
        boost::system::error_code ignored;
        socket->close(ignored);
    }
    last_failure = address.text + ": " + reason;
    core_.report(DialFailed{address, lane, reason});
    give_up(last_failure);
    if (phase != Phase::dropped) pause();
}

void Link::give_up(const std::string& reason) {
    outbox = Outbox{outbox_limits(core_.options, lane)};
    for (const RequestId id : std::exchange(waiting, {})) {
        core_.settle(id, tl::unexpected<RequestFailure>{{Delivery::never_sent, reason}});
    }
    for (const auto& stream : std::exchange(opening, {})) {
        stream->finish(Error{Errc::not_found, reason});
    }
}

void Link::pause() {
    phase = Phase::pausing;
    pause_ = std::clamp(pause_ * 2, core_.options.redial_min, core_.options.redial_max);
    timer_.expires_after(core_.jitter.between(pause_ * 3 / 4, pause_ * 5 / 4));
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const std::shared_ptr<Link> self = weak.lock();
        if (error || !self || self->phase != Phase::pausing) return;
        self->phase = Phase::idle;
        if (self->kept || !self->outbox.empty()) self->dial();
    });
}

void Link::shut(const std::string& reason) {
    phase = Phase::dropped;
    ++attempt_;
    kept = false;
    resolver_.cancel();
    timer_.cancel();
    if (const auto socket = std::exchange(dialling_, nullptr)) {
        boost::system::error_code ignored;
        socket->close(ignored);
    }
    give_up(reason);
    if (const auto open = connection) open->close(reason);
}

}  // namespace drover::io
