// `drover agent`: configuration from files and flags, then one agent until a signal ends it.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iostream>

#include "agent/agent.hpp"
#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"
#include "agent/config.hpp"
#include "agent/log.hpp"
#include "agent/release.hpp"
#include "engine/jobspec/hcl/value.hpp"

namespace drover::agent::cli {
namespace {

template <class Integer>
Result<void> take_number(const Flags& flags, std::string_view flag, Integer& target) {
    const std::string* const told = flags.value(flag);
    if (told == nullptr) return {};
    const auto number = hcl::Number::parse(*told);
    const auto whole = number ? number->as_int64() : std::nullopt;
    if (!whole || *whole < 0 || *whole > 1000) {
        return fail(Errc::invalid_argument,
                    "-" + std::string{flag} + " \"" + *told + "\": must be a small whole number");
    }
    target = static_cast<Integer>(*whole);
    return {};
}

void take_text(const Flags& flags, std::string_view flag, std::string& target) {
    if (const std::string* told = flags.value(flag)) target = *told;
}

void take_list(const Flags& flags, std::string_view flag, std::vector<std::string>& target) {
    for (auto& value : flags.values(flag)) target.push_back(std::move(value));
}

Result<void> apply_flags(Config& config, const Flags& flags) {
    take_text(flags, "data-dir", config.data_dir);
    take_text(flags, "bind", config.bind_addr);
    take_text(flags, "region", config.region);
    take_text(flags, "dc", config.datacenter);
    take_text(flags, "node", config.name);
    take_text(flags, "log-level", config.log_level);
    take_text(flags, "node-class", config.client.node_class);
    take_text(flags, "node-pool", config.client.node_pool);
    take_text(flags, "network-interface", config.client.network_interface);
    take_text(flags, "alloc-dir", config.client.alloc_dir);
    take_text(flags, "state-dir", config.client.state_dir);
    config.log_json = flags.on("log-json", config.log_json);
    config.server.enabled = flags.on("server", config.server.enabled);
    config.client.enabled = flags.on("client", config.client.enabled);
    take_list(flags, "join", config.server.join);
    take_list(flags, "retry-join", config.server.join);
    take_list(flags, "servers", config.client.servers);
    for (const auto& pair : flags.values("meta")) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos)
            return fail(Errc::invalid_argument, "-meta \"" + pair + "\": write key=value");
        config.client.meta[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    if (auto taken = take_number(flags, "bootstrap-expect", config.server.bootstrap_expect); !taken)
        return taken;
    return take_number(flags, "raft-protocol", config.server.raft_protocol);
}

Result<Config> load(const Flags& flags) {
    Config config = flags.on("dev") ? dev_config() : Config{};
    for (const auto& path : flags.values("config")) {
        if (auto merged = merge_path(config, path); !merged) return tl::unexpected{merged.error()};
    }
    if (auto applied = apply_flags(config, flags); !applied) return tl::unexpected{applied.error()};
    if (auto checked = check(config); !checked) return tl::unexpected{checked.error()};
    return config;
}

void print_banner(const Agent& agent) {
    const Config& config = agent.config();
    std::string files;
    for (const auto& file : config.files) files += (files.empty() ? "" : ", ") + file;
    std::cout << "==> Loaded configuration from " << (files.empty() ? "no files" : files) << "\n"
              << "==> Drover agent configuration:\n\n"
              << key_values(
                     {{"           Advertise Addrs", "HTTP: " + agent.http_address()},
                      {"                    Client", config.client.enabled ? "true" : "false"},
                      {"                  Data Dir", config.data_dir},
                      {"                 Log Level", config.log_level},
                      {"                    Region",
                       config.region + " (DC: " + config.datacenter + ")"},
                      {"                    Server", config.server.enabled ? "true" : "false"},
                      {"                   Version", std::string{release}}})
              << "\n==> Drover agent started! Log data will stream in below:\n"
              << std::endl;
}

// Blocks the signals that end an agent in every thread that is started from now on.
sigset_t block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int one : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&signals, one);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return signals;
}

}  // namespace

int agent_command(const Invocation& invocation) {
    auto config = load(invocation.flags);
    if (!config) return report_error("==> " + config.error().message);
    const auto level = parse_log_level(config->log_level);
    if (!level) return report_error("==> " + level.error().message);
    configure_log(*level, config->log_json);
    for (const auto& warning : config->warnings) log(LogLevel::warn, "agent", warning);

    const sigset_t signals = block_signals();
    const pthread_t waiting = pthread_self();
    std::atomic<bool> halted{false};
    auto agent = Agent::start(std::move(*config), [&](const std::string&) {
        if (!halted.exchange(true)) pthread_kill(waiting, SIGUSR2);
    });
    if (!agent) return report_error("==> Error starting agent: " + agent.error().message);
    print_banner(**agent);
    while (true) {
        int received = 0;
        sigwait(&signals, &received);
        if (received == SIGHUP) {
            log(LogLevel::info, "agent", "SIGHUP: nothing is reloaded in this release");
            continue;
        }
        if (received != SIGUSR2) std::cout << "==> Caught signal: " << strsignal(received) << "\n";
        break;
    }
    agent->reset();
    return halted ? 1 : 0;
}

}  // namespace drover::agent::cli
