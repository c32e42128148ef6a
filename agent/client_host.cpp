#include "agent/client_host.hpp"

#include <filesystem>
#include <utility>

#include "agent/log.hpp"
#include "agent/node.hpp"
#include "drivers/alloc_dir.hpp"
#include "drivers/task_file.hpp"
#include "engine/base/match.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/schema/task.pb.h"
#include "engine/schema/value.pb.h"
#include "engine/state/types.hpp"
#include "io/clock.hpp"

namespace drover::agent {
namespace {

LogLevel level_of(client::Severity severity) {
    switch (severity) {
        case client::Severity::debug:
            return LogLevel::debug;
        case client::Severity::info:
            return LogLevel::info;
        case client::Severity::warning:
            return LogLevel::warn;
        case client::Severity::error:
            return LogLevel::error;
    }
    return LogLevel::info;
}

drivers::ConfigValue to_config(const schema::Value& value);

drivers::Config to_config(const google::protobuf::RepeatedPtrField<schema::ValuePair>& pairs) {
    drivers::Config config;
    for (const auto& pair : pairs) config[pair.key()] = to_config(pair.value());
    return config;
}

drivers::ConfigValue to_config(const schema::Value& value) {
    switch (value.kind_case()) {
        case schema::Value::kBoolean:
            return value.boolean();
        case schema::Value::kInteger:
            return static_cast<std::int64_t>(value.integer());
        case schema::Value::kReal:
            return value.real();
        case schema::Value::kText:
            return value.text();
        case schema::Value::kList: {
            drivers::ConfigValue::List list;
            for (const auto& item : value.list().items()) list.push_back(to_config(item));
            return list;
        }
        case schema::Value::kObject:
            return to_config(value.object().fields());
        case schema::Value::kNull:
        case schema::Value::KIND_NOT_SET:
            break;
    }
    return {};
}

drivers::TaskHandle to_driver(const client::TaskHandle& handle) {
    return {handle.driver, handle.opaque};
}

drivers::TaskSpec make_spec(const client::StartTask& effect, const drivers::AllocDir& directory) {
    const schema::Allocation& allocation = *effect.allocation;
    const schema::Task& task = *effect.task;
    drivers::TaskSpec spec;
    spec.namespace_id = allocation.namespace_();
    spec.job_id = allocation.job_id();
    spec.group = allocation.task_group();
    spec.alloc_id = effect.key.allocation.text();
    spec.alloc_name = allocation.name();
    spec.task = task.name();
    spec.attempt = effect.key.attempt;
    spec.config = to_config(task.config());
    spec.task_dir = directory.task(task.name());
    spec.alloc_dir = directory.shared();
    spec.log_dir = directory.logs();
    spec.environment = effect.environment;
    spec.user = task.user();
    if (task.has_log_config()) {
        spec.logs.files_max = task.log_config().max_files();
        spec.logs.file_size_bytes_max =
            std::int64_t{task.log_config().max_file_size_mb()} * 1024 * 1024;
        spec.logs.disabled = task.log_config().disabled();
    }
    spec.limits.cpu_mhz = task.resources().cpu();
    spec.limits.memory_mib = task.resources().memory_mb();
    spec.limits.memory_max_mib = task.resources().memory_max_mb();
    return spec;
}

}  // namespace

ClientHost::ClientHost(Config config, AskServer ask)
    : config_{std::move(config)}, ask_{std::move(ask)} {
    drivers::RawExecOptions raw_exec;
    raw_exec.enabled = config_.client.raw_exec_enabled;
    drivers_ = drivers::DriverRegistry::with_builtin(raw_exec);
}

Result<std::unique_ptr<ClientHost>> ClientHost::start(const Config& config,
                                                      const std::string& http_address,
                                                      AskServer ask) {
    std::unique_ptr<ClientHost> host{new ClientHost{config, std::move(ask)}};
    if (auto prepared = host->prepare(http_address); !prepared)
        return tl::unexpected{prepared.error()};
    if (auto restored = host->restore(); !restored) return tl::unexpected{restored.error()};
    return host;
}

ClientHost::~ClientHost() {
    *alive_ = false;
    if (engine_) engine_->stop();
    work_.stop();
    if (config_.dev_mode) end_tasks();
    store_.reset();
    drivers_ = drivers::DriverRegistry{};  // no exit is reported once they are gone; tasks run on
}

Result<void> ClientHost::prepare(const std::string& http_address) {
    for (const auto& directory : {config_.client_dir(), config_.alloc_dir()}) {
        std::error_code error;
        std::filesystem::create_directories(directory, error);
        if (error)
            return fail(Errc::internal, directory + ": cannot be created: " + error.message());
    }
    auto store = io::RocksStore::open(config_.client_dir() + "/state");
    if (!store) return tl::unexpected{store.error()};
    store_ = std::move(*store);
    auto node = describe_node(config_, http_address, drivers_);
    if (!node) return tl::unexpected{node.error()};
    node_ = std::move(*node);
    node_id_ = state::to_uuid(node_->id());
    return {};
}

Result<void> ClientHost::restore() {
    std::vector<std::pair<std::string, std::string>> durable;
    auto read = store_->for_each("", "", [&](std::string_view key, std::string_view value) {
        durable.emplace_back(key, value);
        return true;
    });
    if (!read) return read;
    const auto seed = io::entropy_seed();
    if (!seed) return tl::unexpected{seed.error()};
    client::Config engine;
    engine.node = node_;
    engine.region = config_.region;
    engine.alloc_dir = config_.alloc_dir();
    engine.kill_timeout_max = config_.client.max_kill_timeout;
    auto restored =
        client::Client::restore(std::move(engine), std::move(durable), io::now(), Prng{*seed});
    if (!restored) return tl::unexpected{restored.error()};
    engine_ = std::make_unique<Engine>(
        std::move(*restored), [this](client::Client& one, std::vector<client::Effect>& effects) {
            perform(one, effects);
        });
    engine_->start();
    engine_->deliver(client::TimePassed{});
    return {};
}

std::string ClientHost::log_directory(const Uuid& allocation) const {
    const drivers::AllocDir directory{config_.alloc_dir(), allocation.text()};
    std::error_code error;
    return std::filesystem::is_directory(directory.logs(), error) ? directory.logs()
                                                                  : std::string{};
}

// ---- effects

void ClientHost::perform(client::Client& engine, std::vector<client::Effect>& effects) {
    registered_ = engine.registered();
    for (auto& effect : effects) carry_out(effect);
}

void ClientHost::carry_out(client::Effect& effect) {
    std::visit(Match{[&](client::SendRequest& one) { send_request(one); },
                     [&](client::WriteState& one) { write_state(one); },
                     [&](client::BuildAllocationDirectory& one) { build_directory(one); },
                     [&](client::DestroyAllocationDirectory& one) { destroy_directory(one); },
                     [&](client::StartTask& one) { start_task(one); },
                     [&](client::RecoverTask& one) { recover_task(one); },
                     [&](client::StopTask& one) { stop_task(one); },
                     [&](client::DestroyTask& one) { destroy_task(one); },
                     [&](client::Report& one) { log(level_of(one.severity), "client", one.text); }},
               effect);
}

void ClientHost::send_request(const client::SendRequest& effect) {
    ask_(effect.request, Duration{effect.request->timeout_ns()},
         [this, alive = alive_, ticket = effect.ticket](client::ResponsePtr response,
                                                        std::string reason) {
             if (!*alive) return;
             if (response) {
                 engine_->deliver(client::ResponseReceived{ticket, std::move(response)});
             } else {
                 engine_->deliver(client::RequestFailed{ticket, std::move(reason)});
             }
         });
}

void ClientHost::write_state(const client::WriteState& effect) {
    io::KvBatch batch;
    for (const auto& [key, value] : effect.changes) {
        if (value) {
            batch.put(key, *value);
        } else {
            batch.erase(key);
        }
    }
    const client::StateWriteId write = effect.write;
    auto submitted =
        store_->submit(std::move(batch), io::Durability::synced, [this, write](Result<void> done) {
            if (done) {
                engine_->deliver(client::StateWritten{write});
            } else {
                engine_->deliver(client::StateWriteFailed{write, done.error().message});
            }
        });
    if (!submitted) engine_->deliver(client::StateWriteFailed{write, submitted.error().message});
}

void ClientHost::build_directory(const client::BuildAllocationDirectory& effect) {
    work_.deliver([this, effect] {
        const drivers::AllocDir directory{config_.alloc_dir(), effect.allocation.text()};
        auto built = directory.build();
        for (const auto& task : effect.tasks) {
            if (built) built = directory.build_task(task, "");
        }
        if (built) {
            engine_->deliver(client::AllocationDirectoryBuilt{effect.allocation});
        } else {
            engine_->deliver(
                client::AllocationDirectoryFailed{effect.allocation, built.error().message});
        }
    });
}

void ClientHost::destroy_directory(const client::DestroyAllocationDirectory& effect) {
    work_.deliver([this, effect] {
        const drivers::AllocDir directory{config_.alloc_dir(), effect.allocation.text()};
        if (auto destroyed = directory.destroy(); !destroyed) {
            log(LogLevel::warn, "client.alloc_dir", destroyed.error().message);
        }
    });
}

void ClientHost::note_running(const client::TaskKey& key, const drivers::TaskHandle& handle) {
    const std::lock_guard lock{running_mutex_};
    running_[key] = handle;
}

void ClientHost::end_tasks() {
    const std::lock_guard lock{running_mutex_};
    for (const auto& [key, handle] : running_) {
        drivers::Driver* const driver = drivers_.find(handle.driver);
        if (driver == nullptr) continue;
        if (auto ended = driver->destroy(handle); !ended)
            log(LogLevel::warn, "client.task", key.task + ": " + ended.error().message);
    }
    running_.clear();
}

void ClientHost::exited(const client::TaskKey& key, const drivers::TaskExit& exit) {
    engine_->deliver(
        client::TaskExited{key, {exit.exit_code, exit.signal, exit.oom_killed, exit.error}});
}

void ClientHost::start_task(const client::StartTask& effect) {
    work_.deliver([this, effect] {
        drivers::Driver* const driver = drivers_.find(effect.task->driver());
        if (driver == nullptr) {
            engine_->deliver(client::TaskStartFailed{
                effect.key, "this node has no driver \"" + effect.task->driver() + "\"", false});
            return;
        }
        const drivers::AllocDir directory{config_.alloc_dir(), effect.key.allocation.text()};
        const schema::Task& task = *effect.task;
        if (effect.payload) {
            const auto written = drivers::write_task_file(
                directory.local(task.name()), task.dispatch_payload().file(), *effect.payload);
            if (!written) {
                engine_->deliver(client::TaskStartFailed{
                    effect.key, "the dispatch payload: " + written.error().message, true});
                return;
            }
        }
        auto started = driver->start(
            make_spec(effect, directory),
            [this, key = effect.key](const drivers::TaskExit& exit) { exited(key, exit); });
        if (started) {
            note_running(effect.key, started->handle);
            engine_->deliver(
                client::TaskStarted{effect.key, {started->handle.driver, started->handle.opaque}});
        } else {
            engine_->deliver(client::TaskStartFailed{effect.key, started.error().message,
                                                     drivers::is_recoverable(started.error())});
        }
    });
}

void ClientHost::recover_task(const client::RecoverTask& effect) {
    work_.deliver([this, effect] {
        drivers::Driver* const driver = drivers_.find(effect.handle.driver);
        if (driver == nullptr) {
            engine_->deliver(client::TaskRecoveryFailed{
                effect.key, "this node no longer has the driver \"" + effect.handle.driver + "\""});
            return;
        }
        auto recovered = driver->recover(
            to_driver(effect.handle),
            [this, key = effect.key](const drivers::TaskExit& exit) { exited(key, exit); });
        using State = drivers::Recovered::State;
        if (!recovered) {
            engine_->deliver(client::TaskRecoveryFailed{effect.key, recovered.error().message});
        } else if (recovered->state == State::running) {
            note_running(effect.key, to_driver(effect.handle));
            engine_->deliver(client::TaskRecovered{effect.key});
        } else if (recovered->state == State::exited) {
            exited(effect.key, recovered->exit);
        } else {
            engine_->deliver(client::TaskRecoveryFailed{effect.key, recovered->reason});
        }
    });
}

void ClientHost::stop_task(const client::StopTask& effect) {
    work_.deliver([this, effect] {
        drivers::Driver* const driver = drivers_.find(effect.handle.driver);
        if (driver == nullptr) return;
        auto stopped = driver->stop(to_driver(effect.handle), effect.signal, effect.kill_timeout);
        if (!stopped)
            log(LogLevel::warn, "client.task", effect.key.task + ": " + stopped.error().message);
    });
}

void ClientHost::destroy_task(const client::DestroyTask& effect) {
    work_.deliver([this, effect] {
        drivers::Driver* const driver = drivers_.find(effect.handle.driver);
        if (driver == nullptr) return;
        {
            const std::lock_guard lock{running_mutex_};
            running_.erase(effect.key);
        }
        if (auto destroyed = driver->destroy(to_driver(effect.handle)); !destroyed) {
            log(LogLevel::warn, "client.task", effect.key.task + ": " + destroyed.error().message);
        }
    });
}

}  // namespace drover::agent
