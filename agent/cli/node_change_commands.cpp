// Commands that change a node: its drain and its eligibility.
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "agent/cli/command.hpp"
#include "agent/cli/rows.hpp"
#include "agent/cli/text.hpp"
#include "engine/jobspec/hcl/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

constexpr std::int64_t default_deadline_ns = 3'600'000'000'000;
constexpr std::chrono::milliseconds poll_interval{1000};

bool confirms(const Invocation& invocation, const std::string& question) {
    if (invocation.flags.on("yes")) return true;
    std::cout << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

// The node that is named, or the agent's own; reports what is wrong.
std::optional<JsonValue> find_node(const Invocation& invocation) {
    const bool self = invocation.flags.on("self");
    if (self == !invocation.arguments().empty()) {
        report_error("Name one node, or use -self for that of the agent");
        return std::nullopt;
    }
    std::string prefix = self ? "" : invocation.arguments()[0];
    if (self) {
        const auto agent = invocation.api->get("/v1/agent/self");
        if (!agent) {
            report_error("Error querying agent: " + agent.error().message);
            return std::nullopt;
        }
        prefix = text(at(at(agent->json, "stats"), "client"), "node_id");
        if (prefix.empty()) {
            report_error("The agent at " + invocation.api->address() + " is not a client");
            return std::nullopt;
        }
    }
    return find_by_prefix(invocation, "/v1/nodes", "/v1/node/", "node", prefix);
}

// Tells what changes on a node that is drained, until nothing is left to wait for.
class DrainMonitor {
public:
    DrainMonitor(ApiClient& api, const JsonValue& node)
        : api_{api},
          id_{text(node, "ID")},
          ignores_system_{truth(at(node, "DrainStrategy"), "IgnoreSystemJobs")} {}

    int follow() {
        line("Monitoring node \"" + id_ + "\": Ctrl-C to detach monitoring");
        while (true) {
            const auto node = api_.get("/v1/node/" + id_);
            const auto allocations = api_.get("/v1/node/" + id_ + "/allocations");
            if (!node) return report_error("Error monitoring node: " + node.error().message);
            if (!allocations) {
                return report_error("Error monitoring allocations: " + allocations.error().message);
            }
            const std::size_t running = tell_allocations(allocations->json);
            tell_node(node->json);
            if (complete_ && running == 0) {
                line("All allocations on node \"" + id_ + "\" have stopped");
                return 0;
            }
            if (canceled_) return 0;
            std::this_thread::sleep_for(poll_interval);
        }
    }

private:
    static void line(const std::string& what) {
        std::cout << clock_text() << ": " << what << std::endl;
    }

    void tell_node(const JsonValue& node) {
        if (truth(node, "Drain") || complete_) return;
        canceled_ = text(at(node, "LastDrain"), "Status") == "canceled";
        complete_ = !canceled_;
        line(canceled_ ? "Node \"" + id_ + "\" drain was called off"
                       : "Drain complete for node " + id_);
    }

    // How many still run that the drain waits for.
    std::size_t tell_allocations(const JsonValue& allocations) {
        std::size_t running = 0;
        if (allocations.array() == nullptr) return 0;
        for (const auto& one : *allocations.array()) {
            const std::string& status = text(one, "ClientStatus");
            const std::string type = text(at(one, "Job"), "Type");
            const bool on_every_node = type == "system" || type == "sysbatch";
            if (ignores_system_ && on_every_node) continue;
            if (status == "pending" || status == "running") ++running;
            tell_allocation(one, status);
        }
        return running;
    }

    void tell_allocation(const JsonValue& one, const std::string& status) {
        const std::string id = text(one, "ID");
        if (truth(at(one, "DesiredTransition"), "Migrate") && marked_.insert(id).second &&
            (status == "pending" || status == "running")) {
            line("Alloc \"" + id + "\" marked for migration");
        }
        const auto known = statuses_.find(id);
        if (known == statuses_.end()) {
            statuses_.emplace(id, status);
            return;
        }
        if (known->second == status) return;
        line("Alloc \"" + id + "\" status " + known->second + " -> " + status);
        known->second = status;
    }

    ApiClient& api_;
    std::string id_;
    bool ignores_system_;
    bool complete_ = false;
    bool canceled_ = false;
    std::map<std::string, std::string> statuses_;
    std::set<std::string> marked_;
};

struct DrainOrder {
    bool enable{};
    std::int64_t deadline_ns = default_deadline_ns;
};

// What the flags ask for; an error names those that do not go together.
Result<DrainOrder> read_order(const Flags& flags) {
    DrainOrder order{flags.on("enable")};
    const auto* deadline = flags.value("deadline");
    const int deadlines = (deadline != nullptr ? 1 : 0) + (flags.on("force") ? 1 : 0) +
                          (flags.on("no-deadline") ? 1 : 0);
    if (flags.on("enable") == flags.on("disable")) {
        return fail(Errc::invalid_argument, "Either the '-enable' or '-disable' flag must be set");
    }
    if (deadlines > 1) {
        return fail(Errc::invalid_argument,
                    "-deadline, -force and -no-deadline exclude each other; give one of them");
    }
    if (!order.enable && deadlines > 0) {
        return fail(Errc::invalid_argument, "-disable calls a drain off: it takes no deadline");
    }
    if (flags.on("force")) order.deadline_ns = -1;
    if (flags.on("no-deadline")) order.deadline_ns = 0;
    if (deadline == nullptr) return order;
    const auto parsed = hcl::parse_duration(*deadline);
    if (!parsed || *parsed <= 0) {
        return fail(Errc::invalid_argument,
                    "-deadline is \"" + *deadline + "\"; give a duration above zero, such as 30m");
    }
    order.deadline_ns = *parsed;
    return order;
}

Result<JsonValue> read_meta(const Flags& flags) {
    JsonValue::Object meta;
    if (const auto* message = flags.value("m")) meta.emplace_back("message", *message);
    for (const std::string& pair : flags.values("meta")) {
        const std::size_t equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return fail(Errc::invalid_argument, "-meta \"" + pair + "\" is not key=value");
        }
        meta.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return JsonValue{std::move(meta)};
}

JsonValue drain_body(const Flags& flags, const std::string& id, const DrainOrder& order,
                     JsonValue meta) {
    JsonValue spec;
    if (order.enable) {
        spec = JsonValue::Object{{"Deadline", order.deadline_ns},
                                 {"IgnoreSystemJobs", flags.on("ignore-system")}};
    }
    return JsonValue::Object{{"NodeID", id},
                             {"DrainSpec", std::move(spec)},
                             {"MarkEligible", !order.enable && !flags.on("keep-ineligible")},
                             {"Meta", std::move(meta)}};
}

}  // namespace

