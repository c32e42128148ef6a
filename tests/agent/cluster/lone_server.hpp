// A cluster of one server, as a real process in a directory that goes with it: for tests of what a
// server leaves on its disk.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include "tests/agent/cluster/machine.hpp"

namespace drover::agent::cluster {

class LoneServer {
public:
    // `settings` go into its server block. It runs when this returns; what it is to find in its
    // directory `prepare` puts there before.
    explicit LoneServer(
        const std::string& settings,
        const std::function<void(const Machine&)>& prepare = [](const Machine&) {})
        : ports_{3},
          machine_{"lone", make_root(), ports_.first(),
                   "server {\n  enabled = true\n  bootstrap_expect = 1\n" + settings + "}\n"} {
        prepare(machine_);
        machine_.start();
    }
    ~LoneServer() {
        machine_.kill();
        std::error_code ignored;
        std::filesystem::remove_all(machine_.directory().parent_path(), ignored);
    }
    [[nodiscard]] Machine& machine() { return machine_; }
    [[nodiscard]] const Machine& machine() const { return machine_; }
    [[nodiscard]] std::string data() const { return (machine_.directory() / "data").string(); }
    // Jobs that run nothing: "job-1" and so on.
    void register_jobs(int count) {
        Api api = machine_.api();
        for (int i = 1; i <= count; ++i) {
            const auto written = [&] {
                return api.register_job(register_job("job-" + std::to_string(i), 1, 0)).fate;
            };
            ASSERT_TRUE(eventually([&] { return written() == Written::Fate::done; })) << i;
        }
    }

private:
    static std::filesystem::path make_root() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / ("drover-lone-" + std::string(6, 'X')))
                .string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{pattern};
        return pattern;
    }

    Ports ports_;
    Machine machine_;
};

}  // namespace drover::agent::cluster
