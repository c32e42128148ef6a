// Numbers that must not be mixed up. Only the arithmetic that the domain has is offered, and it is
// offered beside each type, not here: an index plus a term must not compile.
#pragma once

#include <compare>
#include <cstdint>

namespace drover {

template <class Tag, class Rep = std::uint64_t>
class Strong {
public:
    constexpr Strong() = default;
    constexpr explicit Strong(Rep value) : value_{value} {}
    [[nodiscard]] constexpr Rep value() const { return value_; }
    friend constexpr auto operator<=>(Strong, Strong) = default;

private:
    Rep value_{};
};

}  // namespace drover
