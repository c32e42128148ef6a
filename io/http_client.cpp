// The HTTP client: asynchronous operations underneath, so that every one of them can time out, run
// to their end one by one on a loop of its own.
#include "io/http_client.hpp"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include "io/address.hpp"

namespace drover::io {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
using Generic = asio::generic::stream_protocol;
using Tcp = asio::ip::tcp;
using ResponseParser = http::response_parser<http::buffer_body>;

constexpr std::string_view http_scheme = "http://";
constexpr std::string_view unix_scheme = "unix://";

struct Place {
    std::string unix_path;  // not empty: a Unix socket
    HostPort tcp;
    std::string host_header;
};

Result<Place> parse_place(const std::string& address) {
    Place place;
    if (address.starts_with(unix_scheme)) {
        place.unix_path = address.substr(unix_scheme.size());
        place.host_header = "localhost";
        if (!place.unix_path.empty() && place.unix_path.size() < 108) return place;
        return fail(
            Errc::invalid_argument,
            "address \"" + address + "\": expected unix:///path of less than 108 characters");
    }
    if (address.starts_with("https://")) {
        return fail(Errc::unsupported,
                    "address \"" + address + "\": TLS is not offered yet; use http://host:port");
    }
    if (!address.starts_with(http_scheme)) {
        return fail(Errc::invalid_argument,
                    "address \"" + address + "\": expected http://host:port or unix:///path");
    }
    std::string rest = address.substr(http_scheme.size());
    while (rest.ends_with('/')) rest.pop_back();
    const bool has_port = rest.rfind(':') != std::string::npos && !rest.ends_with(']');
    Result<HostPort> parts = split_address(has_port ? rest : rest + ":80");
    if (!parts) return tl::unexpected<Error>{parts.error()};
    place.tcp = std::move(*parts);
    place.host_header = rest;
    return place;
}

}  // namespace

struct HttpClient::Impl {
    Impl(HttpClientOptions chosen, Place where)
        : options{std::move(chosen)}, place{std::move(where)} {}

    enum class Attempt : std::uint8_t { first, again };
    struct Failure {
        Error error;
        bool nothing_received = false;
    };
    template <class T>
    using Outcome = tl::expected<T, Failure>;

    template <class Start>
    ErrorCode run(Duration timeout, Start start);
    [[nodiscard]] Outcome<void> connect();
    [[nodiscard]] bool kept_connection_is_open();
    [[nodiscard]] std::string encode(const std::string& method, const std::string& target,
                                     const std::string& body, const HttpFields& headers) const;
    Result<HttpResponse> perform(const std::string& method, const std::string& target,
                                 const std::string& body, const HttpFields& headers,
                                 const Receiver* receiver);
    Outcome<HttpResponse> converse(const std::string& method, const std::string& bytes,
                                   const Receiver* receiver);
    Outcome<void> read_body(ResponseParser& parser, const Receiver* receiver,
                            HttpResponse& response);
    Failure failure(const ErrorCode& error, const char* doing, Errc code) const;

    const HttpClientOptions options;
    const Place place;
    asio::io_context loop;
    std::optional<Generic::socket> socket;
    boost::beast::flat_buffer buffer;
};

// Starts one operation, which stores its result in the error it is given, and waits for its end.
template <class Start>
ErrorCode HttpClient::Impl::run(Duration timeout, Start start) {
    ErrorCode result;
    bool done = false;
    start([&](const ErrorCode& error) {
        result = error;
        done = true;
    });
    loop.restart();
    loop.run_for(timeout);
    if (done) return result;
    socket.reset();  // ends the operation; its handler refers to this frame and must run now
    loop.restart();
    loop.run();
    return asio::error::timed_out;
}

HttpClient::Impl::Failure HttpClient::Impl::failure(const ErrorCode& error, const char* doing,
                                                    Errc code) const {
    const bool late = error == asio::error::timed_out;
    return {
        {late ? Errc::timed_out : code, "error " + std::string{doing} + " " + options.address +
                                            ": " + (late ? "no answer in time" : error.message())},
        false};
}

HttpClient::Impl::Outcome<void> HttpClient::Impl::connect() {
    buffer.clear();
    std::vector<Generic::endpoint> endpoints;
    ErrorCode error;
    if (!place.unix_path.empty()) {
        endpoints.emplace_back(asio::local::stream_protocol::endpoint{place.unix_path});
    } else {
        Tcp::resolver resolver{loop};
        for (const auto& found : resolver.resolve(place.tcp.host, place.tcp.port, error)) {
            endpoints.emplace_back(found.endpoint());
        }
    }
    for (const Generic::endpoint& endpoint : endpoints) {
        socket.emplace(loop);
        error = run(options.connect_timeout,
                    [&](auto done) { socket->async_connect(endpoint, std::move(done)); });
        if (!error) return {};
        socket.reset();
    }
    Failure failed = failure(error, "connecting to", Errc::not_found);
    failed.error.message += "; is an agent running there, and is the address right?";
    return tl::unexpected<Failure>{std::move(failed)};
}

