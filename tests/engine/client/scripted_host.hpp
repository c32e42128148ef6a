// A host for one agent that a test scripts: a clock that moves when told, a disk, a driver and one
// server that answer as told, and the rules that no agent may ever break, checked at every effect.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/match.hpp"
#include "engine/client/client.hpp"
#include "engine/client/records.hpp"
#include "engine/schema/request.pb.h"

namespace drover::client {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline Uuid id_of(int number) {
    Uuid id;
    id.bytes[15] = static_cast<std::uint8_t>(number);
    id.bytes[0] = 1;
    return id;
}

// ---- jobs and allocations, small

struct TaskSpec {
    std::string name = "web";
    std::string hook{};  // empty: a main task
    bool sidecar = false;
    bool leader = false;
    Duration shutdown_delay{};
    std::string kill_signal{};
    std::optional<Duration> kill_timeout{};
};

struct JobSpec {
    std::string id = "shop";
    std::string type = "service";
    std::vector<TaskSpec> tasks{TaskSpec{}};
    int attempts = 2;
    Duration interval = minutes{30};
    Duration delay = seconds{15};
    std::string mode = "fail";
    std::optional<Duration> max_run_duration;
    std::optional<Duration> shutdown_delay;
    std::optional<Duration> stop_on_client_after;
};

inline schema::Job job_of(const JobSpec& spec) {
    schema::Job job;
    job.set_namespace_("default");
    job.set_id(spec.id);
    job.set_name(spec.id);
    job.set_type(spec.type);
    auto* group = job.add_task_groups();
    group->set_name("group");
    auto* restart = group->mutable_restart_policy();
    restart->set_attempts(spec.attempts);
    restart->set_interval(spec.interval.count());
    restart->set_delay(spec.delay.count());
    restart->set_mode(spec.mode);
    if (spec.max_run_duration) group->set_max_run_duration(spec.max_run_duration->count());
    if (spec.shutdown_delay) group->set_shutdown_delay(spec.shutdown_delay->count());
    if (spec.stop_on_client_after) {
        group->mutable_disconnect()->set_stop_on_client_after(spec.stop_on_client_after->count());
    }
    auto* update = group->mutable_update();
    update->set_health_check("task_states");
    update->set_min_healthy_time(Duration{seconds{10}}.count());
    update->set_healthy_deadline(Duration{minutes{5}}.count());
    for (const auto& one : spec.tasks) {
        auto* task = group->add_tasks();
        task->set_name(one.name);
        task->set_driver("mock");
        task->set_leader(one.leader);
        task->set_shutdown_delay(one.shutdown_delay.count());
        task->set_kill_signal(one.kill_signal);
        if (one.kill_timeout) task->set_kill_timeout(one.kill_timeout->count());
        if (one.hook.empty()) continue;
        task->mutable_lifecycle()->set_hook(one.hook);
        task->mutable_lifecycle()->set_sidecar(one.sidecar);
    }
    return job;
}

class ScriptedHost {
public:
    // What the disk does with a write, the driver with a start, the server with a request.
    enum class Disk : std::uint8_t { answers, holds, fails };
    enum class Driver : std::uint8_t { starts, holds, fails, fails_for_good };

    explicit ScriptedHost(Config changed = {}) : config{std::move(changed)} {
        schema::Node node;
        node.set_id(id_of(200).raw());
        node.set_secret_id("secret");
        node.set_name("node-1");
        node.set_datacenter("dc1");
        config.node = std::make_shared<const schema::Node>(node);
        config.alloc_dir = "/alloc";
        boot();
    }

    // ---- the script

    Config config;
    Disk disk = Disk::answers;
    Driver driver = Driver::starts;
    bool directories_fail = false;
    bool stops_at_once = true;  // a task that is asked to end
    bool reachable = true;
    bool knows_node = true;
    bool holds_node_for_lost = false;    // until it hears how the node's allocations stand
    bool answers_pulls_at_once = false;  // though there is no news
    bool tells_changes_only = true;      // as servers do since level 2

    // Inputs wait here until delivered; a property test takes them in any order.
    std::deque<Input> happened;

    void deliver(std::vector<Input> inputs) {
        std::vector<Effect> effects;
        client->step(now, wall, inputs, effects);
        int writes = 0;
        for (const auto& effect : effects) {
            std::visit([this, &writes](const auto& one) { carry_out(one, writes); }, effect);
        }
        EXPECT_LE(writes, 1) << "a step asks for at most one write";
    }

    // Delivers everything that has happened until nothing more does, at this instant.
    void settle() {
        for (int rounds = 0; rounds < 10'000; ++rounds) {
            const auto due = client->next_deadline();
            if (happened.empty() && (!due || *due > now)) return;
            std::vector<Input> inputs{happened.begin(), happened.end()};
            happened.clear();
            if (inputs.empty()) inputs.emplace_back(TimePassed{});
            deliver(std::move(inputs));
        }
        FAIL() << "the agent never comes to rest at one instant";
    }

