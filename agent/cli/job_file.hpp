// A job file of the user's as schema::Job, with everything that only the host can read: the file,
// the variables from flags and environment, and the files that it names.
#pragma once

#include "agent/cli/flags.hpp"
#include "engine/base/result.hpp"
#include "engine/jobspec/jobspec.hpp"

namespace drover::agent::cli {

// `path` may be "-". The error is ready to be shown, with places in the file.
[[nodiscard]] Result<jobspec::Parsed> read_job_file(const std::string& path, const Flags& flags);

}  // namespace drover::agent::cli
