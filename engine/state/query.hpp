// Every read of the state, as a pure function of a view: the HTTP API, node agents and the
// simulator ask in the same way. What the state does not know (raft, the leader) is answered
// elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/state/view.hpp"
#include "engine/state/watch.hpp"

namespace drover::schema {
class Query;
class Response;
}  // namespace drover::schema

namespace drover::state {

// Fills the body of the response, its index and next_token, and its failure where there is one (an
// object that does not exist has an index too: one can wait for it to appear). `namespace_` is the
// request's; "*" in lists means all. Answers Errc::unsupported for queries that are not about the
// state and for filters.
void query(const StateView& view, std::string_view namespace_, const schema::Query& query,
           schema::Response& response);

// The index that a blocking read compares with min_index; equal to the response's index. A read
// blocks while it is not above min_index.
[[nodiscard]] std::uint64_t watch_index(const StateView& view, std::string_view namespace_,
                                        const schema::Query& query);

// What a blocked reader of this query must be woken for.
[[nodiscard]] std::vector<WatchKey> watch_keys(std::string_view namespace_,
                                               const schema::Query& query);

}  // namespace drover::state
