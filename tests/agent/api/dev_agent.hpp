// A whole agent in this process, server and client in one, for tests of what it answers over HTTP.
#pragma once

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "agent/agent.hpp"
#include "agent/log.hpp"
#include "engine/schema/json_value.hpp"
#include "io/http_client.hpp"

namespace drover::agent {

// A port that nobody listened on a moment ago.
inline std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    socklen_t size = sizeof where;
    EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&where), &size), 0);
    ::close(socket);
    return ntohs(where.sin_port);
}

class DevAgent {
public:
    DevAgent() {
        configure_log(LogLevel::error, false);
        Config config = dev_config();
        config.ports = {free_port(), free_port(), free_port()};
        auto started = Agent::start(std::move(config), [](const std::string& reason) {
            ADD_FAILURE() << "the agent halted: " << reason;
        });
        if (!started) throw std::runtime_error{started.error().message};
        agent_ = std::move(*started);
        io::HttpClientOptions options;
        options.address = "http://" + agent_->http_address();
        options.silence_timeout = std::chrono::seconds{30};
        client_ = std::move(*io::HttpClient::create(options));
    }

    io::HttpResponse send(const std::string& method, const std::string& target,
                          const std::string& body = {}) {
        auto response = client_->request(method, target, body);
        if (!response) throw std::runtime_error{target + ": " + response.error().message};
        return std::move(*response);
    }
    schema::JsonValue get(const std::string& target) {
        const auto response = send("GET", target);
        EXPECT_EQ(response.status, 200U) << target << ": " << response.body;
        auto json = schema::parse_json(response.body);
        EXPECT_TRUE(json) << target << ": " << response.body;
        return json ? std::move(*json) : schema::JsonValue{};
    }
    // Asks until the answer is as wanted; false when it never is.
    template <class Wanted>
    bool await(const std::string& target, Wanted wanted) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        while (std::chrono::steady_clock::now() < end) {
            const auto response = send("GET", target);
            const auto json = schema::parse_json(response.body);
            if (response.status == 200 && json && wanted(*json)) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        return false;
    }
    [[nodiscard]] std::string address() const { return agent_->http_address(); }

private:
    std::unique_ptr<Agent> agent_;
    std::unique_ptr<io::HttpClient> client_;
};

inline std::string text_at(const schema::JsonValue& json, const std::string& name) {
    const auto* const found = json.find(name);
    return found != nullptr && found->text() != nullptr ? *found->text() : std::string{};
}

}  // namespace drover::agent