bool HttpClient::Impl::kept_connection_is_open() {
    if (!socket) return false;
    char byte = 0;
    const ssize_t got =
        ::recv(socket->native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    socket.reset();
    return false;
}

std::string HttpClient::Impl::encode(const std::string& method, const std::string& target,
                                     const std::string& body, const HttpFields& headers) const {
    std::string bytes = method + " " + target + " HTTP/1.1\r\nHost: " + place.host_header + "\r\n";
    for (const HttpFields* fields : {&options.headers, &headers}) {
        for (const auto& [name, value] : *fields) bytes += name + ": " + value + "\r\n";
    }
    if (!body.empty() || method == "POST" || method == "PUT") {
        bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return bytes + "\r\n" + body;
}

Result<HttpResponse> HttpClient::Impl::perform(const std::string& method, const std::string& target,
                                               const std::string& body, const HttpFields& headers,
                                               const Receiver* receiver) {
    const auto breaks_line = [](const std::string& text) {
        return text.find_first_of("\r\n") != std::string::npos;
    };
    bool malformed = target.empty() || target.front() != '/' || breaks_line(target) ||
                     target.find(' ') != std::string::npos;
    for (const HttpFields* fields : {&options.headers, &headers}) {
        for (const auto& [name, value] : *fields) {
            malformed = malformed || breaks_line(name) || breaks_line(value);
        }
    }
    if (malformed) {
        return fail(Errc::invalid_argument, "request for \"" + target +
                                                "\": a path begins with / and holds no space, and "
                                                "no header holds an end of line");
    }
    const std::string bytes = encode(method, target, body, headers);
    const bool repeatable = method == "GET" || method == "HEAD";
    for (const Attempt attempt : {Attempt::first, Attempt::again}) {
        const bool reused = kept_connection_is_open();
        if (!reused) {
            if (Outcome<void> connected = connect(); !connected) {
                return tl::unexpected<Error>{std::move(connected.error().error)};
            }
        }
        Outcome<HttpResponse> outcome = converse(method, bytes, receiver);
        if (outcome) return std::move(*outcome);
        socket.reset();
        const bool worth_repeating =
            reused && repeatable && outcome.error().nothing_received && attempt == Attempt::first;
        if (!worth_repeating) return tl::unexpected<Error>{std::move(outcome.error().error)};
    }
    return fail(Errc::internal, "the connection was closed twice");
}

HttpClient::Impl::Outcome<HttpResponse> HttpClient::Impl::converse(const std::string& method,
                                                                   const std::string& bytes,
                                                                   const Receiver* receiver) {
    ErrorCode error = run(options.silence_timeout, [&](auto done) {
        asio::async_write(*socket, asio::buffer(bytes),
                          [done](const ErrorCode& result, std::size_t) { done(result); });
    });
    // A server that refuses a large body answers before it has read all of it: look for that.
    const bool write_failed = static_cast<bool>(error);
    if (write_failed && !socket) {
        return tl::unexpected<Failure>{failure(error, "sending to", Errc::unknown_outcome)};
    }
    ResponseParser parser;
    parser.body_limit(boost::none);
    parser.skip(method == "HEAD");
    error = run(options.silence_timeout, [&](auto done) {
        http::async_read_header(*socket, buffer, parser,
                                [done](const ErrorCode& result, std::size_t) { done(result); });
    });
    if (error) {
        Failure failed = failure(error, "reading the answer of", Errc::unknown_outcome);
        failed.nothing_received = error == http::error::end_of_stream ||
                                  error == asio::error::connection_reset || write_failed;
        return tl::unexpected<Failure>{std::move(failed)};
    }
    HttpResponse response;
    response.status = parser.get().result_int();
    for (const auto& field : parser.get()) {
        response.headers.emplace_back(std::string{field.name_string()}, std::string{field.value()});
    }
    const bool streamed = receiver != nullptr && response.status >= 200 && response.status < 300;
    if (Outcome<void> read = read_body(parser, streamed ? receiver : nullptr, response); !read) {
        return tl::unexpected<Failure>{std::move(read.error())};
    }
    if (write_failed || !parser.is_done() || !parser.keep_alive()) socket.reset();
    return response;
}

// Hands over what has arrived as soon as it has: `logs -f` waits for no buffer to fill.
HttpClient::Impl::Outcome<void> HttpClient::Impl::read_body(ResponseParser& parser,
                                                            const Receiver* receiver,
                                                            HttpResponse& response) {
    std::array<char, std::size_t{64} << 10> room;
    while (!parser.is_done()) {
        parser.get().body().data = room.data();
        parser.get().body().size = room.size();
        ErrorCode error = run(options.silence_timeout, [&](auto done) {
            http::async_read_some(*socket, buffer, parser,
                                  [done](const ErrorCode& result, std::size_t) { done(result); });
        });
        if (error == http::error::need_buffer) error = {};
        if (error) {
            return tl::unexpected<Failure>{
                failure(error, "reading the answer of", Errc::unknown_outcome)};
        }
        const std::string_view piece{room.data(), room.size() - parser.get().body().size};
        if (receiver != nullptr) {
            if (!piece.empty() && !(*receiver)(piece)) return {};
            continue;
        }
        if (response.body.size() + piece.size() > options.body_bytes_max) {
            return tl::unexpected<Failure>{
                {{Errc::overloaded, "the answer of " + options.address + " exceeds " +
                                        std::to_string(options.body_bytes_max) + " bytes"}}};
        }
        response.body += piece;
    }
    return {};
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::create(HttpClientOptions options) {
    Result<Place> place = parse_place(options.address);
    if (!place) return tl::unexpected<Error>{place.error()};
    return std::unique_ptr<HttpClient>{
        new HttpClient{std::make_unique<Impl>(std::move(options), std::move(*place))}};
}

Result<HttpResponse> HttpClient::request(const std::string& method, const std::string& target,
                                         std::string body, const HttpFields& headers) {
    return impl_->perform(method, target, body, headers, nullptr);
}

Result<HttpResponse> HttpClient::stream(const std::string& method, const std::string& target,
                                        std::string body, const Receiver& receiver,
                                        const HttpFields& headers) {
    return impl_->perform(method, target, body, headers, &receiver);
}

}  // namespace drover::io
