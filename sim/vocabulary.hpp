// The words of format sim/1 and what they stand for, in one table each, for reader and reports.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "sim/scenario.hpp"

namespace drover::sim {

template <class T>
using Word = std::pair<std::string_view, T>;

inline constexpr std::array family_words{
    Word<Family>{"loss", Family::loss},
    Word<Family>{"dup", Family::duplicate},
    Word<Family>{"delay", Family::delay},
    Word<Family>{"reorder", Family::reorder},
    Word<Family>{"partition", Family::partition},
    Word<Family>{"pause", Family::pause},
    Word<Family>{"crash", Family::crash},
    Word<Family>{"crash-after-append", Family::crash_after_append},
    Word<Family>{"crash-in-write", Family::crash_in_write},
    Word<Family>{"node-loss", Family::node_loss},
    Word<Family>{"agent-crash", Family::agent_crash},
    Word<Family>{"task-exit", Family::task_exit},
    Word<Family>{"one-entry-messages", Family::one_entry_messages},
    Word<Family>{"tiny-inflight", Family::tiny_inflight},
    Word<Family>{"small-snapshots", Family::small_snapshots},
    Word<Family>{"snapshot-parts", Family::snapshot_parts},
    Word<Family>{"slow-disk", Family::slow_disk},
    Word<Family>{"slow-plans", Family::slow_plans},
    Word<Family>{"plain-elections", Family::plain_elections},
    Word<Family>{"eager-appends", Family::eager_appends},
    Word<Family>{"early-apply", Family::early_apply},
    Word<Family>{"membership", Family::membership},
};

inline constexpr std::array verb_words{
    Word<Verb>{"crash", Verb::crash},
    Word<Verb>{"stop", Verb::stop},
    Word<Verb>{"restart", Verb::restart},
    Word<Verb>{"kill", Verb::kill},
    Word<Verb>{"pause", Verb::pause},
    Word<Verb>{"partition", Verb::partition},
    Word<Verb>{"heal", Verb::heal},
    Word<Verb>{"lose", Verb::lose},
    Word<Verb>{"drain", Verb::drain},
    Word<Verb>{"undrain", Verb::undrain},
    Word<Verb>{"upgrade", Verb::upgrade},
    Word<Verb>{"downgrade", Verb::downgrade},
    Word<Verb>{"finalize", Verb::finalize},
    Word<Verb>{"rehearse", Verb::rehearse},
    Word<Verb>{"pause-evaluations", Verb::pause_evaluations},
    Word<Verb>{"resume-evaluations", Verb::resume_evaluations},
    Word<Verb>{"corrupt-version-file", Verb::corrupt_version_file},
    Word<Verb>{"register-job", Verb::register_job},
    Word<Verb>{"stop-job", Verb::stop_job},
    Word<Verb>{"promote", Verb::promote},
    Word<Verb>{"fail-deployment", Verb::fail_deployment},
    Word<Verb>{"pause-deployment", Verb::pause_deployment},
    Word<Verb>{"resume-deployment", Verb::resume_deployment},
    Word<Verb>{"revert-job", Verb::revert_job},
    Word<Verb>{"scale-job", Verb::scale_job},
    Word<Verb>{"dispatch", Verb::dispatch},
    Word<Verb>{"force-launch", Verb::force_launch},
    Word<Verb>{"collect-garbage", Verb::collect_garbage},
    Word<Verb>{"reject-jobs", Verb::reject_jobs},
    Word<Verb>{"accept-jobs", Verb::accept_jobs},
    Word<Verb>{"crash-after-append", Verb::crash_after_append},
    Word<Verb>{"remove-server", Verb::remove_server},
    Word<Verb>{"add-server", Verb::add_server},
    Word<Verb>{"loss", Verb::loss},
    Word<Verb>{"delay", Verb::delay},
};

inline constexpr std::array persist_words{
    Word<Persist>{"any", Persist::any},
    Word<Persist>{"none", Persist::none},
    Word<Persist>{"all", Persist::all},
};

inline constexpr std::array class_words{
    Word<Class>{"pass", Class::pass},
    Word<Class>{"safety", Class::safety},
    Word<Class>{"liveness", Class::liveness},
    Word<Class>{"vacuous", Class::vacuous},
    Word<Class>{"non-deterministic", Class::nondeterministic},
    Word<Class>{"budget", Class::budget},
    Word<Class>{"crash", Class::crash},
};

template <class T, std::size_t Size>
constexpr const T* find_word(const std::array<Word<T>, Size>& words, std::string_view word) {
    for (const auto& [name, value] : words) {
        if (name == word) return &value;
    }
    return nullptr;
}

template <class T, std::size_t Size>
constexpr std::string_view word_of(const std::array<Word<T>, Size>& words, T value) {
    for (const auto& [name, one] : words) {
        if (one == value) return name;
    }
    return "";
}

template <class T, std::size_t Size>
std::string list_words(const std::array<Word<T>, Size>& words) {
    std::string list;
    for (const auto& [name, value] : words) {
        if (!list.empty()) list += ", ";
        list += name;
    }
    return list;
}

}  // namespace drover::sim
