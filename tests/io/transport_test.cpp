// Two or more transports on loopback: what they promise about order, bounds, lost connections and
// who asks whom.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "io/transport.hpp"
#include "tests/io/waiting.hpp"

namespace drover::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration long_enough = seconds{20};

TransportOptions options_of(const std::string& node, bool listening = true) {
    TransportOptions options;
    options.self = {Lane::general, "cluster-1", "global", node, "", "0.1.0", 1, 1};
    if (listening) options.listen = "127.0.0.1:0";
    options.redial_min = milliseconds{1};
    options.redial_max = milliseconds{4};
    return options;
}

// One agent's transport, with everything that happens to it collected.
struct Party {
    explicit Party(TransportOptions options, TransportHandlers extra = {}) {
        TransportHandlers handlers = std::move(extra);
        if (!handlers.on_message) {
            handlers.on_message = [this](const Handshake& from, Lane, std::string bytes) {
                messages.add(from.node + ":" + bytes);
            };
        }
        if (!handlers.on_request) {
            handlers.on_request = [](const Handshake& from, const std::string& bytes,
                                     const Responder& responder) {
                responder.respond(from.node + " asked " + bytes);
            };
        }
        handlers.on_peer = [this](const PeerEvent& event) { events.add(event); };
        auto started = Transport::start(std::move(options), std::move(handlers));
        EXPECT_TRUE(started) << started.error().message;
        if (started) transport = std::move(*started);
    }
    [[nodiscard]] Address address() const { return {transport->address()}; }
    RequestOutcome ask(const Target& to, std::string bytes, Duration timeout = long_enough) {
        Collected<RequestOutcome> outcome;
        transport->request(to, std::move(bytes), timeout,
                           [&](RequestOutcome got) { outcome.add(std::move(got)); });
        EXPECT_TRUE(outcome.wait_for_count(1));
        return outcome.values().at(0);
    }
    template <class Event>
    [[nodiscard]] bool saw() {
        return events.wait_until([](const std::vector<PeerEvent>& all) {
            return std::any_of(all.begin(), all.end(), [](const PeerEvent& event) {
                return std::holds_alternative<Event>(event);
            });
        });
    }

    Collected<std::string> messages;
    Collected<PeerEvent> events;
    std::unique_ptr<Transport> transport;  // last: no handler runs after it is gone
};

// An address where nobody listens.
Address nowhere() {
    Party gone{options_of("gone")};
    return gone.address();
}

