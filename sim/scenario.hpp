// A scenario as plain data: what the YAML file says, with every default filled in. Reading it is
// scenario_reader's work, acting on it the world's; this header is the vocabulary of both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/time.hpp"
#include "sim/dice.hpp"
#include "sim/predicate.hpp"

namespace drover::sim {

struct Position {
    int line{};  // 1-based; 0 means: not from a file
    int column{};
};

struct SeedRange {
    std::uint64_t first{1};
    std::uint64_t last{1};
};

struct Budget {
    Duration sim{std::chrono::minutes{30}};
    std::uint64_t events{20'000'000};
    Duration wall{std::chrono::minutes{5}};
};

struct NodeClass {
    std::string pool{"default"};
    std::string datacenter{"dc1"};
    std::string kind;  // the node's class
    std::uint32_t count{1};
    std::int64_t cpu_mhz{4000};
    std::int64_t memory_mib{8192};
    std::string device{"acme/gpu/one"};  // vendor/type/name
    std::uint32_t devices{};             // instances that are well
    std::uint32_t sick_devices{};        // and those that are not
};

// Knobs of the engines; absent ones keep the engine's default.
struct Knobs {
    std::optional<Duration> tick;
    std::optional<std::uint32_t> election_ticks;
    std::optional<Duration> heartbeat_ttl;
    std::optional<std::uint64_t> snapshot_entries;
    std::optional<std::uint64_t> trailing_entries;
    std::optional<std::uint64_t> snapshot_part_bytes;
    std::optional<std::uint64_t> max_message_bytes;  // 0: one entry a message
    std::optional<std::uint32_t> max_inflight_messages;
    std::optional<Duration> request_timeout;
    // Elections without pre-vote and lease: rarer states are reached without them.
    std::optional<bool> plain_elections;
    std::optional<bool> eager_appends;  // every proposal is sent at once, by itself
    std::optional<bool> early_apply;    // what is committed is applied before it is durable here
};

struct Cluster {
    std::uint32_t servers{3};
    std::uint32_t raft_protocol{3};
    std::uint32_t level{};  // feature level that the servers support; 0: the release's own
    std::vector<NodeClass> nodes;
    Knobs knobs;
};

struct LinkOptions {
    Distribution delay{Distribution::Kind::exponential,
                       std::chrono::microseconds{200},
                       std::chrono::milliseconds{1},
                       {}};
    Chance loss;
    Chance duplicate;
    Chance reorder;  // held back by up to ten times its delay
};

struct DiskOptions {
    Distribution read;   // once, when a process starts and recovers
    Distribution write;  // before the sync of each batch
    Distribution fsync{Distribution::Kind::uniform,
                       std::chrono::microseconds{200},
                       std::chrono::milliseconds{2},
                       {}};
};

struct TaskOptions {
    Distribution start{Distribution::Kind::exponential,
                       std::chrono::milliseconds{5},
                       std::chrono::milliseconds{50},
                       {}};
    Distribution stop{Distribution::Kind::uniform, Duration{}, std::chrono::milliseconds{500}, {}};
    Chance exit_chance;  // per simulated second of a running service task
    std::vector<int> exit_codes{1};
    Chance start_failure;
};

struct WorldOptions {
    LinkOptions servers;
    LinkOptions clients;
    DiskOptions disk;
    // How long a scheduler works at a plan, while the cluster goes on.
    Distribution plan{
        Distribution::Kind::fixed, std::chrono::milliseconds{1}, std::chrono::milliseconds{1}, {}};
    TaskOptions tasks;
};

enum class Family : std::uint8_t {
    loss,
    duplicate,
    delay,
    reorder,
    partition,
    pause,
    crash,
    crash_after_append,
    crash_in_write,
    node_loss,
    agent_crash,
    task_exit,
    one_entry_messages,
    tiny_inflight,
    small_snapshots,
    snapshot_parts,
    slow_disk,
    slow_plans,
    plain_elections,
    eager_appends,
    early_apply,
    membership
};

struct Swarm {
    bool enabled{};
    std::vector<Family> families;
    Chance share{500'000};
    bool unlimited{};  // no fault is kept recoverable, so only safety is judged
    Duration stability_min{std::chrono::milliseconds{200}};
    Duration stability_max{std::chrono::seconds{20}};
};

struct JobLoad {
    Position position;
    std::string id;
    std::string type{"service"};
    std::uint32_t count{1};
    std::int32_t priority{50};
    Duration at{};
    std::optional<Duration> every;  // registered again, changed, with this period
    std::int64_t cpu_mhz{100};
    std::int64_t memory_mib{64};
    std::optional<std::int64_t> disk_mib;
    std::string pool{"default"};
    std::string node_kind;            // only on nodes of this class; empty: on all of the pool
    bool distinct_hosts{};            // no two allocations on one node
    std::string device{"gpu"};        // type, vendor/type or vendor/type/name
    std::uint32_t devices{};          // how many each task asks for
    std::optional<Duration> run_for;  // batch: how long a task runs; absent: two seconds
    int exit_code{};
    std::optional<std::uint32_t> restart_attempts;
    std::uint32_t max_parallel{1};
    std::uint32_t canary{};
    bool auto_promote{};
    bool auto_revert{};
    Duration min_healthy_time{std::chrono::seconds{1}};
    Duration healthy_deadline{std::chrono::seconds{60}};
    Duration progress_deadline{std::chrono::minutes{2}};
    bool reschedules{true};  // what failed is placed anew, at any time
    std::string cron{};      // not empty: periodic, in UTC; a second in front, a year behind
    bool prohibit_overlap{};
    bool parameterized{};  // nothing runs until it is dispatched