    void advance(Duration by) {
        const Instant end = now + by;
        settle();
        while (true) {
            auto next = client->next_deadline();
            for (const auto& [ticket, pull] : blocked) {
                if (!next || pull.until < *next) next = pull.until;
            }
            if (!next || *next > end) break;
            move_to(std::max(*next, now));
            settle();
        }
        move_to(end);
        settle();
    }

    void move_to(Instant at) {
        wall = wall + (at - now);
        now = at;
        std::set<std::uint64_t> over;
        for (const auto& [ticket, pull] : blocked) {
            if (pull.until <= now) over.insert(ticket);
        }
        for (const auto ticket : over) answer_pull(Ticket{ticket});
    }

    // ---- the server

    schema::Allocation& place(int number, const JobSpec& spec) {
        auto& allocation = placed[id_of(number)];
        allocation.set_id(id_of(number).raw());
        allocation.set_namespace_("default");
        allocation.set_name(spec.id + ".group[" + std::to_string(number) + "]");
        allocation.set_node_id(config.node->id());
        allocation.set_job_id(spec.id);
        allocation.set_task_group("group");
        *allocation.mutable_job() = job_of(spec);
        allocation.set_desired_status("run");
        allocation.set_client_status("pending");
        allocation.set_create_time(wall.value());
        touch(number);
        return allocation;
    }
    schema::Allocation& touch(int number) {
        auto& allocation = placed.at(id_of(number));
        allocation.set_alloc_modify_index(++index);
        return allocation;
    }
    void want_stopped(int number) { touch(number).set_desired_status("stop"); }
    void forget_allocation(int number) {
        placed.erase(id_of(number));
        last_removal = ++index;
    }
    void publish() {
        std::set<std::uint64_t> all;
        for (const auto& [ticket, pull] : blocked) all.insert(ticket);
        for (const auto ticket : all) answer_pull(Ticket{ticket});
    }
    void place_and_run(int number, const JobSpec& spec) {
        place(number, spec);
        publish();
        advance(seconds{2});
    }

    // ---- the driver

    void exit(int number, const std::string& task, ExitStatus status = {}) {
        const auto found = processes.find({id_of(number), task});
        ASSERT_NE(found, processes.end()) << task << " does not run";
        exit_key(TaskKey{found->second}, status);
    }
    void exit_key(const TaskKey& key, const ExitStatus& status) {
        happened.emplace_back(TaskExited{key, status});
        ended[key] = status;
        processes.erase({key.allocation, key.task});
    }
    [[nodiscard]] bool runs(int number, const std::string& task) const {
        return processes.contains({id_of(number), task});
    }

    // ---- the agent

    // The process of the agent ends and starts again: what was not on disk is lost, tasks run on.
    void restart_agent() {
        happened.clear();
        blocked.clear();
        written.reset();
        held.clear();
        asked_to_stop.clear();
        boot();
    }
    // The machine loses its power.
    void restart_machine() {
        processes.clear();
        ended.clear();
        restart_agent();
    }

    // ---- what a test asks

    [[nodiscard]] AllocationSummary summary(int number) const {
        for (const auto& one : client->allocations()) {
            if (one.id == id_of(number)) return one;
        }
        return {};
    }
    [[nodiscard]] schema::TaskState task_state(int number, const std::string& task) const {
        const auto all = summary(number);
        for (const auto& one : all.tasks) {
            if (one.name == task) return *one.state;
        }
        return {};
    }
    [[nodiscard]] std::vector<std::string> event_types(int number, const std::string& task) const {
        std::vector<std::string> types;
        const auto state = task_state(number, task);
        for (const auto& event : state.events()) types.push_back(event.type());
        return types;
    }
    [[nodiscard]] std::string reported(int number) const {
        const auto found = reports.find(id_of(number));
        return found == reports.end() ? "" : found->second.client_status();
    }
    template <class Wanted>
    [[nodiscard]] int count() const {
        int found = 0;
        for (const auto& effect : log) found += std::holds_alternative<Wanted>(effect) ? 1 : 0;
        return found;
    }
    template <class Wanted>
    [[nodiscard]] const Wanted& last() const {
        for (auto effect = log.rbegin(); effect != log.rend(); ++effect) {
            if (const auto* one = std::get_if<Wanted>(&*effect)) return *one;
        }
        ADD_FAILURE() << "no such effect was asked for";
        static const Wanted none{};
        return none;
    }

