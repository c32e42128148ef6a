// One agent as a real process: its directory, its ports, its configuration file, its life.
#pragma once

#include <signal.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/agent/cluster/api.hpp"
#include "tests/agent/cluster/process.hpp"

namespace drover::agent::cluster {

class Machine {
public:
    // `first_port` and the two after it are its own. `settings` are added to its configuration
    // file, `flags` to its command line.
    Machine(std::string name, const std::filesystem::path& root, std::uint16_t first_port,
            const std::string& settings, std::vector<std::string> flags = {});

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint16_t http() const { return first_port_; }
    [[nodiscard]] std::filesystem::path directory() const { return directory_; }
    [[nodiscard]] std::filesystem::path log() const { return directory_ / "agent.log"; }

    void start();
    // SIGTERM, and the exit code that it ended with.
    [[nodiscard]] std::optional<int> stop();
    void ask_to_stop() const;
    [[nodiscard]] std::optional<int> wait_for_end();
    // SIGKILL, and waits until the kernel has taken it away.
    void kill();
    void pause() const { process_->signal(SIGSTOP); }
    void resume() const { process_->signal(SIGCONT); }
    // The command line, pointed at this agent.
    [[nodiscard]] int command(std::vector<std::string> arguments, std::string& output) const;
    // The command line without an agent, for commands that work on files.
    [[nodiscard]] int offline(std::vector<std::string> arguments, std::string& output) const;
    [[nodiscard]] bool runs() { return process_ && process_->runs(); }
    [[nodiscard]] Api api(std::chrono::seconds timeout = std::chrono::seconds{20}) const {
        return Api{http(), timeout};
    }

private:
    std::string name_;
    std::filesystem::path directory_;
    std::uint16_t first_port_;
    std::vector<std::string> flags_;
    std::unique_ptr<Process> process_;
};

// A range of ports that nothing listens on and that no other test of this kind takes while this one
// lives. They lie below the range that the kernel gives to outgoing connections, so that a killed
// agent finds its own ones free when it comes back.
class Ports {
public:
    explicit Ports(std::uint16_t count);
    ~Ports();
    Ports(const Ports&) = delete;
    Ports& operator=(const Ports&) = delete;

    [[nodiscard]] std::uint16_t first() const { return first_; }

private:
    std::uint16_t first_{};
    int name_{-1};
};

}  // namespace drover::agent::cluster
