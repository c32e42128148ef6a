// raft_dialogue [--level L1|L2] FILE...: runs scripts of etcd-io/raft's format against the core.
// One line per file; exits 0 only when all hold.
//
//   L1  the state blocks (raft-log, raft-state, status) are equal
//   L2  and every block sends the same messages, in whatever order
//
// The scripts' own third level, the exact text with its log lines, is not compared.
#include <fstream>
#include <iostream>
#include <iterator>

#include "tests/engine/raft/dialogue/script.hpp"

namespace {

using namespace drover::raft::dialogue;

std::optional<std::string> run(const std::string& path, Level level) {
    std::ifstream in{path};
    if (!in) return "cannot be read";
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto script = parse(text);
    if (script.empty()) return "holds no command";
    const std::string& command = script.front().command;
    if (command == "committed" || command == "vote") return run_quorum(script);
    if (command == "simple" || command == "enter-joint" || command == "leave-joint") {
        return run_confchange(script);
    }
    return run_interaction(script, level);
}

}  // namespace

int main(int argc, char** argv) {
    Level level = Level::messages;
    bool good = true;
    int files = 0;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--level" && i + 1 < argc) {
            const std::string name = argv[++i];
            if (name != "L1" && name != "L2") {
                std::cerr << "--level: \"" << name << "\" is not offered; use L1 or L2\n";
                return 2;
            }
            level = static_cast<Level>(name[1] - '0');
            continue;
        }
        const auto difference = run(word, level);
        good = good && !difference;
        ++files;
        std::cout << word << ": " << difference.value_or("ok") << "\n";
    }
    if (files == 0) {
        std::cerr << "usage: raft_dialogue [--level L1|L2] FILE...\n";
        return 2;
    }
    return good ? 0 : 1;
}
