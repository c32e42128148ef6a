// HTTP/1.1 as values: what the server's handlers are given and answer with, and what the client
// returns. Names and query values are decoded here; the meaning of a path is the agent's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drover::io {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

// The first value under this name; header names are compared without regard to case.
[[nodiscard]] const std::string* find_header(const HttpFields& headers, std::string_view name);
// The first value under this exact name: query parameters.
[[nodiscard]] const std::string* find_parameter(const HttpFields& parameters,
                                                std::string_view name);

// "%41+b" -> none if the escapes are malformed. A plus means a space in queries only.
enum class PlusSign : unsigned char { is_plus, is_space };
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, PlusSign plus);
// Everything outside the unreserved characters escaped, a slash too.
[[nodiscard]] std::string percent_encode(std::string_view text);

struct HttpTarget {
    std::string path;                   // not decoded, without the query
    std::vector<std::string> segments;  // decoded one by one: an escaped slash stays inside one
    HttpFields query;                   // decoded, in order
};
// None if the escapes are malformed or the path does not begin with a slash. Empty segments at the
// end are dropped: "/v1/jobs/" and "/v1/jobs" are one path.
[[nodiscard]] std::optional<HttpTarget> parse_http_target(std::string_view target);

struct HttpRequest {
    std::string method;  // upper case, as sent
    std::string target;  // as sent
    std::string path;
    std::vector<std::string> segments;
    HttpFields query;
    HttpFields headers;
    std::string body;
    std::string remote;  // "address:port", or empty on a Unix socket
};

struct HttpResponse {
    unsigned status = 200;
    HttpFields headers;
    std::string body;
};

}  // namespace drover::io
