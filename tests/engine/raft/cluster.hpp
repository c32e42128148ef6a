// A group of members with disks that lose what was not synced and a network that loses, repeats and
// reorders, all from one seed. It checks the properties of the paper's figure 3 as it goes, by
// itself and not by asking the members: the first that does not hold ends the run.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/ensure.hpp"
#include "engine/raft/invariants.hpp"
#include "engine/raft/raft.hpp"

namespace drover::raft {

inline void apply(const WriteLog& write, DurableState& disk) {
    if (write.hard) disk.hard = *write.hard;
    if (write.log_start) {
        disk.entries.clear();
        disk.base = *write.log_start;
    }
    if (write.snapshot) disk.snapshot = write.snapshot->meta;
    if (write.entries.empty()) return;
    const Index first = write.entries.front().index;
    const std::size_t kept = distance(disk.base.index, first) - 1;
    ENSURE(kept <= disk.entries.size());
    ENSURE(kept == disk.entries.size() || write.replaces_tail);
    disk.entries.resize(kept);
    disk.entries.insert(disk.entries.end(), write.entries.begin(), write.entries.end());
}

struct ClusterOptions {
    std::uint64_t servers = 3;
    std::uint64_t spare = 0;  // members that may be added later
    Config config;
    bool membership = false;
    bool snapshots = false;
    bool crashes = true;
    bool churn = false;  // leaders fall often, and few entries reach everybody
};

class Cluster {
public:
    struct Member {
        explicit Member(Raft made) : raft{std::move(made)} {}
        Raft raft;
        DurableState disk;
        struct Unsynced {
            WriteLog write;
            std::vector<Message> withheld;
        };
        std::deque<Unsynced> unsynced;
        SharedBytes snapshot_data;
        std::uint64_t state{0};  // hash chain of everything applied
        Index applied;
        bool up{true};
        std::map<std::uint64_t, Index> reads;  // context -> what the answer must cover
    };

    Cluster(ClusterOptions options, std::uint64_t seed)
        : options_{std::move(options)}, prng_{seed} {
        const std::uint64_t all = options_.servers + options_.spare;
        std::set<RaftId> voters;
        for (std::uint64_t i = 1; i <= options_.servers; ++i) voters.insert(RaftId{i});
        for (std::uint64_t i = 1; i <= all; ++i) {
            members_.emplace_back(make(RaftId{i}, {}));
            if (i <= options_.servers) ENSURE(members_.back().raft.bootstrap(now_, voters));
        }
    }

    [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
    [[nodiscard]] Member& member(std::uint64_t number) { return members_[number - 1]; }
    [[nodiscard]] std::vector<Member>& members() { return members_; }
    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] std::size_t committed_count() const { return committed_.size(); }
    [[nodiscard]] std::uint64_t reads_answered() const { return reads_answered_; }
    [[nodiscard]] std::uint64_t snapshots_installed() const { return snapshots_installed_; }
    [[nodiscard]] std::uint64_t conf_changes_applied() const { return conf_changes_applied_; }
    [[nodiscard]] std::deque<Message>& network() { return network_; }

    // One random thing happens.
    void step() {
        Member& any = members_[prng_.below(members_.size())];
        if (options_.churn && prng_.chance(1, 100)) return fell_a_leader();
        const std::uint64_t dice = prng_.below(100);
        if (dice < 52) {
            deliver_one();
        } else if (dice < 72) {
            complete_one(any);
        } else if (dice < 80) {
            pass_time(any);
        } else if (dice < 86) {
            propose(any);
        } else if (dice < 90) {
            read(any);
        } else if (dice < 93) {
            if (any.up && options_.snapshots) save_snapshot(any);
        } else if (dice < 96) {
            if (options_.membership) change_membership(any);
        } else if (dice < 98) {
            if (options_.crashes) crash_or_restart(any);
        } else if (dice < 99) {
            if (any.up) (void)any.raft.transfer_leadership(now_, random_id());
            look_at(any);
        } else {
            partition_ = prng_.chance(1, 3) ? prng_.next() : 0;
        }
    }

