// Whatever peers, users, node agents and disks may hand to an engine, through the host boundary:
// nothing of it may end the process, take memory beyond all measure, or leave the engine unusable.
//
// The first byte chooses an engine that has lived a while (a leader and a follower of three servers
// with a node and a job, a server that is alone, a node agent); every further byte chooses what
// happens to it next.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/host/host.h"
#include "engine/host/host.pb.h"
#include "engine/raft/raft.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/peer.pb.h"
#include "engine/schema/snapshot.pb.h"
#include "engine/storage/layout.hpp"
#include "engine/storage/snapshot_file.hpp"
#include "fuzz/message_filler.hpp"
#include "fuzz/step_world.hpp"

namespace {

using namespace drover;
using namespace drover::host;
using fuzz::Filler;
using fuzz::lived;
using fuzz::Lived;
using fuzz::Reader;

const drover_engine_table& table() { return *drover_engine_table_v1(); }

class Driver {
public:
    Driver(Reader& in, Group& group, std::size_t number)
        : in_{in}, filler_{in, lived().words}, number_{number}, group_{group} {
        ENSURE(table().copy(group.engine(number), &engine_, nullptr) == DROVER_OK);
        now_ = group.now;
        disk_ = group.disk(number);
    }
    ~Driver() { table().destroy(engine_); }
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    void live() {
        for (int i = 0; i < 64 && !in_.empty(); ++i) {
            happen();
            check_order();
        }
        stalled_ = false;
        for (int i = 0; i < 3; ++i) {
            pass_time(1000 * millisecond);
            settle();
            check_order();
        }
        look();
        check_copy();
    }

private:
    void happen() {
        switch (in_.below(16)) {
            case 0:
                return raw_inputs();
            case 1:
                return peer_bytes();
            case 2:
            case 3:
                return consensus_message();
            case 4:
                return leaders_entry();
            case 5:
                return leaders_snapshot();
            case 6:
            case 7:
                return request();
            case 8:
                return forwarded();
            case 9:
                return plan();
            case 10:
                return any_inputs();
            case 11:
                return restart();
            case 12:
                stalled_ = !stalled_;
                return;
            case 13:
                return pass_time(static_cast<std::int64_t>(in_.below(255)) * 100 * millisecond);
            case 14:
                return pass_time(static_cast<std::int64_t>(in_.number() % (1ULL << 55)));
            default:
                return look();
        }
    }

    // ---- telling

    wire::Inputs inputs() const {
        wire::Inputs inputs;
        inputs.set_now(now_);
        inputs.set_wall(wall_start + now_);
        return inputs;
    }
    void tell(const wire::Inputs& inputs) {
        step(inputs.SerializeAsString());
        settle();
    }
    void step(const std::string& bytes) {
        drover_step out{};
        drover_buffer error{};
        const std::int32_t code = table().step(engine_, borrow(bytes), &out, &error);
        ENSURE(code != DROVER_INTERNAL);
        ENSURE((code == DROVER_OK) == (error.data == nullptr));
        table().free_buffer(&error);
        if (code != DROVER_OK) return;
        wire::Effects effects;
        ENSURE(effects.ParseFromArray(out.effects.data, static_cast<int>(out.effects.size)));
        for (const wire::ServerEffect& effect : effects.server()) carry_out(effect, out);
        table().free_step(&out);
    }
    void carry_out(const wire::ServerEffect& effect, const drover_step& step) {
        if (effect.has_write_log()) writes_.push_back(effect.write_log());
        if (effect.has_compact_log()) apply(disk_.store, effect.compact_log().changes());
        drover_buffer out{};
        if (effect.has_compute_plan() && plans_.size() < 8) {
            ENSURE(table().plan(step.views[effect.compute_plan().view()], &out, nullptr) ==
                   DROVER_OK);
            plans_.emplace_back(effect.compute_plan().id(), take(out));
        }
        if (effect.has_answer_query()) {
            ENSURE(table().query(step.views[effect.answer_query().view()], {}, &out, nullptr) ==
                   DROVER_OK);
            table().free_buffer(&out);
        }
        if (effect.has_save_snapshot()) {
            ENSURE(table().write_snapshot(step.views[effect.save_snapshot().view()], &out,
                                          nullptr) == DROVER_OK);
            disk_.snapshot = take(out);
            saved_ = effect.save_snapshot().id();
        }
    }
    // The disk and the workers do what they were asked for, as long as nobody stalls them.
    void settle() {
        for (int i = 0; i < 16 && !stalled_; ++i) {
            wire::Inputs done = inputs();
            for (; !writes_.empty(); writes_.pop_front()) {
                apply(disk_.store, writes_.front().changes());
                if (writes_.front().has_snapshot()) disk_.snapshot = writes_.front().snapshot();
                done.add_server()->set_write_completed(writes_.front().write());
            }
            for (; !plans_.empty(); plans_.pop_front()) {
                auto& computed = *done.add_server()->mutable_plan_computed();
                computed.set_work(plans_.front().first);
                computed.set_bytes(plans_.front().second);
            }
            if (saved_ != 0) {
                auto& saved = *done.add_server()->mutable_snapshot_saved();
                saved.set_work(std::exchange(saved_, 0));
                saved.set_bytes(*disk_.snapshot);
            }
            std::int64_t at = 0;
            const bool due = table().next_deadline(engine_, &at) != 0 && at <= now_;
            if (done.server().empty() && !due) return;
            step(done.SerializeAsString());
        }
    }
    void pass_time(std::int64_t time) {
        now_ = std::min(now_ + time, std::int64_t{1} << 61);
        wire::Inputs passed = inputs();
        passed.add_server()->mutable_time_passed();
        tell(passed);
    }

