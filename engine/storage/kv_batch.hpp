// Changes of an ordered key-value store that happen together or not at all, in this order. The host
// hands them to its store; nothing here touches one.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace drover::storage {

class KvBatch {
public:
    struct Put {
        std::string key;
        std::string value;
        friend bool operator==(const Put&, const Put&) = default;
    };
    struct Erase {
        std::string key;
        friend bool operator==(const Erase&, const Erase&) = default;
    };
    // Everything in [first, end); an empty end means "to the last key".
    struct EraseRange {
        std::string first;
        std::string end;
        friend bool operator==(const EraseRange&, const EraseRange&) = default;
    };
    using Change = std::variant<Put, Erase, EraseRange>;

    void put(std::string key, std::string value) {
        changes_.emplace_back(Put{std::move(key), std::move(value)});
    }
    void erase(std::string key) { changes_.emplace_back(Erase{std::move(key)}); }
    void erase_range(std::string first, std::string end) {
        changes_.emplace_back(EraseRange{std::move(first), std::move(end)});
    }
    [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
    // For a store that takes the values over instead of copying them.
    [[nodiscard]] std::vector<Change> take_changes() && { return std::move(changes_); }
    [[nodiscard]] bool empty() const { return changes_.empty(); }
    friend bool operator==(const KvBatch&, const KvBatch&) = default;

private:
    std::vector<Change> changes_;
};

}  // namespace drover::storage