    // Everybody up, no losses: within a bounded time all must agree on something new.
    void heal_and_converge() {
        partition_ = 0;
        for (auto& member : members_) {
            if (!member.up) restart(member);
        }
        const std::size_t before = committed_.size();
        for (int round = 0; round < 4000 && !failure_; ++round) {
            for (auto& member : members_) {
                while (!member.unsynced.empty()) complete_one(member);
            }
            for (std::size_t count = network_.size(); count > 0; --count) deliver_front();
            // Healed means that messages and disks are faster than any timer.
            if (network_.empty() && !writing()) pass_time_to_next();
            if (round % 10 == 0) {
                for (auto& member : members_) propose(member);
            }
            if (committed_.size() > before && converged()) return;
        }
        if (!failure_) fail("the healed group did not converge");
    }

    void propose(Member& member) {
        if (!member.up || !member.raft.leads()) return;
        const std::uint64_t count = 1 + prng_.below(3);
        for (std::uint64_t i = 0; i < count; ++i) {
            (void)member.raft.propose(
                now_, std::make_shared<const std::string>("p" + std::to_string(++proposals_)));
        }
        look_at(member);
    }

    void look_at(Member& member) {
        if (failure_ || !member.up) return;
        check_invariants(member);
        note_leader(member);
        Ready ready = member.raft.drain(now_);
        if (ready.write) {
            note_written(member, *ready.write);
            member.unsynced.push_back({*ready.write, ready.withheld});
        }
        for (auto& message : ready.messages) network_.push_back(std::move(message));
        if (ready.install) install(member, *ready.install);
        for (const auto& entry : ready.committed) apply_entry(member, entry);
        if (!ready.committed.empty()) member.raft.applied(now_, ready.committed.back().index);
        for (const auto& read : ready.reads) answer(member, read);
        check_invariants(member);
        note_committed(member);
        if (member.raft.has_ready() && !ready.empty()) look_at(member);
    }

    void complete_one(Member& member) {
        if (!member.up || member.unsynced.empty()) return;
        const auto [write, withheld] = std::move(member.unsynced.front());
        member.unsynced.pop_front();
        persist(member, write);
        member.raft.write_completed(now_, write.write);
        for (const auto& message : withheld) {
            if (message.to != member.raft.id()) network_.push_back(message);
        }
        if (member.raft.config().explicit_writes && write.snapshot) {
            install(member, *write.snapshot);
        }
        look_at(member);
    }

    void deliver_front() {
        Message message = std::move(network_.front());
        network_.pop_front();
        deliver(message);
    }

    void pass_time_to_next() {
        std::optional<Instant> due;
        for (const auto& member : members_) {
            const auto one = member.up ? member.raft.next_deadline() : std::nullopt;
            if (one && (!due || *one < *due)) due = one;
        }
        if (!due) return;
        now_ = std::max(now_, *due);
        for (auto& member : members_) {
            if (!member.up) continue;
            member.raft.time_passed(now_);
            look_at(member);
        }
    }

    void crash(Member& member) {
        // The store keeps some prefix of what it was asked to write.
        const std::uint64_t kept = prng_.below(member.unsynced.size() + 1);
        for (std::uint64_t i = 0; i < kept; ++i) persist(member, member.unsynced[i].write);
        member.unsynced.clear();
        member.up = false;
    }

    void restart(Member& member) {
        const RaftId id = member.raft.id();
        if (auto sound = validate(member.disk); !sound) return fail(sound.error().message);
        member.raft = make(id, member.disk);
        member.up = true;
        member.state = 0;
        member.applied = Index{};
        member.reads.clear();
        previous_.erase(id);
        if (member.disk.snapshot) {
            member.state = std::stoull(*member.snapshot_data);
            member.applied = member.disk.snapshot->index;
            member.raft.snapshot_saved({*member.disk.snapshot, member.snapshot_data});
        } else if (id.value() <= options_.servers && member.disk.empty()) {
            std::set<RaftId> voters;
            for (std::uint64_t i = 1; i <= options_.servers; ++i) voters.insert(RaftId{i});
            ENSURE(member.raft.bootstrap(now_, voters));
        }
        look_at(member);
    }