    // ---- what a stranger says

    void raw_inputs() { step(in_.chunk()); }
    void any_inputs() {
        wire::Inputs any = inputs();
        filler_.fill(any);
        any.set_now(now_);
        any.clear_client();
        tell(any);
    }
    void say(std::uint64_t from, const std::string& bytes) {
        wire::Inputs heard = inputs();
        auto& message = *heard.add_server()->mutable_peer_message_received();
        message.set_from(from);
        message.set_message(bytes);
        tell(heard);
    }
    void peer_bytes() {
        const std::uint64_t from = 1 + in_.below(4);
        say(from, in_.chunk());
    }
    void say(const raft::wire::Message& message) {
        schema::PeerEnvelope envelope;
        envelope.set_raft(message.SerializeAsString());
        say(message.from(), envelope.SerializeAsString());
    }
    // A message whose numbers lie near those that the engine would believe.
    raft::wire::Message addressed(const schema::RaftState& raft) {
        raft::wire::Message message;
        message.set_to(number_ + 1);
        message.set_from(1 + (number_ + 1 + in_.below(2)) % 3);
        message.set_term(in_.below(8) == 0 ? in_.number() : raft.term() + in_.below(3));
        return message;
    }
    void consensus_message() {
        const schema::RaftState raft = status().raft();
        raft::wire::Message message;
        filler_.fill(message);
        const raft::wire::Message near = addressed(raft);
        message.set_to(near.to());
        message.set_from(near.from());
        message.set_term(near.term());
        if (message.has_append_response() && in_.below(2) == 0) {
            message.mutable_append_response()->set_index(raft.last_index() - in_.below(4));
        }
        say(message);
    }
    // An entry that the engine accepts, with whatever command inside.
    void leaders_entry() {
        const schema::RaftState raft = status().raft();
        raft::wire::Message message = addressed(raft);
        message.set_term(raft.term() + 1);
        raft::wire::Append& append = *message.mutable_append();
        append.mutable_previous()->set_index(raft.last_index());
        append.mutable_previous()->set_term(last_term(raft));
        append.set_commit(raft.last_index() + 8);
        const std::uint64_t count = 1 + in_.below(3);
        for (std::uint64_t i = 1; i <= count; ++i) {
            raft::wire::Entry& entry = *append.add_entries();
            entry.set_term(in_.below(16) == 0 ? in_.number() : message.term());
            entry.set_index(raft.last_index() + i);
            entry.set_kind(static_cast<std::uint32_t>(in_.below(8) == 0 ? 1 : 0));
            schema::Entry command;
            if (entry.kind() == 0) filler_.fill(command);
            entry.set_data(entry.kind() == 0 ? command.SerializeAsString() : in_.chunk());
        }
        last_terms_.insert(last_terms_.begin(), {raft.last_index() + count, message.term()});
        say(message);
    }
    std::uint64_t last_term(const schema::RaftState& raft) const {
        for (const auto& [index, term] : last_terms_) {
            if (index == raft.last_index()) return term;
        }
        return group_.status(number_).raft().term();
    }
    void leaders_snapshot() {
        const schema::RaftState raft = status().raft();
        raft::wire::Message message = addressed(raft);
        raft::wire::Snapshot& snapshot = *message.mutable_snapshot();
        if (in_.below(4) == 0) {
            filler_.fill(*snapshot.mutable_conf());
        } else {
            for (std::uint64_t id = 1; id <= 3; ++id) snapshot.mutable_conf()->add_voters(id);
        }
        snapshot.set_index(in_.below(2) == 0 ? raft.last_index() + in_.byte() : in_.number());
        snapshot.set_term(in_.below(2) == 0 ? raft.term() : in_.number());
        snapshot.set_data(in_.below(4) == 0 ? in_.chunk() : snapshot_file(snapshot));
        last_terms_.insert(last_terms_.begin(), {snapshot.index(), snapshot.term()});
        say(message);
    }
    // The state that was last saved, as a file of the message's place in the log whose checks hold.
    std::string snapshot_file(const raft::wire::Snapshot& snapshot) {
        const auto saved = storage::SnapshotReader::parse(*disk_.snapshot);
        ENSURE(saved);
        storage::SnapshotHeader header = saved->header();
        header.meta.index = raft::Index{snapshot.index() + (in_.below(8) == 0 ? 1 : 0)};
        header.meta.term = raft::Term{snapshot.term()};
        header.meta.conf.voters.clear();
        for (const std::uint64_t id : snapshot.conf().voters()) {
            header.meta.conf.voters.insert(raft::RaftId{id});
        }
        storage::SnapshotWriter writer{header};
        const std::uint64_t damaged = in_.byte();
        std::uint64_t number = 0;
        for (const storage::SnapshotSection& section : saved->sections()) {
            writer.begin_section(section.name, section.ignorable);
            for (const std::string_view record : section.records) {
                if (section.name == "state") {
                    schema::StateMeta state;
                    ENSURE(state.ParseFromArray(record.data(), static_cast<int>(record.size())));
                    state.set_applied_index(in_.below(4) == 0 ? in_.number() : snapshot.index());
                    writer.add(state.SerializeAsString());
                } else {
                    const std::string other = ++number == damaged ? in_.chunk() : "";
                    writer.add(number == damaged ? std::string_view{other} : record);
                }
            }
        }
        return writer.finish();
    }
    void request() {
        wire::Inputs asked = inputs();
        auto& received = *asked.add_server()->mutable_request_received();
        received.set_ticket(in_.below(8));
        const std::vector<schema::Request>& sound = lived().requests;
        const std::uint64_t which = in_.below(sound.size() + 4);
        schema::Request& request = *received.mutable_request();
        if (which < sound.size()) request = sound[which];
        if (in_.below(2) == 0) damage(request);
        tell(asked);
    }
    // Somewhere in the message, down to wherever the bytes lead, something is set to something
    // else.
    void damage(google::protobuf::Message& message) {
        for (google::protobuf::Message* at = &message; at != nullptr;) {
            filler_.fill(*at);
            at = filler_.inside(*at);
        }
    }
    void forwarded() {
        schema::PeerEnvelope envelope;
        filler_.fill(envelope);
        say(1 + in_.below(4), envelope.SerializeAsString());
    }
    // A scheduler of another release may say anything.
    void plan() {
        wire::Inputs computed = inputs();
        schema::SchedulerOutput output;
        filler_.fill(output);
        for (auto& [work, bytes] : plans_) bytes = output.SerializeAsString();
        auto& done = *computed.add_server()->mutable_plan_computed();
        done.set_work(in_.below(32));
        done.set_bytes(output.SerializeAsString());
        tell(computed);
    }

