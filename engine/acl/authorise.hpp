// The one question that is asked before any request is carried out, on the server that carries it
// out. There are no policies yet, so the answer is yes for everyone: access control is a later
// room, and this is where it will stand.
#pragma once

#include "engine/base/result.hpp"

namespace drover::schema {
class Request;
}
namespace drover::state {
class StateView;
}

namespace drover::acl {

[[nodiscard]] Result<void> authorise(const schema::Request& request, const state::StateView& view);

}  // namespace drover::acl
