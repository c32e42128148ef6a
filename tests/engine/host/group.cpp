// See group.hpp.
#include "tests/engine/host/group.hpp"

#include <cstdlib>
#include <utility>

namespace drover::host {
namespace {

// Tickets of the agent at server 0, apart from those of the test.
constexpr std::uint64_t agent_tickets = std::uint64_t{1} << 32;

void insist(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

drover_bytes borrow(const std::string& bytes) { return {bytes.data(), bytes.size()}; }

std::string take(const drover_engine_table& table, drover_buffer& buffer) {
    std::string bytes;
    if (buffer.data != nullptr) bytes.assign(buffer.data, buffer.size);
    table.free_buffer(&buffer);
    return bytes;
}

void apply(Store& store, const google::protobuf::RepeatedPtrField<wire::Change>& changes) {
    for (const wire::Change& change : changes) {
        if (change.has_put()) {
            store[change.put().key()] = change.put().value();
        } else if (change.has_erase_range()) {
            const wire::Range& range = change.erase_range();
            store.erase(store.lower_bound(range.first()),
                        range.end().empty() ? store.end() : store.lower_bound(range.end()));
        } else {
            store.erase(change.erase());
        }
    }
}

void fill(google::protobuf::RepeatedPtrField<wire::Record>& out, const Store& store) {
    for (const auto& [key, value] : store) {
        wire::Record& record = *out.Add();
        record.set_key(key);
        record.set_value(value);
    }
}

Group::Group(std::size_t servers, wire::ServerConfig config,
             const std::vector<const drover_engine_table*>& releases)
    : config_{std::move(config)}, servers_(servers) {
    for (std::size_t i = 0; i < releases.size(); ++i) servers_[i].table = releases[i];
    for (std::size_t i = 0; i < servers; ++i) {
        schema::ServerInfo& server = *config_.add_bootstrap();
        server.set_raft_id(i + 1);
        server.set_id(std::string(16, static_cast<char>(i + 1)));
        server.set_name("server-" + std::to_string(i + 1));
        server.set_address("10.0.0." + std::to_string(i + 1) + ":4647");
        server.set_region("global");
        server.set_raft_protocol(3);
    }
    for (std::size_t i = 0; i < servers; ++i) insist(start(i));
}

Group::~Group() {
    for (const Server& server : servers_) server.table->destroy(server.engine);
    table.destroy(agent_);
}

wire::Create Group::create_of(std::size_t number) const {
    const Disk& disk = servers_[number].disk;
    wire::Create create;
    create.set_now(now);
    create.set_seed(seed_ * 100 + number);
    *create.mutable_server() = config_;
    *create.mutable_server()->mutable_self() = config_.bootstrap(static_cast<int>(number));
    wire::ServerDisk& from = *create.mutable_server_disk();
    fill(*from.mutable_records(), disk.store);
    if (disk.snapshot) from.set_snapshot(*disk.snapshot);
    if (disk.mark) from.set_mark(*disk.mark);
    from.mutable_version_file()->set_path("raft/version");
    if (disk.version_file) from.mutable_version_file()->set_content(*disk.version_file);
    return create;
}

bool Group::start(std::size_t number) {
    Server& server = servers_[number];
    const std::string bytes = create_of(number).SerializeAsString();
    ++seed_;
    drover_buffer created{};
    drover_buffer why{};
    if (server.table->create(DROVER_SERVER, borrow(bytes), &server.engine, &created, &why) !=
        DROVER_OK) {
        error = take(*server.table, why);
        return false;
    }
    wire::Created answer;
    insist(answer.ParseFromString(take(*server.table, created)));
    apply(server.disk.store, answer.repair());
    if (answer.has_version_file()) server.disk.version_file = answer.version_file();
    server.inbox.Clear();
    server.inbox.add_server()->mutable_time_passed();
    return true;
}

void Group::crash(std::size_t number) {
    Server& server = servers_[number];
    server.table->destroy(std::exchange(server.engine, nullptr));
    server.inbox.Clear();
}

void Group::add_agent() {
    wire::Create create;
    create.set_now(now);
    schema::Node& node = *create.mutable_client()->mutable_node();
    node.set_id(std::string(16, '\7'));
    node.set_secret_id("secret");
    node.set_name("node");
    node.set_datacenter("dc1");
    node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(1000);
    node.mutable_node_resources()->mutable_memory()->set_memory_mb(4096);
    node.mutable_node_resources()->mutable_disk()->set_disk_mb(100'000);
    schema::DriverInfo& driver = *node.add_drivers();
    driver.set_name("mock");
    driver.set_detected(true);
    driver.set_healthy(true);
    schema::StringPair& attribute = *node.add_attributes();
    attribute.set_key("driver.mock");
    attribute.set_value("1");
    const std::string bytes = create.SerializeAsString();
    drover_buffer created{};
    drover_buffer why{};
    insist(table.create(DROVER_CLIENT, borrow(bytes), &agent_, &created, &why) == DROVER_OK);
    table.free_buffer(&created);
}

void Group::write(Server& server, const wire::ServerEffect::WriteLog& write) {
    if (server.stalled) return;
    if (write.has_snapshot()) {
        server.disk.snapshot = write.snapshot();
        ++snapshots_received;
    }
    apply(server.disk.store, write.changes());
    if (write.has_mark()) server.disk.mark = write.mark();
    server.inbox.add_server()->set_write_completed(write.write());
}

void Group::carry_out(std::size_t number, const wire::ServerEffect& effect,
                      const drover_step& step) {
    Server& server = servers_[number];
    const auto use = [&](std::uint32_t view, auto how) {
        drover_buffer out{};
        drover_buffer why{};
        insist(view < step.view_count && how(step.views[view], &out, &why) == DROVER_OK);
        return take(*server.table, out);
    };
    if (effect.has_write_log()) {
        write(server, effect.write_log());
    } else if (effect.has_compact_log()) {
        apply(server.disk.store, effect.compact_log().changes());
    } else if (effect.has_send_message()) {
        Server& peer = servers_[effect.send_message().to() - 1];
        if (peer.engine == nullptr) return;
        auto& message = *peer.inbox.add_server()->mutable_peer_message_received();
        message.set_from(number + 1);
        message.set_message(effect.send_message().message());
    } else if (effect.has_respond()) {
        answers_[effect.respond().ticket()] = effect.respond().response();
    } else if (effect.has_answer_query()) {
        const auto ask_it = [&](const drover_view* view, drover_buffer* out, drover_buffer* why) {
            return server.table->query(view, {nullptr, 0}, out, why);
        };
        answers_[effect.answer_query().id()].ParseFromString(
            use(effect.answer_query().view(), ask_it));
    } else if (effect.has_compute_plan()) {
        auto& done = *server.inbox.add_server()->mutable_plan_computed();
        done.set_work(effect.compute_plan().id());
        done.set_bytes(use(effect.compute_plan().view(), server.table->plan));
    } else if (effect.has_save_snapshot()) {
        auto& done = *server.inbox.add_server()->mutable_snapshot_saved();
        done.set_work(effect.save_snapshot().id());
        done.set_bytes(use(effect.save_snapshot().view(), server.table->write_snapshot));
        server.disk.snapshot = done.bytes();
    } else if (effect.kind_case() == wire::ServerEffect::kHalt) {
        halts.push_back(effect.halt());
    }
}

void Group::carry_out(const wire::ClientEffect& effect) {
    wire::Inputs& inbox = agent_inbox_;
    if (effect.has_send_request()) {
        ask(0, agent_tickets + effect.send_request().ticket(), effect.send_request().request());
    } else if (effect.has_write_state()) {
        inbox.add_client()->set_state_written(effect.write_state().write());
    } else if (effect.has_build_allocation_directory()) {
        inbox.add_client()->set_allocation_directory_built(
            effect.build_allocation_directory().allocation());
    } else if (effect.has_start_task()) {
        started.push_back(effect);
        auto& news = *inbox.add_client()->mutable_task_started();
        *news.mutable_key() = effect.start_task().key();
        news.mutable_handle()->set_driver("mock");
    }
}

bool Group::due(const drover_engine_table& by, const drover_engine* engine) const {
    std::int64_t at = 0;
    return by.next_deadline(engine, &at) != 0 && at <= now;
}

bool Group::step(std::size_t number) {
    Server& server = servers_[number];
    if (server.engine == nullptr) return false;
    if (server.inbox.server().empty() && !due(*server.table, server.engine)) return false;
    wire::Inputs inputs;
    inputs.Swap(&server.inbox);
    inputs.set_now(now);
    inputs.set_wall(wall_start + now);
    const std::string bytes = inputs.SerializeAsString();
    drover_step out{};
    insist(server.table->step(server.engine, borrow(bytes), &out, nullptr) == DROVER_OK);
    wire::Effects effects;
    insist(effects.ParseFromArray(out.effects.data, static_cast<int>(out.effects.size)));
    for (const wire::ServerEffect& effect : effects.server()) carry_out(number, effect, out);
    server.table->free_step(&out);
    return true;
}

bool Group::step_agent() {
    for (auto answer = answers_.lower_bound(agent_tickets); answer != answers_.end();) {
        auto& received = *agent_inbox_.add_client()->mutable_response_received();
        received.set_ticket(answer->first - agent_tickets);
        *received.mutable_response() = answer->second;
        answer = answers_.erase(answer);
    }
    if (agent_ == nullptr || (agent_inbox_.client().empty() && !due(table, agent_))) return false;
    wire::Inputs inputs;
    inputs.Swap(&agent_inbox_);
    inputs.set_now(now);
    inputs.set_wall(wall_start + now);
    const std::string bytes = inputs.SerializeAsString();
    drover_step out{};
    insist(table.step(agent_, borrow(bytes), &out, nullptr) == DROVER_OK);
    wire::Effects effects;
    insist(effects.ParseFromArray(out.effects.data, static_cast<int>(out.effects.size)));
    for (const wire::ClientEffect& effect : effects.client()) carry_out(effect);
    table.free_step(&out);
    return true;
}

void Group::run_for(std::int64_t time) {
    for (const std::int64_t end = now + time; now < end; now += millisecond) {
        bool moved = true;
        for (int round = 0; moved && round < 1000; ++round) {
            moved = step_agent();
            for (std::size_t i = 0; i < servers_.size(); ++i) moved = step(i) || moved;
        }
    }
}

std::optional<std::size_t> Group::leader() const {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (servers_[i].engine == nullptr || !status(i).leads()) continue;
        if (found) return std::nullopt;  // two: nobody may call that a leader
        found = i;
    }
    return found;
}

wire::Digest Group::digest(std::size_t number) const {
    drover_buffer out{};
    wire::Digest digest;
    const Server& server = servers_[number];
    insist(server.table->digest(server.engine, &out, nullptr) == DROVER_OK);
    insist(digest.ParseFromString(take(*server.table, out)));
    return digest;
}

wire::Status Group::status(std::size_t number) const {
    drover_buffer out{};
    wire::Status status;
    const Server& server = servers_[number];
    insist(server.table->status(server.engine, &out, nullptr) == DROVER_OK);
    insist(status.ParseFromString(take(*server.table, out)));
    return status;
}

void Group::ask(std::size_t number, std::uint64_t ticket, const schema::Request& request) {
    auto& received = *servers_[number].inbox.add_server()->mutable_request_received();
    received.set_ticket(ticket);
    *received.mutable_request() = request;
}

const schema::Response* Group::answer(std::uint64_t ticket) const {
    const auto found = answers_.find(ticket);
    return found == answers_.end() ? nullptr : &found->second;
}

}  // namespace drover::host
