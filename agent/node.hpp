// The node that this machine registers as: who it is, what it has, which drivers work.
#pragma once

#include <memory>
#include <string>

#include "agent/config.hpp"
#include "engine/base/result.hpp"
#include "engine/base/uuid.hpp"

namespace drover::drivers {
class DriverRegistry;
}
namespace drover::schema {
class Node;
}

namespace drover::agent {

[[nodiscard]] Result<Uuid> load_node_identity(const Config& config);

// Identity and secret are read from the client's directory, or minted there once.
[[nodiscard]] Result<std::shared_ptr<schema::Node>> describe_node(const Config& config,
                                                                  const std::string& http_address,
                                                                  drivers::DriverRegistry& drivers);

}  // namespace drover::agent
