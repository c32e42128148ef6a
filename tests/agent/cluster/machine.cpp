#include "tests/agent/cluster/machine.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <random>
#include <stdexcept>

namespace drover::agent::cluster {

namespace fs = std::filesystem;

Machine::Machine(std::string name, const fs::path& root, std::uint16_t first_port,
                 const std::string& settings, std::vector<std::string> flags)
    : name_{std::move(name)},
      directory_{root / name_},
      first_port_{first_port},
      flags_{std::move(flags)} {
    fs::create_directories(directory_);
    std::ofstream config{directory_ / "agent.hcl"};
    config << "name      = \"" << name_ << "\"\n"
           << "data_dir  = \"" << (directory_ / "data").string() << "\"\n"
           << "bind_addr = \"127.0.0.1\"\n"
           << "log_level = \"DEBUG\"\n"
           << "ports {\n  http = " << first_port_ << "\n  rpc = " << first_port_ + 1
           << "\n  serf = " << first_port_ + 2 << "\n}\n"
           << settings;
}

void Machine::start() {
    std::vector<std::string> command{DROVER_PROGRAM, "agent", "-config",
                                     (directory_ / "agent.hcl").string()};
    command.insert(command.end(), flags_.begin(), flags_.end());
    process_ = std::make_unique<Process>(command, log());
}

void Machine::ask_to_stop() const { process_->signal(SIGTERM); }

std::optional<int> Machine::wait_for_end() {
    if (!eventually([&] { return !runs(); })) return std::nullopt;
    return process_->exit_code();
}

std::optional<int> Machine::stop() {
    ask_to_stop();
    return wait_for_end();
}

int Machine::command(std::vector<std::string> arguments, std::string& output) const {
    arguments.push_back("-address=http://127.0.0.1:" + std::to_string(http()));
    return offline(std::move(arguments), output);
}

int Machine::offline(std::vector<std::string> arguments, std::string& output) const {
    arguments.insert(arguments.begin(), DROVER_PROGRAM);
    return run(arguments, directory_, output);
}

void Machine::kill() { process_.reset(); }

namespace {

bool is_free(std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool bound =
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    return bound;
}

bool are_free(std::uint16_t first, std::uint16_t count) {
    for (std::uint16_t i = 0; i < count; ++i) {
        if (!is_free(static_cast<std::uint16_t>(first + i))) return false;
    }
    return true;
}

// A name that one process at a time can have, gone with the process that has it.
int take_name(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof address.sun_path - 1);  // abstract: begins with a NUL
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0) return socket;
    ::close(socket);
    return -1;
}

}  // namespace

Ports::Ports(std::uint16_t count) {
    constexpr unsigned lowest = 10000, highest = 20000, size = 16;
    if (count > size) throw std::runtime_error{"at most 16 ports at a time"};
    std::random_device chance;
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const unsigned block = chance() % ((highest - lowest) / size);
        first_ = static_cast<std::uint16_t>(lowest + block * size);
        name_ = take_name("drover-test-ports-" + std::to_string(first_));
        if (name_ >= 0 && are_free(first_, count)) return;
        if (name_ >= 0) ::close(name_);
    }
    throw std::runtime_error{"no free ports between 10000 and 20000"};
}

Ports::~Ports() { ::close(name_); }

}  // namespace drover::agent::cluster