    // ---- what a disk holds

    // Records whose checks hold, with numbers that make no sense.
    void craft_records() {
        raft::WriteLog write;
        if (in_.below(2) == 0) {
            write.hard = raft::HardState{raft::Term{in_.number()}, raft::RaftId{in_.number()},
                                         raft::Index{in_.number()}};
        }
        if (in_.below(4) == 0) {
            write.log_start = raft::EntryId{raft::Term{in_.number()}, raft::Index{in_.number()}};
        }
        if (in_.below(2) == 0) {
            schema::Entry command;
            filler_.fill(command);
            write.entries.push_back(
                {raft::Term{in_.number()},
                 raft::Index{in_.below(2) == 0 ? status().raft().last_index() + 1 : in_.number()},
                 raft::EntryKind::normal,
                 std::make_shared<const std::string>(command.SerializeAsString())});
        }
        const storage::KvBatch batch = storage::encode(write);
        for (const auto& change : batch.changes()) {
            if (const auto* put = std::get_if<storage::KvBatch::Put>(&change)) {
                disk_.store[put->key] = put->value;
            }
        }
    }
    void restart() {
        const std::uint64_t how = in_.below(4);
        if (how == 1) craft_records();
        if (how == 2 && !disk_.store.empty()) {
            auto record = std::next(disk_.store.begin(),
                                    static_cast<std::ptrdiff_t>(in_.below(disk_.store.size())));
            record->second = in_.chunk();
        }
        wire::Create create = group_.create_of(number_);
        create.set_now(now_);
        wire::ServerDisk& disk = *create.mutable_server_disk();
        disk.clear_records();
        fill(*disk.mutable_records(), disk_.store);
        if (disk_.snapshot) disk.set_snapshot(*disk_.snapshot);
        if (how == 3) filler_.fill(create);
        create.set_now(now_);
        const std::string bytes = create.SerializeAsString();
        drover_engine* engine = nullptr;
        drover_buffer created{};
        drover_buffer error{};
        const auto code = table().create(DROVER_SERVER, borrow(bytes), &engine, &created, &error);
        ENSURE(code != DROVER_OK || engine != nullptr);
        ENSURE((code == DROVER_OK) == (error.data == nullptr));
        table().free_buffer(&created);
        table().free_buffer(&error);
        if (code != DROVER_OK) {
            disk_ = group_.disk(number_);  // what was made of it leads nowhere
            return;
        }
        table().destroy(std::exchange(engine_, engine));
        writes_.clear();
        plans_.clear();
        saved_ = 0;
        seen_.Clear();
        settle();
    }

