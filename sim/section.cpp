#include "sim/section.hpp"

#include <algorithm>
#include <utility>

#include "sim/scalars.hpp"

namespace drover::sim {
namespace {

constexpr std::size_t scalar_size_max = 8192;

// Levenshtein distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({row[j - 1] + 1, above + 1, changed});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string key_list(const std::set<std::string, std::less<>>& keys) {
    std::string list;
    for (const auto& key : keys) list += (list.empty() ? "" : ", ") + key;
    return list;
}

}  // namespace

Position position_of(const YAML::Node& node) {
    const YAML::Mark mark = node.Mark();
    return {mark.line + 1, mark.column + 1};
}

std::string scalar_text(const YAML::Node& node, const std::string& what) {
    if (!node.IsScalar()) throw ReadingError{position_of(node), what + " must be a single value"};
    if (node.Scalar().size() > scalar_size_max) {
        throw ReadingError{position_of(node),
                           what + " is longer than " + std::to_string(scalar_size_max) +
                               " characters"};
    }
    return node.Scalar();
}

Section::Section(YAML::Node node, std::string path)
    : node_{std::move(node)}, path_{std::move(path)} {
    if (!node_.IsMap()) {
        throw ReadingError{position_of(node_), path_ + " must be a mapping of keys to values"};
    }
    std::set<std::string> seen;
    for (const auto& pair : node_) {
        const std::string key = scalar_text(pair.first, "a key of " + path_);
        if (!seen.insert(key).second) {
            throw ReadingError{position_of(pair.first),
                               path_ + ": key \"" + key + "\" stands twice"};
        }
    }
}

bool Section::has(std::string_view key) {
    known_.insert(std::string{key});
    const YAML::Node& fixed = node_;
    return static_cast<bool>(fixed[std::string{key}]);
}

YAML::Node Section::child(std::string_view key) {
    known_.insert(std::string{key});
    const YAML::Node& fixed = node_;
    return fixed[std::string{key}];
}

std::optional<std::string> Section::text(std::string_view key) {
    if (!has(key)) return std::nullopt;
    return scalar_text(child(key), path_ + "." + std::string{key});
}

std::string Section::required_text(std::string_view key) {
    auto written = text(key);
    if (!written || written->empty()) {
        throw ReadingError{position(), path_ + " needs the key \"" + std::string{key} + "\""};
    }
    return *written;
}

std::optional<bool> Section::boolean(std::string_view key) {
    const auto written = text(key);
    if (!written) return std::nullopt;
    if (*written == "true") return true;
    if (*written == "false") return false;
    refuse(key, "\"" + *written + "\" is neither true nor false");
}

void Section::refuse(std::string_view key, const std::string& message) {
    const YAML::Node node = child(key);
    throw ReadingError{node ? position_of(node) : position(),
                       path_ + "." + std::string{key} + ": " + message};
}

std::optional<std::uint64_t> Section::number(std::string_view key, std::uint64_t low,
                                             std::uint64_t high) {
    const auto value = parsed(key, parse_count);
    if (value && (*value < low || *value > high)) {
        refuse(key, std::to_string(*value) + " is not between " + std::to_string(low) + " and " +
                        std::to_string(high));
    }
    return value;
}

void Section::each(std::string_view key, const std::function<void(const YAML::Node&)>& visit) {
    if (!has(key)) return;
    const YAML::Node list = child(key);
    if (!list.IsSequence()) {
        visit(list);
        return;
    }
    for (const auto& item : list) visit(item);
}

void Section::finish() {
    for (const auto& pair : node_) {
        const std::string key = pair.first.Scalar();
        if (known_.contains(key)) continue;
        std::string message = path_ + ": unknown key \"" + key.substr(0, 60) + "\"";
        const auto nearest = std::min_element(
            known_.begin(), known_.end(), [&](const std::string& a, const std::string& b) {
                return distance(a, key.substr(0, 60)) < distance(b, key.substr(0, 60));
            });
        if (nearest != known_.end() && distance(*nearest, key.substr(0, 60)) <= 2) {
            message += "; did you mean \"" + *nearest + "\"?";
        } else {
            message += "; known here: " + key_list(known_);
        }
        throw ReadingError{position_of(pair.first), message};
    }
}

}  // namespace drover::sim
