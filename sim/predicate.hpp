// Conditions of a scenario: "leader && alloc.running(api) == 12", "mark(raft.snapshot.sent)",
// "servers.up >= 3 -> leader within 5s". Parsed once when the file is read, so that a misspelt
// name is an error with a position, and evaluated against the facts of the running world.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::sim {

// What a predicate can ask. Numbers only: a truth is 0 or 1.
class Facts {
public:
    virtual ~Facts() = default;
    // `name` as written before the parenthesis, `argument` as written inside it, or empty.
    [[nodiscard]] virtual std::int64_t fact(std::string_view name,
                                            std::string_view argument) const = 0;
};

class Predicate {
public:
    [[nodiscard]] static Result<Predicate> parse(std::string_view text);
    [[nodiscard]] bool holds(const Facts& facts) const;

    struct Expression;  // an immutable tree

private:
    explicit Predicate(std::shared_ptr<const Expression> root) : root_{std::move(root)} {}
    std::shared_ptr<const Expression> root_;
};

}  // namespace drover::sim
