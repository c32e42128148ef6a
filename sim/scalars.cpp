#include "sim/scalars.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace drover::sim {
namespace {

tl::unexpected<Error> refuse(std::string_view what, std::string_view value,
                             std::string_view remedy) {
    std::string message{what};
    message += " \"";
    message += value.substr(0, 80);
    message += "\": ";
    message += remedy;
    return fail(Errc::invalid_argument, std::move(message));
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

// A non-negative decimal number as an integer times 10^-9, and what follows it.
struct Decimal {
    std::uint64_t nano{};
    std::string_view rest;
};

std::optional<Decimal> parse_decimal(std::string_view text) {
    std::uint64_t whole = 0;
    const char* const end = text.data() + text.size();
    auto [at, error] = std::from_chars(text.data(), end, whole);
    if (error != std::errc{} || whole > 9'000'000'000ULL) return std::nullopt;
    std::uint64_t nano = whole * 1'000'000'000ULL;
    if (at != end && *at == '.') {
        std::uint64_t place = 100'000'000ULL;
        for (++at; at != end && *at >= '0' && *at <= '9'; ++at, place /= 10) {
            nano += static_cast<std::uint64_t>(*at - '0') * place;
        }
    }
    return Decimal{nano, std::string_view{at, static_cast<std::size_t>(end - at)}};
}

struct Unit {
    std::string_view name;
    std::uint64_t nanoseconds;
};
constexpr std::array units{Unit{"ns", 1},
                           Unit{"us", 1'000},
                           Unit{"ms", 1'000'000},
                           Unit{"s", 1'000'000'000},
                           Unit{"m", 60'000'000'000},
                           Unit{"h", 3'600'000'000'000}};
constexpr std::uint64_t longest_hours = 24ULL * 365 * 100;
// What is drawn or repeated is multiplied and added to: bounded, so that no sum overflows.
constexpr Duration longest_draw = std::chrono::hours{24};

// "name(inside)" split into its two parts; none where the form is another.
std::optional<std::pair<std::string_view, std::string_view>> parse_call(std::string_view text) {
    const auto open = text.find('(');
    if (open == std::string_view::npos || text.back() != ')') return std::nullopt;
    return std::pair{trim(text.substr(0, open)),
                     trim(text.substr(open + 1, text.size() - open - 2))};
}

struct Argument {
    std::string_view name;  // empty: by position
    std::string_view value;
};

std::vector<Argument> parse_arguments(std::string_view inside) {
    std::vector<Argument> arguments;
    while (!inside.empty()) {
        const auto semicolon = inside.find(';');
        const std::string_view one = trim(inside.substr(0, semicolon));
        const auto equals = one.find('=');
        if (equals == std::string_view::npos) {
            arguments.push_back({{}, one});
        } else {
            arguments.push_back({trim(one.substr(0, equals)), trim(one.substr(equals + 1))});
        }
        inside =
            semicolon == std::string_view::npos ? std::string_view{} : inside.substr(semicolon + 1);
    }
    return arguments;
}

std::string_view argument(const std::vector<Argument>& arguments, std::string_view name) {
    for (const auto& one : arguments) {
        if (one.name == name) return one.value;
    }
    return {};
}

constexpr std::string_view distribution_forms =
    "write a duration, exp(min=D; mean=D), uniform(D..D) or bimodal(fast=D; slow=D; p=N%)";

Result<Distribution> parse_exponential(std::string_view text,
                                       const std::vector<Argument>& arguments) {
    Distribution drawn{Distribution::Kind::exponential, {}, {}, {}};
    if (const auto low = argument(arguments, "min"); !low.empty()) {
        const auto parsed = parse_duration(low);
        if (!parsed) return tl::unexpected{parsed.error()};
        drawn.low = *parsed;
    }
    const auto mean = parse_duration(argument(arguments, "mean"));
    if (!mean) return refuse("distribution", text, "exp needs mean, a duration");
    // `mean` is the mean of the whole: the part above the minimum is exponential.
    if (*mean < drawn.low) return refuse("distribution", text, "mean must not lie below min");
    drawn.high = *mean - drawn.low;
    return drawn;
}

Result<Distribution> parse_uniform(std::string_view text, std::string_view inside) {
    const auto dots = inside.find("..");
    if (dots == std::string_view::npos) return refuse("distribution", text, "write uniform(D..D)");
    const auto low = parse_duration(trim(inside.substr(0, dots)));
    const auto high = parse_duration(trim(inside.substr(dots + 2)));
    if (!low || !high) return refuse("distribution", text, "both ends must be durations");
    if (*low > *high)
        return refuse("distribution", text, "the first end must not be above the second");
    return Distribution{Distribution::Kind::uniform, *low, *high, {}};
}

Result<Distribution> parse_bimodal(std::string_view text, const std::vector<Argument>& arguments) {
    const auto fast = parse_duration(argument(arguments, "fast"));
    const auto slow = parse_duration(argument(arguments, "slow"));
    const auto tail = parse_chance(argument(arguments, "p"));
    if (!fast || !slow || !tail) return refuse("distribution", text, distribution_forms);
    return Distribution{Distribution::Kind::bimodal, *fast, *slow, *tail};
}

Result<Distribution> parse_any_distribution(std::string_view text) {
    const auto call = text.empty() ? std::nullopt : parse_call(text);
    if (!call) {
        const auto fixed = parse_duration(text);
        if (!fixed) return refuse("distribution", text, distribution_forms);
        return Distribution{Distribution::Kind::fixed, *fixed, *fixed, {}};
    }
    const auto& [name, inside] = *call;
    if (name == "exp") return parse_exponential(text, parse_arguments(inside));
    if (name == "uniform") return parse_uniform(text, inside);
    if (name == "bimodal") return parse_bimodal(text, parse_arguments(inside));
    return refuse("distribution", text, distribution_forms);
}

constexpr std::string_view selector_forms =
    "write leader, follower, server(N), server(all), majority, minority, random, node(N), nodes, "
    "node(random), node(pool=NAME; N) or holder(alloc=JOB[N])";

Result<Selector> numbered(Selector::Kind kind, std::string_view text, std::string_view number) {
    const auto parsed = parse_count(number);
    if (!parsed || *parsed == 0 || *parsed > 100'000) {
        return refuse("target", text, "the number counts from 1");
    }
    return Selector{kind, static_cast<std::uint32_t>(*parsed), {}, {}};
}

Result<Selector> parse_holder(std::string_view text, std::string_view allocation) {
    const auto open = allocation.find('[');
    if (open == std::string_view::npos || open == 0 || allocation.back() != ']') {
        return refuse("target", text, "write holder(alloc=JOB[N])");
    }
    const auto number = parse_count(allocation.substr(open + 1, allocation.size() - open - 2));
    if (!number) return refuse("target", text, "write holder(alloc=JOB[N])");
    return Selector{Selector::Kind::holder,
                    static_cast<std::uint32_t>(*number),
                    std::string{allocation.substr(0, open)},
                    {}};
}

Result<Selector> parse_server_selector(std::string_view text,
                                       const std::vector<Argument>& arguments) {
    if (arguments.size() == 2 && arguments[0].value == "follower") {
        return numbered(Selector::Kind::follower, text, arguments[1].value);
    }
    if (arguments.size() != 1) return refuse("target", text, selector_forms);
    const auto which = arguments[0].value;
    if (which == "all") return Selector{Selector::Kind::servers, 0, {}, {}};
    if (which == "random") return Selector{Selector::Kind::random_server, 1, {}, {}};
    if (which == "leader") return Selector{Selector::Kind::leader, 0, {}, {}};
    if (which == "follower") return Selector{Selector::Kind::follower, 1, {}, {}};
    return numbered(Selector::Kind::server, text, which);
}

Result<Selector> parse_node_selector(std::string_view text,
                                     const std::vector<Argument>& arguments) {
    const auto pool = argument(arguments, "pool");
    if (!pool.empty()) {
        Selector selector{Selector::Kind::nodes, 0, {}, std::string{pool}};
        for (const auto& one : arguments) {
            if (!one.name.empty()) continue;
            const auto count = parse_count(one.value);
            if (!count) return refuse("target", text, selector_forms);
            selector.number = static_cast<std::uint32_t>(*count);
        }
        return selector;
    }
    if (arguments.size() != 1) return refuse("target", text, selector_forms);
    if (arguments[0].value == "all") return Selector{Selector::Kind::nodes, 0, {}, {}};
    if (arguments[0].value == "random") return Selector{Selector::Kind::random_node, 1, {}, {}};
    return numbered(Selector::Kind::node, text, arguments[0].value);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
    text = trim(text);
    const auto number = parse_decimal(text);
    if (!number)
        return refuse("duration", text, "write a number and a unit, such as 250ms or 1.5s");
    if (number->rest.empty() && number->nano == 0) return Duration{};
    for (const auto& unit : units) {
        if (number->rest != unit.name) continue;
        const std::uint64_t whole = number->nano / 1'000'000'000ULL;
        if (whole > longest_hours * 3'600'000'000'000ULL / unit.nanoseconds) {
            return refuse("duration", text, "no more than a hundred years");
        }
        const std::uint64_t part = number->nano % 1'000'000'000ULL;
        const std::uint64_t below_one = unit.nanoseconds >= 1'000'000'000ULL
                                            ? part * (unit.nanoseconds / 1'000'000'000ULL)
                                            : part * unit.nanoseconds / 1'000'000'000ULL;
        return Duration{static_cast<std::int64_t>(whole * unit.nanoseconds + below_one)};
    }
    return refuse("duration", text, "the unit must be ns, us, ms, s, m or h");
}

Result<Chance> parse_chance(std::string_view text) {
    text = trim(text);
    constexpr std::string_view remedy = "write a percentage from 0% to 100%, such as 0.1%";
    const auto number = parse_decimal(text);
    if (!number) return refuse("chance", text, remedy);
    std::uint64_t ppm = 0;
    if (number->rest == "%") {
        ppm = number->nano / 100'000ULL;
    } else if (number->rest.empty()) {
        ppm = number->nano / 1'000ULL;
    } else {
        return refuse("chance", text, remedy);
    }
    if (ppm > 1'000'000ULL) return refuse("chance", text, remedy);
    return Chance{ppm};
}

Result<std::uint64_t> parse_count(std::string_view text) {
    text = trim(text);
    constexpr std::string_view remedy = "write a whole number, such as 64, 50k, 20M or 0x5eed";
    int base = 10;
    std::string_view digits = text;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        base = 16;
        digits.remove_prefix(2);
    }
    std::uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value, base);
    if (digits.empty() || error != std::errc{}) return refuse("count", text, remedy);
    const std::string_view rest{at, static_cast<std::size_t>(end - at)};
    std::uint64_t factor = 0;
    if (rest.empty()) factor = 1;
    if (rest == "k" && base == 10) factor = 1'000;
    if (rest == "M" && base == 10) factor = 1'000'000;
    if (factor == 0) return refuse("count", text, remedy);
    if (value > std::numeric_limits<std::uint64_t>::max() / factor) {
        return refuse("count", text, "the number is too large");
    }
    return value * factor;
}

Result<Distribution> parse_distribution(std::string_view text) {
    auto distribution = parse_any_distribution(trim(text));
    if (distribution && std::max(distribution->low, distribution->high) > longest_draw) {
        return refuse("distribution", text, "no more than a day");
    }
    return distribution;
}

Result<SeedRange> parse_seed_range(std::string_view text) {
    text = trim(text);
    constexpr std::string_view remedy = "write A..B with A not above B, such as 1..200";
    const auto dots = text.find("..");
    const auto first = parse_count(text.substr(0, dots));
    if (!first) return refuse("seeds", text, remedy);
    if (dots == std::string_view::npos) return SeedRange{*first, *first};
    const auto last = parse_count(text.substr(dots + 2));
    if (!last || *first > *last) return refuse("seeds", text, remedy);
    return SeedRange{*first, *last};
}

Result<Duration> parse_rate(std::string_view text) {
    text = trim(text);
    constexpr std::string_view remedy = "write a count per time, such as 200/s or 1/30s";
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return refuse("rate", text, remedy);
    const auto count = parse_count(text.substr(0, slash));
    std::string_view per = trim(text.substr(slash + 1));
    const std::string spelled = (per.empty() || per.front() < '0' || per.front() > '9')
                                    ? "1" + std::string{per}
                                    : std::string{per};
    const auto time = parse_duration(spelled);
    if (!count || *count == 0 || *count > 1'000'000 || !time || *time > longest_draw) {
        return refuse("rate", text, remedy);
    }
    const Duration interval = *time / static_cast<std::int64_t>(*count);
    if (interval == Duration{}) return refuse("rate", text, "no more than one a nanosecond");
    return interval;
}

Result<std::int64_t> parse_mebibytes(std::string_view text) {
    text = trim(text);
    constexpr std::string_view remedy = "write a size such as 512MiB or 16GiB";
    std::int64_t factor = 1;
    std::string_view digits = text;
    if (digits.ends_with("MiB")) digits.remove_suffix(3);
    if (digits.ends_with("GiB")) {
        digits.remove_suffix(3);
        factor = 1024;
    }
    const auto count = parse_count(digits);
    if (!count || *count > 1'000'000'000ULL) return refuse("size", text, remedy);
    return static_cast<std::int64_t>(*count) * factor;
}

Result<Selector> parse_selector(std::string_view text) {
    text = trim(text);
    using Kind = Selector::Kind;
    static constexpr std::array words{
        std::pair{std::string_view{"leader"}, Kind::leader},
        std::pair{std::string_view{"follower"}, Kind::follower},
        std::pair{std::string_view{"servers"}, Kind::servers},
        std::pair{std::string_view{"majority"}, Kind::majority},
        std::pair{std::string_view{"minority"}, Kind::minority},
        std::pair{std::string_view{"random"}, Kind::random_server},
        std::pair{std::string_view{"nodes"}, Kind::nodes},
    };
    for (const auto& [word, kind] : words) {
        if (text == word) return Selector{kind, kind == Kind::follower ? 1U : 0U, {}, {}};
    }
    const auto call = text.empty() ? std::nullopt : parse_call(text);
    if (!call) return refuse("target", text, selector_forms);
    const auto arguments = parse_arguments(call->second);
    if (call->first == "server") return parse_server_selector(text, arguments);
    if (call->first == "follower") return numbered(Kind::follower, text, call->second);
    if (call->first == "random") return numbered(Kind::random_server, text, call->second);
    if (call->first == "node") return parse_node_selector(text, arguments);
    if (call->first == "holder") return parse_holder(text, argument(arguments, "alloc"));
    return refuse("target", text, selector_forms);
}

}  // namespace drover::sim
