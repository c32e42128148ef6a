// The table of all commands: what they are called, what they take, and how their help reads.
#include <algorithm>

#include "agent/cli/command_tables.hpp"

namespace drover::agent::cli {
namespace {

std::vector<FlagSpec> with_variables(std::vector<FlagSpec> flags) {
    flags.insert(flags.end(),
                 {{"json", false, "the file is JSON, as the API takes it"},
                  {"var", true, "name=value of an input variable; repeatable"},
                  {"var-file", true, "file with values of input variables; repeatable"},
                  {"hcl2-strict", false, "unknown variables in files are errors (default true)"},
                  {"hcl1", false, ""},
                  {"vault-namespace", true, ""},
                  {"vault-token", true, ""},
                  {"consul-namespace", true, ""},
                  {"consul-token", true, ""}});
    return flags;
}

std::vector<Command> make_job_file_commands() {
    return {
        {{"job init", "init"},
         "[options] [filename]",
         "Write an example job file",
         "Writes example.nomad.hcl unless another name is given, and never over an existing file.",
         {{"short", false, "without comments"}},
         false,
         1,
         0,
         1,
         job_init},
        {{"job validate", "validate"},
         "[options] <path>",
         "Check whether a job file is valid",
         "The path may be - for standard input. Exit code 0: valid; 1: not.",
         with_variables({}),
         true,
         1,
         1,
         1,
         job_validate},
        {{"job plan", "plan"},
         "[options] <path>",
         "Show what running a job file would change",
         "Exit codes: 0 no allocations created or destroyed, 1 allocations created or destroyed, "
         "255 error.",
         with_variables({{"diff", false, "show the difference to the running job (default true)"},
                         {"policy-override", false, ""},
                         verbose_flag}),
         true,
         255,
         1,
         1,
         job_plan},
        {{"job run", "run"},
         "[options] <path>",
         "Run a new job or update an existing one",
         "Follows the evaluation and the deployment until they end. The path may be - for standard "
         "input.\n"
         "Exit codes: 0 done, 1 error, 2 placed only in part or the deployment failed.",
         with_variables(
             {detach_flag,
              verbose_flag,
              {"check-index", true, "register only if the job's modify index is this one (0: new)"},
              {"output", false, "print the job as JSON and do nothing"},
              {"preserve-counts", false, "keep the counts of the running job"},
              {"preserve-resources", false, ""},
              {"policy-override", false, ""},
              {"eval-priority", true, "priority of the evaluation"}}),
         true,
         1,
         1,
         1,
         job_run},
    };
}

std::vector<Command> make_job_commands() {
    return {
        {{"job status"},
         "[options] [job]",
         "Show jobs, or one job",
         "",
         {{"short", false, "only the job itself"},
          {"evals", false, "its evaluations too"},
          {"all-allocs", false, "allocations of earlier jobs of the same name too"},
          json_flag,
          verbose_flag},
         true,
         1,
         0,
         1,
         job_status},
        {{"job history"},
         "[options] <job>",
         "Show the versions of a job",
         "",
         {{"p", false, "show the differences between versions"},
          {"full", false, "print each whole version"},
          {"version", true, "only this version"},
          json_flag},
         true,
         1,
         1,
         1,
         job_history},
        {{"job inspect", "inspect"},
         "[options] <job>",
         "Print a submitted job as JSON",
         "",
         {{"version", true, "this version instead of the newest"}, {"json", false, ""}},
         true,
         1,
         1,
         1,
         job_inspect},
        {{"job stop", "stop"},
         "[options] <job>...",
         "Stop a running job",
         "",
         {detach_flag,
          {"purge", false, "also forget the job and its history"},
          {"yes", false, "do not ask when the name is a prefix"},
          {"global", false, ""},
          {"no-shutdown-delay", false, ""},
          {"eval-priority", true, "priority of the evaluation"},
          verbose_flag},
         true,
         1,
         1,
         100,
         job_stop},
    };
}

std::vector<Command> make_node_commands() {
    return {
        {{"node status", "node-status"},
         "[options] [node]",
         "Show nodes, or one node",
         "",
         {{"self", false, "the node of the agent that is asked"},
          {"short", false, "only the node itself"},
          {"stats", false, ""},
          {"allocs", false, "count running allocations in the list"},
          {"quiet", false, "only ids"},
          {"os", false, "operating systems in the list"},
          json_flag,
          verbose_flag},
         true,
         1,
         0,
         1,
         node_status},
        {{"node drain", "node-drain"},
         "[options] [node]",
         "Move what runs on a node elsewhere, or call that off",
         "A drained node takes nothing new. Services move as their migrate blocks allow, batch "
         "jobs\n"
         "may finish, system jobs leave last; what is left at the deadline is stopped at once.\n"
         "Without -detach the command tells what happens until the node is empty.",
         {{"enable", false, "begin a drain, or change the one that runs"},
          {"disable", false, "call a drain off; the node takes work again"},
          {"deadline", true, "how long it may take (default 1h)"},
          {"force", false, "stop everything at once"},
          {"no-deadline", false, "wait as long as it takes"},
          {"ignore-system", false, "leave system jobs where they are"},
          {"keep-ineligible", false, "with -disable: the node takes no new work"},
          {"m", true, "a word on why, kept with the drain"},
          {"meta", true, "key=value, kept with the drain; may be given often"},
          {"monitor", false, "only tell how a drain goes on"},
          {"detach", false, "return as soon as the drain has begun"},
          {"self", false, "the node of the agent that is asked"},
          {"yes", false, "do not ask"}},
         true,
         1,
         0,
         1,
         node_drain},
        {{"node eligibility", "node-eligibility"},
         "[options] [node]",
         "Say whether a node takes new work",
         "",
         {{"enable", false, "it does"},
          {"disable", false, "it does not; what runs there stays"},
          {"self", false, "the node of the agent that is asked"}},
         true,
         1,
         0,
         1,
         node_eligibility},
    };
}

std::vector<Command> make_other_commands() {
    return {
        {{"alloc status", "alloc-status"},
         "[options] [allocation]",
         "Show allocations, or one allocation",
         "",
         {{"short", false, "only states of its tasks"},
          {"stats", false, ""},
          json_flag,
          verbose_flag},
         true,
         1,
         0,
         1,
         alloc_status},
        {{"alloc logs", "logs"},
         "[options] <allocation> [task]",
         "Print the output of a task",
         "",
         {{"f", false, "follow: print what is written from now on too"},
          {"stderr", false, "standard error"},
          {"stdout", false, "standard output (the default)"},
          {"tail", false, "only the end: the last 10 lines"},
          {"n", true, "with -tail: how many lines"},
          {"c", true, "with -tail: how many bytes"},
          {"task", true, "the task, if there are several"},
          {"job", false, "the argument is a job: one of its allocations"},
          verbose_flag},
         true,
         1,
         1,
         2,
         alloc_logs},
        {{"alloc stop"},
         "[options] <allocation>",
         "Stop an allocation and place it anew",
         "",
         {detach_flag, {"no-shutdown-delay", false, "at once"}, verbose_flag},
         true,
         1,
         1,
         1,
         alloc_stop},
    };
}

std::vector<Command> make_server_commands() {
    return {
        {{"eval status", "eval-status"},
         "[options] <evaluation>",
         "Show an evaluation",
         "",
         {{"monitor", false, "wait until it is complete"}, json_flag, verbose_flag},
         true,
         1,
         1,
         1,
         eval_status},
        {{"server members", "server-members"},
         "[options]",
         "Show the servers",
         "",
         {{"detailed", false, "all tags"}, json_flag, verbose_flag},
         true,
         1,
         0,
         0,
         server_members},
    };
}

std::vector<Command> make_operator_commands() {
    return {
        {{"operator raft list-peers"},
         "[options]",
         "Show who takes part in consensus",
         "",
         {{"stale", false, "ask any server, also without a leader"}, json_flag},
         true,
         1,
         0,
         0,
         raft_list_peers},
        {{"operator raft remove-peer"},
         "[options]",
         "Remove a server from consensus, dead or alive",
         "Name the peer as `operator raft list-peers` does: by its id, or, where it speaks Raft "
         "protocol 2,\nby its address. A server that still runs says on its log that it was "
         "removed; "
         "stop it. It comes\nback as a new server, with an empty data directory.",
         {{"peer-id", true, "the id of the server to remove"},
          {"peer-address", true, "its address, for servers of Raft protocol 2"}},
         true,
         1,
         0,
         0,
         raft_remove_peer},
        {{"operator raft state"},
         "[options]",
         "Show one server's log position and the digest of its state",
         "Two servers that applied the same entries show the same digest at the same applied "
         "index.",
         {json_flag},
         true,
         1,
         0,
         0,
         raft_state},
        {{"operator raft transfer-leadership"},
         "[options]",
         "Have another server lead",
         "Leaves the servers as they are; only who leads changes. Name the peer as `operator raft "
         "list-peers` does.",
         {{"peer-id", true, "the new leader's id"},
          {"peer-address", true, "the new leader's address"},
          json_flag},
         true,
         1,
         0,
         0,
         raft_transfer_leadership},
    };
}

std::vector<Command> make_scheduler_commands() {
    return {
        {{"operator scheduler get-config"},
         "[options]",
         "Show what operators decided about scheduling",
         "",
         {json_flag},
         true,
         1,
         0,
         0,
         scheduler_get_config},
        {{"operator scheduler set-config"},
         "[options]",
         "Change what operators decided about scheduling",
         "What no option names stays as it is. While evaluations are paused nothing is placed or "
         "stopped;\nthey wait, and go on once the pause ends.",
         {{"check-index", true, "change it only where its Modify Index is this one"},
          {"scheduler-algorithm", true, "binpack or spread"},
          {"memory-oversubscription", true, "true: tasks may have more memory, up to memory_max"},
          {"reject-job-registration", true, "true: no job is registered, dispatched or scaled"},
          {"pause-eval-broker", true, "true: evaluations wait"},
          {"preempt-batch-scheduler", true, "true: batch jobs may take room from lesser jobs"},
          {"preempt-service-scheduler", true, "true: service jobs may"},
          {"preempt-sysbatch-scheduler", true, "true: sysbatch jobs may"},
          {"preempt-system-scheduler", true, "true: system jobs may"},
          {"node-limit-for-feasibility-checks", true,
           "accepted for Nomad's sake; every node is considered"}},
         true,
         1,
         0,
         0,
         scheduler_set_config},
    };
}

std::vector<Command> make_upgrade_commands() {
    return {
        {{"operator upgrade status"},
         "[options]",
         "Show what finalizing an upgrade would bring, and who is not ready for it",
         "Until an upgrade is finalized, every server can go back to the release before with "
         "nothing lost.",
         {json_flag},
         true,
         1,
         0,
         0,
         upgrade_status},
        {{"operator upgrade finalize"},
         "[options]",
         "Let the cluster use what its servers' new release brought",
         "Raises the cluster's feature level, for good: a release without that level cannot join "
         "or come\nback. Refused while a server does not support it. `operator upgrade status` "
         "shows what is gained.",
         {{"level", true, "the level to raise to; default: the highest that a server supports"},
          json_flag},
         true,
         1,
         0,
         0,
         upgrade_finalize},
    };
}

std::vector<Command> make_snapshot_commands() {
    return {
        {{"operator snapshot save"},
         "[options] [file]",
         "Save the state of a running cluster as a file",
         "Without a file's name it is drover-<time>.snapshot in this directory. What arrived is "
         "checked\nbefore the file gets its name; `operator snapshot inspect` shows what is in it.",
         {{"stale", false, "whatever the asked server has, also while there is no leader"},
          json_flag},
         true,
         1,
         0,
         1,
         snapshot_save},
        {{"operator snapshot restore"},
         "[options] <file>",
         "Bring the state in a file back into a running cluster",
         "Jobs, nodes, allocations, evaluations and deployments become those of the file; the "
         "servers stay\nwho they are. Allocations that the file does not know are stopped by their "
         "nodes. Save the\npresent state first: there is no other way back.",
         {json_flag},
         true,
         1,
         1,
         1,
         snapshot_restore},
    };
}

// For servers that do not run.
std::vector<Command> make_offline_commands() {
    return {
        {{"operator fsck"},
         "[options] <data_dir>",
         "Check the files of a server that does not run",
         "Reads log, snapshots and the small files beside them, and says what is wrong and what to "
         "do.\nIt never writes; a server that runs must be stopped first.\n"
         "Exit codes: 0 nothing is wrong, 1 something is, 2 nothing can be said.",
         {json_flag},
         false,
         2,
         1,
         1,
         operator_fsck},
        {{"operator raft recover"},
         "[options] <data_dir>",
         "Give a stopped server's group the members in peers.json",
         "For a group that has lost its majority for good. Write the servers that remain into\n"
         "<data_dir>/server/raft/peers.json, the same on each of them:\n\n"
         "  [{\"id\": \"<node-id>\", \"address\": \"<ip:rpc port>\", \"non_voter\": false}]\n\n"
         "Everything in the server's log counts as committed from then on, so choose the servers "
         "with\nthe highest last index. A server that starts does the same by itself; "
         "server/raft is copied\nto server/raft.backup-<n> first. -dry-run shows what would happen "
         "and changes nothing.",
         {{"dry-run", false, "only show what would happen"}},
         false,
         1,
         1,
         1,
         raft_recover},
        {{"operator snapshot inspect"},
         "[options] <file>",
         "Show what a snapshot file says of itself",
         "Index, term, configuration, and the size of each section, after all checksums have been "
         "verified.\nThe files of a server are in <data_dir>/server/raft/snapshots.",
         {json_flag},
         false,
         1,
         1,
         1,
         snapshot_inspect},
        {{"operator snapshot state"},
         "<file>",
         "Print the rows of a snapshot file as JSON",
         "",
         {},
         false,
         1,
         1,
         1,
         snapshot_state},
        {{"version"}, "", "Show the release", "", {}, false, 1, 0, 0, version},
    };
}

std::vector<Command> make_raft_log_commands() {
    return {
        {{"operator raft info"},
         "[options] <data_dir>",
         "Show how far the log of a stopped server reaches",
         "Exit codes: 0 all of it can be read, 1 records are damaged or missing, 2 nothing can be "
         "said.",
         {json_flag},
         false,
         2,
         1,
         1,
         raft_info},
        {{"operator raft logs"},
         "[options] <data_dir>",
         "Print the log of a stopped server, entry by entry",
         "One line for each entry: index, term, type, and what is inside as JSON. What cannot be "
         "read is\nreported where it lies.\nExit codes: 0 all of it can be read, 1 records are "
         "damaged or missing, 2 nothing can be said.",
         {{"json", false, "each line is one JSON object"},
          {"pretty", false, "indented JSON objects"}},
         false,
         2,
         1,
         1,
         raft_logs},
    };
}

std::vector<Command> make_commands() {
    std::vector<Command> all{
        {{"agent"},
         "[options]",
         "Run an agent: a server, a client, or both",
         "Runs until it is told to stop (SIGINT, SIGTERM). Tasks outlive it, except in dev mode.",
         {{"dev", false, "server and client in one, with nothing kept: for trying things out"},
          {"config", true, "configuration file or folder (HCL or JSON); repeatable"},
          {"data-dir", true, "where state is kept"},
          {"bind", true, "address to listen on"},
          {"region", true, "region of the agent"},
          {"dc", true, "datacenter of the agent"},
          {"node", true, "name of the agent"},
          {"log-level", true, "TRACE, DEBUG, INFO, WARN, ERROR or OFF"},
          {"log-json", false, "log lines as JSON"},
          {"server", false, "be a server"},
          {"client", false, "be a client"},
          {"bootstrap-expect", true, "servers to wait for before the first election"},
          {"raft-protocol", true, "2 or 3"},
          {"join", true, "serf address of a server; repeatable"},
          {"retry-join", true, "the same, tried until it works; repeatable"},
          {"servers", true, "RPC address of a server, for clients; repeatable"},
          {"node-class", true, "class of the node"},
          {"node-pool", true, "pool of the node"},
          {"meta", true, "key=value of the node; repeatable"},
          {"network-interface", true, "interface to fingerprint"},
          {"alloc-dir", true, "where allocations live"},
          {"state-dir", true, "where the client keeps its state"}},
         false,
         1,
         0,
         0,
         agent_command}};
    for (auto* const make :
         {make_job_file_commands, make_job_commands, make_job_change_commands,
          make_job_version_commands, make_launch_commands, make_deployment_commands,
          make_deployment_pause_commands, make_node_commands, make_other_commands,
          make_server_commands, make_operator_commands, make_tag_and_system_commands,
          make_scheduler_commands, make_upgrade_commands, make_snapshot_commands,
          make_offline_commands, make_raft_log_commands}) {
        for (auto& command : make()) all.push_back(std::move(command));
    }
    // "status" alone takes any id, and lists jobs without one.
    Command status = *std::find_if(all.begin(), all.end(),
                                   [](const Command& one) { return one.names[0] == "job status"; });
    status.names = {"status"};
    status.usage = "[options] [id]";
    status.summary = "Show jobs, or whatever has this id";
    status.run = any_status;
    all.push_back(std::move(status));
    return all;
}

}  // namespace

const std::vector<Command>& commands() {
    static const std::vector<Command> all = make_commands();
    return all;
}

}  // namespace drover::agent::cli
