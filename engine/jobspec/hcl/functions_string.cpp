// Functions over text. Positions and lengths count code points. Upper and lower case are those of
// ASCII: full case mapping needs tables that would outweigh its use in a job file.
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "engine/jobspec/hcl/function.hpp"

namespace drover::hcl {
namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";

char upper_of(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower_of(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::vector<std::string> code_points(std::string_view text) {
    std::vector<std::string> points;
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U || points.empty())
            points.emplace_back();
        points.back() += c;
    }
    return points;
}

std::string_view trimmed(std::string_view text, std::string_view set) {
    const std::size_t first = text.find_first_not_of(set);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(set) - first + 1);
}

Value chomp(Arguments& arguments) {
    std::string text = arguments.text(0);
    text.erase(text.find_last_not_of("\r\n") + 1);
    return Value::string(std::move(text));
}

Value indent(Arguments& arguments) {
    const std::int64_t width = arguments.integer(0);
    const std::string text = arguments.text(1);
    if (width < 0 || width > 1000) return arguments.fail(0, "must be between 0 and 1000");
    std::string result;
    for (const char c : text) {
        result += c;
        if (c == '\n') result.append(static_cast<std::size_t>(width), ' ');
        if (result.size() > Value::weight_max) return arguments.fail("the result is too large");
    }
    return Value::string(std::move(result));
}

Value join(Arguments& arguments) {
    const std::string separator = arguments.text(0);
    std::string result;
    bool first = true;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        for (const Value& item : arguments.list(i)) {
            const std::optional<std::string> text = to_string(item);
            if (!text) return arguments.fail(i, "must be a list of strings");
            if (!std::exchange(first, false)) result += separator;
            result += *text;
            if (result.size() > Value::weight_max) return arguments.fail("the result is too large");
        }
    }
    return Value::string(std::move(result));
}

template <char (*Map)(char)>
Value map_case(Arguments& arguments) {
    std::string text = arguments.text(0);
    std::transform(text.begin(), text.end(), text.begin(), Map);
    return Value::string(std::move(text));
}

Value title(Arguments& arguments) {
    std::string text = arguments.text(0);
    bool starts_word = true;
    for (char& c : text) {
        if (starts_word) c = upper_of(c);
        starts_word = blanks.find(c) != std::string_view::npos;
    }
    return Value::string(std::move(text));
}

Value replace(Arguments& arguments) {
    const std::string text = arguments.text(0);
    const std::string from = arguments.text(1);
    const std::string to = arguments.text(2);
    if (from.empty()) return arguments.fail(1, "must not be empty");
    std::string result;
    std::size_t at = 0;
    while (result.size() <= Value::weight_max) {
        const std::size_t found = text.find(from, at);
        result.append(text, at, found - at);
        if (found == std::string::npos) return Value::string(std::move(result));
        result += to;
        at = found + from.size();
    }
    return arguments.fail("the result is too large");
}

// Expands $1, ${1} and ${name} of a replacement; $$ is a dollar sign.
std::string expand(const RE2& pattern, std::string_view replacement,
                   const std::vector<re2::StringPiece>& groups) {
    std::string result;
    for (std::size_t at = 0; at < replacement.size();) {
        if (replacement[at] != '$' || at + 1 == replacement.size()) {
            result += replacement[at++];
            continue;
        }
        const bool braced = replacement[at + 1] == '{';
        std::size_t end = at + (braced ? 2 : 1);
        const std::size_t start = end;
        const auto is_word = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   c == '_';
        };
        while (end < replacement.size() && is_word(replacement[end])) ++end;
        const std::string name{replacement.substr(start, end - start)};
        const bool closed = !braced || (end < replacement.size() && replacement[end] == '}');
        if (name.empty() || !closed) {
            const bool escaped = replacement[at + 1] == '$';
            result += '$';
            at += escaped ? 2 : 1;
            continue;
        }
        const auto named = pattern.NamedCapturingGroups().find(name);
        const std::optional<Number> numbered = Number::parse(name);
        std::size_t group = groups.size();
        if (named != pattern.NamedCapturingGroups().end()) {
            group = static_cast<std::size_t>(named->second);
        } else if (numbered && numbered->as_int64()) {
            group = static_cast<std::size_t>(*numbered->as_int64());
        }
        if (group < groups.size()) result.append(groups[group].data(), groups[group].size());
        at = end + (braced ? 1 : 0);
    }
    return result;
}

