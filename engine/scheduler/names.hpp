// Names of allocations: <job id>.<group>[<index>], and which indexes of a group are in use. It
// never decides which allocation goes; it says whose turn a number is.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drover::scheduler {

[[nodiscard]] std::string allocation_name(std::string_view job_id, std::string_view group,
                                          std::uint64_t index);
// 0 for a name that has no index.
[[nodiscard]] std::uint64_t index_of(std::string_view name);

using NameSet = std::set<std::string, std::less<>>;

class NameIndex {
public:
    NameIndex(std::string job_id, std::string group, std::uint64_t count);

    void use(std::string_view name);
    // One allocation with this name is gone.
    void release(std::string_view name);

    // The lowest free ones; where all are taken, the lowest once more.
    [[nodiscard]] std::vector<std::string> next(std::size_t how_many);
    // For canaries: names of those that will be replaced, then free ones, then such as lie beyond
    // the count (they are the first to go after the promotion).
    [[nodiscard]] std::vector<std::string> next_canaries(std::size_t how_many,
                                                         const NameSet& canaries,
                                                         const NameSet& replaced);
    // The highest ones in use; they are free from then on.
    [[nodiscard]] NameSet take_highest(std::size_t how_many);
    // The name is used twice: give this placement another one.
    [[nodiscard]] std::string without_duplicate(const std::string& name);

private:
    [[nodiscard]] std::string name(std::uint64_t index) const {
        return allocation_name(job_id_, group_, index);
    }
    [[nodiscard]] bool is_free(std::uint64_t index) const { return !uses_.contains(index); }

    std::string job_id_;
    std::string group_;
    std::uint64_t count_;
    std::map<std::uint64_t, std::uint64_t> uses_;  // index -> how often
};

}  // namespace drover::scheduler
