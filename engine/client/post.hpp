// Stamps and numbers the agent's requests to the servers.
#pragma once

#include <cstdint>

#include "engine/client/turn.hpp"
#include "engine/schema/request.pb.h"

namespace drover::client {

class Post {
public:
    // `timeout`: how long an answer is worth waiting for; none: the server's own idea of it.
    Ticket send(schema::Request request, Duration timeout, Turn& turn);

private:
    std::uint64_t last_{};
};

// Doubles from `first` with every failure in a row, up to `bound`, plus by chance up to a quarter.
[[nodiscard]] Duration retry_delay(Duration first, Duration bound, std::uint32_t failures,
                                   Prng& prng);

// What an answer says about who we are to the servers.
[[nodiscard]] bool says_node_unknown(const schema::Response& response);

}  // namespace drover::client
