// Placements per second through everything: one real server with a synced log, 5,000 nodes that
// heartbeat, 20,000 allocations of jobs that are registered over HTTP. Measured from the first
// registration to the answer that lists the last allocation. `end_to_end_clients`: every node has
// an agent besides that pulls its allocations while they are placed and reports them running; what
// those 5,000 agents cost is paid by the same machine.
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>

#include "tests/agent/cluster/fleet.hpp"
#include "tests/agent/cluster/servers.hpp"

namespace drover::agent::cluster {
namespace {

constexpr std::size_t allocations_in_all = 20'000;

struct Registered {
    std::string id;
    std::uint64_t index{};  // of the entry that stored it; 0: refused
};

std::string body_of(const std::string& id, std::size_t count) {
    const Json resources = Json::Object{{"CPU", 100}, {"MemoryMB", 128}};
    const Json task =
        Json::Object{{"Name", "main"},
                     {"Driver", "mock_driver"},
                     {"Config", Json::Object{{"run_for", "1h"}}},
                     {"LogConfig", Json::Object{{"MaxFiles", 1}, {"MaxFileSizeMB", 1}}},
                     {"Resources", resources}};
    const Json linux_only =
        Json::Object{{"LTarget", "${attr.kernel.name}"}, {"RTarget", "linux"}, {"Operand", "="}};
    const Json group = Json::Object{{"Name", "group"},
                                    {"Count", static_cast<std::int64_t>(count)},
                                    {"EphemeralDisk", Json::Object{{"SizeMB", 10}}},
                                    {"Tasks", Json::Array{task}}};
    const Json job = Json::Object{{"ID", id},
                                  {"Name", id},
                                  {"Type", "service"},
                                  {"Datacenters", Json::Array{"dc1"}},
                                  {"Constraints", Json::Array{linux_only}},
                                  {"TaskGroups", Json::Array{group}}};
    return schema::print_json(Json::Object{{"Job", job}});
}

std::unique_ptr<io::HttpClient> client_of(const Machine& machine) {
    io::HttpClientOptions options;
    options.address = "http://127.0.0.1:" + std::to_string(machine.http());
    auto client = io::HttpClient::create(std::move(options));
    if (!client) throw std::runtime_error{client.error().message};
    return std::move(*client);
}

// How many allocations an answer lists. Parsing 20 MB of them as JSON would cost more than all that
// is measured; the last answers are parsed afterwards.
std::size_t listed_in(std::string_view body) {
    constexpr std::string_view member = "\"ClientStatus\":";
    std::size_t count = 0;
    for (auto at = body.find(member); at != std::string_view::npos; at = body.find(member, at + 1))
        ++count;
    return count;
}

// Jobs are registered one after another on one connection, and asked after in the same order on
// another by blocking queries.
class Run {
public:
    Run(const Machine& server, std::size_t jobs)
        : writing_{client_of(server)}, reading_{client_of(server)} {
        const std::size_t count = allocations_in_all / jobs;
        for (std::size_t i = 0; i < jobs; ++i) {
            ids_.push_back("job-" + std::to_string(i));
            bodies_.push_back(body_of(ids_.back(), count));
        }
        answers_.resize(jobs);
    }

    // Seconds; none where something was refused or did not come in time: trouble() says what.
    [[nodiscard]] std::optional<double> measure() {
        const auto began = Clock::now();
        std::thread writer{[this] {
            for (auto& body : bodies_) {
                const auto answer = writing_->request("POST", "/v1/jobs", std::move(body));
                if (!is_ok(answer, refused_)) return void(over_ = true);
            }
        }};
        for (std::size_t i = 0; i < ids_.size() && trouble_.empty(); ++i) await(i);
        const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
        writer.join();
        trouble_ += refused_;
        return trouble_.empty() ? std::optional{seconds} : std::nullopt;
    }
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

    // Every answer is a list of as many allocations as the job wants, all different.
    [[nodiscard]] std::size_t distinct() const {
        std::set<std::string> ids;
        for (const auto& answer : answers_) {
            const auto json = schema::parse_json(answer);
            if (!json) return 0;
            for (const auto& one : items(*json)) ids.insert(text(one, {"ID"}));
        }
        return ids.size();
    }

private:
    using Answer = Result<io::HttpResponse>;

    [[nodiscard]] static bool is_ok(const Answer& answer, std::string& trouble) {
        if (answer && answer->status == 200) return true;
        trouble = answer ? answer->body : answer.error().message;
        return false;
    }

    // Until the job's list is full.
    void await(std::size_t job) {
        const std::string path = "/v1/job/" + ids_[job] + "/allocations?wait=2s&index=";
        const std::size_t wanted = allocations_in_all / ids_.size();
        std::string index = "1";
        for (const auto until = Clock::now() + patience; Clock::now() < until && !over_;) {
            auto answer = reading_->request("GET", path + index);
            if (!is_ok(answer, trouble_)) return;
            if (listed_in(answer->body) == wanted) {
                answers_[job] = std::move(answer->body);
                return;
            }
            const auto* const told = io::find_header(answer->headers, "X-Nomad-Index");
            if (told != nullptr) index = *told;
        }
        trouble_ = ids_[job] + " did not have its allocations in time. ";
    }

    std::vector<std::string> ids_, bodies_, answers_;
    std::unique_ptr<io::HttpClient> writing_, reading_;
    std::atomic<bool> over_{false};  // there is no use in waiting for more
    std::string refused_;            // the writer's
    std::string trouble_;
};

void run(benchmark::State& state, Fleet::Duty duty) {
    raise_open_files_limit();
    Servers servers{1};
    if (!servers.leader()) return state.SkipWithError("no server leads");
    const Fleet fleet{servers.rpc(0), static_cast<std::size_t>(state.range(0)), duty};
    if (!fleet.wait_until_ready()) {
        const auto seen = fleet.seen();
        const std::string text = std::to_string(seen.ready) + " nodes were ready in time, and " +
                                 std::to_string(seen.failures) + " agents failed: " + seen.trouble;
        return state.SkipWithError(text.c_str());
    }
    for (auto _ : state) {
        Run jobs{servers[0], static_cast<std::size_t>(state.range(1))};
        const auto began = Clock::now();
        const auto seconds = jobs.measure();
        if (!seconds) return state.SkipWithError(jobs.trouble().c_str());
        state.SetIterationTime(*seconds);
        state.counters["placements/s"] = allocations_in_all / *seconds;
        if (jobs.distinct() != allocations_in_all)
            return state.SkipWithError("the answers do not list 20,000 allocations");
        if (duty == Fleet::Duty::allocations) {
            if (!eventually([&] { return fleet.seen().reported == allocations_in_all; }))
                return state.SkipWithError("some allocations were never reported running");
            state.counters["all_running_s"] =
                std::chrono::duration<double>(Clock::now() - began).count();
        }
        if (const auto seen = fleet.seen(); seen.failures > 0)
            return state.SkipWithError(seen.trouble.c_str());
    }
}

void end_to_end(benchmark::State& state) { run(state, Fleet::Duty::heartbeats); }
void end_to_end_clients(benchmark::State& state) { run(state, Fleet::Duty::allocations); }

// Arguments: nodes, jobs.
BENCHMARK(end_to_end)
    ->Args({5000, 20})
    ->Args({5000, 100})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(end_to_end_clients)
    ->Args({5000, 20})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drover::agent::cluster
