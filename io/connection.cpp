// One TCP connection: introductions, frames in both directions, and what its end means for
// everything that was under way on it.
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "io/address.hpp"
#include "io/transport_core.hpp"

namespace drover::io {
namespace {

constexpr std::size_t write_size = std::size_t{256} << 10;  // gathered into one system call

std::string remote_of(const Tcp::socket& socket) {
    boost::system::error_code error;
    const Tcp::endpoint endpoint = socket.remote_endpoint(error);
    if (error) return "unknown";
    return join_address(endpoint.address().to_string(), endpoint.port());
}

// Text that a stranger sent, fit for a log line.
std::string printable(std::string_view text) {
    std::string safe;
    for (const char byte : text.substr(0, 500)) safe += byte >= ' ' && byte <= '~' ? byte : '?';
    return safe;
}

}  // namespace

Connection::Connection(Core& core, Tcp::socket socket, std::shared_ptr<Link> link, Lane on)
    : outbox{outbox_limits(core.options, on)},
      lane{on},
      remote{remote_of(socket)},
      core_{core},
      socket_{std::move(socket)},
      watch_{core.loop},
      decoder_{core.options.frames},
      link_{std::move(link)},
      dialled_{link_ != nullptr} {}

void Connection::start() {
    boost::system::error_code ignored;
    socket_.set_option(Tcp::no_delay{true}, ignored);
    last_received_ = std::chrono::steady_clock::now();
    if (dialled_) introduce();
    watch();
    read();
}

void Connection::introduce() {
    Handshake ours = core_.options.self;
    ours.lane = lane;
    outbox.push_control(FrameKind::handshake, 0, encode_handshake(ours));
    flush();
}

void Connection::read() {
    socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](
                                                       const boost::system::error_code& error,
                                                       std::size_t size) {
        if (self->closed) return;
        if (error) {
            self->close(error == asio::error::eof ? "closed by the other side" : error.message());
            return;
        }
        self->received(size);
        if (!self->closed) self->read();
    });
}

void Connection::received(std::size_t size) {
    last_received_ = std::chrono::steady_clock::now();
    const Result<void> fed =
        decoder_.feed({buffer_.data(), size}, [this](Frame frame) { on_frame(std::move(frame)); });
    if (core_.handlers.on_drained) core_.handlers.on_drained();
    if (!fed && !closed) close(fed.error().message);
}

void Connection::on_frame(Frame frame) {
    if (closed) return;
    if (!established) return on_introduction(frame);
    switch (frame.kind) {
        case FrameKind::ping:
            outbox.push_control(FrameKind::pong, 0);
            return flush();
        case FrameKind::pong:
            return;
        case FrameKind::message:
            if (core_.handlers.on_message) {
                core_.handlers.on_message(peer, lane, std::move(frame.payload));
            }
            return;
        default:
            break;
    }
    if (lane == Lane::raft) return close("only messages belong on a Raft connection");
    switch (frame.kind) {
        case FrameKind::request:
            return on_request(std::move(frame));
        case FrameKind::response:
        case FrameKind::request_refused:
        case FrameKind::request_failed:
            return on_outcome(std::move(frame));
        case FrameKind::cancel:
            return on_cancel(frame.stream);
        case FrameKind::stream_open:
            return on_stream_open(std::move(frame));
        default:
            return on_stream_frame(std::move(frame));
    }
}

void Connection::on_introduction(const Frame& frame) {
    if (frame.kind == FrameKind::refused) return close("refused: " + printable(frame.payload));
    Result<Handshake> theirs = decode_handshake(frame.payload);
    if (!theirs) return refuse(theirs.error());
    if (const Result<void> agreed = check_handshake(core_.options.self, *theirs); !agreed) {
        return refuse(agreed.error());
    }
    peer = std::move(*theirs);
    if (dialled_ && peer.lane != lane) return close("the lanes of the two ends differ");
    if (!dialled_) {
        lane = peer.lane;
        outbox = Outbox{outbox_limits(core_.options, lane)};
        introduce();
    }
    established = true;
    core_.connection_established(shared_from_this());
    if (link_) link_->established();
    flush();
}

void Connection::refuse(const Error& error) {
    if (dialled_) return close(error.message);
    outbox.push_control(FrameKind::refused, 0, error.message);
    close_after_write_ = error.message;
    flush();
}

bool Connection::opened_by_peer(std::uint64_t wire) const {
    return wire % 2 == (dialled_ ? 0u : 1u);
}

void Connection::on_request(Frame frame) {
    if (!opened_by_peer(frame.stream) || incoming.contains(frame.stream)) {
        return close("a request with a number that is not its sender's to give");
    }
    if (incoming.size() >= core_.options.incoming_requests_max || !core_.handlers.on_request) {
        const char* why = core_.handlers.on_request ? "too many requests wait for an answer"
                                                    : "this agent takes no requests";
        outbox.push_control(FrameKind::request_refused, frame.stream, why);
        return flush();
    }
    const auto state = std::make_shared<Responder::State>();
    state->core = core_.weak_from_this();
    state->connection = weak_from_this();
    state->wire = frame.stream;
    incoming.emplace(frame.stream, state);
    core_.handlers.on_request(peer, std::move(frame.payload), Responder{state});
}

