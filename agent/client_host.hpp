// Runs one node agent engine for real: its thread, its durable state in RocksDB, the allocation
// directories, and tasks through the drivers. It decides nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "drivers/registry.hpp"
#include "engine/base/uuid.hpp"
#include "engine/client/boundary.hpp"
#include "engine/client/client.hpp"
#include "io/engine_thread.hpp"
#include "io/store.hpp"
#include "io/worker_pool.hpp"

namespace drover::schema {
class Node;
}

namespace drover::agent {

class ClientHost {
public:
    using Reply = std::function<void(client::ResponsePtr response, std::string reason)>;
    // Asks some server; the reply is called once, with a response or with a reason for none.
    using AskServer =
        std::function<void(client::RequestPtr request, Duration timeout, Reply reply)>;

    // Fingerprints the machine, opens the state, restores the agent, and begins.
    [[nodiscard]] static Result<std::unique_ptr<ClientHost>> start(const Config& config,
                                                                   const std::string& http_address,
                                                                   AskServer ask);
    // Leaves the tasks running, except in dev mode: what it leaves behind is nobody's.
    ~ClientHost();
    ClientHost(const ClientHost&) = delete;
    ClientHost& operator=(const ClientHost&) = delete;

    [[nodiscard]] const Uuid& node_id() const { return node_id_; }
    [[nodiscard]] bool registered() const { return registered_; }
    // Where the allocation's log files are; empty where this node does not hold it.
    [[nodiscard]] std::string log_directory(const Uuid& allocation) const;

private:
    using Engine = io::EngineThread<client::Client, client::Input, client::Effect>;
    using Start = std::shared_ptr<const client::StartTask>;

    ClientHost(Config config, AskServer ask);
    [[nodiscard]] Result<void> prepare(const std::string& http_address);
    [[nodiscard]] Result<void> restore();

    void perform(client::Client& engine, std::vector<client::Effect>& effects);
    void carry_out(client::Effect& effect);
    void send_request(const client::SendRequest& effect);
    void write_state(const client::WriteState& effect);
    void build_directory(const client::BuildAllocationDirectory& effect);
    void destroy_directory(const client::DestroyAllocationDirectory& effect);
    void start_task(const client::StartTask& effect);
    void recover_task(const client::RecoverTask& effect);
    void stop_task(const client::StopTask& effect);
    void destroy_task(const client::DestroyTask& effect);
    void exited(const client::TaskKey& key, const drivers::TaskExit& exit);
    void note_running(const client::TaskKey& key, const drivers::TaskHandle& handle);
    void end_tasks();

    Config config_;
    AskServer ask_;
    Uuid node_id_;
    std::shared_ptr<schema::Node> node_;
    std::unique_ptr<io::RocksStore> store_;
    drivers::DriverRegistry drivers_;
    std::mutex running_mutex_;
    std::map<client::TaskKey, drivers::TaskHandle> running_;
    std::atomic<bool> registered_{false};
    // Lets replies that come after the end find nobody.
    std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
    io::WorkerPool work_{{.threads = 4}};
    std::unique_ptr<Engine> engine_;
};

}  // namespace drover::agent