int node_drain(const Invocation& invocation) {
    const Flags& flags = invocation.flags;
    const bool only_watches = flags.on("monitor") && !flags.on("enable") && !flags.on("disable");
    const auto order = only_watches ? Result<DrainOrder>{DrainOrder{}} : read_order(flags);
    if (!order) return report_error(order.error().message);
    auto meta = read_meta(flags);
    if (!meta) return report_error(meta.error().message);
    const auto node = find_node(invocation);
    if (!node) return 1;
    const std::string id = text(*node, "ID");
    if (only_watches) {
        if (truth(*node, "Drain")) return DrainMonitor{*invocation.api, *node}.follow();
        std::cout << "No drain strategy set for node " << id << "\n";
        return 0;
    }
    const std::string verb = order->enable ? "enable" : "disable";
    if (!confirms(invocation,
                  "Are you sure you want to " + verb + " drain mode for node \"" + id + "\"?")) {
        std::cout << "Canceling drain toggle\n";
        return 0;
    }
    const auto changed = invocation.api->put("/v1/node/" + id + "/drain",
                                             drain_body(flags, id, *order, std::move(*meta)));
    if (!changed) {
        return report_error("Error updating drain specification: " + changed.error().message);
    }
    std::cout << "Node \"" << id << "\" drain strategy " << (order->enable ? "set" : "unset")
              << std::endl;
    if (!order->enable || flags.on("detach")) return 0;
    const auto draining = invocation.api->get("/v1/node/" + id);
    if (!draining) return report_error("Error querying node: " + draining.error().message);
    return DrainMonitor{*invocation.api, draining->json}.follow();
}

int node_eligibility(const Invocation& invocation) {
    const Flags& flags = invocation.flags;
    if (flags.on("enable") == flags.on("disable")) {
        return report_error("Either the '-enable' or '-disable' flag must be set");
    }
    const auto node = find_node(invocation);
    if (!node) return 1;
    const std::string id = text(*node, "ID");
    const char* const eligibility = flags.on("enable") ? "eligible" : "ineligible";
    const auto changed =
        invocation.api->put("/v1/node/" + id + "/eligibility",
                            JsonValue::Object{{"NodeID", id}, {"Eligibility", eligibility}});
    if (!changed) {
        return report_error("Error updating scheduling eligibility: " + changed.error().message);
    }
    std::cout << "Node \"" << id << "\" scheduling eligibility set: " << eligibility
              << " for scheduling\n";
    return 0;
}

}  // namespace drover::agent::cli