    void save_snapshot(Member& member) {
        if (member.applied <= Index{1} || !member.unsynced.empty()) return;
        if (member.disk.snapshot && member.disk.snapshot->index >= member.applied) return;
        const auto term = member.raft.term_at(member.applied);
        if (!term) return;
        const SnapshotMeta meta{member.applied, *term, member.raft.conf()};
        member.snapshot_data = std::make_shared<const std::string>(std::to_string(member.state));
        member.disk.snapshot = meta;
        member.raft.snapshot_saved({meta, member.snapshot_data});
        const Index through{meta.index.value() - prng_.below(3)};
        if (!member.raft.compact(through)) return;
        const std::size_t dropped = distance(member.disk.base.index, through);
        ENSURE(dropped <= member.disk.entries.size());
        member.disk.base = member.disk.entries[dropped - 1].id();
        member.disk.entries.erase(
            member.disk.entries.begin(),
            member.disk.entries.begin() + static_cast<std::ptrdiff_t>(dropped));
    }

private:
    [[nodiscard]] Raft make(RaftId id, const DurableState& disk) {
        Config config = options_.config;
        config.id = id;
        return {config, disk, now_, Prng{prng_.next()}};
    }

    void fail(const std::string& what) {
        if (!failure_) failure_ = what;
    }

    RaftId random_id() { return RaftId{1 + prng_.below(members_.size())}; }

    void deliver(const Message& message) {
        Member& to = member(message.to.value());
        const bool cut = partition_ != 0 && ((partition_ >> message.from.value()) & 1U) !=
                                                ((partition_ >> message.to.value()) & 1U);
        if (cut || !to.up) return;
        to.raft.receive(now_, message);
        look_at(to);
    }

    void deliver_one() {
        if (network_.empty()) return;
        const auto at =
            network_.begin() +
            static_cast<std::ptrdiff_t>(prng_.below(std::min<std::size_t>(network_.size(), 10)));
        const Message message = *at;
        if (!prng_.chance(1, 10)) network_.erase(at);  // else it arrives once more
        if (!prng_.chance(1, 10)) deliver(message);
        while (network_.size() > 200) network_.pop_front();
    }

    void pass_time(Member& member) {
        now_ += std::chrono::milliseconds{prng_.below(60)};
        if (!member.up) return;
        member.raft.time_passed(now_);
        look_at(member);
    }

    void read(Member& member) {
        if (!member.up) return;
        const std::uint64_t context = ++contexts_;
        if (member.raft.read_index(now_, context)) {
            member.reads.emplace(context, Index{committed_.size()});
        }
        look_at(member);
    }

    void answer(Member& member, const ReadState& read) {
        const auto asked = member.reads.find(read.context);
        if (asked == member.reads.end()) return;
        if (read.index < asked->second)
            fail("a read missed what was committed before it was asked");
        member.reads.erase(asked);
        ++reads_answered_;
    }

    void change_membership(Member& member) {
        if (!member.up || !member.raft.leads()) return;
        ConfChange change;
        const std::uint64_t count = prng_.below(3);
        for (std::uint64_t i = 0; i < count; ++i) {
            const ConfChangeKind kinds[]{ConfChangeKind::add_voter, ConfChangeKind::remove,
                                         ConfChangeKind::add_learner};
            change.changes.push_back({kinds[prng_.below(3)], random_id()});
        }
        change.transition = static_cast<Transition>(prng_.below(3));
        if (count == 0) change.transition = Transition::automatic;
        (void)member.raft.propose_conf_change(now_, change);
        look_at(member);
    }

    // A new partition, some of the network's content lost, the leader down or somebody up again.
    void fell_a_leader() {
        partition_ = prng_.chance(1, 3) ? 0 : prng_.next();
        if (prng_.chance(1, 2)) network_.clear();
        now_ += std::chrono::milliseconds{prng_.below(1000)};
        for (auto& member : members_) {
            if (member.up && member.raft.leads() && prng_.chance(1, 2)) crash(member);
        }
        Member& any = members_[prng_.below(members_.size())];
        if (!any.up) restart(any);
        pass_time(any);
    }

    void crash_or_restart(Member& member) {
        if (!member.up) {
            restart(member);
        } else if (prng_.chance(1, 4)) {
            crash(member);
        }
    }

    void persist(Member& member, const WriteLog& write) {
        // The file of a snapshot is durable before the batch that goes with it.
        if (write.snapshot) member.snapshot_data = write.snapshot->data;
        apply(write, member.disk);
    }

