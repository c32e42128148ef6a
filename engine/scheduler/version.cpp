#include "engine/scheduler/version.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/scheduler/text.hpp"

namespace drover::scheduler {
namespace {

constexpr std::size_t segments_min = 3;

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

bool is_identifier(char byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '-' || byte == '~';
}

// Dot-separated, none empty.
bool are_identifiers(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.') return false;
    char before = 0;
    for (const char byte : text) {
        if (byte == '.' ? before == '.' : !is_identifier(byte)) return false;
        before = byte;
    }
    return true;
}

std::optional<std::uint64_t> to_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Takes "1.2.3" off the front.
bool take_segments(std::string_view& text, Version& version) {
    while (true) {
        const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
        const auto length = static_cast<std::size_t>(end - text.begin());
        const auto number = to_number(text.substr(0, length));
        if (!number) return false;
        version.segments.push_back(*number);
        text.remove_prefix(length);
        const bool more = text.size() > 1 && text[0] == '.' && is_digit(text[1]);
        if (!more) return true;
        text.remove_prefix(1);
    }
}

std::strong_ordering compare_identifiers(std::string_view left, std::string_view right) {
    if (left == right) return std::strong_ordering::equal;
    const auto left_number = to_number(left);
    const auto right_number = to_number(right);
    if (left_number && right_number) return *left_number <=> *right_number;
    // A missing identifier is below a number and above a word; a number is below a word.
    const auto rank = [](std::string_view text, bool number) {
        return text.empty() ? 1 : number ? 2 : 3;
    };
    const int left_rank = rank(left, left_number.has_value());
    const int right_rank = rank(right, right_number.has_value());
    if (left.empty() && right_rank == 3) return std::strong_ordering::greater;
    if (right.empty() && left_rank == 3) return std::strong_ordering::less;
    if (left_rank != right_rank) return left_rank <=> right_rank;
    return left.compare(right) <=> 0;
}

std::strong_ordering compare_prereleases(std::string_view left, std::string_view right) {
    if (left == right) return std::strong_ordering::equal;
    if (left.empty()) return std::strong_ordering::greater;
    if (right.empty()) return std::strong_ordering::less;
    const auto lefts = split(left, '.');
    const auto rights = split(right, '.');
    for (std::size_t i = 0; i < std::max(lefts.size(), rights.size()); ++i) {
        const auto order = compare_identifiers(i < lefts.size() ? lefts[i] : std::string_view{},
                                               i < rights.size() ? rights[i] : std::string_view{});
        if (order != 0) return order;
    }
    return std::strong_ordering::equal;
}

std::uint64_t segment(const Version& version, std::size_t at) {
    return at < version.segments.size() ? version.segments[at] : 0;
}

bool same_segments(const Version& left, const Version& right) {
    for (std::size_t i = 0; i < std::max(left.segments.size(), right.segments.size()); ++i) {
        if (segment(left, i) != segment(right, i)) return false;
    }
    return true;
}

bool prerelease_may_pass(const Version& version, const Version& wanted) {
    if (version.prerelease.empty()) return true;
    return !wanted.prerelease.empty() && same_segments(version, wanted);
}

bool is_pessimistic_match(const Version& version, const Version& wanted) {
    if (!wanted.prerelease.empty() && version.prerelease.empty()) return false;
    if (compare(version, wanted) < 0 || wanted.segments.size() > version.segments.size()) {
        return false;
    }
    for (std::size_t i = 0; i + 1 < wanted.given; ++i) {
        if (wanted.segments[i] != version.segments[i]) return false;
    }
    return wanted.segments.back() <= version.segments[wanted.segments.size() - 1];
}

}  // namespace

std::optional<Version> parse_version(std::string_view text, VersionStyle style) {
    Version version;
    if (text.starts_with('v')) text.remove_prefix(1);
    if (!take_segments(text, version)) return std::nullopt;
    version.given = version.segments.size();
    version.segments.resize(std::max(version.given, segments_min));

    const auto plus = text.find('+');
    const std::string_view metadata = plus == text.npos ? "0" : text.substr(plus + 1);
    if (!are_identifiers(metadata)) return std::nullopt;
    text = text.substr(0, plus);
    if (text.empty()) return version;
    if (text.front() == '-') {
        text.remove_prefix(1);
    } else if (style == VersionStyle::semver || !is_identifier(text.front())) {
        return std::nullopt;
    }
    if (!are_identifiers(text)) return std::nullopt;
    version.prerelease = std::string{text};
    return version;
}

std::strong_ordering compare(const Version& left, const Version& right) {
    for (std::size_t i = 0; i < std::max(left.segments.size(), right.segments.size()); ++i) {
        const auto order = segment(left, i) <=> segment(right, i);
        if (order != 0) return order;
    }
    return compare_prereleases(left.prerelease, right.prerelease);
}

std::optional<VersionConstraints::One> VersionConstraints::parse_one(std::string_view text,
                                                                     VersionStyle style) {
    using Spelling = std::pair<std::string_view, Operator>;
    static constexpr Spelling spellings[]{
        // longer ones first
        {"~>", Operator::pessimistic},   {"!=", Operator::not_equal}, {"<=", Operator::less_equal},
        {">=", Operator::greater_equal}, {"=", Operator::equal},      {"<", Operator::less},
        {">", Operator::greater},        {"", Operator::equal}};
    text = trim(text);
    for (const auto& [spelling, operation] : spellings) {
        if (!text.starts_with(spelling)) continue;
        if (operation == Operator::pessimistic && style == VersionStyle::semver) break;
        auto version = parse_version(trim(text.substr(spelling.size())), style);
        if (!version) break;
        return One{operation, std::move(*version)};
    }
    return std::nullopt;
}

std::optional<VersionConstraints> VersionConstraints::parse(std::string_view text,
                                                            VersionStyle style) {
    VersionConstraints constraints;
    constraints.style_ = style;
    for (const auto part : split(text, ',')) {
        auto one = parse_one(part, style);
        if (!one) return std::nullopt;
        constraints.all_.push_back(std::move(*one));
    }
    return constraints;
}

bool VersionConstraints::allow(const Version& version) const {
    return std::all_of(all_.begin(), all_.end(),
                       [&](const One& one) { return allows(one, version); });
}

bool VersionConstraints::allows(const One& one, const Version& version) const {
    const auto order = compare(version, one.version);
    if (one.operation == Operator::equal) return order == 0;
    if (one.operation == Operator::not_equal) return order != 0;
    if (style_ == VersionStyle::lenient && !prerelease_may_pass(version, one.version)) return false;
    switch (one.operation) {
        case Operator::less:
            return order < 0;
        case Operator::less_equal:
            return order <= 0;
        case Operator::greater:
            return order > 0;
        case Operator::greater_equal:
            return order >= 0;
        case Operator::pessimistic:
            return is_pessimistic_match(version, one.version);
        case Operator::equal:
        case Operator::not_equal:
            break;
    }
    return false;
}

}  // namespace drover::scheduler
