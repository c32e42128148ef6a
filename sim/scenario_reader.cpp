#include "sim/scenario_reader.hpp"

#include <algorithm>

#include "engine/cron/expression.hpp"
#include "engine/state/features.hpp"
#include "sim/scalars.hpp"
#include "sim/section.hpp"
#include "sim/timeline_reader.hpp"
#include "sim/vocabulary.hpp"
#include "sim/yaml_document.hpp"

namespace drover::sim {
namespace {

constexpr std::size_t text_size_max = 1 << 20;
constexpr std::uint64_t nodes_max = 10'000;
constexpr std::size_t loads_max = 1000;

// Calls read(section) on the mapping under the key, where there is one.
template <class Read>
void inside(Section& parent, std::string_view key, Read read) {
    if (!parent.has(key)) return;
    Section section{parent.child(key), parent.path() + "." + std::string{key}};
    read(section);
    section.finish();
}

void read_budget(Section& section, Budget& budget) {
    budget.sim = section.parsed("sim", parse_duration).value_or(budget.sim);
    budget.events = section.number("events", 1, 1'000'000'000'000ULL).value_or(budget.events);
    budget.wall = section.parsed("wall", parse_duration).value_or(budget.wall);
}

NodeClass read_node_class(const YAML::Node& node, std::size_t number) {
    Section section{node, "cluster.nodes[" + std::to_string(number) + "]"};
    NodeClass nodes;
    nodes.pool = section.text("pool").value_or(nodes.pool);
    nodes.datacenter = section.text("datacenter").value_or(nodes.datacenter);
    nodes.kind = section.text("class").value_or("");
    nodes.count = static_cast<std::uint32_t>(section.number("count", 0, nodes_max).value_or(1));
    // Cores of 1'000 MHz each: `cpu: 8` is 8'000 MHz.
    if (const auto cores = section.number("cpu", 1, 1024)) {
        nodes.cpu_mhz = static_cast<std::int64_t>(*cores) * 1000;
    }
    nodes.memory_mib = section.parsed("mem", parse_mebibytes).value_or(nodes.memory_mib);
    nodes.device = section.text("device").value_or(nodes.device);
    if (std::count(nodes.device.begin(), nodes.device.end(), '/') != 2) {
        section.refuse("device", "must be vendor/type/name");
    }
    nodes.devices = static_cast<std::uint32_t>(section.number("devices", 0, 64).value_or(0));
    nodes.sick_devices =
        static_cast<std::uint32_t>(section.number("sick_devices", 0, 64).value_or(0));
    section.finish();
    return nodes;
}

// A duration that engines add to others: bounded, so that no sum of times overflows.
std::optional<Duration> timer(Section& section, std::string_view key, Duration most) {
    const auto value = section.parsed(key, parse_duration);
    if (value && *value > most) {
        const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(most);
        section.refuse(key, "at most " + std::to_string(minutes.count()) + "m");
    }
    return value;
}

void read_knobs(Section& section, Knobs& knobs) {
    knobs.tick = timer(section, "tick", std::chrono::minutes{10});
    if (knobs.tick && *knobs.tick < std::chrono::microseconds{100})
        section.refuse("tick", "at least 0.1ms");
    knobs.heartbeat_ttl = timer(section, "heartbeat_ttl", std::chrono::hours{24});
    knobs.request_timeout = timer(section, "request_timeout", std::chrono::hours{24});
    knobs.snapshot_entries = section.number("snapshot_entries", 1, 10'000'000);
    knobs.snapshot_part_bytes = section.number("snapshot_part_bytes", 1, 1 << 26);
    knobs.trailing_entries = section.number("trailing_entries", 0, 10'000'000);
    knobs.max_message_bytes = section.number("max_message_bytes", 0, 1ULL << 30);
    if (const auto limit = section.number("max_inflight_messages", 1, 100'000)) {
        knobs.max_inflight_messages = static_cast<std::uint32_t>(*limit);
    }
    knobs.plain_elections = section.boolean("plain_elections");
    knobs.eager_appends = section.boolean("eager_appends");
    knobs.early_apply = section.boolean("early_apply");
    // The election timeout is a whole number of ticks; a tick is a tenth of it unless given.
    if (const auto timeout = timer(section, "election_timeout", std::chrono::hours{1})) {
        if (*timeout < std::chrono::milliseconds{1})
            section.refuse("election_timeout", "at least 1ms");
        knobs.election_ticks = 10;
        if (!knobs.tick) knobs.tick = *timeout / 10;
        knobs.election_ticks =
            static_cast<std::uint32_t>(std::max<std::int64_t>(2, *timeout / *knobs.tick));
    }
}

void read_cluster(Section& section, Cluster& cluster) {
    if (section.has("servers") && section.child("servers").IsScalar()) {
        cluster.servers = static_cast<std::uint32_t>(section.number("servers", 1, 9).value_or(3));
    } else {
        inside(section, "servers", [&](Section& servers) {
            cluster.servers = static_cast<std::uint32_t>(servers.number("count", 1, 9).value_or(3));
            cluster.raft_protocol =
                static_cast<std::uint32_t>(servers.number("raft_protocol", 2, 3).value_or(3));
            cluster.level = static_cast<std::uint32_t>(
                servers.number("level", state::oldest_level, state::rehearsal_level).value_or(0));
        });
    }
    std::uint64_t total = 0;
    section.each("nodes", [&](const YAML::Node& node) {
        cluster.nodes.push_back(read_node_class(node, cluster.nodes.size() + 1));
        total += cluster.nodes.back().count;
        if (total > nodes_max)
            throw ReadingError{position_of(node), "cluster.nodes: no more than 10000 in all"};
    });
    inside(section, "knobs", [&](Section& knobs) { read_knobs(knobs, cluster.knobs); });
}

void read_link(Section& section, LinkOptions& link) {
    link.delay = section.parsed("delay", parse_distribution).value_or(link.delay);
    link.loss = section.parsed("loss", parse_chance).value_or(link.loss);
    link.duplicate = section.parsed("dup", parse_chance).value_or(link.duplicate);
    link.reorder = section.parsed("reorder", parse_chance).value_or(link.reorder);
}

void read_tasks(Section& section, TaskOptions& tasks) {
    tasks.start = section.parsed("start", parse_distribution).value_or(tasks.start);
    tasks.stop = section.parsed("stop", parse_distribution).value_or(tasks.stop);
    tasks.start_failure = section.parsed("start_fail", parse_chance).value_or(tasks.start_failure);
    inside(section, "exit", [&](Section& exit) {
        tasks.exit_chance = exit.parsed("p", parse_chance).value_or(tasks.exit_chance);
        if (!exit.has("code")) return;
        tasks.exit_codes.clear();
        exit.each("code", [&](const YAML::Node& item) {
            const auto code = parse_count(scalar_text(item, "an exit code"));
            if (!code || *code > 255) {
                throw ReadingError{position_of(item), "an exit code is a number from 0 to 255"};
            }
            tasks.exit_codes.push_back(static_cast<int>(*code));
        });
        if (tasks.exit_codes.empty()) exit.refuse("code", "the list is empty");
    });
}

void read_world(Section& section, WorldOptions& world) {
    inside(section, "net", [&](Section& net) {
        inside(net, "default", [&](Section& link) { read_link(link, world.servers); });
        world.clients = world.servers;
        inside(net, "clients", [&](Section& link) { read_link(link, world.clients); });
    });
    inside(section, "disk", [&](Section& disk) {
        inside(disk, "default", [&](Section& options) {
            world.disk.read = options.parsed("read", parse_distribution).value_or(world.disk.read);
            world.disk.write =
                options.parsed("write", parse_distribution).value_or(world.disk.write);
            world.disk.fsync =
                options.parsed("fsync", parse_distribution).value_or(world.disk.fsync);
        });
    });
    inside(section, "scheduler", [&](Section& scheduler) {
        world.plan = scheduler.parsed("plan", parse_distribution).value_or(world.plan);
    });
    inside(section, "tasks", [&](Section& tasks) { read_tasks(tasks, world.tasks); });
}

void read_swarm(Section& section, Swarm& swarm) {
    swarm.enabled = true;
    section.each("families", [&](const YAML::Node& item) {
        const std::string word = scalar_text(item, "a family");
        const Family* const family = find_word(family_words, word);
        if (family == nullptr) {
            throw ReadingError{position_of(item), "swarm.families: unknown family \"" + word +
                                                      "\"; known: " + list_words(family_words)};
        }
        swarm.families.push_back(*family);
    });
    if (swarm.families.empty()) section.refuse("families", "at least one family is needed");
    swarm.share = section.parsed("share", parse_chance).value_or(swarm.share);
    if (const auto faults = section.text("faults")) {
        if (*faults != "atlas" && *faults != "unlimited") {
            section.refuse("faults", "unknown \"" + *faults + "\"; known: atlas, unlimited");
        }
        swarm.unlimited = *faults == "unlimited";
    }
    inside(section, "stability", [&](Section& stability) {
        swarm.stability_min = stability.parsed("min", parse_duration).value_or(swarm.stability_min);
        swarm.stability_max = stability.parsed("max", parse_duration).value_or(swarm.stability_max);
        if (swarm.stability_min > swarm.stability_max) stability.refuse("min", "above max");
        if (swarm.stability_min < std::chrono::milliseconds{1})
            stability.refuse("min", "at least 1ms");
    });
}

JobLoad read_job(Section& section) {
    JobLoad job;
    job.position = section.position();
    job.id = section.required_text("id");
    job.type = section.text("type").value_or(job.type);
    if (job.type != "service" && job.type != "batch" && !job.on_every_node()) {
        section.refuse("type",
                       "unknown \"" + job.type + "\"; known: service, batch, system, sysbatch");
    }
    job.count = static_cast<std::uint32_t>(section.number("count", 0, 50'000).value_or(1));
    job.priority = static_cast<std::int32_t>(section.number("priority", 1, 100).value_or(50));
    job.at = section.parsed("at", parse_duration).value_or(Duration{});
    job.every = section.parsed("every", parse_duration);
    if (job.every && *job.every < std::chrono::milliseconds{1})
        section.refuse("every", "at least 1ms");
    job.cpu_mhz = static_cast<std::int64_t>(section.number("cpu", 1, 1'000'000).value_or(100));
    job.memory_mib = section.parsed("mem", parse_mebibytes).value_or(job.memory_mib);
    job.disk_mib = section.parsed("disk", parse_mebibytes);
    job.pool = section.text("pool").value_or(job.pool);
    job.node_kind = section.text("class").value_or("");
    job.distinct_hosts = section.boolean("distinct_hosts").value_or(false);
    job.device = section.text("device").value_or(job.device);
    job.devices = static_cast<std::uint32_t>(section.number("devices", 0, 64).value_or(0));
    job.run_for = section.parsed("run_for", parse_duration);
    job.exit_code = static_cast<int>(section.number("exit_code", 0, 255).value_or(0));
    if (const auto attempts = section.number("restart_attempts", 0, 1000)) {
        job.restart_attempts = static_cast<std::uint32_t>(*attempts);
    }
    job.reschedules = section.boolean("reschedules").value_or(true);
    job.cron = section.text("cron").value_or("");
    job.prohibit_overlap = section.boolean("prohibit_overlap").value_or(false);
    job.parameterized = section.boolean("parameterized").value_or(false);
    if (job.is_parent() && job.type != "batch" && job.type != "sysbatch") {
        section.refuse(job.parameterized ? "parameterized" : "cron",
                       "only with type batch or sysbatch");
    }
    if (!job.cron.empty()) {
        if (auto read = cron::Expression::parse(job.cron); !read)
            section.refuse("cron", read.error().message);
    }
    inside(section, "update", [&](Section& update) {
        job.max_parallel =
            static_cast<std::uint32_t>(update.number("max_parallel", 0, 50'000).value_or(1));
        job.canary = static_cast<std::uint32_t>(update.number("canary", 0, 50'000).value_or(0));
        job.auto_promote = update.boolean("auto_promote").value_or(false);
        job.auto_revert = update.boolean("auto_revert").value_or(false);
        job.min_healthy_time =
            update.parsed("min_healthy_time", parse_duration).value_or(job.min_healthy_time);
        job.healthy_deadline =
            update.parsed("healthy_deadline", parse_duration).value_or(job.healthy_deadline);
        job.progress_deadline =
            update.parsed("progress_deadline", parse_duration).value_or(job.progress_deadline);
    });
    return job;
}

// `copies: 3` of the id "a" are "a-1" to "a-3".
void read_jobs(Section& section, std::vector<JobLoad>& jobs) {
    const auto copies = section.number("copies", 1, loads_max);
    const JobLoad job = read_job(section);
    if (!copies) return jobs.push_back(job);
    for (std::uint64_t number = 1; number <= *copies; ++number) {
        jobs.push_back(job);
        jobs.back().id += "-" + std::to_string(number);
    }
}

ClientLoad read_client(Section& section) {
    ClientLoad client;
    client.position = section.position();
    client.kind = section.required_text("kind");
    if (client.kind != "cas-register") {
        section.refuse("kind", "unknown \"" + client.kind + "\"; known: cas-register");
    }
    client.count = static_cast<std::uint32_t>(section.number("count", 1, 1000).value_or(1));
    client.keys = static_cast<std::uint32_t>(section.number("keys", 1, 1000).value_or(1));
    if (const auto interval = section.parsed("rate", parse_rate)) {
        client.interval = *interval * client.count;  // the rate is that of all of them together
    }
    return client;
}

void read_load(const YAML::Node& item, Scenario& scenario) {
    Section section{item, "load"};
    inside(section, "job", [&](Section& job) { read_jobs(job, scenario.jobs); });
    inside(section, "client",
           [&](Section& client) { scenario.clients.push_back(read_client(client)); });
    if (scenario.jobs.size() > loads_max || scenario.clients.size() > loads_max) {
        throw ReadingError{section.position(), "load: no more than 1000 jobs and 1000 clients"};
    }
    section.finish();
}

void read_phase(const YAML::Node& item, Phases& phases) {
    Section section{item, "phases"};
    const std::string name = section.required_text("name");
    if (name == "chaos") {
        phases.chaos = section.parsed("for", parse_duration).value_or(phases.chaos);
    } else if (name == "liveness") {
        phases.converge = section.parsed("converge", parse_duration).value_or(phases.converge);
        if (const auto core = section.text("core")) {
            if (*core != "all" && *core != "random-quorum") {
                section.refuse("core", "unknown \"" + *core + "\"; known: all, random-quorum");
            }
            phases.core_is_quorum = *core == "random-quorum";
        }
        if (const auto others = section.text("others"); others && *others != "frozen") {
            section.refuse("others", "unknown \"" + *others + "\"; known: frozen");
        }
    } else {
        section.refuse("name", "unknown phase \"" + name + "\"; known: chaos, liveness");
    }
    section.finish();
}

// "P", "P within D", "P within D of liveness" or "P -> Q within D".
Assertion read_assertion(const YAML::Node& node) {
    const std::string text = scalar_text(node, "a condition");
    std::string_view rest = text;
    Duration within{};
    if (const auto at = rest.rfind(" within "); at != std::string_view::npos) {
        std::string_view time = rest.substr(at + 8);
        if (const auto of = time.find(" of liveness"); of != std::string_view::npos)
            time = time.substr(0, of);
        const auto duration = parse_duration(time);
        if (!duration) throw ReadingError{position_of(node), duration.error().message};
        within = *duration;
        rest = rest.substr(0, at);
    }
    const auto arrow = rest.find("->");
    if (arrow == std::string_view::npos) {
        return {position_of(node), text, std::nullopt, read_predicate(node, rest), within};
    }
    return {position_of(node), text, read_predicate(node, rest.substr(0, arrow)),
            read_predicate(node, rest.substr(arrow + 2)), within};
}

std::vector<Assertion> read_assertions(Section& section, std::string_view key) {
    std::vector<Assertion> assertions;
    section.each(key, [&](const YAML::Node& node) { assertions.push_back(read_assertion(node)); });
    return assertions;
}

// `key: word` switches a checker on, `key: none` off.
void read_switch(Section& section, std::string_view key, std::string_view word, bool& checker) {
    const auto written = section.text(key);
    if (!written) return;
    if (*written != word && *written != "none") {
        section.refuse(key, "unknown \"" + *written + "\"; known: " + std::string{word} + ", none");
    }
    checker = *written == word;
}

void read_schedule_checks(Section& section, Checks& checks) {
    if (!section.has("schedule")) return;
    checks.double_placement = checks.capacity = checks.constraints = checks.orphans = false;
    section.each("schedule", [&](const YAML::Node& item) {
        const std::string word = scalar_text(item, "a check");
        if (word == "no-double-place")
            checks.double_placement = true;
        else if (word == "capacity")
            checks.capacity = true;
        else if (word == "constraints")
            checks.constraints = true;
        else if (word == "no-orphans")
            checks.orphans = true;
        else
            throw ReadingError{position_of(item),
                               "check.schedule: unknown \"" + word +
                                   "\"; known: no-double-place, capacity, constraints, no-orphans"};
    });
}

void read_checks(Section& section, Checks& checks) {
    read_switch(section, "raft", "all", checks.raft);
    read_switch(section, "durable", "acknowledged", checks.durable);
    if (section.has("digest") && section.child("digest").IsMap()) {
        inside(section, "digest",
               [&](Section& digest) { read_switch(digest, "every", "entry", checks.digest); });
    } else {
        read_switch(section, "digest", "all", checks.digest);
    }
    inside(section, "history", [&](Section& history) {
        history.each("linearizable", [&](const YAML::Node& item) {
            const std::string word = scalar_text(item, "a client kind");
            if (word != "cas-register") {
                throw ReadingError{position_of(item), "check.history: unknown client kind \"" +
                                                          word + "\"; known: cas-register"};
            }
        });
    });
    read_schedule_checks(section, checks);
    checks.always = read_assertions(section, "always");
    checks.sometimes = read_assertions(section, "sometimes");
    checks.eventually = read_assertions(section, "eventually");
}

// "pass", or "fail(class=safety; check=capacity)".
void read_expectation(Section& section, Expectation& expect) {
    const auto written = section.text("expect");
    if (!written || *written == "pass") return;
    constexpr const char* form = "write pass or fail(class=CLASS; check=NAME)";
    if (!written->starts_with("fail(class=") || !written->ends_with(")"))
        section.refuse("expect", form);
    std::string inside_text = written->substr(11, written->size() - 12);
    if (const auto semicolon = inside_text.find(';'); semicolon != std::string::npos) {
        const auto check = inside_text.find("check=", semicolon);
        if (check == std::string::npos) section.refuse("expect", form);
        expect.check = inside_text.substr(check + 6);
        inside_text.erase(semicolon);
    }
    const Class* const verdict = find_word(class_words, inside_text);
    if (verdict == nullptr) {
        section.refuse("expect",
                       "unknown class \"" + inside_text + "\"; known: " + list_words(class_words));
    }
    expect.verdict = *verdict;
}

void check_job_references(const Scenario& scenario) {
    const auto known = [&](const std::string& id) {
        return std::any_of(scenario.jobs.begin(), scenario.jobs.end(),
                           [&](const JobLoad& job) { return job.id == id; });
    };
    for (const auto& step : scenario.timeline) {
        if (!step.job.empty() && !known(step.job)) {
            throw ReadingError{step.position,
                               "timeline: no job under load has the id \"" + step.job + "\""};
        }
    }
}

Scenario read_document(const YAML::Node& document, const std::string& file) {
    Section section{document, "scenario"};
    Scenario scenario;
    scenario.file = file;
    if (const auto format = section.required_text("format"); format != "sim/1") {
        section.refuse("format", "unknown format \"" + format + "\"; this release reads sim/1");
    }
    scenario.name = section.required_text("name");
    scenario.large = section.boolean("large").value_or(false);
    scenario.seed = section.parsed("seed", parse_count);
    scenario.seeds = section.parsed("seeds", parse_seed_range);
    inside(section, "budget", [&](Section& budget) { read_budget(budget, scenario.budget); });
    inside(section, "cluster", [&](Section& cluster) { read_cluster(cluster, scenario.cluster); });
    inside(section, "world", [&](Section& world) { read_world(world, scenario.world); });
    inside(section, "swarm", [&](Section& swarm) { read_swarm(swarm, scenario.swarm); });
    section.each("load", [&](const YAML::Node& item) { read_load(item, scenario); });
    if (section.has("timeline")) scenario.timeline = read_timeline(section.child("timeline"));
    section.each("phases", [&](const YAML::Node& item) { read_phase(item, scenario.phases); });
    inside(section, "check", [&](Section& check) { read_checks(check, scenario.checks); });
    read_expectation(section, scenario.expect);
    section.finish();
    check_job_references(scenario);
    return scenario;
}

Error located(const std::string& file, Position position, const std::string& message) {
    // What is nowhere (a file without a document) is at the beginning.
    const int line = std::max(position.line, 1);
    const int column = std::max(position.column, 1);
    return {Errc::invalid_argument,
            file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message};
}

}  // namespace

Result<Scenario> read_scenario(std::string_view text, const std::string& file) {
    if (text.size() > text_size_max) {
        return fail(Errc::invalid_argument,
                    file + ": larger than 1 MiB; a scenario is a short story");
    }
    try {
        return read_document(load_document(std::string{text}), file);
    } catch (const ReadingError& error) {
        return tl::unexpected{located(file, error.position, error.message)};
    } catch (const YAML::Exception& error) {
        return tl::unexpected{located(file, {error.mark.line + 1, error.mark.column + 1},
                                      "not valid YAML: " + error.msg)};
    }
}

}  // namespace drover::sim