TEST(Transport, raft_messages_arrive_in_order) {
    Party left{options_of("left")};
    Party right{options_of("right")};
    std::vector<std::string> expected;
    for (int i = 0; i < 300; ++i) {
        const std::string text = std::to_string(i) + std::string(i % 7 == 0 ? 100'000 : 0, 'x');
        left.transport->send(right.address(), Lane::raft, text);
        expected.push_back("left:" + text);
    }
    ASSERT_TRUE(right.messages.wait_for_count(expected.size()));
    EXPECT_EQ(right.messages.values(), expected);
    EXPECT_TRUE(right.saw<PeerConnected>());
}

TEST(Transport, a_large_message_on_the_general_lane_lets_small_ones_overtake_it) {
    Party left{options_of("left")};
    Party right{options_of("right")};
    ASSERT_TRUE(left.ask(right.address(), "warm up"));
    left.transport->send(right.address(), Lane::general, std::string(30 << 20, 'x'));
    left.transport->send(right.address(), Lane::general, "small");
    ASSERT_TRUE(right.messages.wait_for_count(2));
    EXPECT_EQ(right.messages.values()[0], "left:small");
    EXPECT_EQ(right.messages.values()[1].size(), (30u << 20) + 5);
}

TEST(Transport, a_snapshot_sent_as_a_raft_message_delays_no_heartbeat_behind_it) {
    Party left{options_of("left")};
    Collected<std::string> lanes;
    TransportHandlers handlers;
    handlers.on_message = [&](const Handshake&, Lane lane, const std::string& bytes) {
        lanes.add(std::to_string(bytes.size()) + (lane == Lane::raft ? " raft" : " general"));
    };
    Party right{options_of("right"), handlers};
    left.transport->send(right.address(), Lane::raft, "warm up");
    ASSERT_TRUE(left.ask(right.address(), "warm up"));
    ASSERT_TRUE(lanes.wait_for_count(1));
    left.transport->send(right.address(), Lane::raft, std::string(40 << 20, 's'));
    left.transport->send(right.address(), Lane::raft, "beat");
    ASSERT_TRUE(lanes.wait_for_count(3));
    EXPECT_EQ(lanes.values(), (std::vector<std::string>{"7 raft", "4 raft", "41943040 general"}));
}

TEST(Transport, a_message_beyond_every_limit_is_reported_and_not_sent) {
    TransportOptions options = options_of("left");
    options.frames.message_bytes_max = 1000;
    Party left{options};
    Party right{options_of("right")};
    left.transport->send(right.address(), Lane::general, std::string(1001, 'x'));
    EXPECT_TRUE(left.saw<MessageTooLarge>());
    left.transport->send(right.address(), Lane::general, "fits");
    ASSERT_TRUE(right.messages.wait_for_count(1));
    EXPECT_EQ(right.messages.values()[0], "left:fits");
}

TEST(Transport, no_handler_runs_between_open_and_run) {
    Party peer{options_of("peer")};
    Collected<RequestOutcome> outcomes;
    auto opened = *Transport::open(options_of("late"), {});
    opened->request(peer.address(), "waits", long_enough,
                    [&](RequestOutcome outcome) { outcomes.add(std::move(outcome)); });
    EXPECT_TRUE(outcomes.values().empty());
    opened->run();
    ASSERT_TRUE(outcomes.wait_for_count(1));
    EXPECT_TRUE(outcomes.values()[0]);

    opened = *Transport::open(options_of("never"), {});
    opened->request(peer.address(), "waits", long_enough,
                    [&](RequestOutcome outcome) { outcomes.add(std::move(outcome)); });
    opened.reset();
    EXPECT_EQ(outcomes.values().size(), 2u) << "told even when it never ran";
}

TEST(Transport, a_request_is_answered_and_a_large_one_too) {
    Party left{options_of("left")};
    Party right{options_of("right")};
    const RequestOutcome small = left.ask(right.address(), "how are you");
    ASSERT_TRUE(small) << small.error().reason;
    EXPECT_EQ(*small, "left asked how are you");
    const RequestOutcome large = left.ask(right.address(), std::string(5'000'000, 'y'));
    ASSERT_TRUE(large);
    EXPECT_EQ(large->size(), 5'000'000u + 11);
}

TEST(Transport, requests_that_nobody_can_have_seen_are_told_from_those_that_may_have_been_handled) {
    Collected<Responder> held;
    TransportHandlers holding;
    holding.on_request = [&](const Handshake&, const std::string&, const Responder& responder) {
        held.add(responder);
    };
    Party asker{options_of("asker")};
    auto holder = std::make_unique<Party>(options_of("holder"), holding);

    const RequestOutcome refused = asker.ask(nowhere(), "hello");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().delivery, Delivery::never_sent);
    EXPECT_NE(refused.error().reason.find("refused"), std::string::npos) << refused.error().reason;

    const RequestOutcome malformed = asker.ask(Address{"no port"}, "hello");
    ASSERT_FALSE(malformed);
    EXPECT_NE(malformed.error().reason.find("expected host:port"), std::string::npos);

    const RequestOutcome unknown_node = asker.ask(Node{"nobody"}, "hello");
    ASSERT_FALSE(unknown_node);
    EXPECT_EQ(unknown_node.error().delivery, Delivery::never_sent);

    const RequestOutcome late = asker.ask(holder->address(), "hello", milliseconds{50});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().delivery, Delivery::unknown);

    Collected<RequestOutcome> cut;
    asker.transport->request(holder->address(), "hello", long_enough,
                             [&](RequestOutcome outcome) { cut.add(std::move(outcome)); });
    ASSERT_TRUE(held.wait_for_count(2));
    holder.reset();
    ASSERT_TRUE(cut.wait_for_count(1));
    EXPECT_EQ(cut.values()[0].error().delivery, Delivery::unknown);
    EXPECT_TRUE(asker.saw<PeerDisconnected>());
}

