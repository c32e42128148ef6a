// The parts of a node agent and how news travels between them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/client/allocation_runner.hpp"
#include "engine/client/allocation_watch.hpp"
#include "engine/client/client.hpp"
#include "engine/client/deadlines.hpp"
#include "engine/client/node_registration.hpp"
#include "engine/client/report_batch.hpp"

namespace drover::client {

class Client::Core {
public:
    Core(std::shared_ptr<const Config> config,
         const std::vector<std::pair<std::string, std::string>>& durable, Instant now, Prng prng);
    [[nodiscard]] Result<void> restore(const records::Stored& stored, Instant now);

    void step(Instant now, WallTime wall, const std::vector<Input>& inputs,
              std::vector<Effect>& effects);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] std::vector<AllocationSummary> allocations() const;
    [[nodiscard]] bool registered() const { return registration_.registered(); }
    [[nodiscard]] bool refuses_starts() const { return journal_.failure().has_value(); }

private:
    using Runners = std::map<Uuid, AllocationRunner>;

    void begin(Turn& turn);
    void on(const TimePassed& news, Turn& turn);
    void on(const ResponseReceived& news, Turn& turn);
    void on(const RequestFailed& news, Turn& turn);
    void on(const AllocationDirectoryBuilt& news, Turn& turn);
    void on(const AllocationDirectoryFailed& news, Turn& turn);
    void on(const TaskStarted& news, Turn& turn);
    void on(const TaskStartFailed& news, Turn& turn);
    void on(const TaskExited& news, Turn& turn);
    void on(const TaskRecovered& news, Turn& turn);
    void on(const TaskRecoveryFailed& news, Turn& turn);
    void on(const StateWritten& news, Turn& turn);
    void on(const StateWriteFailed& news, Turn& turn);
    template <class News>
    void on_task(const News& news, Turn& turn);

    void node_unknown(Turn& turn);
    void take_list(const schema::AllocationList& list, Turn& turn);
    void drop_unlisted(Turn& turn);
    void update(AllocationRunner& runner, AllocationPtr allocation, Turn& turn);
    void add(const AllocationPtr& allocation, Turn& turn);
    void refuse(const schema::Allocation& allocation, const std::string& reason, Turn& turn);

    [[nodiscard]] AllocationRunner* touch(const Uuid& id);
    [[nodiscard]] bool is_clear(const AllocationRunner& runner) const;
    [[nodiscard]] std::optional<Instant> reach_limit(const AllocationRunner& runner) const;
    void touch_due(Turn& turn);
    void touch_all();
    void settle(Turn& turn);
    void settle_one(Runners::iterator runner, Turn& turn);

    std::shared_ptr<const Config> config_;
    Prng prng_;
    Instant now_;
    WallTime wall_;
    bool begun_{};

    StateJournal journal_;
    Post post_;
    NodeRegistration registration_;
    AllocationWatch watch_;
    ReportBatch reports_;
    Runners runners_;
    Deadlines deadlines_;     // of the runners themselves
    std::set<Uuid> bounded_;  // runners that are to end also by the clock, or for want of servers
    std::set<Uuid> refused_;  // told to have failed; never tried again
    std::set<Uuid> listed_;   // what the servers have for this node
    std::set<Uuid> awaiting_disk_;
    std::set<Uuid> touched_;  // something happened to them in this step
};

}  // namespace drover::client
