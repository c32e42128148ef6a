// `operator scheduler`: what operators decide about scheduling.
#include <charconv>
#include <iostream>
#include <optional>

#include "agent/cli/command.hpp"
#include "agent/cli/text.hpp"

namespace drover::agent::cli {

using schema::JsonValue;

namespace {

constexpr const char* path = "/v1/operator/scheduler/configuration";

std::optional<bool> truth_of(const std::string& word) {
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (word == yes) return true;
    }
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (word == no) return false;
    }
    return std::nullopt;
}

std::string word_of(const JsonValue& json, std::string_view name) {
    return truth(json, name) ? "true" : "false";
}

// Switches and the names they have in the configuration.
struct Switch {
    std::string_view flag;
    std::string_view name;
};
constexpr Switch switches[]{{"memory-oversubscription", "MemoryOversubscriptionEnabled"},
                            {"reject-job-registration", "RejectJobRegistration"},
                            {"pause-eval-broker", "PauseEvalBroker"}};
constexpr Switch preemptions[]{{"preempt-batch-scheduler", "BatchSchedulerEnabled"},
                               {"preempt-service-scheduler", "ServiceSchedulerEnabled"},
                               {"preempt-sysbatch-scheduler", "SysBatchSchedulerEnabled"},
                               {"preempt-system-scheduler", "SystemSchedulerEnabled"}};

// What stands, with those switches changed that the command line names.
template <std::size_t count>
Result<JsonValue::Object> changed(const JsonValue& standing, const Switch (&list)[count],
                                  const Flags& flags) {
    JsonValue::Object members;
    for (const auto& [flag, name] : list) {
        bool value = truth(standing, name);
        if (const std::string* const word = flags.value(flag)) {
            const auto read = truth_of(*word);
            if (!read) {
                return fail(Errc::invalid_argument,
                            "-" + std::string{flag} + "=\"" + *word + "\": write true or false");
            }
            value = *read;
        }
        members.emplace_back(std::string{name}, value);
    }
    return members;
}

Result<JsonValue> wanted(const JsonValue& standing, const Flags& flags) {
    auto members = changed(standing, switches, flags);
    if (!members) return tl::unexpected{members.error()};
    auto preemption = changed(at(standing, "PreemptionConfig"), preemptions, flags);
    if (!preemption) return tl::unexpected{preemption.error()};
    const std::string* const algorithm = flags.value("scheduler-algorithm");
    members->emplace_back("SchedulerAlgorithm",
                          algorithm ? *algorithm : text(standing, "SchedulerAlgorithm"));
    members->emplace_back("PreemptionConfig", std::move(*preemption));
    return JsonValue{std::move(*members)};
}

bool is_index(const std::string& word) {
    std::uint64_t index = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
    return error == std::errc{} && end == word.data() + word.size();
}

}  // namespace

int scheduler_get_config(const Invocation& invocation) {
    const auto reply = invocation.api->get(path);
    if (!reply) {
        return report_error("Error querying scheduler configuration: " + reply.error().message);
    }
    if (invocation.flags.on("json")) return print(reply->json);
    const JsonValue& config = at(reply->json, "SchedulerConfig");
    const JsonValue& preemption = at(config, "PreemptionConfig");
    std::cout << key_values(
        {{"Scheduler Algorithm", text(config, "SchedulerAlgorithm")},
         {"Memory Oversubscription", word_of(config, "MemoryOversubscriptionEnabled")},
         {"Reject Job Registration", word_of(config, "RejectJobRegistration")},
         {"Pause Eval Broker", word_of(config, "PauseEvalBroker")},
         {"Preemption System Scheduler", word_of(preemption, "SystemSchedulerEnabled")},
         {"Preemption Service Scheduler", word_of(preemption, "ServiceSchedulerEnabled")},
         {"Preemption Batch Scheduler", word_of(preemption, "BatchSchedulerEnabled")},
         {"Preemption SysBatch Scheduler", word_of(preemption, "SysBatchSchedulerEnabled")},
         {"Modify Index", std::to_string(integer(config, "ModifyIndex"))}});
    return 0;
}

int scheduler_set_config(const Invocation& invocation) {
    const Flags& flags = invocation.flags;
    const auto standing = invocation.api->get(path);
    if (!standing) {
        return report_error("Error querying for scheduler configuration: " +
                            standing.error().message);
    }
    if (flags.value("node-limit-for-feasibility-checks") != nullptr) {
        std::cerr << "-node-limit-for-feasibility-checks changes nothing: every node is "
                     "considered for every placement\n";
    }
    const auto told = wanted(at(standing->json, "SchedulerConfig"), flags);
    if (!told) return report_error(told.error().message);
    // Without an index of the caller's, what was read just now must still stand.
    const std::string* const index = flags.value("check-index");
    if (index != nullptr && !is_index(*index)) {
        return report_error("-check-index=\"" + *index + "\": write the Modify Index to replace");
    }
    const std::string expected =
        index ? *index
              : std::to_string(integer(at(standing->json, "SchedulerConfig"), "ModifyIndex"));
    const auto reply = invocation.api->put(path, *told, Parameters{{"cas", expected}});
    if (!reply) {
        return report_error("Error setting scheduler configuration: " + reply.error().message);
    }
    if (!truth(reply->json, "Updated")) {
        return report_error(
            "the scheduler's configuration was changed by somebody else in the meantime; "
            "nothing was written: look at it with `operator scheduler get-config` and try again");
    }
    std::cout << "The scheduler works by the new configuration.\n";
    return 0;
}

}  // namespace drover::agent::cli
