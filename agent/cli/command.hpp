// Commands and how they are found. A command gets its parsed flags and returns its exit code; it
// prints results to standard output and errors to standard error.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/api_client.hpp"
#include "agent/cli/flags.hpp"

namespace drover::agent::cli {

struct Invocation {
    const Flags& flags;
    ApiClient* api;  // null for commands that work alone

    [[nodiscard]] const std::vector<std::string>& arguments() const { return flags.positional(); }
};

struct Command {
    std::vector<std::string_view> names;  // "job run", "run"
    std::string_view usage;               // "[options] <path>"
    std::string_view summary;             // one line for lists
    std::string_view help;                // what else is worth knowing; may be empty
    std::vector<FlagSpec> flags;
    bool uses_api{true};
    int error_code{1};  // for usage errors
    std::size_t arguments_min{0};
    std::size_t arguments_max{0};
    int (*run)(const Invocation&);
};

// All commands, in the order of the help text.
[[nodiscard]] const std::vector<Command>& commands();

// The whole program: finds the command, answers -h and -version, runs it.
int run_command_line(const std::vector<std::string>& arguments);

// "Error …" to standard error; returns the code.
int report_error(const std::string& message, int code = 1);
// Pretty JSON to standard output.
int print(const schema::JsonValue& json);

// ---- the commands, by file

int agent_command(const Invocation& invocation);
int job_run(const Invocation& invocation);
int job_plan(const Invocation& invocation);
int job_validate(const Invocation& invocation);
int job_init(const Invocation& invocation);
int any_status(const Invocation& invocation);
int job_status(const Invocation& invocation);
int job_history(const Invocation& invocation);
int job_inspect(const Invocation& invocation);
int job_stop(const Invocation& invocation);
int job_allocs(const Invocation& invocation);
int job_deployments(const Invocation& invocation);
int job_eval(const Invocation& invocation);
int job_promote(const Invocation& invocation);
int job_revert(const Invocation& invocation);
int job_scale(const Invocation& invocation);
int job_dispatch(const Invocation& invocation);
int job_periodic_force(const Invocation& invocation);
int job_tag_apply(const Invocation& invocation);
int job_tag_unset(const Invocation& invocation);
int system_gc(const Invocation& invocation);
int system_reconcile_summaries(const Invocation& invocation);
int deployment_list(const Invocation& invocation);
int deployment_status(const Invocation& invocation);
int deployment_promote(const Invocation& invocation);
int deployment_fail(const Invocation& invocation);
int deployment_pause(const Invocation& invocation);
int deployment_resume(const Invocation& invocation);
int deployment_unblock(const Invocation& invocation);
int node_status(const Invocation& invocation);
int node_drain(const Invocation& invocation);
int node_eligibility(const Invocation& invocation);
int alloc_status(const Invocation& invocation);
int alloc_logs(const Invocation& invocation);
int alloc_stop(const Invocation& invocation);
int eval_status(const Invocation& invocation);
int server_members(const Invocation& invocation);
int raft_list_peers(const Invocation& invocation);
int raft_state(const Invocation& invocation);
int raft_transfer_leadership(const Invocation& invocation);
int scheduler_get_config(const Invocation& invocation);
int scheduler_set_config(const Invocation& invocation);
int upgrade_status(const Invocation& invocation);
int upgrade_finalize(const Invocation& invocation);
int raft_remove_peer(const Invocation& invocation);
int operator_fsck(const Invocation& invocation);
int raft_recover(const Invocation& invocation);
int raft_logs(const Invocation& invocation);
int raft_info(const Invocation& invocation);
int snapshot_save(const Invocation& invocation);
int snapshot_restore(const Invocation& invocation);
int snapshot_inspect(const Invocation& invocation);
int snapshot_state(const Invocation& invocation);
int version(const Invocation& invocation);

}  // namespace drover::agent::cli
