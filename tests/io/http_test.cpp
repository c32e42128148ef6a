// The HTTP server and client, against each other and against hand-written bytes.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "io/http_client.hpp"
#include "io/http_server.hpp"
#include "tests/io/temporary_directory.hpp"
#include "tests/io/waiting.hpp"

namespace drover::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::unique_ptr<HttpServer> serve(HttpServer::Handler handler, HttpServerOptions options = {}) {
    auto server = HttpServer::start(std::move(options), std::move(handler));
    EXPECT_TRUE(server) << server.error().message;
    return server ? std::move(*server) : nullptr;
}

std::unique_ptr<HttpClient> client_of(const HttpServer& server, Duration silence = seconds{20}) {
    HttpClientOptions options;
    options.address =
        server.address().starts_with("unix:") ? server.address() : "http://" + server.address();
    options.silence_timeout = silence;
    return std::move(*HttpClient::create(options));
}

void echo(const HttpRequest& request, const HttpResponder& responder) {
    std::string body = request.method + " " + request.path;
    for (const std::string& segment : request.segments) body += " [" + segment + "]";
    for (const auto& [name, value] : request.query) body += " " + name + "=" + value;
    if (const std::string* token = find_header(request.headers, "x-nomad-token")) {
        body += " token=" + *token;
    }
    responder.respond({200, {{"Content-Type", "text/plain"}}, body + " " + request.body});
}

// A connection for bytes that no client of ours would send.
class RawConnection {
public:
    explicit RawConnection(const HttpServer& server) {
        const std::string address = server.address();
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    }
    ~RawConnection() { ::close(socket_); }
    void send(std::string_view bytes) const {
        (void)::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    // Until `expected` was received, or to the end.
    std::string receive(std::string_view expected) const {
        std::string all;
        char room[4096];
        while (all.find(expected) == std::string::npos) {
            const ssize_t got = ::recv(socket_, room, sizeof room, 0);
            if (got <= 0) break;
            all.append(room, static_cast<std::size_t>(got));
        }
        return all;
    }
    std::string receive_all() const { return receive("\x01never"); }

private:
    int socket_ = -1;
};

TEST(HttpTarget, is_taken_apart_and_decoded) {
    struct Row {
        const char* why;
        const char* target;
        bool good;
        std::vector<std::string> segments;
        HttpFields query;
    };
    const Row rows[]{
        {"the root", "/", true, {}, {}},
        {"a path", "/v1/job/web", true, {"v1", "job", "web"}, {}},
        {"a slash at the end is the same path", "/v1/jobs/", true, {"v1", "jobs"}, {}},
        {"an escaped slash stays inside its segment",
         "/v1/job/a%2Fb/plan",
         true,
         {"v1", "job", "a/b", "plan"},
         {}},
        {"a plus in a path is a plus", "/a+b", true, {"a+b"}, {}},
        {"a query", "/x?index=7&wait=5m", true, {"x"}, {{"index", "7"}, {"wait", "5m"}}},
        {"a name alone", "/x?stale", true, {"x"}, {{"stale", ""}}},
        {"escapes and plus in a query",
         "/x?filter=a+%3D%3D+%22b%22",
         true,
         {"x"},
         {{"filter", "a == \"b\""}}},
        {"equals signs in a value", "/x?a=b=c&&", true, {"x"}, {{"a", "b=c"}}},
        {"a broken escape in the path", "/a%2", false, {}, {}},
        {"a broken escape in the query", "/a?b=%zz", false, {}, {}},
        {"no path", "jobs", false, {}, {}},
        {"nothing", "", false, {}, {}},
    };
    for (const Row& row : rows) {
        const auto parsed = parse_http_target(row.target);
        ASSERT_EQ(parsed.has_value(), row.good) << row.why;
        if (!parsed) continue;
        EXPECT_EQ(parsed->segments, row.segments) << row.why;
        EXPECT_EQ(parsed->query, row.query) << row.why;
    }
    EXPECT_EQ(percent_encode("a b/c~"), "a%20b%2Fc~");
}

TEST(Http, requests_arrive_whole_and_one_connection_serves_many) {
    const auto server = serve(echo);
    const auto client = client_of(*server);
    for (int i = 0; i < 3; ++i) {
        const auto answer = client->request("PUT", "/v1/job/a%2Fb?region=global", "the body",
                                            {{"X-Nomad-Token", "secret"}});
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->status, 200u);
        EXPECT_EQ(answer->body,
                  "PUT /v1/job/a%2Fb [v1] [job] [a/b] region=global token=secret the body");
        EXPECT_EQ(*find_header(answer->headers, "content-type"), "text/plain");
    }
}

