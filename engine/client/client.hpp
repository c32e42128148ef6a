// One node agent as a value: it registers its node, pulls the node's allocations, runs their tasks
// and reports how they fare, behind one step(). It owns no thread, clock, socket, file or process:
// a host tells it what happened and carries out what it asks for (boundary.hpp).
//
// A copy is an independent agent in the same situation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"
#include "engine/client/boundary.hpp"

namespace drover::schema {
class Node;
class TaskState;
}  // namespace drover::schema

namespace drover::client {

// Durations are what operators of Nomad know; the simulator draws absurd values, so no value here
// may break safety.
struct Config {
    // Fingerprinted by the host, with its id and secret; its status is the agent's to say.
    std::shared_ptr<const schema::Node> node;
    std::string region = "global";
    // Where the host builds allocation directories; only ever written into environments.
    std::string alloc_dir;
    // Variables of the agent's own process that tasks of these drivers see beneath their own; the
    // host leaves out what must stay its secret.
    std::map<std::string, std::string> host_environment;
    std::set<std::string> host_environment_drivers;

    // What failed is tried again after this, doubled each time up to the bound of its kind, plus up
    // to a quarter by chance.
    Duration retry_first = std::chrono::milliseconds{250};
    Duration registration_retry = std::chrono::seconds{15};
    Duration heartbeat_retry = std::chrono::seconds{15};
    Duration pull_retry = std::chrono::seconds{30};
    Duration report_retry = std::chrono::seconds{5};
    // How long a pull may block. Also how long an answer that was lost on its way goes unnoticed.
    Duration pull_wait = std::chrono::seconds{30};
    // Of a stream of new allocations as many as came in this time are pulled at once.
    Duration pull_interval = std::chrono::milliseconds{200};
    // A changed client status is reported at once, but not more often than the interval; events and
    // other details wait for the lazy interval.
    Duration report_interval = std::chrono::milliseconds{200};
    Duration report_interval_lazy = std::chrono::seconds{1};
    std::uint32_t report_batch_max = 512;  // allocations in one request

    Duration kill_timeout_max = std::chrono::seconds{30};
    // A stop that nobody answered is asked for again this long after its kill timeout.
    Duration stop_retry = std::chrono::seconds{30};
    std::uint32_t task_events_max = 10;  // newest kept, per task
};

// ---- what checkers and status pages see

struct TaskSummary {
    std::string name;
    std::shared_ptr<const schema::TaskState> state;
    std::uint64_t attempt{};  // of the latest start; 0: never started
    bool process_expected{};  // between an asked-for start and its reported end
};

struct AllocationSummary {
    Uuid id;
    std::string name;
    std::string client_status;  // pending, running, complete, failed
    std::string client_description;
    bool stopping{};
    std::vector<TaskSummary> tasks;  // by name
};

class Client {
public:
    // `durable` is every key that WriteState ever stored and did not erase, in key order. Fails
    // where it does not belong to this release or to this node, or is damaged.
    [[nodiscard]] static Result<Client> restore(
        Config config, std::vector<std::pair<std::string, std::string>> durable, Instant now,
        Prng prng);

    Client(const Client& other);
    Client(Client&&) noexcept;
    Client& operator=(const Client& other);
    Client& operator=(Client&&) noexcept;
    ~Client();

    // Bounded work. Effects are appended in the order in which the host must begin them; at most
    // one of them is a WriteState, and no two writes are ever in flight.
    void step(Instant now, WallTime wall, const std::vector<Input>& inputs,
              std::vector<Effect>& effects);

    // When the host must next call step at the latest; none while nothing is pending.
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    // ---- for checkers and status pages; nothing here changes anything

    [[nodiscard]] std::vector<AllocationSummary> allocations() const;  // by id
    [[nodiscard]] bool registered() const;
    // A failed write of its state: no further task is started until the agent starts anew.
    [[nodiscard]] bool refuses_starts() const;

private:
    class Core;
    explicit Client(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace drover::client
