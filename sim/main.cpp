// The `sim` command: reads scenarios, runs them, reports. Exit codes are part of its interface.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "sim/scalars.hpp"
#include "sim/scenario_reader.hpp"
#include "sim/sweep.hpp"
#include "sim/vocabulary.hpp"

namespace drover::sim {
namespace {

constexpr int exit_usage = 2;

int exit_code(Class verdict) {
    switch (verdict) {
        case Class::pass:
            return 0;
        case Class::safety:
            return 10;
        case Class::liveness:
            return 11;
        case Class::vacuous:
            return 12;
        case Class::nondeterministic:
            return 13;
        case Class::budget:
            return 14;
        case Class::crash:
            return 15;
    }
    return exit_usage;
}

constexpr const char* exit_code_help =
    "Exit codes: 0 as expected, 2 usage or scenario error, 10 safety, 11 liveness, 12 vacuous "
    "(what was\n"
    "asked for never happened), 13 non-deterministic, 14 budget used up, 15 crash.";

struct Arguments {
    std::vector<std::string> files;
    std::string seed, seeds, trace;
    unsigned threads{std::max(1U, std::thread::hardware_concurrency())};
    bool twice{}, verbose{}, progress{};
};

std::string seconds(Duration time) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3fs", static_cast<double>(time.count()) / 1e9);
    return text.data();
}

std::string hex(std::uint64_t hash) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
    return text.data();
}

std::string seed_text(SeedRange seeds) {
    return std::to_string(seeds.first) +
           (seeds.first == seeds.last ? "" : ".." + std::to_string(seeds.last));
}

std::optional<std::string> read_file(const std::string& file) {
    std::ifstream in{file, std::ios::binary};
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return std::nullopt;
    return text.str();
}

std::optional<std::vector<Scenario>> read_all(const std::vector<std::string>& files) {
    std::vector<Scenario> scenarios;
    for (const auto& file : files) {
        const auto text = read_file(file);
        if (!text) {
            std::cerr << file << ": cannot be read; check the path and its permissions\n";
            return std::nullopt;
        }
        auto scenario = read_scenario(*text, file);
        if (!scenario) {
            std::cerr << scenario.error().message << "\n";
            return std::nullopt;
        }
        scenarios.push_back(std::move(*scenario));
    }
    return scenarios;
}

// A sweep keeps a report of every run until its end.
constexpr std::uint64_t sweep_max = 100'000;

std::optional<SeedRange> bounded(const SeedRange& range) {
    if (range.last - range.first < sweep_max) return range;
    std::cerr << "sim: seeds " << seed_text(range) << ": no more than " << sweep_max
              << " in one sweep; run it in parts\n";
    return std::nullopt;
}

// Command line first, then the file, then seed 1.
std::optional<SeedRange> seeds_for(const Scenario& scenario, const Arguments& arguments) {
    const std::string& text = arguments.seeds.empty() ? arguments.seed : arguments.seeds;
    if (!text.empty()) {
        const auto range =
            arguments.seeds.empty()
                ? parse_count(text).map([](std::uint64_t one) { return SeedRange{one, one}; })
                : parse_seed_range(text);
        if (!range) {
            std::cerr << "sim: " << range.error().message << "\n";
            return std::nullopt;
        }
        return bounded(*range);
    }
    if (scenario.seeds) return bounded(*scenario.seeds);
    const std::uint64_t seed = scenario.seed.value_or(1);
    return SeedRange{seed, seed};
}

void print_failure(const Scenario& scenario, const RunReport& failure) {
    std::cout << "\n" << scenario.file << ": " << word_of(class_words, failure.verdict);
    if (!failure.check.empty()) std::cout << " (" << failure.check << ")";
    std::cout << " at " << seconds(failure.failed_at) << "\n  " << failure.message << "\n";
    if (scenario.expect.verdict != Class::pass) {
        std::cout << "  expected: fail(class=" << word_of(class_words, scenario.expect.verdict)
                  << (scenario.expect.check.empty() ? "" : "; check=" + scenario.expect.check)
                  << ")\n";
    }
    if (!failure.drawn.empty()) std::cout << failure.drawn;
    std::cout << "replay: sim run " << scenario.file << " --seed " << failure.seed << "\n";
}

struct Totals {
    std::uint64_t runs{}, events{}, hash{};
    Duration simulated{}, wall{};
    Class verdict{Class::pass};
    bool as_expected{true};
    std::string seeds;
};

void add(Totals& totals, const SweepReport& report, Duration wall) {
    totals.hash = totals.runs == 0 ? report.hash : totals.hash * 0x100000001b3ULL ^ report.hash;
    totals.runs += report.runs;
    totals.events += report.events;
    totals.simulated += report.simulated;
    totals.wall += wall;
    totals.seeds = seed_text(report.seeds);
    if (!report.failure || !totals.as_expected) return;
    totals.as_expected = false;
    // A scenario that was to fail and passed is as much a failure as the other way round.
    totals.verdict =
        report.failure->verdict == Class::pass ? Class::vacuous : report.failure->verdict;
    if (report.runs > 1) totals.seeds = std::to_string(report.failure->seed);
    totals.hash = report.failure->hash;
}

// The most that this process ever held. Known to the command only: a run must not look at it.
long peak_memory_mib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

void print_line(const std::string& name, const Totals& totals) {
    std::cout << (totals.as_expected
                      ? "pass"
                      : std::string{"FAIL "} + std::string{word_of(class_words, totals.verdict)})
              << (name.empty() ? "" : " ") << name << " seed=" << totals.seeds
              << " hash=" << hex(totals.hash) << " runs=" << totals.runs
              << " events=" << totals.events << " sim=" << seconds(totals.simulated)
              << " wall=" << seconds(totals.wall);
    if (totals.runs == 1) std::cout << " memory=" << peak_memory_mib() << "MiB";
    std::cout << std::endl;
}

