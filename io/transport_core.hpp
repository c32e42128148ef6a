// The inside of Transport, for the files that implement it and nobody else. Everything here lives
// on the transport's one thread ("the loop"), except where a member says otherwise.
//
// Ownership: the core owns links and accepted connections; handles given to users (Responder,
// Stream) refer to the core weakly, and look at a connection only on the loop.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "engine/base/prng.hpp"
#include "io/outbox.hpp"
#include "io/transport.hpp"

namespace drover::io {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Core = Transport::Impl;

class Connection;
class Link;

struct Responder::State {
    ~State();
    std::weak_ptr<Core> core;  // any thread
    std::weak_ptr<Connection> connection;
    std::uint64_t wire{};
    std::atomic<bool> answered = false;  // any thread
    bool abandoned = false;
    std::function<void()> on_abandoned;
};

struct Stream::State : std::enable_shared_from_this<Stream::State> {
    ~State();
    void attach(const std::shared_ptr<Connection>& to);
    void pump();  // sends what credit allows
    void receive(std::string bytes);
    void receive_credit(std::size_t bytes);
    void receive_end();
    void finish(std::optional<Error> error);  // for good; on_end is called if it was not yet
    void settle();                            // finishes when both directions have ended
    void tell_end(const std::optional<Error>& error);

    std::weak_ptr<Core> core;  // any thread
    std::atomic<std::size_t> buffered = 0;
    std::atomic<bool> closed_for_writing = false;
    std::atomic<bool> write_refused = false;
    std::size_t buffer_max = 0;

    std::weak_ptr<Connection> connection;
    std::uint64_t wire{};
    StreamHandlers handlers;
    bool started = false;
    bool over = false;
    std::optional<Error> failure;  // why it is over
    bool end_asked = false;        // by end(), sent once the outbox is empty
    bool end_sent = false;
    bool end_received = false;
    std::deque<std::string> outbox;
    std::deque<std::string> inbox;  // until start()
    std::size_t send_window = stream_window_bytes;
    std::size_t receive_window = stream_window_bytes;
    std::size_t credit_owed = 0;
};

// One established TCP connection, from the first handshake byte to the end.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(Core& core, Tcp::socket socket, std::shared_ptr<Link> link, Lane lane);

    void start();
    void close(std::string reason);
    void flush();  // begins a write if something waits and none is under way

    [[nodiscard]] bool dialled() const { return dialled_; }
    // Requests and streams that we open here have this parity, the peer's the other.
    [[nodiscard]] std::uint64_t wire(std::uint64_t id) const { return id * 2 + (dialled_ ? 1 : 0); }

    Outbox outbox;
    Handshake peer;
    Lane lane;
    bool established = false;
    bool closed = false;
    std::string remote;
    std::set<RequestId> outgoing;
    std::map<std::uint64_t, std::weak_ptr<Responder::State>> incoming;
    std::map<std::uint64_t, std::weak_ptr<Stream::State>> streams;

private:
    void read();
    void received(std::size_t size);
    void on_frame(Frame frame);
    void on_introduction(const Frame& frame);
    void on_request(Frame frame);
    void on_outcome(Frame frame);
    void on_cancel(std::uint64_t wire);
    void on_stream_open(Frame frame);
    void on_stream_frame(Frame frame);
    void watch();  // handshake timeout and signs of life
    void on_watch();
    [[nodiscard]] bool opened_by_peer(std::uint64_t wire) const;
    void introduce();
    void refuse(const Error& error);
    void abandon_incoming();

    Core& core_;
    Tcp::socket socket_;
    asio::steady_timer watch_;
    FrameDecoder decoder_;
    std::shared_ptr<Link> link_;  // of a dialled connection
    const bool dialled_;
    std::array<char, std::size_t{16} << 10> buffer_;
    std::string writing_;
    bool write_under_way_ = false;
    std::optional<std::string> close_after_write_;
    std::chrono::steady_clock::time_point last_received_;
};

// A place we dial, one lane of it: what waits for the connection, and when to try again.
class Link : public std::enable_shared_from_this<Link> {
public:
    Link(Core& core, Address address, Lane lane);

