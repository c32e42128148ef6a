#include "tests/agent/cluster/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace drover::agent::cluster {

namespace fs = std::filesystem;

Process::Process(const std::vector<std::string>& command, const fs::path& log) {
    // Everything that allocates comes before the fork: other threads may hold the heap's lock.
    std::vector<char*> arguments;
    for (const auto& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    const std::string path = log.string();
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

Process::~Process() {
    if (!runs()) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

bool Process::runs() { return !exit_code().has_value(); }

void Process::signal(int number) const {
    if (!exit_code_ && pid_ > 0) ::kill(pid_, number);
}

std::optional<int> Process::exit_code() {
    if (exit_code_ || pid_ <= 0) return exit_code_.value_or(127);
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return exit_code_;
}

int run(const std::vector<std::string>& command, const fs::path& scratch, std::string& output) {
    const fs::path file = scratch / "output";
    fs::remove(file);
    Process process{command, file};
    if (!eventually([&] { return !process.runs(); })) process.signal(SIGKILL);
    output += content_of(file);
    return process.exit_code().value_or(-1);
}

void kill_all_that_mention(const std::string& text) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/proc", error}) {
        const std::string name = entry.path().filename().string();
        if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }))
            continue;
        const pid_t pid = std::stoi(name);
        if (pid == ::getpid()) continue;
        const std::string about =
            content_of(entry.path() / "cmdline") + '\0' + content_of(entry.path() / "environ");
        if (about.find(text) != std::string::npos) ::kill(pid, SIGKILL);
    }
}

std::string content_of(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    std::ostringstream text;
    if (in) text << in.rdbuf();
    return text.str();
}

void pause_for(std::chrono::milliseconds time) {
    ::poll(nullptr, 0, static_cast<int>(time.count()));
}

}  // namespace drover::agent::cluster
