// Whatever happens in whatever order: the rules that the scripted host checks hold at every step,
// and once the world is well again the agent does what its servers want, and rests.
#include <gtest/gtest.h>

#include "engine/client/assignment.hpp"
#include "tests/engine/client/scripted_host.hpp"

namespace drover::client {
namespace {

class Chaos {
public:
    explicit Chaos(std::uint64_t seed) : prng_{seed} {
        host_.disk = ScriptedHost::Disk::holds;
        for (int number = 0; number < 3; ++number) place();
    }

    void run(int events) {
        for (int event = 0; event < events && !testing::Test::HasFailure(); ++event) once();
    }

    void heal() {
        host_.disk = ScriptedHost::Disk::answers;
        host_.driver = ScriptedHost::Driver::starts;
        host_.reachable = true;
        host_.stops_at_once = true;
        host_.directories_fail = false;
        host_.finish_write(true);
        for (const auto& key : std::set<TaskKey>{host_.held}) host_.finish_start(key);
        for (const auto& key : std::set<TaskKey>{host_.asked_to_stop}) {
            const auto found = host_.processes.find({key.allocation, key.task});
            if (found != host_.processes.end() && found->second == key) host_.exit_key(key, {});
        }
        host_.publish();
        host_.advance(minutes{45});
        host_.publish();
        for (int round = 0; round < 4; ++round) {
            host_.advance(minutes{5});
            end_short_tasks();
        }
        host_.advance(minutes{5});
    }

    // What is meant to end does so.
    void end_short_tasks() {
        for (const auto& [place, key] : std::map{host_.processes}) {
            if (key.task == "init" || key.task == "clean") host_.exit_key(TaskKey{key}, {});
        }
    }

    void expect_well() {
        for (const auto& [id, allocation] : host_.placed) {
            SCOPED_TRACE(allocation.name());
            std::string status = "nowhere";
            for (const auto& one : host_.client->allocations()) {
                if (one.id == id) status = one.client_status;
            }
            if (status == "nowhere") {
                EXPECT_TRUE(is_terminal_client_status(allocation.client_status()));
                continue;
            }
            EXPECT_EQ(host_.placed.at(id).client_status(), status) << "servers know the latest";
            EXPECT_NE(status, "pending");
            EXPECT_FALSE(allocation.desired_status() != "run" && status == "running");
        }
        for (const auto& [place, key] : host_.processes) {
            EXPECT_TRUE(host_.placed.contains(place.first)) << "an orphan";
            EXPECT_EQ(host_.placed.at(place.first).desired_status(), "run");
        }
        for (const auto& id : host_.directories) EXPECT_TRUE(host_.placed.contains(id));
        const int batches = host_.report_batches;
        const int writes = host_.count<WriteState>();
        host_.advance(minutes{10});
        EXPECT_EQ(host_.report_batches, batches) << "at rest there is nothing to report";
        EXPECT_EQ(host_.count<WriteState>(), writes);
    }

    [[nodiscard]] int starts() const { return host_.count<StartTask>(); }
    [[nodiscard]] int recoveries() const { return host_.count<RecoverTask>(); }

private:
    void once() {
        switch (prng_.below(24)) {
            case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
                return deliver_one();
            case 8: case 9: case 10:
                return host_.finish_write(true);
            case 11: {
                const Duration most = prng_.chance(1, 8) ? Duration{minutes{10}} : seconds{3};
                host_.move_to(host_.now + prng_.between(Duration{}, most));
                return host_.deliver({TimePassed{}});
            }
            case 12:
                return place();
            case 13:
                if (const int number = any(); number >= 0) host_.want_stopped(number);
                return;
            case 14:
                if (const int number = any(); number >= 0) host_.forget_allocation(number);
                return;
            case 15:
                return host_.publish();
            case 16: case 17:
                return exit_one();
            case 18:
                // The write in flight may have reached the disk although nobody learned of it.
                if (prng_.chance(1, 2)) host_.finish_write(true);
                if (prng_.chance(1, 2)) start_held();
                past_.clear();  // nobody is left to repeat it
                return prng_.chance(1, 6) ? host_.restart_machine() : host_.restart_agent();
            case 19:
                host_.reachable = prng_.chance(2, 3);
                return;
            case 20:
                host_.driver = static_cast<ScriptedHost::Driver>(prng_.below(3));
                return;
            case 21:
                return start_held();
            case 22:
                host_.stops_at_once = prng_.chance(1, 2);
                host_.knows_node = prng_.chance(4, 5);
                host_.directories_fail = prng_.chance(1, 10);
                return;
            default:
                return repeat_news();
        }
    }

