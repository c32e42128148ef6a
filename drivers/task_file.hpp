// Files that the agent puts into a task's directory: the payload of a dispatched job.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::drivers {

// Writes `path`, which is relative to `directory` and stays in it; missing folders are made, and a
// file that stands there is replaced. The task may have put links there: none is followed.
[[nodiscard]] Result<void> write_task_file(const std::string& directory, std::string_view path,
                                           std::string_view bytes);

}  // namespace drover::drivers
