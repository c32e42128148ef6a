// The inside of a server. Internal to engine/server; server.hpp is what others see.
//
// One step: the inputs are told to consensus and to the requests that wait for them, the leader's
// work is done, consensus is drained once (so there is at most one WriteLog), what was committed is
// applied, and whoever waited for it is answered. What that leads to is left for the next step,
// which next_deadline() then asks for at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/control/leader.hpp"
#include "engine/raft/raft.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/schema/server.pb.h"
#include "engine/server/draft.hpp"
#include "engine/server/pending.hpp"
#include "engine/server/server.hpp"
#include "engine/server/snapshot.hpp"
#include "engine/server/snapshot_transfer.hpp"
#include "engine/state/state.hpp"
#include "engine/state/watch.hpp"

namespace drover::server {

// One call of step(): when it happens, and what it asks for.
struct Step {
    Instant now;
    WallTime wall;
    std::vector<Effect>& effects;

    [[nodiscard]] control::Moment moment() const { return {now, wall}; }
    template <class One>
    void emit(One effect) {
        effects.emplace_back(std::move(effect));
    }
    void report(Severity severity, std::string text) { emit(Report{severity, std::move(text)}); }
};

class Server::Core {
public:
    [[nodiscard]] static Result<std::unique_ptr<Core>> recover(Config config, DurableState durable,
                                                               Instant now, std::uint64_t seed);

    void step(Instant now, WallTime wall, std::vector<Input> inputs, std::vector<Effect>& effects);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] const raft::Raft& raft() const { return raft_; }
    [[nodiscard]] const state::StateView& view() const { return view_; }
    [[nodiscard]] schema::RaftState raft_state() const;
    [[nodiscard]] bool leads() const { return leader_.has_value(); }
    [[nodiscard]] bool halted() const { return halted_; }
    [[nodiscard]] const std::optional<control::Leader>& leader() const { return leader_; }

private:
    // Where an entry of ours was put. It is committed if and only if the entry that commits at this
    // index has this term.
    struct Slot {
        std::uint64_t index{};
        std::uint64_t term{};
        friend auto operator<=>(const Slot&, const Slot&) = default;
    };
    struct Proposal {
        control::EntryPtr entry;
        std::optional<RequestKey> request;  // none: the leader's own
    };
    // A leader's snapshot is loaded when it is heard, so that one that cannot be is never accepted.
    struct Incoming {
        raft::SharedBytes data;
        LoadedSnapshot loaded;
    };
    struct Saving {
        WorkId work;
        raft::SnapshotMeta meta;
        std::uint64_t bytes_before{};  // of unsaved_bytes_: what the file takes in
    };
    // A plan that is being computed: for the leader's lane, or for someone who asked `job plan`.
    struct PlanJob {
        RequestKey request{};
        state::JobPtr previous;
        std::string warnings;
        std::optional<WallTime> next_launch{};
    };
    using Planning = std::variant<std::uint64_t, PlanJob>;

    Core(Config config, raft::Raft raft, state::State state, Prng prng);

    // core.cpp
    void on(Step& step, const TimePassed& input);
    void on(Step& step, const PeerMessageReceived& input);
    void on(Step& step, const RequestReceived& input);
    void on(Step& step, const RequestAbandoned& input);
    void on(Step& step, const WriteCompleted& input);
    void on(Step& step, const WriteFailed& input);
    void on(Step& step, const PlanComputed& input);
    void on(Step& step, const SnapshotSaved& input);
    void on(Step& step, const SnapshotFailed& input);
    void hear(Step& step, raft::RaftId from, const raft::Message& message);
    void pass_time(Step& step);
    void drain(Step& step);
    void halt(Step& step, std::string reason);

    // applying.cpp
    void apply_committed(Step& step, const std::vector<raft::Entry>& entries);
    [[nodiscard]] bool is_watched() const;
    void look_at_state();
    void apply_one(Step& step, const raft::Entry& entry);
    void apply_command(Step& step, const raft::Entry& entry);
    state::ApplyResult apply_to_state(std::uint64_t index, const schema::Entry& command);
    [[nodiscard]] std::optional<RequestKey> settle_slots(Step& step, const raft::Entry& entry);
    [[nodiscard]] control::EntryPtr command_of(const raft::Entry& entry) const;
    void learn_outcome(Step& step, const schema::Entry& command, const state::ApplyResult& result);
    void learn_what_never_happened(Step& step, raft::Term term);
    void wake_readers(Step& step);

    // snapshotting.cpp
    void maybe_save_snapshot(Step& step);
    [[nodiscard]] bool snapshot_due() const;
    void note_snapshot(raft::Index index, const raft::SharedBytes& file,
                       std::uint64_t applied_since);
    [[nodiscard]] SaveSnapshot snapshot_at(raft::Index index, raft::Term term) const;
    void restored(Step& step, const schema::StateRestoration& from);
    void install(Step& step, const raft::Snapshot& snapshot);
    void send_snapshots(Step& step);
    void on(Step& step, raft::RaftId from, const SnapshotPart& part);
    void compact(Step& step);

    // leading.cpp
    void follow_role(Step& step);
    void drop_leaders_work();
    void work_as_leader(Step& step);
    [[nodiscard]] Result<raft::Receipt> propose(Step& step, const control::EntryPtr& entry,
                                                std::optional<RequestKey> request);
    void register_self(Step& step);
    void reconcile_servers(Step& step);
    void publish_peers(Step& step);
    [[nodiscard]] bool everybody_speaks_protocol_3() const;
    [[nodiscard]] bool is_registered() const;
    [[nodiscard]] bool wants_to_register() const;

