#include "sim/workload.hpp"

#include <algorithm>

#include "engine/base/ensure.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/request.pb.h"
#include "sim/job_builder.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr Duration job_timeout = std::chrono::seconds{10};
constexpr Duration job_retry = std::chrono::milliseconds{500};
constexpr Duration operation_timeout = std::chrono::seconds{5};

std::string register_name(std::uint32_t key) { return "register-" + std::to_string(key); }

// What certainly did not happen is not part of a history.
bool certainly_refused(const Answer& answer) {
    if (!answer.response) return answer.never_sent;
    if (!answer.response->has_failure()) return false;
    return answer.response->failure().code() != static_cast<std::uint32_t>(Errc::unknown_outcome) &&
           answer.response->failure().code() != static_cast<std::uint32_t>(Errc::timed_out);
}

bool failed_with(const Answer& answer, Errc code) {
    return answer.response && answer.response->has_failure() &&
           answer.response->failure().code() == static_cast<std::uint32_t>(code);
}

}  // namespace

Workload::Workload(const Scenario& scenario, const Prng& root)
    : scenario_{&scenario}, prng_{root.stream("workload")} {
    jobs_.resize(scenario.jobs.size());
    for (const auto& load : scenario.clients) {
        for (std::uint32_t i = 0; i < load.count; ++i) {
            const auto number = static_cast<std::uint32_t>(clients_.size());
            clients_.push_back(
                {number, load.interval, load.keys, root.stream("register", number), {}});
        }
    }
}

void Workload::start(World& world) {
    for (std::size_t i = 0; i < scenario_->jobs.size(); ++i) {
        jobs_[i].count = scenario_->jobs[i].count;
        world.after(scenario_->jobs[i].at, [i](World& later) { later.workload.wish(later, i); });
    }
    for (std::size_t i = 0; i < clients_.size(); ++i) operate_later(world, i);
}

std::uint32_t Workload::pick_server(World& world) {
    std::vector<std::uint32_t> running;
    for (const auto& server : world.servers) {
        if (server.runs()) running.push_back(server.number());
    }
    if (running.empty()) return 0;
    return running[prng_.below(running.size())];
}

std::size_t Workload::load_of(const std::string& job) const {
    const auto& jobs = scenario_->jobs;
    const auto found =
        std::find_if(jobs.begin(), jobs.end(), [&](const JobLoad& one) { return one.id == job; });
    ENSURE(found != jobs.end());  // the reader has checked the reference
    return static_cast<std::size_t>(found - jobs.begin());
}

// ---- jobs

void Workload::wish(World& world, std::size_t load) {
    if (stopped_) return;
    JobState& job = jobs_[load];
    job.stopped = false;
    ++job.revision;
    try_job(world, load, job.revision);
    if (const auto every = scenario_->jobs[load].every) {
        world.after(*every, [load](World& later) { later.workload.wish(later, load); });
    }
}

void Workload::register_again(World& world, const std::string& job,
                              std::optional<std::uint32_t> count, bool broken) {
    const std::size_t load = load_of(job);
    jobs_[load].count = count.value_or(jobs_[load].count);
    jobs_[load].stopped = false;
    jobs_[load].broken = broken;
    ++jobs_[load].revision;
    try_job(world, load, jobs_[load].revision);
}

void Workload::stop_job(World& world, const std::string& job) {
    const std::size_t load = load_of(job);
    jobs_[load].stopped = true;
    ++jobs_[load].revision;
    try_job(world, load, jobs_[load].revision);
}

void Workload::try_job(World& world, std::size_t load, std::uint64_t revision) {
    const JobState& job = jobs_[load];
    if (revision != job.revision) return;  // a newer wish has replaced this one
    const Uuid id = Uuid::mint(world.wall(), prng_);
    auto request =
        job.stopped ? deregister_request(id, scenario_->jobs[load].id)
                    : register_request(id, scenario_->jobs[load], job.count, revision, job.broken);
    world.requests.ask(world, std::nullopt, pick_server(world), std::move(request), job_timeout,
                       [load, revision](World& later, const Answer& answer) {
                           later.workload.job_answered(later, load, revision, answer);
                       });
}

void Workload::job_answered(World& world, std::size_t load, std::uint64_t revision,
                            const Answer& answer) {
    if (answer.response && !answer.response->has_failure()) {
        jobs_[load].acknowledged = std::max(jobs_[load].acknowledged, revision);
        world.marks.add(jobs_[load].stopped ? "job.stopped" : "job.registered");
        world.checkers.write_acknowledged(world, *answer.response);
        return;
    }
    if (failed_with(answer, Errc::invalid_argument)) {
        world.fail(Class::crash, "workload",
                   "job " + scenario_->jobs[load].id +
                       " was refused: " + answer.response->failure().message());
        return;
    }
    if (failed_with(answer, Errc::permission_denied)) world.marks.add("job.rejected");
    world.after(job_retry,
                [load, revision](World& later) { later.workload.try_job(later, load, revision); });
}