void print_marks(const Marks& marks) {
    for (const auto& [name, count] : marks.all()) {
        if (count != 0) std::cout << "  " << name << " " << count << "\n";
    }
}

// Whether it is time for another line about how far a command has come.
class Pace {
public:
    bool is_due() {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::seconds{5}) return false;
        last_ = now;
        return true;
    }

private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Progress progress_reporter(const std::string& name) {
    return [name, pace = std::make_shared<Pace>()](std::uint64_t done, std::uint64_t all) {
        if (pace->is_due()) std::cerr << name << ": " << done << " of " << all << " runs\n";
    };
}

// Within a run: for whoever watches, or asks for it.
RunProgress run_progress_reporter(const std::string& name, const Arguments& arguments) {
    if (!arguments.progress && isatty(STDERR_FILENO) == 0) return {};
    return [name, pace = std::make_shared<Pace>()](Duration simulated, std::uint64_t events) {
        if (!pace->is_due()) return;
        std::cerr << name << ": " << seconds(simulated) << " simulated, " << events << " events\n";
    };
}

int run_all(const Arguments& arguments) {
    const auto scenarios = read_all(arguments.files);
    if (!scenarios) return exit_usage;
    std::ofstream trace;
    if (!arguments.trace.empty()) {
        trace.open(arguments.trace);
        if (!trace) {
            std::cerr << "sim: --trace " << arguments.trace << ": cannot be written\n";
            return exit_usage;
        }
    }
    Totals all;
    for (const auto& scenario : *scenarios) {
        const auto seeds = seeds_for(scenario, arguments);
        if (!seeds) return exit_usage;
        if (!arguments.trace.empty() && (scenarios->size() != 1 || seeds->first != seeds->last)) {
            std::cerr << "sim: --trace records one run: give one file and one --seed\n";
            return exit_usage;
        }
        if (scenario.large && (scenarios->size() != 1 || seeds->first != seeds->last)) {
            std::cout << "skip " << scenario.name << " (large: run it alone, with one seed)\n";
            continue;
        }
        const auto began = std::chrono::steady_clock::now();
        const SweepReport report =
            sweep(scenario, *seeds,
                  {arguments.threads, arguments.twice, trace.is_open() ? &trace : nullptr,
                   run_progress_reporter(scenario.name, arguments)},
                  progress_reporter(scenario.name));
        Totals one;
        add(one, report, std::chrono::steady_clock::now() - began);
        add(all, report, std::chrono::steady_clock::now() - began);
        if (arguments.verbose) {
            if (report.only) std::cout << report.only->drawn;
            print_marks(report.marks);
        }
        if (report.failure) print_failure(scenario, *report.failure);
        if (scenarios->size() > 1) print_line(scenario.name, one);
    }
    print_line(scenarios->size() == 1 ? scenarios->front().name : "", all);
    return all.as_expected ? 0 : exit_code(all.verdict);
}

int check_all(const Arguments& arguments) {
    const auto scenarios = read_all(arguments.files);
    if (!scenarios) return exit_usage;
    for (const auto& scenario : *scenarios)
        std::cout << scenario.file << ": ok, " << scenario.name << "\n";
    return 0;
}

// A broken invariant aborts. Say which run it was before the process ends.
extern "C" void report_crash(int) {
    const CurrentRun run = current_run();
    if (run.scenario != nullptr) {
        std::printf(
            "\n%s: crash\nreplay: sim run %s --seed %llu\nFAIL crash %s seed=%llu hash=%016x\n",
            run.scenario->file.c_str(), run.scenario->file.c_str(),
            static_cast<unsigned long long>(run.seed), run.scenario->name.c_str(),
            static_cast<unsigned long long>(run.seed), 0);
        std::fflush(stdout);
    }
    std::_Exit(exit_code(Class::crash));
}

int main_(int argc, char** argv) {
    CLI::App app{
        "Runs Drover's engines in a simulated world: the same code that runs a cluster, with\n"
        "faults, upgrades and a clock of its own. A run is a function of scenario and seed."};
    app.footer(exit_code_help);
    app.require_subcommand(1);
    Arguments arguments;
    auto* const run_command = app.add_subcommand("run", "run scenarios and report a verdict");
    run_command->add_option("FILE", arguments.files, "scenario files (format sim/1)")->required();
    auto* const seed =
        run_command->add_option("--seed", arguments.seed, "one seed, such as 7 or 0x5eed");
    run_command->add_option("--seeds", arguments.seeds, "a range of seeds: A..B")->excludes(seed);
    run_command->add_option("--trace", arguments.trace,
                            "write every event of a single run, one JSON object a line");
    run_command->add_option("--threads", arguments.threads, "runs at the same time")
        ->check(CLI::Range(1, 256));
    run_command->add_flag("--twice", arguments.twice, "run every seed twice and compare");
    run_command->add_flag(
        "--progress", arguments.progress,
        "say every few seconds how far a single run has come (on a terminal it is "
        "said anyway)");
    run_command->add_flag("-v,--verbose", arguments.verbose,
                          "also print the drawn options and all marks");
    run_command->footer(exit_code_help);
    auto* const check_command =
        app.add_subcommand("check", "read scenarios and report errors, without running");
    check_command->add_option("FILE", arguments.files, "scenario files (format sim/1)")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    std::signal(SIGABRT, report_crash);
    return check_command->parsed() ? check_all(arguments) : run_all(arguments);
}

}  // namespace
}  // namespace drover::sim

int main(int argc, char** argv) { return drover::sim::main_(argc, argv); }