    // ---- looking

    // What has been promised stays: terms, what is committed and what is applied only grow.
    void check_order() {
        const schema::RaftState raft = status().raft();
        ENSURE(raft.applied_index() <= raft.commit_index());
        ENSURE(raft.commit_index() <= raft.last_index());
        ENSURE(raft.term() >= seen_.term() && raft.commit_index() >= seen_.commit_index() &&
               raft.applied_index() >= seen_.applied_index());
        seen_ = raft;
    }
    // A copy that is told the same asks for the same.
    void check_copy() {
        drover_engine* copy = nullptr;
        ENSURE(table().copy(engine_, &copy, nullptr) == DROVER_OK);
        now_ += 5000 * millisecond;
        const std::string bytes = inputs().SerializeAsString();
        std::string asked[2];
        for (int i = 0; i < 2; ++i) {
            drover_step out{};
            ENSURE(table().step(i == 0 ? engine_ : copy, borrow(bytes), &out, nullptr) ==
                   DROVER_OK);
            asked[i].assign(out.effects.data, out.effects.size);
            table().free_step(&out);
        }
        ENSURE(asked[0] == asked[1]);
        table().destroy(copy);
    }

    wire::Status status() const {
        drover_buffer out{};
        wire::Status status;
        ENSURE(table().status(engine_, &out, nullptr) == DROVER_OK);
        ENSURE(status.ParseFromString(take(out)));
        return status;
    }
    void look() {
        drover_view* view = nullptr;
        drover_buffer out{};
        ENSURE(table().view(engine_, &view, nullptr) == DROVER_OK);
        schema::Request request;
        filler_.fill(*request.mutable_query());
        const std::string bytes = request.SerializeAsString();
        if (table().query(view, borrow(bytes), &out, nullptr) == DROVER_OK) {
            table().free_buffer(&out);
        }
        table().release_view(view);
        ENSURE(table().digest(engine_, &out, nullptr) == DROVER_OK);
        table().free_buffer(&out);
    }

    Reader& in_;
    Filler filler_;
    std::size_t number_;
    Group& group_;
    drover_engine* engine_ = nullptr;
    std::int64_t now_ = 0;
    Group::Disk disk_;
    std::deque<wire::ServerEffect::WriteLog> writes_;
    std::deque<std::pair<std::uint64_t, std::string>> plans_;
    std::uint64_t saved_ = 0;
    bool stalled_ = false;
    std::vector<std::pair<std::uint64_t, std::uint64_t>>
        last_terms_;  // index and term, newest first
    schema::RaftState seen_;
};

// A node agent hears servers and drivers; it is told whatever they might say.
void live_as_agent(Reader& in) {
    Filler filler{in, lived().words};
    drover_engine* agent = nullptr;
    ENSURE(table().copy(lived().three.agent(), &agent, nullptr) == DROVER_OK);
    std::int64_t now = lived().three.now;
    for (int i = 0; i < 64 && !in.empty(); ++i) {
        wire::Inputs told;
        filler.fill(told);
        now += static_cast<std::int64_t>(in.below(255)) * 100 * millisecond;
        told.set_now(now);
        told.set_wall(wall_start + now);
        told.clear_server();
        const std::string bytes = told.SerializeAsString();
        drover_step out{};
        ENSURE(table().step(agent, borrow(bytes), &out, nullptr) != DROVER_INTERNAL);
        table().free_step(&out);
    }
    table().destroy(agent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Reader in{data, size};
    Lived& all = lived();
    switch (in.below(4)) {
        case 0:
            Driver{in, all.three, all.leader}.live();
            break;
        case 1:
            Driver{in, all.three, (all.leader + 1) % 3}.live();
            break;
        case 2:
            Driver{in, all.alone, 0}.live();
            break;
        default:
            live_as_agent(in);
            break;
    }
    return 0;
}