TEST(Http, large_bodies_pass_in_both_directions) {
    const auto server = serve([](const HttpRequest& request, const HttpResponder& responder) {
        responder.respond({200, {}, request.body + request.body});
    });
    const auto answer = client_of(*server)->request("POST", "/", std::string(5'000'000, 'b'));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body.size(), 10'000'000u);
}

TEST(Http, a_unix_socket_serves_too) {
    const TemporaryDirectory directory;
    HttpServerOptions options;
    options.listen = "unix://" + (directory.path() / "api.sock").string();
    for (int round = 0; round < 2; ++round) {  // the second finds the file of the first
        const auto server = serve(echo, options);
        ASSERT_NE(server, nullptr);
        const auto answer = client_of(*server)->request("GET", "/v1/status/leader");
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->body, "GET /v1/status/leader [v1] [status] [leader] ");
    }
}

TEST(Http, hundreds_of_idle_blocking_queries_wait_at_once_and_are_answered_from_another_thread) {
    constexpr std::size_t count = 300;
    Collected<HttpResponder> waiting;
    const auto server =
        serve([&](const HttpRequest&, const HttpResponder& responder) { waiting.add(responder); });
    std::vector<std::unique_ptr<RawConnection>> askers;
    for (std::size_t i = 0; i < count; ++i) {
        askers.push_back(std::make_unique<RawConnection>(*server));
        askers.back()->send("GET /v1/jobs?index=7 HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    ASSERT_TRUE(waiting.wait_for_count(count));
    for (const HttpResponder& responder : waiting.values()) responder.respond({200, {}, "changed"});
    for (const auto& asker : askers) {
        EXPECT_NE(asker->receive("changed").find("200 OK"), std::string::npos);
    }
}

TEST(Http, what_is_not_a_proper_request_is_answered_with_the_reason_and_a_closed_connection) {
    HttpServerOptions options;
    options.body_bytes_max = 1000;
    options.header_bytes_max = 2000;
    const auto server = serve(echo, options);
    const std::string large(100'000, 'x');
    struct Row {
        const char* why;
        std::string bytes;
        const char* status;
    };
    const Row rows[]{
        {"garbage", "\x16\x03\x01 hello\r\n\r\n", "400 Bad Request"},
        {"a body that says it is too large", "PUT / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
         "413 Payload Too Large"},
        {"a body that turns out too large",
         "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + large + "\r\n0\r\n\r\n",
         "413 Payload Too Large"},
        {"a large header", "GET / HTTP/1.1\r\nX: " + large + "\r\n\r\n",
         "431 Request Header Fields Too Large"},
        {"a length that is no number", "PUT / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
         "400 Bad Request"},
        {"a broken escape", "GET /v1/%zz HTTP/1.1\r\n\r\n", "400 Bad Request"},
    };
    for (const Row& row : rows) {
        const RawConnection connection{*server};
        connection.send(row.bytes);
        EXPECT_NE(connection.receive_all().find(row.status), std::string::npos) << row.why;
    }
    EXPECT_TRUE(client_of(*server)->request("GET", "/")) << "the server is well";
}

TEST(Http, a_client_that_asks_before_sending_its_body_is_told_to_go_on) {
    const auto server = serve(echo);
    const RawConnection connection{*server};
    connection.send("PUT /x HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_NE(connection.receive("\r\n\r\n").find("100 Continue"), std::string::npos);
    connection.send("body");
    EXPECT_NE(connection.receive("body").find("PUT /x [x] body"), std::string::npos);
}

TEST(Http, requests_sent_ahead_are_answered_in_their_order) {
    const auto server = serve(echo);
    const RawConnection connection{*server};
    connection.send(
        "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: "
        "close\r\n\r\n");
    const std::string all = connection.receive_all();
    const std::size_t first = all.find("GET /1");
    const std::size_t second = all.find("GET /2");
    const std::size_t third = all.find("GET /3");
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_NE(third, std::string::npos);
}

TEST(Http, a_head_request_and_an_answer_without_content_carry_no_body) {
    const auto server = serve([](const HttpRequest& request, const HttpResponder& responder) {
        responder.respond({request.path == "/none" ? 204U : 200U, {}, "body"});
    });
    const auto client = client_of(*server);
    const auto head = client->request("HEAD", "/");
    ASSERT_TRUE(head) << head.error().message;
    EXPECT_EQ(*find_header(head->headers, "Content-Length"), "4");
    EXPECT_EQ(head->body, "");
    EXPECT_EQ(client->request("GET", "/none")->status, 204u);
    EXPECT_EQ(client->request("GET", "/")->body, "body") << "the connection is still in step";
}

TEST(Http, a_handler_that_answers_twice_or_never_does_no_harm) {
    const auto server = serve([](const HttpRequest& request, const HttpResponder& responder) {
        if (request.path == "/never") return;
        responder.respond({200, {{"X-Split", "a\r\nInjected: b"}}, "first"});
        responder.respond({500, {}, "second"});
    });
    const auto client = client_of(*server);
    const auto twice = client->request("GET", "/twice");
    ASSERT_TRUE(twice) << twice.error().message;
    EXPECT_EQ(twice->body, "first");
    EXPECT_EQ(find_header(twice->headers, "Injected"), nullptr);
    EXPECT_EQ(client->request("GET", "/never")->status, 500u);
    EXPECT_EQ(client->request("GET", "/twice")->body, "first");
}

TEST(Http, the_handler_learns_that_its_asker_has_gone) {
    Collected<bool> gone;
    Collected<HttpResponder> waiting;
    const auto server = serve([&](const HttpRequest&, const HttpResponder& responder) {
        responder.on_disconnect([&gone] { gone.add(true); });
        waiting.add(responder);
    });
    {
        const RawConnection asker{*server};
        asker.send("GET /v1/jobs?index=7 HTTP/1.1\r\n\r\n");
        ASSERT_TRUE(waiting.wait_for_count(1));
    }
    ASSERT_TRUE(gone.wait_for_count(1));
    waiting.values()[0].respond({200, {}, "nobody reads this"});
}

TEST(Http, a_streamed_body_arrives_piece_by_piece_and_the_connection_goes_on) {
    Collected<HttpBody> bodies;
    const auto server = serve([&](const HttpRequest& request, const HttpResponder& responder) {
        if (request.path != "/logs") return echo(request, responder);
        bodies.add(responder.stream(200, {{"Content-Type", "text/plain"}}));
    });
    const auto client = client_of(*server);
    std::thread writer{[&] {
        ASSERT_TRUE(bodies.wait_for_count(1));
        ASSERT_TRUE(bodies.values()[0].write("line 1\n"));
    }};
    std::string received;
    const auto answer = client->stream("GET", "/logs", "", [&](std::string_view piece) {
        received += piece;
        if (received == "line 1\n") {
            EXPECT_TRUE(bodies.values()[0].write("line 2\n"));
            bodies.values()[0].finish();
        }
        return true;
    });
    writer.join();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(received, "line 1\nline 2\n");
    EXPECT_EQ(client->request("GET", "/x")->body, "GET /x [x] ");
    EXPECT_EQ(bodies.values()[0].write("late").error().code, Errc::not_found);
}

TEST(Http, a_slow_reader_holds_the_writer_back_and_a_reader_that_leaves_is_noticed) {
    Collected<HttpBody> bodies;
    Collected<bool> writable;
    Collected<bool> gone;
    HttpServerOptions options;
    options.stream_bytes_max = 100'000;
    const auto server = serve(
        [&](const HttpRequest&, const HttpResponder& responder) {
            responder.on_disconnect([&gone] { gone.add(true); });
            const HttpBody body = responder.stream(200, {});
            body.on_writable([&writable] { writable.add(true); });
            bodies.add(body);
        },
        options);
    {
        const RawConnection reader{*server};
        reader.send("GET /logs HTTP/1.1\r\n\r\n");
        ASSERT_TRUE(bodies.wait_for_count(1));
        const HttpBody body = bodies.values()[0];
        const std::string chunk(50'000, 'c');
        std::size_t written = 0;
        Result<void> taken{};
        while ((taken = body.write(chunk)) && written < (1u << 30)) written += chunk.size();
        ASSERT_FALSE(taken);
        EXPECT_EQ(taken.error().code, Errc::overloaded);
        const std::string sentinel = "the end";
        std::thread drain{[&] { (void)reader.receive(sentinel); }};
        ASSERT_TRUE(writable.wait_for_count(1));
        ASSERT_TRUE(body.write(sentinel));
        drain.join();
    }
    ASSERT_TRUE(gone.wait_for_count(1));
    EXPECT_EQ(bodies.values()[0].write("late").error().code, Errc::not_found);
}

TEST(Http, a_stream_that_is_dropped_unfinished_is_not_taken_for_a_whole_one) {
    const auto server = serve([](const HttpRequest&, const HttpResponder& responder) {
        (void)responder.stream(200, {}).write("half");
    });
    const auto answer = client_of(*server)->request("GET", "/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unknown_outcome);
}

TEST(HttpClient, failures_are_told_in_words_that_help) {
    std::string address;
    {
        const auto gone = serve(echo);
        address = "http://" + gone->address();
    }
    HttpClientOptions options;
    options.address = address;
    const auto refused = (*HttpClient::create(options))->request("GET", "/");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::not_found);
    EXPECT_NE(refused.error().message.find(address + ": Connection refused"), std::string::npos)
        << refused.error().message;

    for (const char* bad :
         {"ftp://x", "http://", "http://host:port", "unix://", "localhost:4646"}) {
        options.address = bad;
        const auto client = HttpClient::create(options);
        ASSERT_FALSE(client) << bad;
        EXPECT_EQ(client.error().code, Errc::invalid_argument) << bad;
        EXPECT_NE(
            client.error().message.find(bad + (std::string_view{bad}.starts_with("http") ? 7 : 0)),
            std::string::npos)
            << client.error().message;
    }
    options.address = "https://localhost:4646";
    EXPECT_EQ(HttpClient::create(options).error().code, Errc::unsupported);

    const auto server = serve(echo);
    EXPECT_EQ(client_of(*server)->request("GET", "no slash").error().code, Errc::invalid_argument);
}

TEST(HttpClient, silence_has_a_bound_and_the_client_is_usable_afterwards) {
    Collected<HttpResponder> held;
    const auto server = serve([&](const HttpRequest& request, const HttpResponder& responder) {
        if (request.path == "/silent") {
            held.add(responder);
        } else {
            echo(request, responder);
        }
    });
    const auto client = client_of(*server, milliseconds{200});
    const auto silent = client->request("GET", "/silent");
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().code, Errc::timed_out);
    EXPECT_TRUE(client->request("GET", "/x"));
}

TEST(HttpClient, a_kept_connection_that_the_server_closed_is_replaced) {
    auto server = serve(echo);
    HttpServerOptions again;
    again.listen = server->address();
    const auto client = client_of(*server);
    ASSERT_TRUE(client->request("GET", "/1"));
    server.reset();
    server = serve(echo, again);
    ASSERT_NE(server, nullptr);
    const auto second = client->request("POST", "/2", "body");
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(second->body, "POST /2 [2] body");
}

}  // namespace
}  // namespace drover::io
