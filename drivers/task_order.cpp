#include "drivers/task_order.hpp"

#include "drivers/record.hpp"

namespace drover::drivers {

std::string TaskOrder::encode() const {
    Record record;
    record.add("alloc_id", alloc_id);
    record.add("task", task);
    record.add("task_dir", task_dir);
    record.add("command", command);
    for (const auto& argument : arguments) record.add("argument", argument);
    for (const auto& variable : environment) record.add("environment", variable);
    record.add("directory", directory);
    record.add("user", user);
    record.add("log_dir", log_dir);
    record.add("log_files_max", logs.files_max);
    record.add("log_file_size_bytes_max", logs.file_size_bytes_max);
    record.add("log_disabled", std::int64_t{logs.disabled ? 1 : 0});
    record.add("stop_signal", std::int64_t{stop_signal});
    if (oom_score_adjustment) record.add("oom_score_adjustment", *oom_score_adjustment);
    return record.encode();
}

Result<TaskOrder> TaskOrder::parse(std::string_view bytes) {
    const auto record = Record::parse(bytes, "order");
    if (!record) return tl::unexpected{record.error()};
    TaskOrder order;
    order.alloc_id = record->text("alloc_id");
    order.task = record->text("task");
    order.task_dir = record->text("task_dir");
    order.command = record->text("command");
    order.arguments = record->all("argument");
    order.environment = record->all("environment");
    order.directory = record->text("directory");
    order.user = record->text("user");
    order.log_dir = record->text("log_dir");
    order.logs = {record->number("log_files_max"), record->number("log_file_size_bytes_max"),
                  record->number("log_disabled") != 0};
    order.stop_signal = static_cast<int>(record->number("stop_signal"));
    if (record->has("oom_score_adjustment")) {
        order.oom_score_adjustment = record->number("oom_score_adjustment");
    }
    if (order.task.empty() || order.command.empty() || order.directory.empty()) {
        return fail(Errc::corrupt, "order: task, command and directory must not be empty");
    }
    return order;
}

std::string StartReport::encode(const Result<StartReport>& outcome) {
    Record record;
    if (outcome) {
        record.add("pid", outcome->pid);
        record.add("started_at", outcome->started_at.value());
    } else {
        record.add("error_code", static_cast<std::int64_t>(outcome.error().code));
        record.add("error", outcome.error().message);
    }
    return record.encode();
}

Result<StartReport> StartReport::parse(std::string_view bytes) {
    const auto record = Record::parse(bytes, "the executor's report");
    if (!record) return tl::unexpected{record.error()};
    if (record->has("error")) {
        return fail(static_cast<Errc>(record->number("error_code")),
                    std::string{record->text("error")});
    }
    return StartReport{record->number("pid"), WallTime{record->number("started_at")}};
}

}  // namespace drover::drivers
