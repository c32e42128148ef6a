#include "sim/predicate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace drover::sim {

struct Predicate::Expression {
    enum class Kind : std::uint8_t { number, fact, negation, conjunction, disjunction, comparison };
    Kind kind{};
    std::int64_t number{};
    std::string name;  // of the fact, or the comparison's operator
    std::string argument;
    std::shared_ptr<const Expression> left, right;

    [[nodiscard]] std::int64_t value(const Facts& facts) const {
        switch (kind) {
            case Kind::number:
                return number;
            case Kind::fact:
                return facts.fact(name, argument);
            case Kind::negation:
                return left->value(facts) == 0 ? 1 : 0;
            case Kind::conjunction:
                return left->value(facts) != 0 && right->value(facts) != 0 ? 1 : 0;
            case Kind::disjunction:
                return left->value(facts) != 0 || right->value(facts) != 0 ? 1 : 0;
            case Kind::comparison:
                return compare(left->value(facts), right->value(facts)) ? 1 : 0;
        }
        return 0;
    }

    [[nodiscard]] bool compare(std::int64_t a, std::int64_t b) const {
        if (name == "==") return a == b;
        if (name == "!=") return a != b;
        if (name == "<=") return a <= b;
        if (name == ">=") return a >= b;
        if (name == "<") return a < b;
        return a > b;
    }
};

namespace {

using Expression = Predicate::Expression;
using Node = std::shared_ptr<const Expression>;

constexpr std::size_t text_size_max = 4096;

struct FactForm {
    std::string_view name;
    bool takes_argument;
};
constexpr std::array fact_forms{FactForm{"leader", false},
                                FactForm{"leader.term", false},
                                FactForm{"leader.applied", false},
                                FactForm{"servers.up", false},
                                FactForm{"nodes.up", false},
                                FactForm{"nodes.ready", false},
                                FactForm{"nodes.draining", false},
                                FactForm{"node.allocs", true},
                                FactForm{"node.drained", true},
                                FactForm{"server.up", true},
                                FactForm{"server.applied", true},
                                FactForm{"server.raft_protocol", true},
                                FactForm{"server.votes", true},
                                FactForm{"server.member", true},
                                FactForm{"server.removed", true},
                                FactForm{"server.level", true},
                                FactForm{"cluster.level", false},
                                FactForm{"cluster.rehearsals", false},
                                FactForm{"alloc.running", true},
                                FactForm{"alloc.pending", true},
                                FactForm{"alloc.complete", true},
                                FactForm{"alloc.failed", true},
                                FactForm{"alloc.lost", true},
                                FactForm{"alloc.total", true},
                                FactForm{"deployment.running", true},
                                FactForm{"deployment.paused", true},
                                FactForm{"deployment.failed", true},
                                FactForm{"deployment.successful", true},
                                FactForm{"deployment.cancelled", true},
                                FactForm{"deployment.placed", true},
                                FactForm{"deployment.healthy", true},
                                FactForm{"deployment.unhealthy", true},
                                FactForm{"deployment.canaries", true},
                                FactForm{"deployment.unpromoted", true},
                                FactForm{"deployment.unsettled", true},
                                FactForm{"alloc.current", true},
                                FactForm{"alloc.outdated", true},
                                FactForm{"job.version", true},
                                FactForm{"job.revision", true},
                                FactForm{"job.stable", true},
                                FactForm{"job.exists", true},
                                FactForm{"job.children", true},
                                FactForm{"job.children.dead", true},
                                FactForm{"job.children.running", true},
                                FactForm{"job.blocked", true},
                                FactForm{"mark", true},
                                FactForm{"count", true},
                                FactForm{"tasks.running", true}};

class Parser {
public:
    explicit Parser(std::string_view text) : text_{text} {}

