// The computed class: a text that is equal for nodes that are alike to the scheduler, so that
// feasibility is decided once per class. Whoever registers a node stores it in the node.
#pragma once

#include <string>

namespace drover::schema {
class Node;
}

namespace drover::scheduler {

// Over datacenter, pool, class, attributes and meta (those named `unique.` left out), the drivers'
// health, and the networks that groups can ask for.
[[nodiscard]] std::string computed_class(const schema::Node& node);

}  // namespace drover::scheduler
