// A node agent behind the boundary. See adaptor.hpp.
#include <utility>

#include "engine/base/match.hpp"
#include "engine/host/adaptor.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/task.pb.h"

namespace drover::host {
namespace {

// Bytes that are no id name nothing that the agent knows; it passes over news of those.
Uuid to_uuid(const std::string& raw) { return Uuid::from_raw(raw).value_or(Uuid{}); }

client::TaskKey to_key(const wire::TaskKey& from) {
    return {to_uuid(from.allocation()), from.task(), from.attempt()};
}

void fill(wire::TaskKey& out, const client::TaskKey& key) {
    out.set_allocation(key.allocation.raw());
    out.set_task(key.task);
    out.set_attempt(key.attempt);
}

void fill(wire::TaskHandle& out, const client::TaskHandle& handle) {
    out.set_driver(handle.driver);
    out.set_opaque(handle.opaque);
}

std::optional<client::Input> to_input(const wire::ClientInput& from) {
    using Kind = wire::ClientInput;
    switch (from.kind_case()) {
        case Kind::kTimePassed:
            return client::TimePassed{};
        case Kind::kResponseReceived:
            return client::ResponseReceived{
                client::Ticket{from.response_received().ticket()},
                std::make_shared<const schema::Response>(from.response_received().response())};
        case Kind::kRequestFailed:
            return client::RequestFailed{client::Ticket{from.request_failed().id()},
                                         from.request_failed().reason()};
        case Kind::kAllocationDirectoryBuilt:
            return client::AllocationDirectoryBuilt{to_uuid(from.allocation_directory_built())};
        case Kind::kAllocationDirectoryFailed:
            return client::AllocationDirectoryFailed{
                to_uuid(from.allocation_directory_failed().allocation()),
                from.allocation_directory_failed().reason()};
        case Kind::kTaskStarted:
            return client::TaskStarted{
                to_key(from.task_started().key()),
                {from.task_started().handle().driver(), from.task_started().handle().opaque()}};
        case Kind::kTaskStartFailed:
            return client::TaskStartFailed{to_key(from.task_start_failed().key()),
                                           from.task_start_failed().reason(),
                                           from.task_start_failed().recoverable()};
        case Kind::kTaskExited:
            return client::TaskExited{
                to_key(from.task_exited().key()),
                {from.task_exited().exit_code(), from.task_exited().signal(),
                 from.task_exited().out_of_memory(), from.task_exited().error()}};
        case Kind::kTaskRecovered:
            return client::TaskRecovered{to_key(from.task_recovered())};
        case Kind::kTaskRecoveryFailed:
            return client::TaskRecoveryFailed{to_key(from.task_recovery_failed().key()),
                                              from.task_recovery_failed().reason()};
        case Kind::kStateWritten:
            return client::StateWritten{client::StateWriteId{from.state_written()}};
        case Kind::kStateWriteFailed:
            return client::StateWriteFailed{client::StateWriteId{from.state_write_failed().id()},
                                            from.state_write_failed().reason()};
        case Kind::KIND_NOT_SET:
            break;
    }
    return std::nullopt;
}

void fill(wire::ClientEffect::WriteState& out, const client::WriteState& write) {
    out.set_write(write.write.value());
    for (const auto& [key, value] : write.changes) {
        wire::Change& change = *out.add_changes();
        if (value) {
            change.mutable_put()->set_key(key);
            change.mutable_put()->set_value(*value);
        } else {
            change.set_erase(key);
        }
    }
}

void fill(wire::ClientEffect::StartTask& out, const client::StartTask& start) {
    fill(*out.mutable_key(), start.key);
    *out.mutable_allocation() = *start.allocation;
    *out.mutable_task() = *start.task;
    for (const auto& [name, value] : start.environment) {
        auto& pair = *out.add_environment();
        pair.set_key(name);
        pair.set_value(value);
    }
    if (start.payload) out.set_payload(*start.payload);
}

void fill(wire::ClientEffect& out, const client::Effect& effect) {
    std::visit(
        Match{[&](const client::SendRequest& one) {
                  out.mutable_send_request()->set_ticket(one.ticket.value());
                  *out.mutable_send_request()->mutable_request() = *one.request;
              },
              [&](const client::WriteState& one) { fill(*out.mutable_write_state(), one); },
              [&](const client::BuildAllocationDirectory& one) {
                  auto& build = *out.mutable_build_allocation_directory();
                  build.set_allocation(one.allocation.raw());
                  for (const std::string& task : one.tasks) build.add_tasks(task);
              },
              [&](const client::DestroyAllocationDirectory& one) {
                  out.set_destroy_allocation_directory(one.allocation.raw());
              },
              [&](const client::StartTask& one) { fill(*out.mutable_start_task(), one); },
              [&](const client::RecoverTask& one) {
                  fill(*out.mutable_recover_task()->mutable_key(), one.key);
                  fill(*out.mutable_recover_task()->mutable_handle(), one.handle);
                  *out.mutable_recover_task()->mutable_task() = *one.task;
              },
              [&](const client::StopTask& one) {
                  fill(*out.mutable_stop_task()->mutable_key(), one.key);
                  fill(*out.mutable_stop_task()->mutable_handle(), one.handle);
                  out.mutable_stop_task()->set_signal(one.signal);
                  out.mutable_stop_task()->set_kill_timeout(one.kill_timeout.count());
              },
              [&](const client::DestroyTask& one) {
                  fill(*out.mutable_destroy_task()->mutable_key(), one.key);
                  fill(*out.mutable_destroy_task()->mutable_handle(), one.handle);
              },
              [&](const client::Report& one) {
                  out.mutable_report()->set_severity(static_cast<std::uint32_t>(one.severity));
                  out.mutable_report()->set_text(one.text);
              }},
        effect);
}

void fill(wire::AllocationStatus& out, const client::AllocationSummary& summary) {
    out.set_id(summary.id.raw());
    out.set_name(summary.name);
    out.set_client_status(summary.client_status);
    out.set_stopping(summary.stopping);
    for (const client::TaskSummary& task : summary.tasks) {
        wire::TaskStatus& to = *out.add_tasks();
        to.set_name(task.name);
        if (task.state) *to.mutable_state() = *task.state;
        to.set_attempt(task.attempt);
        to.set_process_expected(task.process_expected);
    }
}

tl::unexpected<Error> no_state() {
    return fail(Errc::unsupported, "a node agent has no replicated state to look at");
}

client::Config to_config(const wire::ClientConfig& from) {
    client::Config config;
    config.node = std::make_shared<const schema::Node>(from.node());
    if (!from.region().empty()) config.region = from.region();
    config.alloc_dir = from.alloc_dir();
    for (const auto& pair : from.host_environment()) {
        config.host_environment[pair.key()] = pair.value();
    }
    for (const std::string& driver : from.host_environment_drivers()) {
        config.host_environment_drivers.insert(driver);
    }
    return config;
}

}  // namespace

Result<ClientAdaptor> ClientAdaptor::create(const wire::Create& from, wire::Created&) {
    if (auto sound = check_time(Instant{}, from.now(), 0); !sound) {
        return tl::unexpected{sound.error()};
    }
    std::vector<std::pair<std::string, std::string>> durable;
    for (const wire::Record& record : from.client_disk()) {
        if (!durable.empty() && record.key() <= durable.back().first) {
            return fail(Errc::invalid_argument, "client_disk is not in key order");
        }
        durable.emplace_back(record.key(), record.value());
    }
    const Instant now{Duration{from.now()}};
    auto engine = client::Client::restore(to_config(from.client()), std::move(durable), now,
                                          Prng{from.seed()});
    if (!engine) return tl::unexpected{engine.error()};
    return ClientAdaptor{std::move(*engine), now};
}

Result<void> ClientAdaptor::step(const wire::Inputs& inputs, Outcome& outcome) {
    if (auto sound = check_time(now_, inputs.now(), inputs.wall()); !sound) return sound;
    if (!inputs.server().empty()) {
        return fail(Errc::invalid_argument, "this engine is a node agent, not a server");
    }
    std::vector<client::Input> batch;
    for (const wire::ClientInput& input : inputs.client()) {
        if (auto known = to_input(input)) batch.push_back(std::move(*known));
    }
    now_ = Instant{Duration{inputs.now()}};
    std::vector<client::Effect> effects;
    engine_.step(now_, WallTime{inputs.wall()}, batch, effects);
    for (const client::Effect& effect : effects) fill(*outcome.effects.add_client(), effect);
    return {};
}

Result<wire::Digest> ClientAdaptor::digest() const { return no_state(); }
Result<View> ClientAdaptor::view() const { return no_state(); }

wire::Status ClientAdaptor::status() const {
    wire::Status status;
    status.set_registered(engine_.registered());
    status.set_refuses_starts(engine_.refuses_starts());
    for (const client::AllocationSummary& one : engine_.allocations()) {
        fill(*status.add_allocations(), one);
    }
    return status;
}

}  // namespace drover::host