    // What runs are jobs made from it, as many as there happen to be.
    [[nodiscard]] bool is_parent() const { return !cron.empty() || parameterized; }

    [[nodiscard]] bool on_every_node() const { return type == "system" || type == "sysbatch"; }
};

struct ClientLoad {
    Position position;
    std::string kind;  // cas-register
    std::uint32_t count{1};
    std::uint32_t keys{1};
    Duration interval{std::chrono::milliseconds{100}};  // between the operations of one client
};

struct Selector {
    enum class Kind : std::uint8_t {
        leader,
        follower,
        server,
        servers,
        majority,
        minority,
        random_server,
        node,
        nodes,
        random_node,
        holder
    };
    Kind kind{};
    std::uint32_t number{};  // which one, or how many; 1-based for server() and node()
    std::string job;         // holder(alloc=job[index])
    std::string pool;
};

enum class Verb : std::uint8_t {
    crash,
    stop,
    restart,
    kill,
    pause,
    partition,
    heal,
    lose,
    drain,
    undrain,
    upgrade,
    downgrade,
    finalize,
    rehearse,
    pause_evaluations,
    resume_evaluations,
    corrupt_version_file,
    register_job,
    stop_job,
    promote,
    fail_deployment,
    pause_deployment,
    resume_deployment,
    revert_job,
    scale_job,
    dispatch,
    force_launch,
    collect_garbage,
    reject_jobs,
    accept_jobs,
    crash_after_append,
    remove_server,
    add_server,
    loss,
    delay
};

// What a crash leaves of the batches that were written but not yet synced.
enum class Persist : std::uint8_t { any, none, all };

struct Step {
    Position position;
    std::string id;
    std::optional<Duration> at;
    std::optional<Predicate> when;  // once, at the first moment that it holds
    std::optional<Duration> every;
    std::optional<std::string> after;  // id of another step
    Duration after_delay{};
    Verb verb{};
    std::vector<Selector> targets;
    std::optional<Duration> lasting;  // `for`
    std::optional<Duration> restart;  // crash, kill and stop: back after this time
    std::optional<Duration> gap;      // rolling: the targets one after the other, this far apart
    std::vector<Selector> from, to;   // one-way partition: nothing passes from these to those
    std::optional<std::uint32_t> raft_protocol;
    std::optional<std::uint32_t> level;
    std::optional<Duration> deadline;  // drain; absent: none, 0: at once
    bool ignore_system{};              // drain
    Persist persist{};
    [[nodiscard]] bool one_way() const { return !from.empty(); }
    std::string content;  // corrupt-version-file; dispatch: the token
    std::string job;
    std::uint32_t count{};
    std::uint64_t version{};  // revert-job
    bool broken{};            // register-job: its tasks fail
    Chance chance;
    std::optional<Distribution> distribution;
};

struct Phases {
    Duration chaos{std::chrono::seconds{60}};
    Duration converge{std::chrono::minutes{2}};
    bool core_is_quorum{};  // liveness: a random quorum alone must make it; the others stay dead
};

// always: conclusion, or within the time of every moment at which the premise began to hold.
// sometimes: the conclusion was seen at least once. eventually: within the time after the healing.
struct Assertion {
    Position position;
    std::string text;
    std::optional<Predicate> premise;
    Predicate conclusion;
    Duration within{};
};

struct Checks {
    bool raft{true};
    bool digest{true};
    bool durable{true};
    bool linearizable{true};
    bool double_placement{true};
    bool capacity{true};
    bool constraints{true};
    bool orphans{true};
    std::vector<Assertion> always;      // "P", or "P -> Q within D"
    std::vector<Assertion> sometimes;   // must be seen at least once over a sweep of seeds
    std::vector<Assertion> eventually;  // "P within D of liveness"
};

enum class Class : std::uint8_t {
    pass,
    safety,
    liveness,
    vacuous,
    nondeterministic,
    budget,
    crash
};

struct Expectation {
    Class verdict{Class::pass};
    std::string check;  // empty: any
};

// Test-only bugs that the engine can be told to have (raft::Config::Sabotage).
struct Sabotage {
    bool commit_old_term{};
    bool acknowledge_early{};
};

struct Scenario {
    std::string file;
    std::string name;
    bool large{};  // a world of minutes: run when it is asked for by name, left out of sweeps
    std::optional<std::uint64_t> seed;
    std::optional<SeedRange> seeds;
    Budget budget;
    Cluster cluster;
    WorldOptions world;
    Swarm swarm;
    std::vector<JobLoad> jobs;
    std::vector<ClientLoad> clients;
    std::vector<Step> timeline;
    Phases phases;
    Checks checks;
    Expectation expect;
    Sabotage sabotage;  // never read from a file
};

}  // namespace drover::sim
