// The YAML document of a scenario, taken apart only after a look at its shape: how deep it nests,
// and that it names nothing twice. An alias can make a small text as large as it likes, and no
// story needs one.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

namespace drover::sim {

// Throws ReadingError, or an exception of yaml-cpp where the text is no YAML.
YAML::Node load_document(const std::string& text);

}  // namespace drover::sim
