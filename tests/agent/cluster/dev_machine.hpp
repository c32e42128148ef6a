// One agent in dev mode as a real process, in a directory of its own, which goes with it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/agent/cluster/machine.hpp"

namespace drover::agent::cluster {

class DevMachine {
public:
    DevMachine() : ports_{3}, machine_{"dev", make_root(), ports_.first(), "", {"-dev"}} {
        machine_.start();
    }
    ~DevMachine() {
        (void)machine_.stop();
        kill_all_that_mention(machine_.directory().string());
        std::error_code ignored;
        std::filesystem::remove_all(machine_.directory().parent_path(), ignored);
    }
    [[nodiscard]] Machine& machine() { return machine_; }
    [[nodiscard]] Api api() const { return machine_.api(); }
    [[nodiscard]] bool wait_until_ready() const {
        return eventually([&] {
            Api api = machine_.api();
            const auto nodes = api.get("/v1/nodes");
            return nodes && !items(*nodes).empty() &&
                   text(items(*nodes).front(), {"Status"}) == "ready" &&
                   api.get("/v1/status/leader").has_value();
        });
    }

private:
    static std::filesystem::path make_root() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / ("drover-machine-" + std::string(6, 'X')))
                .string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{pattern};
        return pattern;
    }

    Ports ports_;
    Machine machine_;
};

}  // namespace drover::agent::cluster
