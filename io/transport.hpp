// Conversations between agents over TCP: one-way messages, requests with responses, byte streams.
// Payloads are opaque bytes; this file knows nothing of the schema or of Raft.
//
// Connections. An agent dials an address once per lane and keeps that connection, dialling again
// with a growing, jittered pause. Lane::raft carries one-way messages only. Lane::general carries
// everything else, in both directions: the side that accepted it asks the side that dialled it
// (Node{id}) over the very same connection.
//
// When a bound is reached:
//   one-way messages   the oldest waiting ones of that peer and lane are dropped;
//   requests           refused at once, Delivery::never_sent;
//   stream writes      refused with Errc::overloaded, try again when writable;
//   incoming requests  refused towards the asker, who learns that nobody saw it;
//   responses          the connection is closed: its asker reads nothing;
//   unreachable peer   waiting one-way messages are dropped, waiting requests fail as never_sent.
//
// Threads: one thread of its own runs sockets and all handlers and callbacks, which must not block.
// Every public function may be called from any thread, also from inside a handler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <variant>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "io/frame.hpp"

namespace drover::io {

// Where to dial: "host:port", "[v6]:port".
struct Address {
    std::string text;
    friend auto operator<=>(const Address&, const Address&) = default;
};
// Whoever introduced itself with this identity over a general connection that is open now.
struct Node {
    std::string id;
    friend auto operator<=>(const Node&, const Node&) = default;
};
using Target = std::variant<Address, Node>;

enum class Delivery : std::uint8_t {
    never_sent,  // nobody saw it: safe to try again, also elsewhere
    unknown,     // it may have been handled, or may yet be
};
struct RequestFailure {
    Delivery delivery{};
    std::string reason;
};
using RequestOutcome = tl::expected<std::string, RequestFailure>;
using RequestCallback = std::function<void(RequestOutcome)>;
using RequestId = std::uint64_t;

// Answers one incoming request. Copyable, from any thread; the first answer counts. When the last
// copy goes without an answer, the asker learns that none will come.
class Responder {
public:
    void respond(std::string bytes) const;
    // Called once if the asker cancels, times out or disconnects before the answer.
    void on_abandoned(std::function<void()> callback) const;

    struct State;
    explicit Responder(std::shared_ptr<State> state) : state_{std::move(state)} {}

private:
    std::shared_ptr<State> state_;
};

struct StreamHandlers {
    // Received bytes. They stay charged to the window until Stream::consumed returns them.
    std::function<void(std::string bytes)> on_data;
    // Last call: the other side ended its direction (no error), or the stream broke.
    std::function<void(std::optional<Error> error)> on_end;
    // Everything written so far has left the buffer after a write was refused.
    std::function<void()> on_writable;
};

// One end of a byte stream. Copyable, from any thread; operations on an ended stream do nothing.
// When the last copy goes, an unfinished stream is reset.
class Stream {
public:
    // Only once, at best inside Handlers::on_stream; data waits for it.
    void start(StreamHandlers handlers) const;
    // Errc::overloaded: the buffer is full, nothing was taken. Errc::not_found: the stream is over.
    [[nodiscard]] Result<void> write(std::string bytes) const;
    // Gives the sender room for this many further bytes.
    void consumed(std::size_t bytes) const;
    // After what was written: no more data from here.
    void end() const;
    // Over at once for both sides.
    void reset(std::string reason) const;

