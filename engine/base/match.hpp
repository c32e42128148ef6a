// Exhaustive visiting of variants: one lambda per alternative, no generic arm, so that a new
// alternative breaks the build wherever someone has to decide.
#pragma once

#include <variant>

namespace drover {

template <class... Cases>
struct Match : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

}  // namespace drover