    void deliver_one() {
        if (host_.happened.empty()) return host_.deliver({TimePassed{}});
        const auto place = host_.happened.begin() +
                           static_cast<std::ptrdiff_t>(prng_.below(host_.happened.size()));
        Input input = *place;
        host_.happened.erase(place);
        if (prng_.chance(1, 10)) host_.happened.push_back(input);  // it will be told twice
        host_.deliver({std::move(input)});
    }

    void place() {
        if (host_.placed.size() >= 6 || next_ > 190) return;
        JobSpec spec;
        spec.id = "job" + std::to_string(next_);
        spec.type = prng_.chance(1, 2) ? "service" : "batch";
        spec.attempts = static_cast<int>(prng_.below(3));
        spec.delay = seconds{prng_.below(4)};
        spec.mode = prng_.chance(1, 3) ? "delay" : "fail";
        if (prng_.chance(1, 3)) spec.shutdown_delay = seconds{3};
        if (prng_.chance(1, 2)) spec.tasks.push_back({.name = "side", .leader = true});
        if (prng_.chance(1, 3)) spec.tasks.push_back({.name = "init", .hook = "prestart"});
        if (prng_.chance(1, 3)) {
            spec.tasks.push_back({.name = "proxy", .hook = "prestart", .sidecar = true});
        }
        if (prng_.chance(1, 3)) spec.tasks.push_back({.name = "clean", .hook = "poststop"});
        auto& allocation = host_.place(next_, spec);
        if (prng_.chance(1, 2)) allocation.set_deployment_id(id_of(199).raw());
        if (next_ > 1) allocation.set_previous_allocation(id_of(next_ - 1).raw());
        ++next_;
    }

    int any() {
        if (host_.placed.empty()) return -1;
        auto found = host_.placed.begin();
        std::advance(found, static_cast<std::ptrdiff_t>(prng_.below(host_.placed.size())));
        return found->first.bytes[15];
    }

    void exit_one() {
        if (host_.processes.empty()) return;
        auto found = host_.processes.begin();
        std::advance(found, static_cast<std::ptrdiff_t>(prng_.below(host_.processes.size())));
        const TaskKey key = found->second;
        host_.exit_key(key, {.exit_code = static_cast<int>(prng_.below(2))});
        past_.push_back(key);
    }

    void start_held() {
        if (!host_.held.empty()) host_.finish_start(*host_.held.begin());
    }

    void repeat_news() {
        if (past_.empty()) return;
        const TaskKey key = past_[static_cast<std::size_t>(prng_.below(past_.size()))];
        const auto running = host_.processes.find({key.allocation, key.task});
        if (running != host_.processes.end() && running->second == key) return;
        host_.happened.emplace_back(TaskExited{key, {.exit_code = 1}});
    }

    Prng prng_;
    ScriptedHost host_;
    int next_ = 1;
    std::vector<TaskKey> past_;
};

TEST(AgentChaos, never_breaks_a_rule_and_ends_well) {
    int starts = 0, recoveries = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Chaos chaos{seed};
        chaos.run(static_cast<int>(50 + seed % 400));
        chaos.heal();
        chaos.expect_well();
        starts += chaos.starts();
        recoveries += chaos.recoveries();
        if (HasFailure()) return;
    }
    EXPECT_GT(starts, 1'500) << "the chaos must reach deep enough to mean something";
    EXPECT_GT(recoveries, 150);
}

}  // namespace
}  // namespace drover::client
