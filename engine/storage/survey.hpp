// What there is in a stopped server's store, record by record. Unlike recovery.hpp it does not stop
// at the first damage and decides nothing: it is for an operator who wants to see everything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"

namespace drover::storage {

class Survey {
public:
    struct Range {
        raft::Index first;
        raft::Index last;
        friend bool operator==(const Range&, const Range&) = default;
    };
    // Of damages no more than this are kept one by one; all are counted.
    static constexpr std::size_t damages_kept = 100;

    // Every pair of the store, in key order.
    void note(std::string_view key, std::string_view value);

    [[nodiscard]] std::uint64_t records() const { return records_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] const std::optional<raft::EntryId>& base() const { return base_; }
    [[nodiscard]] const std::optional<raft::Index>& cut() const { return cut_; }
    [[nodiscard]] const std::optional<raft::HardState>& hard() const { return hard_; }
    [[nodiscard]] const std::optional<raft::SnapshotMeta>& installed() const { return installed_; }
    // Good entries, without the holes; in order.
    [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
    [[nodiscard]] std::uint64_t entries() const { return entries_; }
    // Records that do not pass their check, each with the reason.
    [[nodiscard]] const std::vector<std::string>& damages() const { return damages_; }
    [[nodiscard]] std::uint64_t damage_count() const { return damage_count_; }
    // Records that this release does not know.
    [[nodiscard]] std::uint64_t unknown() const { return unknown_; }

private:
    void note_entry(std::string_view key, std::string_view value);
    void note_damage(const Error& error);
    template <class Kept>
    void keep(std::optional<Kept>& kept, Result<Kept> read);

    std::uint64_t records_{};
    std::uint64_t bytes_{};
    std::optional<raft::EntryId> base_;
    std::optional<raft::Index> cut_;
    std::optional<raft::HardState> hard_;
    std::optional<raft::SnapshotMeta> installed_;
    std::vector<Range> ranges_;
    std::uint64_t entries_{};
    std::vector<std::string> damages_;
    std::uint64_t damage_count_{};
    std::uint64_t unknown_{};
};

}  // namespace drover::storage
