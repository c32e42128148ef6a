// The safety properties of Raft (thesis figure 3.2), watched over all servers of a run:
//   election safety       at most one leader in a term
//   log matching          equal (index, term) means equal entries and equal predecessors
//   leader completeness   a new leader holds every entry that was committed before
//   state-machine safety  no two servers commit different entries at one index
// and, from one step to the next of a process: terms and commit indexes never fall.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/raft/types.hpp"

namespace drover::sim {

class ServerProcess;
class World;

class RaftChecker {
public:
    void server_started(const ServerProcess& server);
    void server_stepped(World& world, const ServerProcess& server);
    void log_written(World& world, const ServerProcess& server, const raft::WriteLog& write);
    // The highest index that any server knew to be committed.
    [[nodiscard]] raft::Index committed() const { return raft::Index{committed_.size()}; }

private:
    struct Memory {
        raft::Term term;
        raft::Index commit;
        bool led{};
        raft::Term led_term;
    };
    struct Written {
        raft::Term previous;
        std::uint64_t content{};
        bool previous_known{};
    };
    void check_progress(World& world, const ServerProcess& server, Memory& memory);
    void check_commit(World& world, const ServerProcess& server, raft::Index before);
    void check_leader(World& world, const ServerProcess& server, Memory& memory);

    std::map<std::uint32_t, Memory> memories_;
    std::map<raft::Term, std::uint32_t> leaders_;
    std::map<std::pair<raft::Index, raft::Term>, Written> written_;
    // Terms of the committed entries, from index 1 on; a term of 0 is not known (it came inside a
    // snapshot before any server was seen to commit it).
    std::vector<raft::Term> committed_;
};

}  // namespace drover::sim