    enum class Phase : std::uint8_t { idle, dialling, connected, pausing, dropped };

    void use();  // dials unless that is under way already
    void shut(const std::string& reason);
    void established();                                          // its handshake is done
    void lost(const std::string& reason, bool was_established);  // its connection is gone

    const Address address;
    const Lane lane;
    Phase phase = Phase::idle;
    bool kept = false;
    std::string last_failure;
    Outbox outbox;                                        // until there is a connection
    std::set<RequestId> waiting;                          // requests in it
    std::vector<std::shared_ptr<Stream::State>> opening;  // streams in it
    std::shared_ptr<Connection> connection;               // established or shaking hands

private:
    void dial();
    void resolve(const std::string& host, const std::string& port);
    void connect(std::vector<Tcp::endpoint> endpoints);
    void connected(Tcp::socket socket);
    void failed(const std::string& reason);
    void give_up(const std::string& reason);  // on everything that waits
    void pause();

    Core& core_;
    Tcp::resolver resolver_;
    asio::steady_timer timer_;
    std::shared_ptr<Tcp::socket> dialling_;
    std::uint64_t attempt_ = 0;  // completions of earlier attempts are ignored
    Duration pause_{};
    std::chrono::steady_clock::time_point since_{};
};

struct PendingRequest {
    RequestCallback callback;
    std::unique_ptr<asio::steady_timer> timer;
    std::weak_ptr<Connection> connection;
    std::weak_ptr<Link> link;
    bool sent = false;
};

struct Transport::Impl : std::enable_shared_from_this<Transport::Impl> {
    Impl(TransportOptions chosen, TransportHandlers given, std::uint64_t seed);

    // Any thread. The charged form is refused when too much waits to be looked at.
    void post(std::function<void()> work);
    [[nodiscard]] bool post_charged(std::size_t bytes, std::function<void()> work);

    void run();  // until there is nothing left to do

    [[nodiscard]] Result<void> listen(const std::string& where);
    void accept();
    void shut_down();

    std::shared_ptr<Link> link(const Address& address, Lane lane);
    std::shared_ptr<Connection> find(const Node& node) const;
    void report(const PeerEvent& event) const;

    void send(const Address& to, Lane lane, std::string bytes);
    void request(RequestId id, const Target& to, std::string bytes, Duration timeout,
                 RequestCallback callback);
    void request_over(const std::shared_ptr<Connection>& connection, RequestId id,
                      std::string bytes);
    void request_via(const std::shared_ptr<Link>& via, RequestId id, std::string bytes);
    void expire(RequestId id, const std::string& reason);
    void mark_sent(RequestId id);
    void settle(RequestId id, RequestOutcome outcome);
    void lose(RequestId id, const std::string& reason);  // never_sent or unknown, as it was
    void open_stream(const std::shared_ptr<Stream::State>& stream, std::uint64_t id,
                     const Target& to, std::string opening);

    void connection_established(const std::shared_ptr<Connection>& connection);
    void connection_closed(const std::shared_ptr<Connection>& connection);

    TransportOptions options;
    TransportHandlers handlers;
    std::string address;                     // set before the loop runs
    std::atomic<std::uint64_t> next_id = 1;  // any thread
    std::atomic<std::size_t> inbox_bytes = 0;

    // One thread runs it, but it must not be told so: it would then let calls that this thread
    // posts be overtaken by later ones of other threads, and streams depend on their order.
    asio::io_context loop;
    asio::executor_work_guard<asio::io_context::executor_type> guard;
    Tcp::acceptor acceptor;
    asio::steady_timer accept_pause;
    Prng jitter;
    bool shutting = false;
    std::map<std::pair<Address, Lane>, std::shared_ptr<Link>> links;
    std::set<std::shared_ptr<Connection>> accepted;
    std::map<std::string, std::vector<std::weak_ptr<Connection>>> nodes;  // newest last
    std::map<RequestId, PendingRequest> requests;
    std::thread thread;
};

// Raft's own connections keep the order of messages; elsewhere large ones take turns.
[[nodiscard]] OutboxLimits outbox_limits(const TransportOptions& options, Lane lane);

}  // namespace drover::io
