// A job as people write it -> schema::Job: reading HCL or JSON, filling in defaults, and checking.
// Pure text in, value out: files, environment and flags arrive as inputs, and nothing here decides
// whether a job may run (that needs the cluster, and belongs to the servers).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/jobspec/hcl/diagnostic.hpp"
#include "engine/jobspec/hcl/hcl.hpp"
#include "engine/schema/job.pb.h"

namespace drover::jobspec {

using Source = hcl::SourceText;
using hcl::Diagnostic;
using hcl::Diagnostics;
// Files that file() and its kin may see, or the reason why they may not. When a diagnostic carries
// a `need`, the host can read that path, add it and parse again.
using FileInputs = hcl::EvaluationInputs;

// Where values of `variable` blocks come from, weakest first: the default in the job file, then
// these in the order of the members.
struct VariableInputs {
    std::vector<std::pair<std::string, std::string>> env{};  // NAME and text of NOMAD_VAR_NAME
    std::vector<Source> files{};  // -var-file, in order; read as JSON if named *.json
    std::vector<std::pair<std::string, std::string>> flags{};  // -var name=text, in order
    std::string api_text{};  // HCL assignments, as the parse endpoint takes them
    // Undeclared names in files and api_text are errors (-hcl2-strict), else warnings.
    bool strict = true;
};

struct Parsed {
    schema::Job job;
    std::vector<std::string> warnings;
};

// The job is as written: call canonicalise() for defaults and validate() for the rules.
[[nodiscard]] tl::expected<Parsed, Diagnostics> parse_hcl(const Source& source,
                                                          const VariableInputs& variables = {},
                                                          const FileInputs& files = {});

// Nomad's API JSON, bare or as {"Job": {...}}; keys match in any letter case, unknown ones are
// ignored.
[[nodiscard]] Result<schema::Job> parse_json(std::string_view text);

struct CanonicaliseDefaults {
    std::string region = "global";
    std::string namespace_ = "default";
    std::string node_pool = "default";
    std::int32_t priority = 50;
};

// Fills in every default, so that two jobs that mean the same are equal. Doing it twice changes
// nothing.
void canonicalise(schema::Job& job, const CanonicaliseDefaults& defaults = {});

struct ValidationLimits {
    std::int32_t priority_max = 100;
    std::int64_t total_count_max = 50'000;
};

struct Validation {
    std::vector<std::string> errors;
    std::vector<std::string> warnings;
};

// The rules that need no cluster, on a canonicalised job. All violations are listed, in job order.
[[nodiscard]] Validation validate(const schema::Job& job, const ValidationLimits& limits = {});

// Several messages as one text: "2 errors occurred:", then a bullet each. Empty for no messages.
[[nodiscard]] std::string error_text(const std::vector<std::string>& errors);
[[nodiscard]] std::string warning_text(const std::vector<std::string>& warnings);

}  // namespace drover::jobspec
