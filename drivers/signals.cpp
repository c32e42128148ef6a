#include "drivers/signals.hpp"

#include <charconv>
#include <csignal>

namespace drover::drivers {
namespace {

struct Named {
    std::string_view name;
    int number;
};

constexpr std::array<Named, 31> signals{{
    {"SIGABRT", SIGABRT}, {"SIGALRM", SIGALRM}, {"SIGBUS", SIGBUS},       {"SIGCHLD", SIGCHLD},
    {"SIGCONT", SIGCONT}, {"SIGFPE", SIGFPE},   {"SIGHUP", SIGHUP},       {"SIGILL", SIGILL},
    {"SIGINT", SIGINT},   {"SIGIO", SIGIO},     {"SIGKILL", SIGKILL},     {"SIGPIPE", SIGPIPE},
    {"SIGPROF", SIGPROF}, {"SIGPWR", SIGPWR},   {"SIGQUIT", SIGQUIT},     {"SIGSEGV", SIGSEGV},
    {"SIGSTOP", SIGSTOP}, {"SIGSYS", SIGSYS},   {"SIGTERM", SIGTERM},     {"SIGTRAP", SIGTRAP},
    {"SIGTSTP", SIGTSTP}, {"SIGTTIN", SIGTTIN}, {"SIGTTOU", SIGTTOU},     {"SIGURG", SIGURG},
    {"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2}, {"SIGVTALRM", SIGVTALRM}, {"SIGWINCH", SIGWINCH},
    {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ}, {"SIGSTKFLT", SIGSTKFLT},
}};

}  // namespace

Result<int> parse_signal(std::string_view name) {
    int number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size()) {
        if (number > 0 && number <= SIGRTMAX) return number;
    }
    std::string upper;
    for (const char letter : name) {
        upper += letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    }
    for (const auto& signal : signals) {
        if (upper == signal.name || upper == signal.name.substr(3)) return signal.number;
    }
    return fail(Errc::invalid_argument, "unknown signal \"" + std::string{name} +
                                            "\"; use a name such as SIGTERM or a number");
}

std::string signal_name(int number) {
    for (const auto& signal : signals) {
        if (signal.number == number) return std::string{signal.name};
    }
    return "signal " + std::to_string(number);
}

std::string signal_list() {
    std::vector<std::string_view> names;
    for (const auto& signal : signals) names.push_back(signal.name);
    std::sort(names.begin(), names.end());
    std::string list;
    for (const auto name : names) {
        if (!list.empty()) list += ',';
        list += name;
    }
    return list;
}

}  // namespace drover::drivers