    void install(Member& member, const Snapshot& snapshot) {
        if (snapshot.meta.index < member.applied) fail("a snapshot went over newer state");
        member.state = std::stoull(*snapshot.data);
        member.applied = snapshot.meta.index;
        ++snapshots_installed_;
        check_state(member);
    }

    void apply_entry(Member& member, const Entry& entry) {
        if (entry.index != next(member.applied)) fail("an entry was applied out of order");
        for (const char byte : entry.payload()) {
            member.state = (member.state ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
        }
        member.state = (member.state ^ entry.term.value()) * 0x100000001b3ULL;
        member.applied = entry.index;
        if (entry.kind == EntryKind::conf_change) {
            const auto change = decode_conf_change(entry.payload());
            ENSURE(change.has_value());
            if (member.raft.apply_conf_change(now_, *change)) ++conf_changes_applied_;
        }
        check_state(member);
    }

    void check_state(const Member& member) {
        const auto [known, first] = states_.try_emplace(member.applied, member.state);
        if (!first && known->second != member.state) fail("two state machines differ");
    }

    void check_invariants(const Member& member) {
        if (const auto broken = broken_invariant(member.raft)) fail(*broken);
        const auto before = previous_.find(member.raft.id());
        if (before != previous_.end()) {
            if (const auto broken = broken_invariant(before->second, member.raft)) fail(*broken);
            before->second = member.raft;
        } else {
            previous_.emplace(member.raft.id(), member.raft);
        }
    }

    void note_leader(const Member& member) {
        if (!member.raft.leads()) return;
        const auto [known, first] = leaders_.try_emplace(member.raft.term(), member.raft.id());
        if (known->second != member.raft.id()) fail("two leaders in one term");
        if (!first || committed_.empty()) return;
        const Index last{committed_.size()};
        if (last >= member.raft.log().base().index &&
            member.raft.term_at(last) != committed_.back()) {
            fail("a leader lacks a committed entry");
        }
    }

    void note_written(const Member& member, const WriteLog& write) {
        for (const auto& entry : write.entries) {
            const auto before = member.raft.term_at(previous(entry.index)).value_or(Term{});
            const auto [known, first] =
                written_.try_emplace(entry.id(), std::pair{std::string{entry.payload()}, before});
            if (!first && known->second.first != entry.payload()) fail("two entries share an id");
            if (!first && known->second.second != before) fail("logs that agree differ before");
        }
    }

    void note_committed(const Member& member) {
        const Raft& raft = member.raft;
        for (Index at = next(raft.log().base().index); at <= raft.commit_index(); at = next(at)) {
            const Term term = *raft.term_at(at);
            if (at.value() <= committed_.size()) {
                if (committed_[at.value() - 1] != term) fail("two entries committed in one place");
            } else if (at.value() == committed_.size() + 1) {
                committed_.push_back(term);
            }
        }
    }

    [[nodiscard]] bool writing() const {
        return std::any_of(members_.begin(), members_.end(),
                           [](const Member& member) { return !member.unsynced.empty(); });
    }

    [[nodiscard]] bool converged() const {
        const Member* leader = nullptr;
        for (const auto& member : members_) {
            if (member.raft.leads() && member.raft.applied_index() == member.raft.last_index()) {
                leader = &member;
            }
        }
        if (leader == nullptr) return false;
        for (const auto& member : members_) {
            if (!leader->raft.conf().contains(member.raft.id())) continue;
            if (member.applied != leader->applied) return false;
        }
        return true;
    }

    ClusterOptions options_;
    Prng prng_;
    Instant now_;
    std::vector<Member> members_;
    std::deque<Message> network_;
    std::uint64_t partition_{0};
    std::uint64_t proposals_{0};
    std::uint64_t contexts_{0};
    std::uint64_t reads_answered_{0};
    std::uint64_t snapshots_installed_{0};
    std::uint64_t conf_changes_applied_{0};

    std::map<RaftId, Raft> previous_;
    std::map<Term, RaftId> leaders_;
    std::map<EntryId, std::pair<std::string, Term>> written_;
    std::vector<Term> committed_;  // by index, from 1
    std::map<Index, std::uint64_t> states_;
    std::optional<std::string> failure_;
};

}  // namespace drover::raft
