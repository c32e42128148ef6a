#include "sim/raft_checker.hpp"

#include <string>

#include "engine/raft/raft.hpp"
#include "engine/schema/canonical.hpp"
#include "sim/trace.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

std::string name(const ServerProcess& server) {
    return "server " + std::to_string(server.number() + 1);
}

std::string place(raft::Index index, raft::Term term) {
    return "index " + std::to_string(index.value()) + " term " + std::to_string(term.value());
}

}  // namespace

void RaftChecker::server_started(const ServerProcess& server) {
    const raft::Raft& raft = server.engine().raft();
    memories_[server.number()] = {raft.term(), raft.commit_index(), false, {}};
}

void RaftChecker::server_stepped(World& world, const ServerProcess& server) {
    Memory& memory = memories_[server.number()];
    const raft::Index before = memory.commit;
    check_progress(world, server, memory);
    if (memory.commit > before) check_commit(world, server, before);
    check_leader(world, server, memory);
}

void RaftChecker::check_progress(World& world, const ServerProcess& server, Memory& memory) {
    const raft::Raft& raft = server.engine().raft();
    if (raft.term() < memory.term) {
        world.fail(Class::safety, "term-monotonic",
                   name(server) + " went back from term " + std::to_string(memory.term.value()) +
                       " to " + std::to_string(raft.term().value()));
    }
    if (raft.commit_index() < memory.commit) {
        world.fail(
            Class::safety, "commit-monotonic",
            name(server) + " took back its commit index " + std::to_string(memory.commit.value()));
    }
    memory.term = raft.term();
    memory.commit = raft.commit_index();
}

void RaftChecker::check_commit(World& world, const ServerProcess& server, raft::Index before) {
    const raft::Raft& raft = server.engine().raft();
    for (std::uint64_t i = before.value() + 1; i <= raft.commit_index().value(); ++i) {
        const auto term = raft.term_at(raft::Index{i});
        if (committed_.size() < i) committed_.resize(i);
        if (!term) continue;  // it came with a snapshot
        raft::Term& known = committed_[i - 1];
        if (known == raft::Term{}) {
            known = *term;
        } else if (known != *term) {
            world.fail(Class::safety, "state-machine-safety",
                       name(server) + " committed " + place(raft::Index{i}, *term) +
                           ", but before it was committed with term " +
                           std::to_string(known.value()));
        }
    }
}

void RaftChecker::check_leader(World& world, const ServerProcess& server, Memory& memory) {
    const raft::Raft& raft = server.engine().raft();
    const bool leads = raft.role() == raft::Role::leader;
    const bool fresh = leads && (!memory.led || memory.led_term != raft.term());
    memory.led = leads;
    memory.led_term = raft.term();
    if (!fresh) return;
    world.marks.add("raft.leader.elected");
    world.trace.event(world.now(), "leader", server.number() + 1, raft.term().value());
    const auto [known, first] = leaders_.try_emplace(raft.term(), server.number());
    if (!first && known->second != server.number()) {
        world.fail(Class::safety, "election-safety",
                   name(server) + " and server " + std::to_string(known->second + 1) +
                       " both led in term " + std::to_string(raft.term().value()));
    }
    if (committed_.empty() || committed_.back() == raft::Term{}) return;
    const raft::Index last{committed_.size()};
    const auto held = raft.term_at(last);
    const bool inside_snapshot = !held && last < raft.first_index();
    if (!inside_snapshot && held != committed_.back()) {
        world.fail(Class::safety, "leader-completeness",
                   name(server) + " was elected in term " + std::to_string(raft.term().value()) +
                       " without the committed entry at " + place(last, committed_.back()));
    }
}

void RaftChecker::log_written(World& world, const ServerProcess& server,
                              const raft::WriteLog& write) {
    const raft::Entry* previous = nullptr;
    for (const auto& entry : write.entries) {
        Written written;
        written.content = entry.data.size() == 0 ? 0 : schema::hash128(entry.payload(), 0).low;
        if (previous != nullptr) {
            written.previous = previous->term;
            written.previous_known = true;
        } else if (const auto term =
                       server.engine().raft().term_at(raft::Index{entry.index.value() - 1})) {
            written.previous = *term;
            written.previous_known = true;
        }
        previous = &entry;
        const auto [known, first] =
            written_.try_emplace(std::pair{entry.index, entry.term}, written);
        if (first) continue;
        const bool same_previous = !known->second.previous_known || !written.previous_known ||
                                   known->second.previous == written.previous;
        if (known->second.content != written.content || !same_previous) {
            world.fail(Class::safety, "log-matching",
                       name(server) + " holds another entry at " + place(entry.index, entry.term) +
                           " than a server before it");
        }
    }
}

}  // namespace drover::sim
