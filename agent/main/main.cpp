// The one binary: agent, command line, and the executor that tasks run under.
#include <string>
#include <vector>

#include "agent/cli/command.hpp"
#include "drivers/executor.hpp"

int main(int argc, char** argv) {
    // Hidden: what a raw_exec task runs under. It never touches anything else of the agent.
    if (argc > 1 && std::string{argv[1]} == "executor") {
        return drover::drivers::executor_main(argc - 1, argv + 1);
    }
    return drover::agent::cli::run_command_line({argv + 1, argv + argc});
}