TEST(Transport, a_dropped_responder_is_an_unknown_outcome_and_not_a_hang) {
    TransportHandlers dropping;
    dropping.on_request = [](const Handshake&, const std::string&, const Responder&) {};
    Party asker{options_of("asker")};
    Party dropper{options_of("dropper"), dropping};
    const RequestOutcome outcome = asker.ask(dropper.address(), "hello");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().delivery, Delivery::unknown);
}

TEST(Transport, the_answering_side_learns_that_its_asker_has_gone) {
    Collected<std::string> abandoned;
    Collected<bool> asked;
    TransportHandlers waiting;
    waiting.on_request = [&](const Handshake&, const std::string& bytes,
                             const Responder& responder) {
        responder.on_abandoned([&abandoned, bytes, responder] { abandoned.add(bytes); });
        asked.add(true);
    };
    Party server{options_of("server"), waiting};
    auto asker = std::make_unique<Party>(options_of("asker"));
    const auto ignore = [](const RequestOutcome&) {};
    const RequestId id =
        asker->transport->request(server.address(), "cancelled", long_enough, ignore);
    ASSERT_TRUE(asked.wait_for_count(1));
    asker->transport->cancel(id);
    ASSERT_TRUE(abandoned.wait_for_count(1));
    asker->transport->request(server.address(), "disconnected", long_enough, ignore);
    ASSERT_TRUE(asked.wait_for_count(2));
    asker.reset();
    ASSERT_TRUE(abandoned.wait_for_count(2));
    EXPECT_EQ(abandoned.values(), (std::vector<std::string>{"cancelled", "disconnected"}));
}

TEST(Transport, too_many_waiting_requests_are_refused_as_never_seen) {
    Collected<Responder> held;
    TransportHandlers holding;
    holding.on_request = [&](const Handshake&, const std::string&, const Responder& responder) {
        held.add(responder);
    };
    TransportOptions options = options_of("holder");
    options.incoming_requests_max = 2;
    Party asker{options_of("asker")};
    Party holder{options, holding};
    Collected<RequestOutcome> outcomes;
    for (int i = 0; i < 3; ++i) {
        asker.transport->request(holder.address(), "hello", long_enough,
                                 [&](RequestOutcome outcome) { outcomes.add(std::move(outcome)); });
    }
    ASSERT_TRUE(outcomes.wait_for_count(1));
    ASSERT_FALSE(outcomes.values()[0]);
    EXPECT_EQ(outcomes.values()[0].error().delivery, Delivery::never_sent);
    for (const Responder& responder : held.values()) responder.respond("well");
    ASSERT_TRUE(outcomes.wait_for_count(3));
    EXPECT_TRUE(outcomes.values()[2]);
}

TEST(Transport, a_server_asks_the_client_that_dialled_it_even_after_the_client_reconnects) {
    auto server = std::make_unique<Party>(options_of("server"));
    const Address address = server->address();
    Party client{options_of("client-7", false)};
    client.transport->keep(address);
    ASSERT_TRUE(server->saw<PeerConnected>());
    const RequestOutcome first = server->ask(Node{"client-7"}, "logs");
    ASSERT_TRUE(first) << first.error().reason;
    EXPECT_EQ(*first, "server asked logs");

    server.reset();
    ASSERT_TRUE(client.saw<PeerDisconnected>());
    TransportOptions again = options_of("server");
    again.listen = address.text;
    server = std::make_unique<Party>(again);
    ASSERT_TRUE(server->saw<PeerConnected>()) << "the client dials until it is told to stop";
    EXPECT_TRUE(server->ask(Node{"client-7"}, "logs"));
}

