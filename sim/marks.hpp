// What happened in a run, by name, with counts: what predicates such as mark(raft.snapshot.sent)
// and the "sometimes" checks look at, and how a fault that never happened is found out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace drover::sim {

class Marks {
public:
    void add(std::string_view name, std::uint64_t times = 1) {
        const auto known = counts_.find(name);
        if (known != counts_.end()) {
            known->second += times;
        } else {
            counts_.emplace(name, times);
        }
    }
    [[nodiscard]] std::uint64_t count(std::string_view name) const {
        const auto known = counts_.find(name);
        return known == counts_.end() ? 0 : known->second;
    }
    [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& all() const {
        return counts_;
    }
    void add_all(const Marks& other) {
        for (const auto& [name, count] : other.counts_) add(name, count);
    }

private:
    std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace drover::sim
