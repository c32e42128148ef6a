#include "agent/cli/monitor.hpp"

#include <iostream>
#include <set>

#include "agent/cli/text.hpp"

namespace drover::agent::cli {
namespace {

using schema::JsonValue;

class Monitor {
public:
    Monitor(ApiClient& api, const MonitorOptions& options) : api_{api}, options_{options} {}

    int follow(const std::string& id) {
        title("Monitoring evaluation \"" + short_id(id, options_.verbose) + "\"");
        std::string next = id;
        while (!next.empty()) {
            const auto done = follow_one(next);
            if (!done) return report(done.error());
            next = text(*done, "NextEval");
            last_ = *done;
            if (!next.empty())
                line("Monitoring next evaluation \"" + short_id(next, options_.verbose) + "\"");
        }
        const int code = conclude();
        const std::string deployment = text(last_, "DeploymentID");
        if (code == 1 || deployment.empty() || !options_.deployment) return code;
        const int outcome = follow_deployment(deployment);
        return code == 0 ? outcome : code;
    }

    int follow_deployment(const std::string& id);

private:
    static void title(const std::string& text) {
        std::cout << "==> " << clock_text() << ": " << text << std::endl;
    }
    static void line(const std::string& text) {
        std::cout << "    " << clock_text() << ": " << text << std::endl;
    }
    static int report(const Error& error) {
        std::cerr << "Error reading evaluation: " << error.message << "\n";
        return 1;
    }

    Result<JsonValue> follow_one(const std::string& id) {
        std::uint64_t index = 0;
        bool announced = false;
        while (true) {
            auto reply = api_.get("/v1/evaluation/" + id,
                                  {{"index", std::to_string(index)}, {"wait", "5s"}});
            if (!reply) return tl::unexpected{reply.error()};
            index = reply->index;
            const JsonValue& evaluation = reply->json;
            if (!announced) {
                line("Evaluation triggered by job \"" + text(evaluation, "JobID") + "\"");
                announced = true;
            }
            if (deployment_.empty() && !text(evaluation, "DeploymentID").empty()) {
                deployment_ = text(evaluation, "DeploymentID");
                line("Evaluation within deployment: \"" + short_id(deployment_, options_.verbose) +
                     "\"");
            }
            show_allocations(id);
            const std::string status = text(evaluation, "Status");
            if (status == "complete" || status == "failed" || status == "canceled" ||
                status == "blocked") {
                return evaluation;
            }
        }
    }

    void show_allocations(const std::string& evaluation) {
        const auto reply = api_.get("/v1/evaluation/" + evaluation + "/allocations");
        if (!reply || reply->json.array() == nullptr) return;
        for (const auto& allocation : *reply->json.array()) {
            const std::string id = text(allocation, "ID");
            const std::string status = text(allocation, "ClientStatus");
            if (allocations_.insert(id).second) {
                line("Allocation \"" + short_id(id, options_.verbose) + "\" created: node \"" +
                     short_id(text(allocation, "NodeID"), options_.verbose) + "\", group \"" +
                     text(allocation, "TaskGroup") + "\"");
            }
            if (status != "pending" && statuses_.insert(id + status).second) {
                line("Allocation \"" + short_id(id, options_.verbose) +
                     "\" status changed: \"pending\" -> \"" + status + "\"");
            }
        }
    }

    int conclude() {
        const std::string status = text(last_, "Status");
        const std::string description = text(last_, "StatusDescription");
        title("Evaluation \"" + short_id(text(last_, "ID"), options_.verbose) +
              "\" finished with status \"" + status + "\"" +
              (description.empty() ? "" : ": " + description));
        const auto& failed = object(last_, "FailedTGAllocs");
        for (const auto& [group, metrics] : failed) {
            const std::int64_t more = integer(metrics, "CoalescedFailures");
            std::cout << "    Task Group \"" << group << "\" (failed to place " << more + 1
                      << (more == 0 ? " allocation" : " allocations") << "):\n"
                      << placement_metrics(metrics, "      * ");
        }
        const std::string blocked = text(last_, "BlockedEval");
        if (!blocked.empty()) {
            std::cout << "    Evaluation \"" << short_id(blocked, options_.verbose)
                      << "\" waiting for additional capacity to place remainder\n";
        }
        std::cout << std::flush;
        return status == "complete" && failed.empty() ? 0 : 2;
    }

