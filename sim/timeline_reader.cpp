#include "sim/timeline_reader.hpp"

#include <algorithm>

#include "engine/state/features.hpp"
#include "sim/scalars.hpp"
#include "sim/vocabulary.hpp"

namespace drover::sim {
namespace {

constexpr std::size_t steps_max = 1000;

Selector read_selector(const YAML::Node& node) {
    auto selector = parse_selector(scalar_text(node, "a target"));
    if (!selector) throw ReadingError{position_of(node), selector.error().message};
    return *selector;
}

std::vector<Selector> read_selectors(Section& section, std::string_view key) {
    std::vector<Selector> selectors;
    section.each(key, [&](const YAML::Node& item) { selectors.push_back(read_selector(item)); });
    return selectors;
}

template <class T, std::size_t Size>
T read_word(Section& section, std::string_view key, const std::array<Word<T>, Size>& words) {
    const std::string written = section.required_text(key);
    const T* const value = find_word(words, written);
    if (value == nullptr) {
        section.refuse(key, "unknown \"" + written + "\"; known: " + list_words(words));
    }
    return *value;
}

// "t2", or "t2 + 5s".
void read_after(Section& section, Step& step) {
    const auto written = section.text("after");
    if (!written) return;
    const auto plus = written->find('+');
    std::string id = written->substr(0, plus);
    id.erase(id.find_last_not_of(' ') + 1);
    step.after = id;
    if (plus == std::string::npos) return;
    const auto delay = parse_duration(written->substr(plus + 1));
    if (!delay) section.refuse("after", delay.error().message);
    step.after_delay = *delay;
}

void read_moment(Section& section, Step& step) {
    step.at = section.parsed("at", parse_duration);
    step.every = section.parsed("every", parse_duration);
    if (const auto text = section.text("when"))
        step.when = read_predicate(section.child("when"), *text);
    read_after(section, step);
    const int moments = (step.at ? 1 : 0) + (step.when ? 1 : 0) + (step.after ? 1 : 0);
    if (moments > 1 || (moments == 0 && !step.every)) {
        throw ReadingError{step.position,
                           section.path() + " needs exactly one of at, when, after (or every)"};
    }
    if (step.every && *step.every < std::chrono::milliseconds{1}) {
        section.refuse("every", "at least 1ms");
    }
}

void read_shape(Section& section, Step& step) {
    if (!section.has("shape")) return;
    const YAML::Node node = section.child("shape");
    if (node.IsScalar()) {
        if (node.Scalar() != "isolate" && node.Scalar() != "split") {
            section.refuse("shape", "write isolate, split or {kind: asymmetric, from: …, to: …}");
        }
        return;
    }
    Section shape{node, section.path() + ".shape"};
    const std::string kind = shape.required_text("kind");
    if (kind != "isolate" && kind != "split" && kind != "asymmetric") {
        shape.refuse("kind", "unknown \"" + kind + "\"; known: isolate, split, asymmetric");
    }
    step.from = read_selectors(shape, "from");
    step.to = read_selectors(shape, "to");
    if (shape.has("target")) step.targets = read_selectors(shape, "target");
    if (kind == "asymmetric" && (step.from.empty() || step.to.empty())) {
        shape.refuse("kind", "asymmetric needs from and to");
    }
    shape.finish();
}

// The number that upgrade and downgrade lead to: level: 2, or raft_protocol: 3, or to: 3, or to:
// raft_protocol=3.
void read_protocol(Section& section, Step& step) {
    if (const auto level = section.number("level", state::oldest_level, state::rehearsal_level)) {
        step.level = static_cast<std::uint32_t>(*level);
    }
    auto protocol = section.number("raft_protocol", 0, 99);
    if (!protocol && !step.level && (step.verb == Verb::upgrade || step.verb == Verb::downgrade)) {
        std::string written = section.required_text("to");
        if (written.starts_with("raft_protocol=")) written.erase(0, 14);
        const auto number = parse_count(written);
        if (!number || *number > 99)
            section.refuse("to", "write raft_protocol=2 or raft_protocol=3");
        protocol = *number;
    }
    if (!protocol) return;
    if (*protocol != 2 && *protocol != 3) {
        section.refuse(section.has("raft_protocol") ? "raft_protocol" : "to",
                       std::to_string(*protocol) + " is not supported; 2 and 3 are");
    }
    step.raft_protocol = static_cast<std::uint32_t>(*protocol);
}

bool is_about_a_job(Verb verb) {
    switch (verb) {
        case Verb::register_job:
        case Verb::stop_job:
        case Verb::promote:
        case Verb::fail_deployment:
        case Verb::pause_deployment:
        case Verb::resume_deployment:
        case Verb::revert_job:
        case Verb::scale_job:
        case Verb::dispatch:
        case Verb::force_launch:
            return true;
        default:
            return false;
    }
}

void require_targets(const Section& section, const Step& step) {
    const bool needs_job = is_about_a_job(step.verb);
    const bool needs_target = !needs_job && step.verb != Verb::heal && step.verb != Verb::loss &&
                              step.verb != Verb::delay && step.verb != Verb::reject_jobs &&
                              step.verb != Verb::accept_jobs && step.verb != Verb::collect_garbage;
    if (needs_target && step.targets.empty() && step.from.empty()) {
        throw ReadingError{step.position, section.path() + ": " +
                                              std::string{word_of(verb_words, step.verb)} +
                                              " needs a target"};
    }
    if (needs_job && step.job.empty()) {
        throw ReadingError{step.position, section.path() + ": " +
                                              std::string{word_of(verb_words, step.verb)} +
                                              " needs the key \"job\", the id of a job under load"};
    }
}

Step read_step(const YAML::Node& node, std::size_t number) {
    Section section{node, "timeline[" + std::to_string(number) + "]"};
    Step step;
    step.position = position_of(node);
    step.id = section.text("id").value_or("step" + std::to_string(number));
    step.verb = read_word(section, "do", verb_words);
    read_moment(section, step);
    step.targets = read_selectors(section, "target");
    step.lasting = section.parsed("for", parse_duration);
    step.restart = section.parsed("restart", parse_duration);
    step.gap = section.parsed("gap", parse_duration);
    step.deadline = section.parsed("deadline", parse_duration);
    step.ignore_system = section.boolean("ignore_system").value_or(false);
    read_shape(section, step);
    if (step.verb == Verb::partition && section.has("from")) {
        step.from = read_selectors(section, "from");
        step.to = read_selectors(section, "to");
        if (step.to.empty()) section.refuse("from", "a one-way partition needs to as well");
    }
    read_protocol(section, step);
    if (section.has("persist")) step.persist = read_word(section, "persist", persist_words);
    step.content = section.text(step.verb == Verb::dispatch ? "token" : "content")
                       .value_or(step.verb == Verb::dispatch ? "" : "garbage");
    step.job = section.text("job").value_or("");
    step.count = static_cast<std::uint32_t>(section.number("count", 0, 50'000).value_or(0));
    step.version = section.number("version", 0, 1'000'000).value_or(0);
    step.broken = section.boolean("broken").value_or(false);
    step.chance = section.parsed("p", parse_chance).value_or(Chance{});
    step.distribution = section.parsed("delay", parse_distribution);
    require_targets(section, step);
    section.finish();
    return step;
}

void check_references(const std::vector<Step>& steps) {
    for (const auto& step : steps) {
        if (std::count_if(steps.begin(), steps.end(),
                          [&](const Step& other) { return other.id == step.id; }) > 1) {
            throw ReadingError{step.position,
                               "timeline: two steps have the id \"" + step.id + "\""};
        }
        if (step.after && std::none_of(steps.begin(), steps.end(), [&](const Step& other) {
                return other.id == *step.after;
            })) {
            throw ReadingError{step.position,
                               "timeline: no step has the id \"" + *step.after + "\""};
        }
    }
}

}  // namespace

Predicate read_predicate(const YAML::Node& node, std::string_view text) {
    auto predicate = Predicate::parse(text);
    if (!predicate) throw ReadingError{position_of(node), predicate.error().message};
    return *predicate;
}

std::vector<Step> read_timeline(const YAML::Node& list) {
    if (!list.IsSequence())
        throw ReadingError{position_of(list), "timeline must be a list of steps"};
    if (list.size() > steps_max) {
        throw ReadingError{position_of(list), "timeline: no more than 1000 steps"};
    }
    std::vector<Step> steps;
    for (const auto& node : list) steps.push_back(read_step(node, steps.size() + 1));
    check_references(steps);
    return steps;
}

}  // namespace drover::sim
