#include "agent/cli/command.hpp"

#include <algorithm>
#include <iostream>

#include "agent/release.hpp"
#include "engine/jobspec/hcl/diagnostic.hpp"

namespace drover::agent::cli {
namespace {

std::vector<std::string> split(std::string_view name) {
    std::vector<std::string> words;
    while (!name.empty()) {
        const auto space = name.find(' ');
        words.emplace_back(name.substr(0, space));
        name = space == std::string_view::npos ? std::string_view{} : name.substr(space + 1);
    }
    return words;
}

bool is_help(const std::string& argument) {
    return argument == "-h" || argument == "-help" || argument == "--help" || argument == "--h";
}

struct Found {
    const Command* command{};
    std::size_t words{};
};

// The command whose name is the longest beginning of the arguments.
Found find_command(const std::vector<std::string>& arguments) {
    Found found;
    for (const auto& command : commands()) {
        for (const auto& name : command.names) {
            const auto words = split(name);
            if (words.size() <= found.words || words.size() > arguments.size()) continue;
            if (std::equal(words.begin(), words.end(), arguments.begin()))
                found = {&command, words.size()};
        }
    }
    return found;
}

void print_overview(std::ostream& out, const std::string& group) {
    out << "Usage: drover [-version] [-help] <command> [options] [args]\n\n"
        << (group.empty() ? "Commands:\n" : "Commands of \"" + group + "\":\n");
    std::size_t widest = 0;
    for (const auto& command : commands()) widest = std::max(widest, command.names.front().size());
    for (const auto& command : commands()) {
        const std::string name{command.names.front()};
        if (!group.empty() && !name.starts_with(group + " ")) continue;
        out << "    " << name << std::string(widest - name.size() + 4, ' ') << command.summary
            << "\n";
    }
}

void print_help(std::ostream& out, const Command& command) {
    out << "Usage: drover " << command.names.front() << (command.usage.empty() ? "" : " ")
        << command.usage << "\n\n  " << command.summary << "\n";
    if (!command.help.empty()) out << "\n" << command.help << "\n";
    const auto list = [&](const char* title, const std::vector<FlagSpec>& flags) {
        if (std::none_of(flags.begin(), flags.end(),
                         [](const FlagSpec& one) { return !one.help.empty(); }))
            return;
        out << "\n" << title << ":\n";
        for (const auto& flag : flags) {
            if (flag.help.empty()) continue;
            const std::string name =
                "-" + std::string{flag.name} + (flag.takes_value ? "=<value>" : "");
            out << "  " << name << std::string(name.size() < 26 ? 26 - name.size() : 1, ' ')
                << flag.help << "\n";
        }
    };
    list("Options", command.flags);
    if (command.uses_api) list("General options", client_flags());
}

int unknown_command(const std::vector<std::string>& arguments) {
    const bool group = std::any_of(commands().begin(), commands().end(), [&](const Command& one) {
        return one.names.front().starts_with(arguments[0] + " ");
    });
    if (group) {
        print_overview(std::cerr, arguments[0]);
        return arguments.size() > 1 && is_help(arguments[1]) ? 0 : 127;
    }
    std::vector<std::string> names;
    for (const auto& command : commands()) names.push_back(split(command.names.front()).front());
    std::cerr << "drover: unknown command \"" << arguments[0] << "\"";
    if (const auto near = hcl::closest(arguments[0], names))
        std::cerr << "; did you mean \"" << *near << "\"?";
    std::cerr << "\n\n";
    print_overview(std::cerr, {});
    return 127;
}

int usage_error(const Command& command, const std::string& message) {
    std::cerr << message << "\nFor additional help try 'drover " << command.names.front()
              << " -help'\n";
    return command.error_code;
}

int run(const Command& command, const std::vector<std::string>& arguments) {
    std::vector<FlagSpec> known = command.flags;
    if (command.uses_api) known.insert(known.end(), client_flags().begin(), client_flags().end());
    const auto flags = Flags::parse(known, arguments);
    if (!flags) return usage_error(command, flags.error().message);
    const std::size_t count = flags->positional().size();
    if (count < command.arguments_min || count > command.arguments_max) {
        return usage_error(command, "This command takes " +
                                        (command.arguments_max == 0
                                             ? std::string{"no arguments"}
                                             : "these arguments: " + std::string{command.usage}));
    }
    if (!command.uses_api) return command.run({*flags, nullptr});
    auto api = ApiClient::create(*flags);
    if (!api)
        return report_error("Error initializing client: " + api.error().message,
                            command.error_code);
    return command.run({*flags, &*api});
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments) {
    if (arguments.empty() || is_help(arguments[0])) {
        print_overview(arguments.empty() ? std::cerr : std::cout, {});
        return arguments.empty() ? 127 : 0;
    }
    if (arguments[0] == "-v" || arguments[0] == "-version" || arguments[0] == "--version") {
        return run_command_line({"version"});
    }
    const Found found = find_command(arguments);
    if (found.command == nullptr) return unknown_command(arguments);
    const std::vector<std::string> rest{
        arguments.begin() + static_cast<std::ptrdiff_t>(found.words), arguments.end()};
    if (std::any_of(rest.begin(), rest.end(), is_help)) {
        print_help(std::cout, *found.command);
        return 0;
    }
    return run(*found.command, rest);
}

int report_error(const std::string& message, int code) {
    std::cerr << message << "\n";
    return code;
}

int print(const schema::JsonValue& json) {
    std::cout << schema::print_json(json, true);
    return 0;
}

int version(const Invocation&) {
    std::cout << "Drover v" << release << "\nSpeaks Nomad v" << claimed_version << "\n";
    return 0;
}

}  // namespace drover::agent::cli