    static std::string describe(const JsonValue& deployment) {
        std::string progress;
        for (const auto& [group, state] : object(deployment, "TaskGroups")) {
            progress += (progress.empty() ? "" : "; ") + group + ": " +
                        std::to_string(integer(state, "HealthyAllocs")) + " of " +
                        std::to_string(integer(state, "DesiredTotal")) + " healthy, " +
                        std::to_string(integer(state, "PlacedAllocs")) + " placed";
            if (integer(state, "UnhealthyAllocs") != 0) {
                progress += ", " + std::to_string(integer(state, "UnhealthyAllocs")) + " unhealthy";
            }
        }
        return progress;
    }

    ApiClient& api_;
    const MonitorOptions& options_;
    JsonValue last_;
    std::string deployment_;
    std::set<std::string> allocations_, statuses_;
};

int Monitor::follow_deployment(const std::string& id) {
    title("Monitoring deployment \"" + short_id(id, options_.verbose) + "\"");
    std::uint64_t index = 0;
    std::string shown;
    while (true) {
        const auto reply =
            api_.get("/v1/deployment/" + id, {{"index", std::to_string(index)}, {"wait", "5s"}});
        if (!reply) {
            std::cerr << "Error reading deployment: " << reply.error().message << "\n";
            return 1;
        }
        index = reply->index;
        const std::string progress = describe(reply->json);
        if (progress != shown) line(progress);
        shown = progress;
        const std::string status = text(reply->json, "Status");
        if (status == "running" || status == "pending" || status == "initializing") continue;
        title("Deployment \"" + short_id(id, options_.verbose) + "\" " + status + ": " +
              text(reply->json, "StatusDescription"));
        return status == "successful" || status == "paused" ? 0 : 2;
    }
}

std::string counted(const JsonValue& metrics, const char* name, const std::string& prefix,
                    const char* before, const char* after) {
    std::string out;
    for (const auto& [what, count] : object(metrics, name)) {
        out += prefix + before + "\"" + what + "\"" + after +
               std::to_string(count.integer() == nullptr ? 0 : *count.integer()) + " nodes\n";
    }
    return out;
}

}  // namespace

int monitor_evaluation(ApiClient& api, const std::string& id, const MonitorOptions& options) {
    return Monitor{api, options}.follow(id);
}

int monitor_deployment(ApiClient& api, const std::string& id, bool verbose) {
    const MonitorOptions options{verbose, true};
    return Monitor{api, options}.follow_deployment(id);
}

std::string placement_metrics(const JsonValue& metrics, const std::string& prefix) {
    std::string out;
    if (integer(metrics, "NodesEvaluated") == 0)
        out += prefix + "No nodes were eligible for evaluation\n";
    for (const auto& [datacenter, count] : object(metrics, "NodesAvailable")) {
        if (count.integer() != nullptr && *count.integer() == 0) {
            out += prefix + "No nodes are available in datacenter \"" + datacenter + "\"\n";
        }
    }
    out += counted(metrics, "ClassFiltered", prefix, "Class ", ": filtered ");
    for (const auto& [constraint, count] : object(metrics, "ConstraintFiltered")) {
        out += prefix + "Constraint \"" + constraint +
               "\": " + std::to_string(count.integer() == nullptr ? 0 : *count.integer()) +
               " nodes excluded by filter\n";
    }
    if (integer(metrics, "NodesExhausted") > 0) {
        out += prefix + "Resources exhausted on " +
               std::to_string(integer(metrics, "NodesExhausted")) + " nodes\n";
    }
    out += counted(metrics, "ClassExhausted", prefix, "Class ", " exhausted on ");
    out += counted(metrics, "DimensionExhausted", prefix, "Dimension ", " exhausted on ");
    return out;
}

}  // namespace drover::agent::cli