    Instant now{seconds{1000}};
    WallTime wall{1'700'000'000'000'000'000};
    std::optional<Client> client;
    std::map<std::string, std::string> durable;
    std::optional<WriteState> written;  // in flight
    std::vector<Effect> log;
    std::map<Uuid, schema::Allocation> placed;
    std::map<Uuid, schema::Allocation> reports;  // the latest acknowledged
    int report_batches = 0;
    int registrations = 0;
    int heartbeats = 0;
    std::uint64_t index = 10;
    Duration ttl = seconds{20};
    struct Pull {
        Instant until;
        std::uint64_t known_index{};
    };
    std::map<std::uint64_t, Pull> blocked;
    int told_whole = 0;              // allocations, over all answers
    std::uint64_t last_removal = 0;  // its index
    std::map<std::pair<Uuid, std::string>, TaskKey> processes;
    std::map<TaskKey, ExitStatus> ended;
    std::set<TaskKey> held;  // starts that the driver has not answered
    std::set<TaskKey> asked_to_stop;
    std::set<Uuid> directories;

    // The disk answers the write in flight.
    void finish_write(bool well) {
        if (!written) return;
        if (well) {
            for (const auto& [key, value] : written->changes) {
                if (value) {
                    durable[key] = *value;
                } else {
                    durable.erase(key);
                }
            }
            happened.emplace_back(StateWritten{written->write});
        } else {
            happened.emplace_back(StateWriteFailed{written->write, "disk full"});
        }
        written.reset();
    }
    // The driver answers a start that it held.
    void finish_start(TaskKey key) {
        held.erase(key);
        processes[{key.allocation, key.task}] = key;
        happened.emplace_back(TaskStarted{key, handle_of(key)});
    }

private:
    static TaskHandle handle_of(const TaskKey& key) {
        return {"mock", key.task + "#" + std::to_string(key.attempt)};
    }

    void boot() {
        auto made = Client::restore(config, {durable.begin(), durable.end()}, now, Prng{7});
        ASSERT_TRUE(made) << made.error().message;
        client.emplace(std::move(*made));
    }

    void respond(Ticket ticket, schema::Response response) {
        response.set_index(index);
        happened.emplace_back(ResponseReceived{
            ticket, std::make_shared<const schema::Response>(std::move(response))});
    }

    void answer_pull(Ticket ticket) {
        std::uint64_t known = 0;
        if (const auto asked = blocked.find(ticket.value()); asked != blocked.end()) {
            known = asked->second.known_index;
            blocked.erase(asked);
        }
        answer_pull(ticket, known);
    }
    // Who knows everything up to that index is told what changed since.
    void answer_pull(Ticket ticket, std::uint64_t known) {
        schema::Response response;
        auto* list = response.mutable_allocations();
        list->set_changes_only(tells_changes_only && known >= last_removal && known != 0);
        if (list->changes_only()) list->set_total(placed.size());
        for (const auto& [id, allocation] : placed) {
            if (list->changes_only() && allocation.alloc_modify_index() <= known) continue;
            ++told_whole;
            *list->add_allocations() = allocation;
            // As a server sends it: the job beside the allocation.
            *list->add_jobs() = allocation.job();
            list->mutable_allocations(list->allocations_size() - 1)->clear_job();
        }
        respond(ticket, std::move(response));
    }

    void carry_out(const SendRequest& effect, int&) {
        log.emplace_back(effect);
        const auto& request = *effect.request;
        EXPECT_EQ(request.request_id().size(), 16U);
        EXPECT_EQ(request.authentication().node_secret(), "secret");
        if (!reachable) {
            happened.emplace_back(RequestFailed{effect.ticket, "connection refused"});
            return;
        }
        if (request.has_register_node()) {
            ++registrations;
            knows_node = true;
            schema::Response response;
            response.mutable_node_written()->set_heartbeat_ttl_ns(ttl.count());
            respond(effect.ticket, std::move(response));
            return;
        }
        if (!knows_node) {
            schema::Response response;
            response.mutable_failure()->set_code(static_cast<std::uint32_t>(Errc::not_found));
            response.mutable_failure()->set_message("node not found");
            respond(effect.ticket, std::move(response));
            return;
        }
        if (request.has_update_node_status()) {
            ++heartbeats;
            EXPECT_EQ(request.update_node_status().status(), "ready");
            schema::Response response;
            response.mutable_node_written()->set_status(holds_node_for_lost ? "initializing"
                                                                            : "ready");
            response.mutable_node_written()->set_heartbeat_ttl_ns(ttl.count());
            respond(effect.ticket, std::move(response));
        } else if (request.has_update_allocations()) {
            take_reports(effect.ticket, request.update_allocations());
        } else if (request.has_query()) {
            const bool news = request.query().min_index() < index;
            const std::uint64_t known = request.query().node_work().known_index();
            if (news || answers_pulls_at_once) {
                answer_pull(effect.ticket, known);
            } else {
                blocked[effect.ticket.value()] = {now + Duration{request.query().wait_ns()}, known};
            }
        }
    }