    // upgrading.cpp
    [[nodiscard]] static Result<void> prepare_level(Config& config);
    [[nodiscard]] Result<void> check_level(const schema::Entry& entry) const;
    [[nodiscard]] Result<void> may_finalize(const schema::Request& request) const;
    [[nodiscard]] std::set<raft::RaftId> members_without_row() const;
    [[nodiscard]] schema::UpgradeStatus upgrade_status() const;
    void raise_level(Step& step);

    // requests.cpp
    void accept(Step& step, Origin origin, RequestPtr request);
    void route(Step& step, RequestKey key);
    void route_write(Step& step, RequestKey key);
    void execute(Step& step, RequestKey key);
    void forward(Step& step, RequestKey key, raft::RaftId leader);
    void hold(Step& step, RequestKey key);
    void retry_held(Step& step);
    void expire(Step& step, RequestKey key);
    void leader_changed(Step& step);
    void answer_written(Step& step, RequestKey key, const schema::Entry& entry,
                        const state::ApplyResult& result);
    void heard_of_node(Step& step, const schema::Request& request, schema::Response& response);
    void on_forwarded_response(Step& step, raft::RaftId from, const ForwardedResponse& response);
    void respond(Step& step, RequestKey key, schema::Response response);
    void refuse(Step& step, RequestKey key, Errc code, std::string message);
    [[nodiscard]] schema::Response new_response(const schema::Request& request) const;
    void refuse_at_once(Step& step, const Origin& origin, const schema::Request& request, Errc code,
                        std::string message);
    void send_answer(Step& step, const Origin& origin, schema::Response response);

    // hand_over.cpp
    void route_hand_over(Step& step, RequestKey key);
    void hand_over(Step& step, RequestKey key);
    void settle_hand_overs(Step& step);
    void tell_leader(Step& step, RequestKey key);
    [[nodiscard]] std::optional<raft::RaftId> best_successor() const;

    // changing_members.cpp
    void remove_peer(Step& step, RequestKey key);
    [[nodiscard]] Result<raft::RaftId> peer_to_remove(const schema::RemovePeerRequest& named) const;
    void wait_to_remove(Step& step, RequestKey key, Error why);
    void apply_conf_change(Step& step, const raft::Entry& entry);
    void answer_conf_change(Step& step, RequestKey key, const Result<raft::ConfState>& outcome);
    void tell_if_no_member(Step& step, raft::RaftId from);
    void on_no_member(Step& step, raft::RaftId from, const NoMember& told);
    void leave(Step& step, const std::string& how);
    void refuse_as_removed(Step& step, RequestKey key);
    [[nodiscard]] std::optional<raft::RaftId> leader_id() const;

    // reading.cpp
    void ask_read_index(Step& step, RequestKey key);
    void flush_reads(Step& step);
    void on_read_states(Step& step, const std::vector<raft::ReadState>& states);
    void finish_confirmed_reads(Step& step);
    void leave_context(RequestKey key, std::uint64_t context);
    void forget(RequestKey key);
    void finish_read(Step& step, RequestKey key);
    void answer_query(Step& step, RequestKey key);
    [[nodiscard]] std::shared_ptr<const SaveSnapshot> file_for(
        const schema::Request& request) const;
    void answer_about_raft(Step& step, RequestKey key);
    void fill_leader(schema::LeaderInfo& info) const;
    [[nodiscard]] Duration last_contact() const;
    void park(Step& step, RequestKey key);
    void plan_job(Step& step, RequestKey key);
    void plan_job_computed(Step& step, const PlanJob& planning,
                           const schema::SchedulerOutput& output);
    [[nodiscard]] schema::RaftConfiguration raft_configuration() const;

    Config config_;
    state::StateConfig state_config_;
    raft::Raft raft_;
    state::State state_;
    state::StateView view_;  // of state_, taken after each batch of entries
    Prng prng_;
    Prng id_prng_;
    std::uint64_t node_order_;  // of all plans made here
    bool halted_ = false;
    bool started_ = false;
    bool again_ = false;  // something is left to do at once
    Instant last_now_;

    std::optional<control::Leader> leader_;  // once it has applied an entry of its own term
    raft::Term leading_term_;
    std::optional<raft::RaftId> known_leader_;
    Instant next_registration_;
    bool registering_ = false;
    state::ServerPtr registered_;  // the row that says so; compared once, not in every step
    bool removed_ = false;         // from the group, and not added again since
    std::optional<Instant> next_reconciliation_;  // none: table and configuration agree
    std::optional<Instant> next_level_check_;  // none: nothing changed that could raise the level
    std::map<std::uint64_t, ServerInfoPtr> published_peers_;

    std::map<Slot, Proposal> slots_;
    Requests requests_;
    TakenUp taken_up_;
    raft::Term applied_term_;
    state::Watchers watchers_;
    std::set<RequestKey> woken_;
    std::set<RequestKey> handing_over_;
    std::uint64_t last_context_;
    std::optional<std::uint64_t> open_context_;  // reads of this step share one read index
    std::map<std::uint64_t, std::set<RequestKey>> contexts_;
    std::set<std::pair<std::uint64_t, RequestKey>> confirmed_;  // wait for this index

    std::uint64_t last_work_ = 0;
    std::map<WorkId, Planning> planning_;
    std::optional<Saving> saving_;
    std::optional<Incoming> incoming_;
    SnapshotTransfers outgoing_;
    SnapshotReceiving receiving_;
    std::uint64_t snapshot_index_ = 0;  // of the newest own snapshot
    std::uint64_t snapshot_size_ = 0;   // of its file
    std::uint64_t unsaved_bytes_ = 0;   // of the entries that were applied since
    std::uint64_t snapshot_retry_ = 0;  // none is tried before this index
    std::shared_ptr<const KeptSections> kept_sections_;
};

}  // namespace drover::server