TEST(Transport, a_stream_flows_both_ways_and_a_slow_reader_holds_its_sender_back) {
    Collected<std::string> opened;
    Collected<Stream> accepted;
    std::atomic<std::size_t> received = 0;
    Collected<std::size_t> ended;
    TransportHandlers reading;
    reading.on_stream = [&](const Handshake&, std::string opening, const Stream& stream) {
        opened.add(std::move(opening));
        accepted.add(stream);
    };
    Party reader{options_of("reader", false), reading};
    Party writer{options_of("writer")};
    reader.transport->keep(writer.address());
    ASSERT_TRUE(writer.saw<PeerConnected>());

    Collected<std::string> answers;
    Collected<bool> writable;
    const Stream out =
        writer.transport->open_stream(Node{"reader"}, "tail the log",
                                      {[&](std::string bytes) { answers.add(std::move(bytes)); },
                                       [](const auto&) {}, [&] { writable.add(true); }});
    ASSERT_TRUE(accepted.wait_for_count(1));
    EXPECT_EQ(opened.values()[0], "tail the log");

    std::size_t sent = 0;
    const std::string chunk(10'000, 'c');
    Result<void> taken{};
    while ((taken = out.write(chunk))) sent += chunk.size();
    EXPECT_EQ(taken.error().code, Errc::overloaded);
    EXPECT_LE(sent, stream_window_bytes + (1u << 20) + chunk.size())
        << "no more than the window and the buffer while nobody reads";

    const Stream in = accepted.values()[0];
    in.start({[&, in](const std::string& bytes) {
                  received += bytes.size();
                  in.consumed(bytes.size());
              },
              [&](const std::optional<Error>& error) { ended.add(error ? 0 : received.load()); },
              nullptr});
    ASSERT_TRUE(writable.wait_for_count(1));
    while (out.write("the rest").has_value() == false) std::this_thread::yield();
    out.end();
    ASSERT_TRUE(ended.wait_for_count(1));
    EXPECT_EQ(ended.values()[0], sent + 8);
    ASSERT_TRUE(in.write("thanks"));
    in.end();
    ASSERT_TRUE(answers.wait_for_count(1));
    EXPECT_EQ(out.write("more").error().code, Errc::not_found);
}

TEST(Transport, a_stream_ends_with_an_error_when_it_cannot_open_is_reset_or_loses_its_connection) {
    Collected<std::string> endings;
    const auto handlers = [&](const std::string& name) {
        return StreamHandlers{nullptr,
                              [&endings, name](const std::optional<Error>& error) {
                                  endings.add(name + (error ? " failed" : " ended"));
                              },
                              nullptr};
    };
    Collected<Stream> accepted;
    TransportHandlers holding;
    holding.on_stream = [&](const Handshake&, const std::string& opening, const Stream& stream) {
        if (opening != "drop me") accepted.add(stream);
    };
    Party opener{options_of("opener")};
    auto holder = std::make_unique<Party>(options_of("holder"), holding);
    std::vector<Stream> kept;
    kept.push_back(opener.transport->open_stream(nowhere(), "", handlers("nowhere")));
    ASSERT_TRUE(endings.wait_for_count(1));
    kept.push_back(
        opener.transport->open_stream(holder->address(), "drop me", handlers("dropped")));
    ASSERT_TRUE(endings.wait_for_count(2));
    kept.push_back(opener.transport->open_stream(holder->address(), "keep", handlers("reset")));
    ASSERT_TRUE(accepted.wait_for_count(1));
    accepted.values()[0].reset("enough");
    ASSERT_TRUE(endings.wait_for_count(3));
    kept.push_back(opener.transport->open_stream(holder->address(), "keep", handlers("cut")));
    ASSERT_TRUE(accepted.wait_for_count(2));
    holder.reset();
    ASSERT_TRUE(endings.wait_for_count(4));
    EXPECT_EQ(endings.values(), (std::vector<std::string>{"nowhere failed", "dropped failed",
                                                          "reset failed", "cut failed"}));
}

TEST(Transport, agents_of_another_cluster_are_turned_away_with_the_reason) {
    Party server{options_of("server")};
    TransportOptions foreign = options_of("stranger");
    foreign.self.cluster = "cluster-2";
    Party stranger{foreign};
    const RequestOutcome outcome = stranger.ask(server.address(), "hello");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().delivery, Delivery::never_sent);
    EXPECT_NE(outcome.error().reason.find("belongs to cluster cluster-2"), std::string::npos)
        << outcome.error().reason;
    EXPECT_TRUE(server.saw<ConnectionRejected>());
}

