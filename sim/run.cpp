#include "sim/run.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "sim/assertions.hpp"
#include "sim/convergence.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds{100};
// The world must stay converged this long: one lucky moment is not rest.
constexpr Duration rest = std::chrono::seconds{1};

using WallClock = std::chrono::steady_clock;

class Run {
public:
    Run(const Scenario& scenario, std::uint64_t seed, std::ostream* trace,
        const RunProgress& progress)
        : scenario_{scenario},
          progress_{progress},
          seed_{seed},
          began_{WallClock::now()},
          world_{scenario, seed, Trace{trace}},
          assertions_{scenario.checks} {}

    RunReport report() {
        start();
        live_until(Instant{scenario_.phases.chaos});
        if (!world_.failure()) heal();
        if (!world_.failure() && !scenario_.swarm.unlimited) converge();
        if (!world_.failure()) world_.checkers.finish(world_);
        if (!world_.failure()) check_that_it_happened();
        return make_report();
    }

private:
    void start() {
        for (auto& server : world_.servers) {
            world_.after(
                stagger("servers", server.number()),
                [number = server.number()](World& world) { world.servers[number].start(world); });
        }
        for (std::uint32_t i = 0; i < world_.nodes.size(); ++i) {
            world_.after(stagger("nodes", i), [i](World& world) { world.nodes[i].start(world); });
        }
        world_.workload.start(world_);
        world_.faults.start(world_);
        world_.swarm.start(world_);
    }

    // Machines do not boot in the same nanosecond.
    Duration stagger(std::string_view what, std::uint64_t number) const {
        Prng prng = world_.stream("boot", number).stream(what);
        return prng.between(Duration{}, Duration{std::chrono::milliseconds{100}});
    }

    // Lets the world live until then, a failure, or the end of the budget.
    void live_until(Instant end) {
        while (!world_.failure() && world_.has_future() && world_.next_event_at() <= end) {
            if (world_.next_event_at() >= next_look_) {
                assertions_.look(world_);
                next_look_ = world_.next_event_at() + look_interval;
            }
            world_.advance();
            world_.faults.look(world_);
            check_budget();
        }
        // A quiet world has no events; its time passes all the same.
        world_.at(end, [](World&) {});
        while (!world_.failure() && world_.has_future() && world_.next_event_at() <= end)
            world_.advance();
        assertions_.look(world_);
    }

    void check_budget() {
        if ((++steps_ & 0xfff) == 0) {
            if (WallClock::now() - began_ > scenario_.budget.wall)
                world_.fail(Class::budget, "wall", "the budget of wall time is used up");
            if (progress_) progress_(world_.now().time_since_epoch(), world_.trace.count());
        }
        if (world_.trace.count() > scenario_.budget.events) {
            world_.fail(Class::budget, "events", "the budget of events is used up");
        }
        if (world_.now().time_since_epoch() > scenario_.budget.sim) {
            world_.fail(Class::budget, "sim", "the budget of simulated time is used up");
        }
    }

    void heal() {
        world_.swarm.stop(world_);
        world_.workload.stop();
        if (scenario_.phases.core_is_quorum) freeze_all_but_a_quorum();
        world_.faults.heal(world_);
        assertions_.heal(world_);
    }

    void freeze_all_but_a_quorum() {
        Prng prng = world_.stream("core");
        std::set<std::uint32_t> others;
        const std::size_t minority = (world_.servers.size() - 1) / 2;
        while (others.size() < minority) {
            others.insert(static_cast<std::uint32_t>(prng.below(world_.servers.size())));
        }
        for (const std::uint32_t server : others) world_.faults.freeze(world_, server);
    }

    void converge() {
        const Instant end = world_.now() + scenario_.phases.converge;
        std::optional<Instant> since;
        std::string reason;
        while (!world_.failure() && world_.now() < end) {
            live_until(world_.now() + look_interval);
            reason = not_converged(world_);
            if (reason.empty()) reason = assertions_.outstanding();
            if (!reason.empty()) {
                since.reset();
                continue;
            }
            if (!since) since = world_.now();
            if (world_.now() - *since >= rest) return;
        }
        world_.fail(Class::liveness, "converge",
                    "the healed cluster did not come to rest: " +
                        (reason.empty() ? "time ran out" : reason));
    }

    void check_that_it_happened() {
        const auto never = world_.faults.never_done();
        if (never.empty()) return;
        std::string ids;
        for (const auto& id : never) ids += (ids.empty() ? "" : ", ") + id;
        world_.fail(Class::vacuous, "timeline", "asked for, but never happened: " + ids);
    }

    RunReport make_report() {
        RunReport report;
        report.seed = seed_;
        if (const auto& failure = world_.failure()) {
            report.verdict = failure->verdict;
            report.check = failure->check;
            report.message = failure->message;
            report.failed_at = failure->at.time_since_epoch();
        }
        const Expectation& expect = scenario_.expect;
        report.as_expected = report.verdict == expect.verdict &&
                             (expect.check.empty() || expect.check == report.check);
        report.drawn = world_.swarm.describe();
        report.hash = world_.trace.hash();
        report.events = world_.trace.count();
        report.simulated = world_.now().time_since_epoch();
        report.wall = WallClock::now() - began_;
        const Network::Counts& counts = world_.network.counts();
        world_.marks.add("network.lost", counts.lost);
        world_.marks.add("network.duplicated", counts.duplicated);
        world_.marks.add("network.reordered", counts.reordered);
        world_.marks.add("network.slowed", counts.slowed);
        world_.marks.add("network.dropped_by_cut", counts.cut);
        report.marks = world_.marks;
        report.sometimes = assertions_.sometimes();
        for (std::size_t i = 0; i < report.sometimes.size(); ++i) {
            if (!report.sometimes[i]) {
                report.sometimes[i] = scenario_.checks.sometimes[i].conclusion.holds(world_);
            }
        }
        return report;
    }

    const Scenario& scenario_;
    const RunProgress& progress_;
    std::uint64_t seed_;
    WallClock::time_point began_;
    World world_;
    Assertions assertions_;
    Instant next_look_{};
    std::uint64_t steps_{0};
};

}  // namespace

RunReport run(const Scenario& scenario, std::uint64_t seed, std::ostream* trace,
              const RunProgress& progress) {
    return Run{scenario, seed, trace, progress}.report();
}

}  // namespace drover::sim
