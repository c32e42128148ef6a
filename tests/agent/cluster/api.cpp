#include "tests/agent/cluster/api.hpp"

#include <unistd.h>

#include <stdexcept>

namespace drover::agent::cluster {

const Json& at(const Json& json, std::initializer_list<std::string_view> path) {
    static const Json missing;
    const Json* here = &json;
    for (const auto name : path) {
        here = here->object() == nullptr ? nullptr : here->find(name);
        if (here == nullptr) return missing;
    }
    return *here;
}

std::string text(const Json& json, std::initializer_list<std::string_view> path) {
    const std::string* const found = at(json, path).text();
    return found == nullptr ? std::string{} : *found;
}

std::uint64_t number(const Json& json, std::initializer_list<std::string_view> path) {
    const Json& found = at(json, path);
    if (found.large() != nullptr) return *found.large();
    return found.integer() == nullptr ? 0 : static_cast<std::uint64_t>(*found.integer());
}

const Json::Array& items(const Json& json) {
    static const Json::Array none;
    return json.array() == nullptr ? none : *json.array();
}

Api::Api(std::uint16_t port, std::chrono::seconds timeout) {
    io::HttpClientOptions options;
    options.address = "http://127.0.0.1:" + std::to_string(port);
    options.connect_timeout = timeout;
    options.silence_timeout = timeout;
    auto http = io::HttpClient::create(std::move(options));
    if (!http) throw std::runtime_error{http.error().message};
    http_ = std::move(*http);
}

std::optional<Json> Api::look_up(const std::string& path) {
    const auto answer = http_->request("GET", path);
    if (!answer) return std::nullopt;
    if (answer->status == 404) return Json{};
    if (answer->status != 200) return std::nullopt;
    auto json = schema::parse_json(answer->body);
    return json ? std::optional{std::move(*json)} : std::nullopt;
}

std::optional<Json> Api::get(const std::string& path) {
    auto json = look_up(path);
    return json && json->is_null() ? std::nullopt : json;
}

bool Api::remove(const std::string& path) {
    const auto answer = http_->request("DELETE", path);
    return answer && answer->status == 200;
}

Written Api::register_job(const Json& body) {
    using Fate = Written::Fate;
    const auto answer = http_->request("POST", "/v1/jobs", schema::print_json(body));
    if (!answer) {
        const bool never_sent = answer.error().code == Errc::not_found;
        return {never_sent ? Fate::refused : Fate::unknown, 0, answer.error().message};
    }
    if (answer->status == 200) {
        const auto json = schema::parse_json(answer->body);
        return {Fate::done, json ? number(*json, {"JobModifyIndex"}) : 0, answer->body};
    }
    const bool conflict = answer->body.starts_with("Enforcing job modify index");
    const bool refused = answer->status < 500 || answer->body == "No cluster leader";
    return {conflict ? Fate::conflict : refused ? Fate::refused : Fate::unknown, 0, answer->body};
}

namespace {

Json task() {
    const Json resources = Json::Object{{"CPU", 20}, {"MemoryMB", 16}};
    if (::geteuid() != 0) {
        return Json::Object{{"Name", "main"},
                            {"Driver", "mock_driver"},
                            {"Config", Json::Object{{"run_for", "1h"}}},
                            {"Resources", resources}};
    }
    // One line for each life of the task, with the process that lives it.
    const Json::Array arguments{"-c", "echo started $$; exec sleep 3600"};
    return Json::Object{{"Name", "main"},
                        {"Driver", "raw_exec"},
                        {"Config", Json::Object{{"command", "/bin/sh"}, {"args", arguments}}},
                        {"Resources", resources}};
}

Json job_of(const std::string& id, int count, Json meta) {
    return Json::Object{
        {"ID", id},
        {"Name", id},
        {"Type", "service"},
        {"Datacenters", Json::Array{"dc1"}},
        {"Meta", std::move(meta)},
        {"TaskGroups", Json::Array{Json::Object{
                           {"Name", "group"}, {"Count", count}, {"Tasks", Json::Array{task()}}}}}};
}

}  // namespace

Json job(const std::string& id, int count) {
    return Json::Object{{"Job", job_of(id, count, Json::Object{})}};
}

Json register_job(const std::string& id, std::uint64_t value, std::uint64_t index) {
    return Json::Object{{"Job", job_of(id, 0, Json::Object{{"value", std::to_string(value)}})},
                        {"EnforceIndex", true},
                        {"JobModifyIndex", index}};
}

std::uint64_t value_of(const Json& job) {
    const std::string value = text(job, {"Meta", "value"});
    return value.empty() ? 0 : std::stoull(value);
}

}  // namespace drover::agent::cluster