TEST(Transport, messages_to_an_unreachable_peer_are_dropped_and_flow_again_when_it_returns) {
    auto right = std::make_unique<Party>(options_of("right"));
    const Address address = right->address();
    Party left{options_of("left")};
    left.transport->send(address, Lane::raft, "before");
    ASSERT_TRUE(right->messages.wait_for_count(1));
    right.reset();
    ASSERT_TRUE(left.saw<PeerDisconnected>());
    left.transport->send(address, Lane::raft, "into the void");
    ASSERT_TRUE(left.saw<DialFailed>());
    TransportOptions again = options_of("right");
    again.listen = address.text;
    right = std::make_unique<Party>(again);
    // Any of them may be lost while the pause between two attempts lasts; one gets through.
    for (int i = 0; i < 10'000 && right->messages.values().empty(); ++i) {
        left.transport->send(address, Lane::raft, "heartbeat");
        std::this_thread::sleep_for(milliseconds{1});
    }
    ASSERT_TRUE(right->messages.wait_for_count(1));
}

TEST(Transport, a_stranger_that_sends_garbage_is_cut_off_and_costs_nothing_else) {
    Party server{options_of("server")};
    Party friendly{options_of("friend")};
    const Address address = server.address();
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(
        static_cast<std::uint16_t>(std::stoi(address.text.substr(address.text.rfind(':') + 1))));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int stranger = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(stranger, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    const std::string garbage = "GET /v1/jobs HTTP/1.1\r\n\r\n";
    ASSERT_EQ(::send(stranger, garbage.data(), garbage.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(garbage.size()));
    char byte = 0;
    EXPECT_LE(::recv(stranger, &byte, 1, 0), 0) << "the server closes";
    ::close(stranger);
    EXPECT_TRUE(server.saw<ConnectionRejected>());
    EXPECT_TRUE(friendly.ask(address, "still there?"));
}

TEST(Transport, an_address_that_is_taken_is_named_with_a_remedy) {
    Party first{options_of("first")};
    TransportOptions options = options_of("second");
    options.listen = first.address().text;
    const auto second = Transport::start(options, {});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find(first.address().text), std::string::npos);
    EXPECT_NE(second.error().message.find("choose another"), std::string::npos);
}

TEST(Transport, stopping_fails_what_waits_and_handles_outlive_it_harmlessly) {
    Collected<Responder> held;
    TransportHandlers holding;
    holding.on_request = [&](const Handshake&, const std::string&, const Responder& responder) {
        held.add(responder);
    };
    Party holder{options_of("holder"), holding};
    Collected<RequestOutcome> outcomes;
    std::optional<Stream> stream;
    {
        Party asker{options_of("asker")};
        asker.transport->request(holder.address(), "hello", long_enough,
                                 [&](RequestOutcome outcome) { outcomes.add(std::move(outcome)); });
        ASSERT_TRUE(held.wait_for_count(1));
        stream = asker.transport->open_stream(holder.address(), "", {});
    }
    ASSERT_EQ(outcomes.values().size(), 1u);
    EXPECT_EQ(outcomes.values()[0].error().delivery, Delivery::unknown);
    EXPECT_EQ(stream->write("x").error().code, Errc::not_found);
    held.values()[0].respond("too late");
}

}  // namespace
}  // namespace drover::io
