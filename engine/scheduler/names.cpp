#include "engine/scheduler/names.hpp"

#include <charconv>
#include <utility>

#include "engine/schema/placement_batch.hpp"

namespace drover::scheduler {

std::string allocation_name(std::string_view job_id, std::string_view group, std::uint64_t index) {
    std::string name{job_id};
    name += '.';
    name += group;
    return schema::numbered_name(name, index);
}

std::uint64_t index_of(std::string_view name) {
    const auto open = name.rfind('[');
    if (open == std::string_view::npos || !name.ends_with(']')) return 0;
    const auto digits = name.substr(open + 1, name.size() - open - 2);
    std::uint64_t index = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    return error == std::errc{} && end == digits.data() + digits.size() ? index : 0;
}

NameIndex::NameIndex(std::string job_id, std::string group, std::uint64_t count)
    : job_id_{std::move(job_id)}, group_{std::move(group)}, count_{count} {}

void NameIndex::use(std::string_view name) { ++uses_[index_of(name)]; }

void NameIndex::release(std::string_view name) {
    const auto at = uses_.find(index_of(name));
    if (at != uses_.end() && --at->second == 0) uses_.erase(at);
}

std::vector<std::string> NameIndex::next(std::size_t how_many) {
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i < count_ && names.size() < how_many; ++i) {
        if (!is_free(i)) continue;
        ++uses_[i];
        names.push_back(name(i));
    }
    for (std::uint64_t i = 0; names.size() < how_many; ++i) {
        ++uses_[i];
        names.push_back(name(i));
    }
    return names;
}

std::vector<std::string> NameIndex::next_canaries(std::size_t how_many, const NameSet& canaries,
                                                  const NameSet& replaced) {
    std::vector<std::string> names;
    NameSet chosen = canaries;
    const auto choose = [&](std::uint64_t index) {
        auto canary = name(index);
        if (!chosen.insert(canary).second) return;
        ++uses_[index];
        names.push_back(std::move(canary));
    };
    for (std::uint64_t i = 0; i < count_ && names.size() < how_many; ++i) {
        if (replaced.contains(name(i))) choose(i);
    }
    for (std::uint64_t i = 0; i < count_ && names.size() < how_many; ++i) {
        if (is_free(i)) choose(i);
    }
    for (std::uint64_t i = count_; names.size() < how_many; ++i) choose(i);
    return names;
}

NameSet NameIndex::take_highest(std::size_t how_many) {
    NameSet names;
    while (names.size() < how_many && !uses_.empty()) {
        const auto highest = std::prev(uses_.end());
        names.insert(name(highest->first));
        uses_.erase(highest);
    }
    return names;
}

std::string NameIndex::without_duplicate(const std::string& wanted) {
    const auto at = uses_.find(index_of(wanted));
    if (at == uses_.end() || at->second < 2) return wanted;
    for (std::uint64_t i = 0; i < count_; ++i) {
        if (!is_free(i)) continue;
        --at->second;
        ++uses_[i];
        return name(i);
    }
    return wanted;
}

}  // namespace drover::scheduler
