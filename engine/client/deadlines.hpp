// The next time at which something is due for one of many, without a look at each of them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/base/uuid.hpp"

namespace drover::client {

class Deadlines {
public:
    // None: nothing is due for it.
    void set(const Uuid& id, std::optional<Instant> at) {
        const auto known = of_.find(id);
        if (known != of_.end()) {
            if (known->second == at) return;
            order_.erase({known->second, id});
            of_.erase(known);
        }
        if (!at) return;
        of_.emplace(id, *at);
        order_.emplace(*at, id);
    }
    [[nodiscard]] std::optional<Instant> next() const {
        if (order_.empty()) return std::nullopt;
        return order_.begin()->first;
    }
    [[nodiscard]] std::vector<Uuid> due(Instant now) const {
        std::vector<Uuid> ids;
        for (const auto& [at, id] : order_) {
            if (at > now) break;
            ids.push_back(id);
        }
        return ids;
    }

private:
    std::map<Uuid, Instant> of_;
    std::set<std::pair<Instant, Uuid>> order_;
};

}  // namespace drover::client
