#include "engine/scheduler/constraint.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/uuid.hpp"
#include "engine/scheduler/text.hpp"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

using Side = std::optional<std::string>;

template <class Pairs>
Side value_of(const Pairs& pairs, std::string_view key) {
    for (const auto& pair : pairs) {
        if (pair.key() == key) return pair.value();
    }
    return std::nullopt;
}

std::shared_ptr<const re2::RE2> compile(const std::string& pattern) {
    re2::RE2::Options quiet;
    quiet.set_log_errors(false);
    auto compiled = std::make_shared<re2::RE2>(pattern, quiet);
    return compiled->ok() ? compiled : nullptr;
}

template <class Number>
std::optional<Number> to_number(const std::string& text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

// Negative, 0 or positive: as integers if both are, else as numbers if both are, else as text.
int order(const std::string& left, const std::string& right) {
    const auto of = [](const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; };
    const auto left_int = to_number<std::int64_t>(left);
    const auto right_int = to_number<std::int64_t>(right);
    if (left_int && right_int) return of(*left_int, *right_int);
    const auto left_real = to_number<double>(left);
    const auto right_real = to_number<double>(right);
    if (left_real && right_real) return of(*left_real, *right_real);
    return of(left, right);
}

bool set_contains(const std::string& left, const std::string& right, bool all) {
    std::vector<std::string_view> present;
    for (const auto part : split(left, ',')) present.push_back(trim(part));
    const auto wanted = split(right, ',');
    const auto is_present = [&](std::string_view part) {
        return std::find(present.begin(), present.end(), trim(part)) != present.end();
    };
    return all ? std::all_of(wanted.begin(), wanted.end(), is_present)
               : std::any_of(wanted.begin(), wanted.end(), is_present);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Side resolve_target(std::string_view target, const schema::Node& node) {
    if (!target.starts_with("${") || !target.ends_with('}')) {
        if (target.starts_with("${")) return std::nullopt;
        return std::string{target};
    }
    const std::string_view name = target.substr(2, target.size() - 3);
    if (name == "node.unique.id") {
        const auto id = Uuid::from_raw(node.id());
        return id ? Side{id->text()} : std::nullopt;
    }
    if (name == "node.datacenter") return node.datacenter();
    if (name == "node.unique.name") return node.name();
    if (name == "node.class") return node.node_class();
    if (name == "node.pool") return node.node_pool();
    if (name.starts_with("attr.")) return value_of(node.attributes(), name.substr(5));
    if (name.starts_with("meta.")) return value_of(node.meta(), name.substr(5));
    return std::nullopt;
}

bool escapes_class(std::string_view target) {
    return target.starts_with("${unique.") || target.starts_with("${node.unique.") ||
           target.starts_with("${attr.unique.") || target.starts_with("${meta.unique.");
}

Condition::Condition(std::string left, std::string operation, std::string right)
    : left_{std::move(left)}, operation_{std::move(operation)}, right_{std::move(right)} {
    if (operation_ == "regexp") pattern_ = compile(right_);
    if (operation_ == "version") {
        versions_ = VersionConstraints::parse(right_, VersionStyle::lenient);
    }
    if (operation_ == "semver") {
        versions_ = VersionConstraints::parse(right_, VersionStyle::semver);
    }
}

bool Condition::holds(const schema::Node& node) const {
    return holds(resolve_target(left_, node), resolve_target(right_, node));
}

bool Condition::holds(const Side& left, const Side& right) const {
    if (operation_ == "is_set") return left.has_value();
    if (operation_ == "is_not_set") return !left.has_value();
    if (is_one_of(operation_, {"!=", "not"})) return left.value_or("") != right.value_or("");
    if (!left || !right) return false;
    // An operator that was left out means equality.
    if (is_one_of(operation_, {"=", "==", "is", ""})) return *left == *right;
    if (operation_ == "<") return order(*left, *right) < 0;
    if (operation_ == "<=") return order(*left, *right) <= 0;
    if (operation_ == ">") return order(*left, *right) > 0;
    if (operation_ == ">=") return order(*left, *right) >= 0;
    if (operation_ == "regexp") return matches_pattern(*left, *right);
    if (operation_ == "version") return allows_version(*left, *right, VersionStyle::lenient);
    if (operation_ == "semver") return allows_version(*left, *right, VersionStyle::semver);
    if (is_one_of(operation_, {"set_contains", "set_contains_all"})) {
        return set_contains(*left, *right, true);
    }
    if (operation_ == "set_contains_any") return set_contains(*left, *right, false);
    return false;
}

std::string Condition::text() const {
    std::string shown = left_;
    shown += " " + operation_;
    if (!right_.empty()) shown += " " + right_;
    return shown;
}

bool Condition::matches_pattern(const std::string& text, const std::string& pattern) const {
    const auto compiled = pattern == right_ ? pattern_ : compile(pattern);
    return compiled != nullptr && re2::RE2::PartialMatch(text, *compiled);
}

bool Condition::allows_version(const std::string& text, const std::string& allowed,
                               VersionStyle style) const {
    const auto version = parse_version(text, style);
    if (!version) return false;
    if (allowed == right_) return versions_ && versions_->allow(*version);
    const auto constraints = VersionConstraints::parse(allowed, style);
    return constraints && constraints->allow(*version);
}

}  // namespace drover::scheduler
