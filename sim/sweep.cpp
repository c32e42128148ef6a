#include "sim/sweep.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <thread>

namespace drover::sim {
namespace {

thread_local CurrentRun current;

RunReport run_once(const Scenario& scenario, std::uint64_t seed, const SweepOptions& options,
                   const RunProgress& progress) {
    current = {&scenario, seed};
    RunReport report = run(scenario, seed, options.trace, progress);
    if (!options.twice) return report;
    const RunReport again = run(scenario, seed, nullptr, progress);
    if (again.hash != report.hash) {
        report.verdict = Class::nondeterministic;
        report.check = "hash";
        report.message = "a second run of the same seed took another course";
        report.as_expected = false;
    }
    return report;
}

class Sweep {
public:
    Sweep(const Scenario& scenario, SeedRange seeds, const SweepOptions& options,
          const Progress& progress)
        : scenario_{scenario},
          seeds_{seeds},
          options_{options},
          progress_{progress},
          reports_(seeds.last - seeds.first + 1),
          stop_at_{reports_.size()} {}

    SweepReport report() {
        std::vector<std::thread> threads;
        for (unsigned i = 1; i < options_.threads; ++i) threads.emplace_back([this] { work(); });
        work();
        for (auto& thread : threads) thread.join();
        return sum();
    }

private:
    void work() {
        for (std::size_t i = next_++; i < reports_.size(); i = next_++) {
            // After a failure only the seeds below it still matter.
            if (i > stop_at_) continue;
            reports_[i] = run_once(scenario_, seeds_.first + i, options_,
                                   reports_.size() == 1 ? options_.progress : RunProgress{});
            const std::lock_guard lock{mutex_};
            if (!reports_[i].as_expected) stop_at_ = std::min(stop_at_.load(), i);
            if (progress_) progress_(++done_, reports_.size());
        }
    }

    SweepReport sum() {
        SweepReport sum;
        sum.seeds = seeds_;
        std::vector<bool> sometimes(scenario_.checks.sometimes.size());
        const std::size_t end = std::min(reports_.size(), stop_at_ + 1);
        for (std::size_t i = 0; i < end; ++i) {
            RunReport& one = reports_[i];
            ++sum.runs;
            sum.hash = end == 1 ? one.hash : std::rotl(sum.hash, 7) * 0x100000001b3ULL ^ one.hash;
            sum.events += one.events;
            sum.simulated += one.simulated;
            sum.wall += one.wall;
            sum.marks.add_all(one.marks);
            for (std::size_t k = 0; k < one.sometimes.size(); ++k) {
                if (one.sometimes[k]) sometimes[k] = true;
            }
            if (!one.as_expected) sum.failure = one;
        }
        if (!sum.failure) sum.failure = never_seen(sometimes, sum);
        if (reports_.size() == 1) sum.only = reports_.front();
        return sum;
    }

    // A fault or a situation that no run of the whole sweep has met.
    std::optional<RunReport> never_seen(const std::vector<bool>& sometimes,
                                        const SweepReport& sum) const {
        RunReport vacuous;
        vacuous.seed = seeds_.first;
        vacuous.verdict = Class::vacuous;
        vacuous.hash = sum.hash;
        for (std::size_t k = 0; k < sometimes.size(); ++k) {
            if (sometimes[k]) continue;
            vacuous.check = "sometimes";
            vacuous.message = "never seen in any run: " + scenario_.checks.sometimes[k].text;
            break;
        }
        const auto asked = [&](Chance chance, const char* mark, const char* what) {
            if (chance.ppm != 0 && sum.marks.count(mark) == 0 && vacuous.check.empty()) {
                vacuous.check = what;
                vacuous.message =
                    std::string{"world.net asks for "} + what + ", but it never happened";
            }
        };
        asked(scenario_.world.servers.loss, "network.lost", "loss");
        asked(scenario_.world.servers.duplicate, "network.duplicated", "dup");
        asked(scenario_.world.servers.reorder, "network.reordered", "reorder");
        if (vacuous.check.empty() || scenario_.expect.verdict == Class::vacuous)
            return std::nullopt;
        return vacuous;
    }

    const Scenario& scenario_;
    SeedRange seeds_;
    const SweepOptions& options_;
    const Progress& progress_;
    std::vector<RunReport> reports_;
    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> stop_at_;
    std::mutex mutex_;
    std::uint64_t done_{0};
};

}  // namespace

CurrentRun current_run() { return current; }

SweepReport sweep(const Scenario& scenario, SeedRange seeds, const SweepOptions& options,
                  const Progress& progress) {
    return Sweep{scenario, seeds, options, progress}.report();
}

}  // namespace drover::sim
