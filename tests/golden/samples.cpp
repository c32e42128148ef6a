// See samples.hpp.
#include "tests/golden/samples.hpp"

#include "engine/base/match.hpp"
#include "engine/base/uuid.hpp"
#include "engine/client/records.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/server/snapshot.hpp"
#include "engine/server/wire.hpp"
#include "engine/state/state.hpp"
#include "engine/storage/layout.hpp"
#include "io/frame.hpp"

namespace drover::golden {
namespace {

Uuid id_of(std::uint8_t kind) {
    Uuid id;
    id.bytes.fill(kind);
    return id;
}

raft::SharedBytes share(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
}

schema::Job make_job() {
    schema::Job job;
    job.set_id("web");
    job.set_name("web");
    job.set_namespace_("default");
    job.set_type("service");
    job.set_priority(50);
    schema::TaskGroup& group = *job.add_task_groups();
    group.set_name("front");
    group.set_count(1);
    schema::Task& task = *group.add_tasks();
    task.set_name("server");
    task.set_driver("raw_exec");
    return job;
}

schema::Allocation make_allocation() {
    schema::Allocation allocation;
    allocation.set_id(id_of(3).raw());
    allocation.set_node_id(id_of(1).raw());
    allocation.set_eval_id(id_of(2).raw());
    allocation.set_namespace_("default");
    allocation.set_job_id("web");
    allocation.set_task_group("front");
    allocation.set_name("web.front[0]");
    allocation.set_desired_status("run");
    allocation.set_client_status("pending");
    return allocation;
}

schema::Evaluation make_evaluation() {
    schema::Evaluation evaluation;
    evaluation.set_id(id_of(2).raw());
    evaluation.set_namespace_("default");
    evaluation.set_job_id("web");
    evaluation.set_type("service");
    evaluation.set_priority(50);
    evaluation.set_triggered_by("job-register");
    evaluation.set_status("pending");
    return evaluation;
}

schema::ServerInfo make_server() {
    schema::ServerInfo server;
    server.set_raft_id(1);
    server.set_id(id_of(9).raw());
    server.set_name("server-1.global");
    server.set_address("10.0.0.1:4647");
    server.set_release("0.1.0");
    server.set_raft_protocol(3);
    server.set_level_min(1);
    server.set_level_max(1);
    return server;
}

// A short life of a cluster: a server, a node, a job, its placement, and what became of it.
std::vector<schema::Entry> make_commands() {
    std::vector<schema::Entry> entries(7);
    *entries[0].mutable_register_server()->mutable_server() = make_server();
    entries[1].mutable_change_feature_level()->set_level(1);
    schema::Node& node = *entries[2].mutable_register_node()->mutable_node();
    node.set_id(id_of(1).raw());
    node.set_secret_id("secret");
    node.set_name("node-1");
    node.set_datacenter("dc1");
    node.set_status("ready");
    *entries[3].mutable_register_job()->mutable_job() = make_job();
    *entries[3].mutable_register_job()->mutable_evaluation() = make_evaluation();
    schema::Plan& plan = *entries[4].mutable_apply_plan()->mutable_plan();
    plan.set_evaluation_id(id_of(2).raw());
    *plan.mutable_job() = make_job();
    schema::NodeAllocations& placed = *plan.add_placements();
    placed.set_node_id(id_of(1).raw());
    *placed.add_allocations() = make_allocation();
    schema::Allocation& report = *entries[5].mutable_update_allocations()->add_allocations();
    report = make_allocation();
    report.set_client_status("running");
    schema::JobDeregistration& gone = *entries[6].mutable_deregister_job();
    gone.set_namespace_("default");
    gone.set_job_id("web");
    for (schema::Entry& entry : entries) {
        entry.set_type(static_cast<std::uint32_t>(entry.body_case()));
        entry.set_level(1);
        entry.set_wall_ns(1'767'225'600'000'000'000);
        entry.set_request_id(id_of(7).raw());
        entry.mutable_actor()->set_kind(schema::Actor::SERVER);
    }
    return entries;
}

const raft::ConfState conf{{raft::RaftId{1}, raft::RaftId{2}}, {raft::RaftId{3}}, {}, {}, false};

void put(Pairs& pairs, const storage::KvBatch& batch) {
    std::map<std::string, std::string> sorted{pairs.begin(), pairs.end()};
    for (const auto& change : batch.changes()) {
        if (const auto* one = std::get_if<storage::KvBatch::Put>(&change)) {
            sorted[one->key] = one->value;
        }
    }
    pairs.assign(sorted.begin(), sorted.end());
}

void record_server(Samples& samples) {
    raft::WriteLog write;
    write.hard = raft::HardState{raft::Term{2}, raft::RaftId{1}, raft::Index{8}};
    write.log_start = raft::EntryId{raft::Term{1}, raft::Index{first_index - 1}};
    write.snapshot = raft::Snapshot{{raft::Index{first_index - 1}, raft::Term{1}, conf}, nullptr};
    state::State state;
    std::uint64_t index = first_index;
    for (const schema::Entry& command : make_commands()) {
        state.apply(index, command);
        write.entries.push_back({raft::Term{2}, raft::Index{index}, raft::EntryKind::normal,
                                 share(command.SerializeAsString())});
        ++index;
    }
    put(samples.store, storage::encode(write));
    samples.mark = storage::encode_mark({raft::Term{2}, raft::Index{index - 1}});
    server::SaveSnapshot save;
    save.view = state.view();
    save.meta = {raft::Index{index - 1}, raft::Term{2}, conf};
    save.release = "0.1.0";
    samples.snapshot = server::snapshot_file(save);
    samples.digest = state.digest().text();
    samples.version = "3\n";
}

void record_client(Samples& samples) {
    schema::ClientAgentRecord agent;
    agent.set_format(client::records::format);
    agent.set_node_id(node_id());
    schema::ClientAllocationRecord allocation;
    *allocation.mutable_allocation() = make_allocation();
    *allocation.mutable_allocation()->mutable_job() = make_job();
    allocation.set_directory_built(true);
    schema::ClientTaskRecord task;
    task.set_stage(schema::ClientTaskRecord::STARTED);
    task.set_attempt(2);
    task.set_driver("raw_exec");
    task.set_handle("pid 7");
    task.set_handle_attempt(2);
    task.mutable_state()->set_state("running");
    samples.client = {{client::records::agent_key(), agent.SerializeAsString()},
                      {client::records::allocation_key(id_of(3)), allocation.SerializeAsString()},
                      {client::records::task_key(id_of(3), "server"), task.SerializeAsString()}};
}

void record_peers(Samples& samples) {
    const raft::EntryId id{raft::Term{3}, raft::Index{8}};
    const raft::Snapshot snapshot{{raft::Index{12}, raft::Term{3}, conf}, share("state")};
    const auto say = [&](const char* name, raft::MessageBody body) {
        const raft::Message message{raft::RaftId{1}, raft::RaftId{2}, raft::Term{5},
                                    std::move(body)};
        samples.peers.emplace_back(name, server::encode_peer_message(message));
    };
    say("append",
        raft::MsgApp{id,
                     raft::Index{7},
                     {{raft::Term{3}, raft::Index{9}, raft::EntryKind::normal, share("abc")},
                      {raft::Term{4}, raft::Index{10}, raft::EntryKind::conf_change, nullptr}}});
    say("append-answer", raft::MsgAppResp{raft::Index{9}, id});
    say("vote", raft::MsgVote{id, true});
    say("vote-answer", raft::MsgVoteResp{true, {}});
    say("pre-vote", raft::MsgPreVote{id});
    say("pre-vote-answer", raft::MsgPreVoteResp{false, id});
    say("heartbeat", raft::MsgHeartbeat{raft::Index{5}, 77});
    say("heartbeat-answer", raft::MsgHeartbeatResp{77});
    say("snapshot", raft::MsgSnap{snapshot});
    say("timeout-now", raft::MsgTimeoutNow{});
    say("transfer-leader", raft::MsgTransferLeader{raft::RaftId{2}});
    say("read-index", raft::MsgReadIndex{42});
    say("read-index-answer", raft::MsgReadIndexResp{raft::Index{5}, 42});
    auto request = std::make_shared<schema::Request>();
    request->set_request_id(id_of(7).raw());
    *request->mutable_register_job()->mutable_job() = make_job();
    samples.peers.emplace_back("forwarded-request",
                               server::encode_peer_message(server::ForwardedRequest{
                                   server::Ticket{4}, request, raft::Term{5}}));
    auto response = std::make_shared<schema::Response>();
    response->set_index(9);
    response->mutable_job_written()->set_job_modify_index(9);
    samples.peers.emplace_back("forwarded-response",
                               server::encode_peer_message(server::ForwardedResponse{
                                   server::Ticket{4}, response, raft::Term{5}}));
    server::SnapshotPart part;
    part.announcement = {raft::RaftId{1}, raft::RaftId{2}, raft::Term{5},
                         raft::MsgSnap{{snapshot.meta, nullptr}}};
    part.size = 5;
    part.checksum = 0x01020304;
    part.round = 2;
    part.offset = 3;
    part.bytes = share("te");
    samples.peers.emplace_back("snapshot-part", server::encode_peer_message(part));
    samples.peers.emplace_back("snapshot-received",
                               server::encode_peer_message(server::SnapshotReceived{id, 2, 5}));
    samples.peers.emplace_back("no-member",
                               server::encode_peer_message(server::NoMember{raft::Index{9}}));
}

void record_frames(Samples& samples) {
    io::Handshake handshake;
    handshake.lane = io::Lane::raft;
    handshake.cluster = "cluster-1";
    handshake.region = "global";
    handshake.node = "server-1";
    handshake.address = "127.0.0.1:4647";
    handshake.release = "0.1.0";
    handshake.protocol_min = 1;
    handshake.protocol_max = 2;
    samples.frames =
        io::encode_frames({io::FrameKind::handshake, 0, io::encode_handshake(handshake)}) +
        io::encode_frame_header(io::FrameKind::message, 1, 4, true) + "one " +
        io::encode_frame_header(io::FrameKind::message, 1, 7, false) + "message" +
        io::encode_frames({io::FrameKind::request, 2, "question"}) +
        io::encode_frames({io::FrameKind::stream_credit, 3, io::encode_credit(4096)}) +
        io::encode_frames({io::FrameKind::ping, 0, ""});
}

}  // namespace

std::string node_id() { return id_of(1).raw(); }

Samples record() {
    Samples samples;
    record_server(samples);
    record_client(samples);
    record_peers(samples);
    record_frames(samples);
    return samples;
}

}  // namespace drover::golden