    struct State;
    explicit Stream(std::shared_ptr<State> state) : state_{std::move(state)} {}

private:
    std::shared_ptr<State> state_;
};

struct PeerConnected {
    Handshake peer;
    bool dialled{};  // by us
    std::string remote;
};
struct PeerDisconnected {
    Handshake peer;
    bool dialled{};
    std::string remote;
    std::string reason;
};
// A dial that led to no connection: refused, unreachable, or the handshakes did not agree.
struct DialFailed {
    Address address;
    Lane lane{};
    std::string reason;
};
// An incoming connection was turned away or broke the rules before its handshake.
struct ConnectionRejected {
    std::string remote;
    std::string reason;
};
// A one-way message was larger than any receiver would take; it was not sent.
struct MessageTooLarge {
    Address address;
    std::size_t size_bytes{};
};
using PeerEvent =
    std::variant<PeerConnected, PeerDisconnected, DialFailed, ConnectionRejected, MessageTooLarge>;

struct TransportHandlers {
    std::function<void(const Handshake& from, Lane lane, std::string bytes)> on_message;
    std::function<void(const Handshake& from, std::string bytes, Responder responder)> on_request;
    // `opening` is what the opener passed to open_stream, at most frame_payload_max bytes.
    std::function<void(const Handshake& from, std::string opening, Stream stream)> on_stream;
    std::function<void(const PeerEvent& event)> on_peer;
    // All messages and requests that had arrived on a connection were told.
    std::function<void()> on_drained;
};

struct TransportOptions {
    Handshake self;                     // lane is ignored; an empty address is filled in
    std::optional<std::string> listen;  // "host:port", port 0 for any; none: dial only
    FrameLimits frames;
    std::size_t queue_bytes_max = std::size_t{256} << 20;         // waiting per connection
    std::size_t message_queue_bytes_max = std::size_t{64} << 20;  // of which one-way messages
    // Larger ones for Lane::raft travel on the general connection, where they delay no heartbeat.
    std::size_t raft_message_bytes_max = std::size_t{2} << 20;
    std::size_t stream_buffer_bytes_max = std::size_t{1} << 20;  // written, waiting for credit
    std::size_t inbox_bytes_max = std::size_t{256} << 20;        // given to us, not yet looked at
    std::size_t incoming_requests_max = 4096;                    // unanswered, per connection
    std::size_t streams_max = 1024;                              // per connection
    std::size_t connections_max = 16384;                         // accepted
    Duration dial_timeout = std::chrono::seconds{3};
    Duration handshake_timeout = std::chrono::seconds{3};
    Duration redial_min = std::chrono::milliseconds{50};
    Duration redial_max = std::chrono::seconds{1};
    // A silent connection is asked for a sign of life after this long, and closed after twice that.
    Duration idle_timeout = std::chrono::seconds{10};
};

class Transport {
public:
    // Listening, when asked to, by the time it returns; no handler runs before run().
    [[nodiscard]] static Result<std::unique_ptr<Transport>> open(TransportOptions options,
                                                                 TransportHandlers handlers);
    // Once: from now on handlers are called. What they refer to, this object too, can be put in its
    // place between open() and run().
    void run();
    // Both, for owners whose handlers do not mind.
    [[nodiscard]] static Result<std::unique_ptr<Transport>> start(TransportOptions options,
                                                                  TransportHandlers handlers);
    // Closes everything. Waiting requests fail first; no handler runs after it returns.
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    // Where others reach us, with the port that was chosen. Empty when only dialling.
    [[nodiscard]] std::string address() const;

    // One-way, at most once. In order on Lane::raft while the connection lasts, up to
    // raft_message_bytes_max; on Lane::general a large message may be overtaken by smaller ones.
    // Any may be lost without notice.
    void send(const Address& to, Lane lane, std::string bytes);
    // The callback is called exactly once. With a timeout the outcome is unknown, unless not one
    // byte had left.
    RequestId request(const Target& to, std::string bytes, Duration timeout,
                      RequestCallback callback);
    // The callback is called, with what is known. Does nothing for one already answered.
    void cancel(RequestId request);
    // Failure to open is told through on_end.
    Stream open_stream(const Target& to, std::string opening, StreamHandlers handlers);

    // Keeps a general connection to this address open, so that its owner can ask us; until drop.
    void keep(const Address& address);
    // Closes dialled connections to this address and forgets it.
    void drop(const Address& address);
    // Told in every later handshake, once the cluster's identity is known.
    void set_cluster(std::string cluster);

    struct Impl;

private:
    explicit Transport(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace drover::io
