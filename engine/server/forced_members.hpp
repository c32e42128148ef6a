// Gives a server's group other members than its log says: everything in the log is applied, and the
// result becomes a snapshot that ends where the log ended and names the new members. What was not
// committed becomes so: with the majority gone, nobody can tell it apart any more.
//
// Pure: it makes the snapshot and the batch; the host writes them, in this order. With the snapshot
// file alone on the disk the change has happened, so that a crash between the two loses nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/server/peers_file.hpp"
#include "engine/server/server.hpp"
#include "engine/state/state.hpp"

namespace drover::server {

// The log applied to its end.
class WholeLog {
public:
    // Errc::corrupt or Errc::unsupported where an entry cannot be applied by this release.
    [[nodiscard]] static Result<WholeLog> read(const DurableState& durable);

    [[nodiscard]] raft::EntryId end() const { return end_; }
    [[nodiscard]] const raft::ConfState& conf() const { return conf_; }  // before the change
    [[nodiscard]] std::uint64_t applied() const { return applied_; }     // entries of the log
    [[nodiscard]] std::vector<ServerInfoPtr> servers() const;
    [[nodiscard]] std::size_t jobs() const;

    struct Forced {
        std::string snapshot;  // the file's bytes
        raft::WriteLog write;
    };
    [[nodiscard]] Forced with_members(const std::vector<ForcedMember>& members,
                                      const std::string& release) const;

private:
    [[nodiscard]] Result<void> apply(const raft::Entry& entry);

    state::State state_;
    std::shared_ptr<const KeptSections> kept_;
    raft::HardState hard_;
    raft::EntryId end_;
    raft::ConfState conf_;
    std::uint64_t applied_{};
};

}  // namespace drover::server