std::optional<std::uint32_t> Workload::wanted(const std::string& job) const {
    const JobState& state = jobs_[load_of(job)];
    if (state.revision == 0 || state.stopped) return std::nullopt;
    return state.count;
}

bool Workload::settled() const {
    return std::all_of(jobs_.begin(), jobs_.end(),
                       [](const JobState& job) { return job.acknowledged == job.revision; });
}

// ---- registers

std::map<std::uint32_t, std::vector<Operation>> Workload::histories() const {
    auto all = histories_;
    for (const RegisterClient& one : clients_) {
        if (one.writing) all[one.writing->first].push_back(one.writing->second);
    }
    return all;
}

void Workload::operate_later(World& world, std::size_t client) {
    if (stopped_) return;
    RegisterClient& one = clients_[client];
    const Duration pause = one.prng.between(one.interval / 2, one.interval * 3 / 2);
    world.after(pause, [client](World& later) { later.workload.operate(later, client); });
}

void Workload::operate(World& world, std::size_t client) {
    if (stopped_) return;
    RegisterClient& one = clients_[client];
    const auto key = static_cast<std::uint32_t>(one.prng.below(one.keys));
    if (!one.seen.contains(key) || one.prng.chance(1, 2)) {
        read(world, client, key);
    } else {
        compare_and_set(world, client, key);
    }
}

void Workload::read(World& world, std::size_t client, std::uint32_t key) {
    const Operation operation{clients_[client].number,     Operation::Kind::read, 0, 0,
                              Operation::Outcome::unknown, world.now(),           {}};
    // Drawn one after the other: compilers evaluate arguments in any order.
    auto request = read_job_request(Uuid::mint(world.wall(), prng_), register_name(key));
    const std::uint32_t server = pick_server(world);
    world.requests.ask(world, std::nullopt, server, std::move(request), operation_timeout,
                       [client, key, operation](World& later, const Answer& answer) {
                           Workload& self = later.workload;
                           self.operate_later(later, client);
                           const bool absent = failed_with(answer, Errc::not_found);
                           if (!answer.response || (answer.response->has_failure() && !absent))
                               return;
                           Operation done = operation;
                           done.outcome = Operation::Outcome::done;
                           done.returned = later.now();
                           done.value = absent ? 0 : register_value(*answer.response);
                           self.histories_[key].push_back(done);
                           const std::uint64_t index =
                               absent ? 0 : answer.response->job().job_modify_index();
                           self.clients_[client].seen[key] = {done.value, index};
                           later.marks.add("register.read");
                       });
}

void Workload::compare_and_set(World& world, std::size_t client, std::uint32_t key) {
    const auto [expected, index] = clients_[client].seen.at(key);
    const Operation operation{clients_[client].number,
                              Operation::Kind::compare_and_set,
                              expected,
                              next_value_++,
                              Operation::Outcome::unknown,
                              world.now(),
                              {}};
    clients_[client].writing = {key, operation};
    auto request = compare_and_set_request(Uuid::mint(world.wall(), prng_), register_name(key),
                                           operation.value, index);
    const std::uint32_t server = pick_server(world);
    world.requests.ask(world, std::nullopt, server, std::move(request), operation_timeout,
                       [client, key, operation](World& later, const Answer& answer) {
                           later.workload.compared(later, client, key, operation, answer);
                       });
}

void Workload::compared(World& world, std::size_t client, std::uint32_t key, Operation operation,
                        const Answer& answer) {
    operate_later(world, client);
    operation.returned = world.now();
    clients_[client].seen.erase(key);
    clients_[client].writing.reset();
    if (answer.response && !answer.response->has_failure()) {
        operation.outcome = Operation::Outcome::done;
        clients_[client].seen[key] = {operation.value,
                                      answer.response->job_written().job_modify_index()};
        world.marks.add("register.written");
        world.checkers.write_acknowledged(world, *answer.response);
    } else if (failed_with(answer, Errc::conflict)) {
        operation.outcome = Operation::Outcome::refused;
        world.marks.add("register.refused");
    } else if (certainly_refused(answer)) {
        return;
    } else {
        world.marks.add("register.unknown");
    }
    histories_[key].push_back(operation);
}

}  // namespace drover::sim
