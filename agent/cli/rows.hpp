// Tables that several commands show, and ids that people shorten.
#pragma once

#include <optional>
#include <string>

#include "agent/cli/command.hpp"
#include "engine/schema/json_value.hpp"

namespace drover::agent::cli {

// ID, Node ID, Task Group, Version, Desired, Status, Created, Modified.
[[nodiscard]] std::string allocation_rows(const schema::JsonValue& allocations, bool verbose);

// ID, Job ID, Job Version, Status, Description.
[[nodiscard]] std::string deployment_rows(const schema::JsonValue& deployments, bool verbose);
// One deployment, and below it how far each group is.
[[nodiscard]] std::string deployment_text(const schema::JsonValue& deployment, bool verbose);

// The one object of a list whose id begins so, whole. Reports what is wrong and returns none.
// `list` is "/v1/allocations", `one` is "/v1/allocation/", `what` names it in errors.
[[nodiscard]] std::optional<schema::JsonValue> find_by_prefix(const Invocation& invocation,
                                                              const std::string& list,
                                                              const std::string& one,
                                                              const std::string& what,
                                                              const std::string& prefix);

// The job of this id, or the one whose id begins so. Reports what is wrong and returns none.
[[nodiscard]] std::optional<schema::JsonValue> find_job(const Invocation& invocation,
                                                        const std::string& id);

}  // namespace drover::agent::cli