    Result<Node> parse() {
        auto root = disjunction(0);
        if (!root) return root;
        skip_spaces();
        if (at_ != text_.size()) return refuse("unexpected text");
        return root;
    }

private:
    tl::unexpected<Error> refuse(std::string_view what) const {
        return fail(Errc::invalid_argument, "condition \"" + std::string{text_.substr(0, 120)} +
                                                "\": " + std::string{what} + " at character " +
                                                std::to_string(at_ + 1));
    }
    void skip_spaces() {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    }
    bool take(std::string_view token) {
        skip_spaces();
        if (!text_.substr(at_).starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    static Node make(Expression expression) {
        return std::make_shared<const Expression>(std::move(expression));
    }

    Result<Node> disjunction(int depth) {
        auto left = conjunction(depth);
        while (left && take("||")) {
            auto right = conjunction(depth);
            if (!right) return right;
            left = make({Expression::Kind::disjunction, 0, {}, {}, *left, *right});
        }
        return left;
    }
    Result<Node> conjunction(int depth) {
        auto left = comparison(depth);
        while (left && take("&&")) {
            auto right = comparison(depth);
            if (!right) return right;
            left = make({Expression::Kind::conjunction, 0, {}, {}, *left, *right});
        }
        return left;
    }
    Result<Node> comparison(int depth) {
        auto left = primary(depth);
        if (!left) return left;
        for (const std::string_view symbol : {"==", "!=", "<=", ">=", "<", ">"}) {
            if (!take(symbol)) continue;
            auto right = primary(depth);
            if (!right) return right;
            return make({Expression::Kind::comparison, 0, std::string{symbol}, {}, *left, *right});
        }
        return left;
    }
    Result<Node> primary(int depth) {
        if (depth > 32) return refuse("nested too deeply");
        if (take("(")) {
            auto inside = disjunction(depth + 1);
            if (inside && !take(")")) return refuse("a closing parenthesis is missing");
            return inside;
        }
        if (!text_.substr(at_).starts_with("!=") && take("!")) {
            auto inside = primary(depth + 1);
            if (!inside) return inside;
            return make({Expression::Kind::negation, 0, {}, {}, *inside, nullptr});
        }
        skip_spaces();
        if (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') return number();
        return fact();
    }
    Result<Node> number() {
        std::int64_t value = 0;
        const char* const end = text_.data() + text_.size();
        const auto [stop, error] = std::from_chars(text_.data() + at_, end, value);
        if (error != std::errc{}) return refuse("a number that is too large");
        at_ = static_cast<std::size_t>(stop - text_.data());
        return make({Expression::Kind::number, value, {}, {}, nullptr, nullptr});
    }
    Result<Node> fact() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_word(text_[at_])) ++at_;
        std::string name{text_.substr(begin, at_ - begin)};
        std::string argument;
        bool has_argument = false;
        if (at_ < text_.size() && text_[at_] == '(') {
            const auto close = text_.find(')', at_);
            if (close == std::string_view::npos) return refuse("a closing parenthesis is missing");
            argument = text_.substr(at_ + 1, close - at_ - 1);
            has_argument = true;
            at_ = close + 1;
        }
        // "server(2).applied" is another spelling of "server.applied(2)".
        if (has_argument && at_ < text_.size() && text_[at_] == '.') {
            const std::size_t member = at_;
            ++at_;
            while (at_ < text_.size() && is_word(text_[at_])) ++at_;
            name += text_.substr(member, at_ - member);
        }
        return known_fact(std::move(name), std::move(argument), has_argument, begin);
    }
    Result<Node> known_fact(std::string name, std::string argument, bool has_argument,
                            std::size_t begin) {
        const auto* const form =
            std::find_if(fact_forms.begin(), fact_forms.end(),
                         [&](const FactForm& one) { return one.name == name; });
        if (form == fact_forms.end()) {
            at_ = begin;
            return refuse("unknown name \"" + name + "\" (known: " + known_names() + ")");
        }
        if (form->takes_argument != (has_argument && !argument.empty())) {
            at_ = begin;
            return refuse(form->takes_argument ? "\"" + name + "\" needs an argument in parentheses"
                                               : "\"" + name + "\" takes no argument");
        }
        return make(
            {Expression::Kind::fact, 0, std::move(name), std::move(argument), nullptr, nullptr});
    }
    static bool is_word(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    }
    static std::string known_names() {
        std::string names;
        for (const auto& form : fact_forms) {
            if (!names.empty()) names += ", ";
            names += form.name;
            if (form.takes_argument) names += "()";
        }
        return names;
    }

    std::string_view text_;
    std::size_t at_{0};
};

}  // namespace

Result<Predicate> Predicate::parse(std::string_view text) {
    // A chain of operators becomes a tree as deep as the chain is long.
    if (text.size() > text_size_max) {
        return fail(Errc::invalid_argument, "a condition of " + std::to_string(text.size()) +
                                                " characters: no more than " +
                                                std::to_string(text_size_max));
    }
    auto root = Parser{text}.parse();
    if (!root) return tl::unexpected{root.error()};
    return Predicate{*root};
}

bool Predicate::holds(const Facts& facts) const { return root_->value(facts) != 0; }

}  // namespace drover::sim
