#include "agent/cli/api_client.hpp"

#include <cstdlib>

namespace drover::agent::cli {
namespace {

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

std::string setting(const Flags& flags, std::string_view flag, const char* variable) {
    const std::string* const told = flags.value(flag);
    return told == nullptr ? environment(variable) : *told;
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

tl::unexpected<Error> unexpected(const io::HttpResponse& response) {
    const Errc code = response.status == 404 ? Errc::not_found : Errc::internal;
    return fail(code, "Unexpected response code: " + std::to_string(response.status) + " (" +
                          trimmed(response.body) + ")");
}

}  // namespace

const std::vector<FlagSpec>& client_flags() {
    static const std::vector<FlagSpec> flags{
        {"address", true, "address of the agent; or NOMAD_ADDR (http://127.0.0.1:4646)"},
        {"region", true, "region of the servers; or NOMAD_REGION"},
        {"namespace", true, "namespace to work in; or NOMAD_NAMESPACE (default)"},
        {"token", true, "secret of an ACL token; or NOMAD_TOKEN"},
        {"no-color", false, "no colours"},
        {"force-color", false, ""},
        {"ca-cert", true, ""},
        {"ca-path", true, ""},
        {"client-cert", true, ""},
        {"client-key", true, ""},
        {"tls-server-name", true, ""},
        {"tls-skip-verify", false, ""},
        {"insecure", false, ""},
    };
    return flags;
}

std::string segment(const std::string& text) { return io::percent_encode(text); }

Result<ApiClient> ApiClient::create(const Flags& flags) {
    ApiClient client;
    client.address_ = setting(flags, "address", "NOMAD_ADDR");
    if (client.address_.empty()) client.address_ = "http://127.0.0.1:4646";
    client.region_ = setting(flags, "region", "NOMAD_REGION");
    client.namespace_ = setting(flags, "namespace", "NOMAD_NAMESPACE");
    io::HttpClientOptions options;
    options.address = client.address_;
    const std::string token = setting(flags, "token", "NOMAD_TOKEN");
    if (!token.empty()) options.headers.emplace_back("X-Nomad-Token", token);
    auto http = io::HttpClient::create(std::move(options));
    if (!http) return tl::unexpected{http.error()};
    client.http_ = std::move(*http);
    return client;
}

std::string ApiClient::target(const std::string& path, const Parameters& parameters) const {
    std::string query;
    const auto add = [&](const std::string& name, const std::string& value) {
        query += (query.empty() ? "?" : "&") + name + "=" + io::percent_encode(value);
    };
    if (!region_.empty()) add("region", region_);
    bool named = false;
    for (const auto& [name, value] : parameters) {
        named = named || name == "namespace";
        add(name, value);
    }
    if (!named && !namespace_.empty()) add("namespace", namespace_);
    return path + query;
}

Result<Reply> ApiClient::send(const std::string& method, const std::string& path,
                              const Parameters& parameters, std::string body) {
    auto response = http_->request(method, target(path, parameters), std::move(body));
    if (!response) return tl::unexpected{response.error()};
    if (response->status != 200) return unexpected(*response);
    Reply reply;
    if (const auto* index = io::find_header(response->headers, "X-Nomad-Index")) {
        reply.index = std::strtoull(index->c_str(), nullptr, 10);
    }
    const auto* known = io::find_header(response->headers, "X-Nomad-KnownLeader");
    reply.known_leader = known != nullptr && *known == "true";
    if (response->body.empty()) return reply;
    auto json = schema::parse_json(response->body);
    if (!json)
        return fail(Errc::corrupt,
                    "the answer of " + address_ + " is no JSON: " + json.error().message);
    reply.json = std::move(*json);
    return reply;
}

Result<Reply> ApiClient::get(const std::string& path, const Parameters& parameters) {
    return send("GET", path, parameters, {});
}

Result<Reply> ApiClient::put(const std::string& path, const schema::JsonValue& body,
                             const Parameters& parameters) {
    return send("PUT", path, parameters, schema::print_json(body));
}

Result<Reply> ApiClient::put_file(const std::string& path, std::string bytes) {
    return send("PUT", path, {}, std::move(bytes));
}

Result<Reply> ApiClient::remove(const std::string& path, const Parameters& parameters) {
    return send("DELETE", path, parameters, {});
}

Result<void> ApiClient::stream(const std::string& path, const Parameters& parameters,
                               const io::HttpClient::Receiver& receiver) {
    auto response = http_->stream("GET", target(path, parameters), {}, receiver);
    if (!response) return tl::unexpected{response.error()};
    if (response->status != 200) return unexpected(*response);
    return {};
}

}  // namespace drover::agent::cli