Value regex_replace(Arguments& arguments) {
    const std::string text = arguments.text(0);
    const std::string replacement = arguments.text(2);
    RE2::Options options;
    options.set_log_errors(false);
    const RE2 pattern{arguments.text(1), options};
    if (!pattern.ok()) return arguments.fail(1, "is no regular expression: " + pattern.error());
    std::vector<re2::StringPiece> groups(
        static_cast<std::size_t>(pattern.NumberOfCapturingGroups()) + 1);
    std::string result;
    std::size_t at = 0;
    while (at <= text.size() && pattern.Match(text, at, text.size(), RE2::UNANCHORED, groups.data(),
                                              static_cast<int>(groups.size()))) {
        const auto start = static_cast<std::size_t>(groups[0].data() - text.data());
        result.append(text, at, start - at);
        result += expand(pattern, replacement, groups);
        at = start + groups[0].size();
        if (groups[0].empty()) {  // step over one code point, or the same place matches again
            const std::size_t size =
                at < text.size() ? code_points(text.substr(at, 4))[0].size() : 1;
            result.append(text, std::min(at, text.size()), size);
            at += size;
        }
        if (result.size() > Value::weight_max) return arguments.fail("the result is too large");
    }
    if (at < text.size()) result.append(text, at);
    return Value::string(std::move(result));
}

Value split(Arguments& arguments) {
    const std::string separator = arguments.text(0);
    const std::string text = arguments.text(1);
    List parts;
    if (separator.empty()) {
        for (std::string& point : code_points(text))
            parts.push_back(Value::string(std::move(point)));
        return Value::list(std::move(parts));
    }
    for (std::size_t at = 0;;) {
        const std::size_t found = text.find(separator, at);
        parts.push_back(Value::string(text.substr(at, found - at)));
        if (found == std::string::npos) return Value::list(std::move(parts));
        at = found + separator.size();
    }
}

Value strlen_of(Arguments& arguments) {
    return Value::number(static_cast<std::int64_t>(code_points(arguments.text(0)).size()));
}

Value strrev(Arguments& arguments) {
    std::string result;
    const std::vector<std::string> points = code_points(arguments.text(0));
    for (auto point = points.rbegin(); point != points.rend(); ++point) result += *point;
    return Value::string(std::move(result));
}

// substr(text, offset, length): a negative offset counts from the end; length -1 means the rest.
Value substr(Arguments& arguments) {
    const std::vector<std::string> points = code_points(arguments.text(0));
    const auto size = static_cast<std::int64_t>(points.size());
    std::int64_t start = arguments.integer(1);
    const std::int64_t length = arguments.integer(2);
    if (length < -1) return arguments.fail(2, "must be -1 or more");
    if (start < 0) start = std::max<std::int64_t>(0, start + size);
    std::string result;
    for (std::int64_t i = start; i < size && (length == -1 || i - start < length); ++i) {
        result += points[static_cast<std::size_t>(i)];
    }
    return Value::string(std::move(result));
}

Value trim(Arguments& arguments) {
    const std::string text = arguments.text(0);
    const std::vector<std::string> set = code_points(arguments.text(1));
    const std::vector<std::string> points = code_points(text);
    const auto in_set = [&](const std::string& point) {
        return std::find(set.begin(), set.end(), point) != set.end();
    };
    const auto first = std::find_if_not(points.begin(), points.end(), in_set);
    const auto last = std::find_if_not(points.rbegin(), points.rend(), in_set).base();
    std::string result;
    for (auto point = first; point < last; ++point) result += *point;
    return Value::string(std::move(result));
}

Value trimprefix(Arguments& arguments) {
    const std::string text = arguments.text(0);
    const std::string prefix = arguments.text(1);
    return Value::string(text.starts_with(prefix) ? text.substr(prefix.size()) : text);
}

Value trimsuffix(Arguments& arguments) {
    const std::string text = arguments.text(0);
    const std::string suffix = arguments.text(1);
    return Value::string(text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size())
                                                : text);
}

Value trimspace(Arguments& arguments) {
    const std::string text = arguments.text(0);
    return Value::string(std::string{trimmed(text, blanks)});
}

constexpr std::array table{
    Function{"chomp", 1, 1, chomp},
    Function{"indent", 2, 2, indent},
    Function{"join", 2, Function::any_count, join},
    Function{"lower", 1, 1, map_case<lower_of>},
    Function{"regex_replace", 3, 3, regex_replace},
    Function{"replace", 3, 3, replace},
    Function{"split", 2, 2, split},
    Function{"strlen", 1, 1, strlen_of},
    Function{"strrev", 1, 1, strrev},
    Function{"substr", 3, 3, substr},
    Function{"title", 1, 1, title},
    Function{"trim", 2, 2, trim},
    Function{"trimprefix", 2, 2, trimprefix},
    Function{"trimspace", 1, 1, trimspace},
    Function{"trimsuffix", 2, 2, trimsuffix},
    Function{"upper", 1, 1, map_case<upper_of>},
};

}  // namespace

std::span<const Function> string_functions() { return table; }

}  // namespace drover::hcl