    void take_reports(Ticket ticket, const schema::UpdateAllocationsRequest& update) {
        ++report_batches;
        holds_node_for_lost = false;
        for (const auto& report : update.allocations()) {
            const auto id = *Uuid::from_raw(report.id());
            reports[id] = report;
            const auto found = placed.find(id);
            if (found == placed.end()) continue;
            auto& allocation = found->second;
            allocation.set_client_status(report.client_status());
            allocation.set_client_description(report.client_description());
            *allocation.mutable_task_states() = report.task_states();
            if (report.has_deployment_status()) {
                *allocation.mutable_deployment_status() = report.deployment_status();
            }
        }
        ++index;
        respond(ticket, {});
    }

    void carry_out(const WriteState& effect, int& writes) {
        log.emplace_back(effect);
        ++writes;
        EXPECT_FALSE(written) << "no two writes are ever in flight";
        written = effect;
        if (disk != Disk::holds) finish_write(disk == Disk::answers);
    }
    void carry_out(const BuildAllocationDirectory& effect, int&) {
        log.emplace_back(effect);
        EXPECT_TRUE(durable.contains(records::allocation_key(effect.allocation)));
        if (directories_fail) {
            happened.emplace_back(AllocationDirectoryFailed{effect.allocation, "no space left"});
            return;
        }
        directories.insert(effect.allocation);
        happened.emplace_back(AllocationDirectoryBuilt{effect.allocation});
    }
    void carry_out(const DestroyAllocationDirectory& effect, int&) {
        log.emplace_back(effect);
        for (const auto& [place, key] : processes) {
            EXPECT_NE(place.first, effect.allocation) << "a task still runs in the directory";
        }
        directories.erase(effect.allocation);
    }
    void carry_out(const StartTask& effect, int&) {
        log.emplace_back(effect);
        const TaskKey& key = effect.key;
        EXPECT_TRUE(directories.contains(key.allocation)) << "started without its directory";
        schema::ClientTaskRecord record;
        const auto stored = durable.find(records::task_key(key.allocation, key.task));
        ASSERT_NE(stored, durable.end()) << "started before its announcement was written";
        ASSERT_TRUE(record.ParseFromString(stored->second));
        EXPECT_EQ(record.attempt(), key.attempt) << "started before its announcement was written";
        EXPECT_EQ(record.stage(), schema::ClientTaskRecord::ANNOUNCED);
        const auto running = processes.find({key.allocation, key.task});
        if (running != processes.end()) {
            ASSERT_EQ(running->second, key) << "two processes of one task at a time";
            happened.emplace_back(TaskStarted{key, handle_of(key)});
            return;
        }
        if (const auto over = ended.find(key); over != ended.end()) {
            happened.emplace_back(TaskStarted{key, handle_of(key)});
            happened.emplace_back(TaskExited{key, over->second});
            return;
        }
        if (driver == Driver::starts) finish_start(key);
        if (driver == Driver::holds) held.insert(key);
        if (driver == Driver::fails) {
            happened.emplace_back(TaskStartFailed{key, "no such command", true});
        }
        if (driver == Driver::fails_for_good) {
            happened.emplace_back(TaskStartFailed{key, "unknown key in config", false});
        }
    }
    void carry_out(const RecoverTask& effect, int&) {
        log.emplace_back(effect);
        EXPECT_EQ(effect.handle, handle_of(effect.key));
        const auto running = processes.find({effect.key.allocation, effect.key.task});
        if (running != processes.end() && running->second == effect.key) {
            happened.emplace_back(TaskRecovered{effect.key});
        } else if (const auto over = ended.find(effect.key); over != ended.end()) {
            happened.emplace_back(TaskExited{effect.key, over->second});
        } else {
            happened.emplace_back(TaskRecoveryFailed{effect.key, "no such process"});
        }
    }
    void carry_out(const StopTask& effect, int&) {
        log.emplace_back(effect);
        EXPECT_EQ(effect.handle, handle_of(effect.key));
        asked_to_stop.insert(effect.key);
        const auto running = processes.find({effect.key.allocation, effect.key.task});
        if (stops_at_once && running != processes.end()) {
            exit_key(effect.key, {.exit_code = 130, .signal = 2});
        }
    }
    void carry_out(const DestroyTask& effect, int&) {
        log.emplace_back(effect);
        EXPECT_EQ(effect.handle, handle_of(effect.key));
        const auto running = processes.find({effect.key.allocation, effect.key.task});
        EXPECT_TRUE(running == processes.end() || running->second != effect.key)
            << "a running task was given up";
        ended.erase(effect.key);
    }
    void carry_out(const Report& effect, int&) { log.emplace_back(effect); }
};

}  // namespace drover::client
