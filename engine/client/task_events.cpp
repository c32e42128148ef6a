#include "engine/client/task_events.hpp"

#include <algorithm>
#include <utility>

#include "engine/client/duration_text.hpp"

namespace drover::client::events {
namespace {

schema::TaskEvent event(std::string type, std::string display_message) {
    schema::TaskEvent made;
    made.set_type(std::move(type));
    made.set_display_message(std::move(display_message));
    return made;
}

// Callers add details in the order of their keys: the list stands for a map.
void detail(schema::TaskEvent& made, std::string key, std::string value) {
    auto* pair = made.add_details();
    pair->set_key(std::move(key));
    pair->set_value(std::move(value));
}

schema::TaskEvent with_message(std::string type, const std::string& message) {
    auto made = event(std::move(type), message);
    made.set_message(message);
    detail(made, "message", message);
    return made;
}

}  // namespace

schema::TaskEvent received() { return event("Received", "Task received by client"); }

schema::TaskEvent building_directory() {
    return with_message("Task Setup", "Building Task Directory");
}

schema::TaskEvent setup_failed(const std::string& reason) {
    auto made = event("Setup Failure", reason.empty() ? "Task setup failed" : reason);
    made.set_setup_error(reason);
    made.set_fails_task(true);
    detail(made, "fails_task", "true");
    detail(made, "setup_error", reason);
    return made;
}

schema::TaskEvent driver_failed(const std::string& reason) {
    auto made = event("Driver Failure", reason.empty() ? "Failed to start task" : reason);
    made.set_driver_error(reason);
    detail(made, "driver_error", reason);
    return made;
}

schema::TaskEvent started() { return event("Started", "Task started by client"); }

schema::TaskEvent restore_failed(const std::string& reason) {
    auto made = event("Failed Restoring Task", "The running task was not found again: " + reason);
    made.set_driver_error(reason);
    detail(made, "driver_error", reason);
    return made;
}

schema::TaskEvent terminated(const ExitStatus& status) {
    std::string text = "Exit Code: " + std::to_string(status.exit_code);
    if (status.signal != 0) text += ", Signal: " + std::to_string(status.signal);
    if (!status.error.empty()) text += ", Exit Message: \"" + status.error + "\"";
    auto made = event("Terminated", text);
    made.set_exit_code(status.exit_code);
    made.set_signal(status.signal);
    made.set_message(status.error);
    detail(made, "exit_code", std::to_string(status.exit_code));
    if (!status.error.empty()) detail(made, "exit_message", status.error);
    detail(made, "oom_killed", status.out_of_memory ? "true" : "false");
    detail(made, "signal", std::to_string(status.signal));
    return made;
}

schema::TaskEvent restarting(Duration delay, const std::string& reason) {
    const std::string when = "Task restarting in " + duration_text(delay);
    const bool ordinary = reason.empty() || reason == "Restart within policy";
    auto made = event("Restarting", ordinary ? when : reason + " - " + when);
    made.set_restart_reason(reason);
    made.set_start_delay(delay.count());
    detail(made, "restart_reason", reason);
    detail(made, "start_delay", std::to_string(delay.count()));
    return made;
}

schema::TaskEvent not_restarting(const std::string& reason) {
    auto made = event("Not Restarting", reason.empty() ? "Task exceeded restart policy" : reason);
    made.set_restart_reason(reason);
    made.set_fails_task(true);
    detail(made, "fails_task", "true");
    detail(made, "restart_reason", reason);
    return made;
}

schema::TaskEvent waiting_shutdown_delay(Duration delay) {
    return with_message("Waiting for shutdown delay",
                        "Waiting for shutdown_delay of " + duration_text(delay) +
                            " before killing the task.");
}

schema::TaskEvent skipping_shutdown_delay() {
    return with_message("Skipping shutdown delay",
                        "Skipping the shutdown_delay, as was asked, before killing the task.");
}

schema::TaskEvent killing(Duration kill_timeout) {
    const std::string timeout = duration_text(kill_timeout);
    auto made = event("Killing", "Sent interrupt. Waiting " + timeout + " before force killing");
    made.set_kill_timeout(kill_timeout.count());
    detail(made, "kill_timeout", timeout);
    return made;
}

schema::TaskEvent killed() { return event("Killed", "Task successfully killed"); }

schema::TaskEvent sibling_failed(const std::string& sibling) {
    auto made = event("Sibling Task Failed", "Task's sibling \"" + sibling + "\" failed");
    made.set_failed_sibling(sibling);
    detail(made, "failed_sibling", sibling);
    return made;
}

schema::TaskEvent leader_dead() { return event("Leader Task Dead", "Leader Task in Group dead"); }

schema::TaskEvent main_tasks_dead() {
    return event("Main Tasks Dead", "Main tasks in the group died");
}

schema::TaskEvent ran_too_long(Duration limit) {
    return with_message("Max Run Duration Exceeded", "The allocation exceeded its max_run_duration "
                                                     "of " + duration_text(limit));
}

schema::TaskEvent servers_unreachable(Duration limit) {
    auto made = event("Killing", "No server was reached for stop_on_client_after of " +
                                     duration_text(limit));
    made.set_kill_reason(made.display_message());
    detail(made, "kill_reason", made.display_message());
    return made;
}

schema::TaskEvent unhealthy(const std::string& reason) {
    return with_message("Alloc Unhealthy", reason);
}

void append(schema::TaskState& state, schema::TaskEvent event, WallTime at, std::uint32_t kept) {
    event.set_time(at.value());
    *state.add_events() = std::move(event);
    const int limit = static_cast<int>(std::clamp<std::uint32_t>(kept, 1, 1000));
    const int surplus = state.events_size() - limit;
    if (surplus > 0) state.mutable_events()->DeleteSubrange(0, surplus);
}

}  // namespace drover::client::events
