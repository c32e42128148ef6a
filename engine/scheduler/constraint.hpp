// One constraint (or affinity) against one node: what its two sides stand for, and whether they
// agree. distinct_hosts and distinct_property are not decided here: they look at more than a node.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/scheduler/version.hpp"

namespace re2 {
class RE2;
}

namespace drover::schema {
class Node;
}

namespace drover::scheduler {

// ${node.*}, ${attr.*} and ${meta.*} as this node has them, anything without ${ } as it is written.
// None for what the node does not have, and for names that do not exist.
[[nodiscard]] std::optional<std::string> resolve_target(std::string_view target,
                                                        const schema::Node& node);

// The target tells nodes of one class apart, so that a class cannot answer for it.
[[nodiscard]] bool escapes_class(std::string_view target);

// A constraint prepared to be checked against many nodes: where the right side is the same for all
// of them, its pattern or version list is read once.
class Condition {
public:
    Condition(std::string left, std::string operation, std::string right);

    [[nodiscard]] bool holds(const schema::Node& node) const;
    // For tables of the operators: the two sides as they resolved.
    [[nodiscard]] bool holds(const std::optional<std::string>& left,
                             const std::optional<std::string>& right) const;
    [[nodiscard]] bool escapes() const { return escapes_class(left_) || escapes_class(right_); }
    // "left operation right", as it is shown to people.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] const std::string& operation() const { return operation_; }

private:
    [[nodiscard]] bool matches_pattern(const std::string& text, const std::string& pattern) const;
    [[nodiscard]] bool allows_version(const std::string& text, const std::string& allowed,
                                      VersionStyle style) const;

    std::string left_;
    std::string operation_;
    std::string right_;
    std::shared_ptr<const re2::RE2> pattern_;  // of right_; null where it is no valid one
    std::optional<VersionConstraints> versions_;
};

}  // namespace drover::scheduler