void Connection::on_outcome(Frame frame) {
    const RequestId id = frame.stream / 2;
    if (frame.stream != wire(id) || !outgoing.contains(id)) return;  // cancelled or timed out
    if (frame.kind == FrameKind::response) return core_.settle(id, std::move(frame.payload));
    const Delivery delivery =
        frame.kind == FrameKind::request_refused ? Delivery::never_sent : Delivery::unknown;
    core_.settle(id, tl::unexpected<RequestFailure>{{delivery, printable(frame.payload)}});
}

void Connection::on_cancel(std::uint64_t wire) {
    const auto found = incoming.find(wire);
    if (found == incoming.end()) return;
    const std::shared_ptr<Responder::State> state = found->second.lock();
    incoming.erase(found);
    if (!state || state->answered) return;
    state->abandoned = true;
    if (const auto told = std::exchange(state->on_abandoned, nullptr)) told();
}

void Connection::on_stream_open(Frame frame) {
    if (!opened_by_peer(frame.stream) || streams.contains(frame.stream)) {
        return close("a stream with a number that is not its sender's to give");
    }
    if (streams.size() >= core_.options.streams_max || !core_.handlers.on_stream) {
        const char* why =
            core_.handlers.on_stream ? "too many streams are open" : "this agent takes no streams";
        outbox.push_control(FrameKind::stream_reset, frame.stream, why);
        return flush();
    }
    const auto state = std::make_shared<Stream::State>();
    state->core = core_.weak_from_this();
    state->buffer_max = core_.options.stream_buffer_bytes_max;
    state->wire = frame.stream;
    state->attach(shared_from_this());
    core_.handlers.on_stream(peer, std::move(frame.payload), Stream{state});
}

void Connection::on_stream_frame(Frame frame) {
    const auto found = streams.find(frame.stream);
    const std::shared_ptr<Stream::State> state =
        found == streams.end() ? nullptr : found->second.lock();
    if (!state) return;  // it ended here while this was on its way
    switch (frame.kind) {
        case FrameKind::stream_data:
            return state->receive(std::move(frame.payload));
        case FrameKind::stream_end:
            return state->receive_end();
        case FrameKind::stream_reset:
            return state->finish(
                Error{Errc::internal, "reset by the other side: " + printable(frame.payload)});
        default:
            break;
    }
    const Result<std::uint32_t> credit = decode_credit(frame.payload);
    if (!credit) return close(credit.error().message);
    state->receive_credit(*credit);
}

void Connection::flush() {
    if (closed || write_under_way_) return;
    outbox.take(write_size, writing_, [this](FrameKind kind, std::uint64_t stream) {
        if (kind == FrameKind::request) core_.mark_sent(stream / 2);
    });
    if (writing_.empty()) {
        if (close_after_write_) close(*close_after_write_);
        return;
    }
    write_under_way_ = true;
    asio::async_write(
        socket_, asio::buffer(writing_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t /*size*/) {
            self->write_under_way_ = false;
            self->writing_.clear();
            if (self->closed) return;
            if (error) return self->close(error.message());
            self->flush();
        });
}

void Connection::watch() {
    watch_.expires_after(established || dialled_ ? core_.options.idle_timeout
                                                 : core_.options.handshake_timeout);
    watch_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error && !self->closed) self->on_watch();
    });
}

// A connection that is stalled in writing is silent too: its answers to our pings are stuck.
void Connection::on_watch() {
    if (!established && !dialled_) return close("no handshake in time");
    const auto silence = std::chrono::steady_clock::now() - last_received_;
    if (silence >= 2 * core_.options.idle_timeout) return close("silent for too long");
    if (silence >= core_.options.idle_timeout && established) {
        outbox.push_control(FrameKind::ping, 0);
        flush();
    }
    watch();
}

void Connection::close(std::string reason) {
    if (closed) return;
    closed = true;
    const std::shared_ptr<Connection> self = shared_from_this();
    boost::system::error_code ignored;
    socket_.close(ignored);
    watch_.cancel();
    for (const RequestId id : std::set<RequestId>{outgoing}) core_.lose(id, reason);
    abandon_incoming();
    for (const auto& [wire, weak] : std::exchange(streams, {})) {
        if (const auto state = weak.lock()) state->finish(Error{Errc::internal, reason});
    }
    core_.connection_closed(self);
    if (established) {
        core_.report(PeerDisconnected{peer, dialled_, remote, reason});
    } else if (!dialled_) {
        core_.report(ConnectionRejected{remote, reason});
    }
    if (const auto link = std::exchange(link_, nullptr)) link->lost(reason, established);
}

void Connection::abandon_incoming() {
    for (const auto& [wire, weak] : std::exchange(incoming, {})) {
        const std::shared_ptr<Responder::State> state = weak.lock();
        if (!state || state->answered) continue;
        state->abandoned = true;
        if (const auto told = std::exchange(state->on_abandoned, nullptr)) told();
    }
}

}  // namespace drover::io
