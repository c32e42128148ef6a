// See inflights.hpp.
#include "engine/raft/inflights.hpp"

#include "engine/base/ensure.hpp"

namespace drover::raft {

void Inflights::add(Index last, std::uint64_t size_bytes) {
    ENSURE(!full());
    window_.push_back({last, size_bytes});
    bytes_ += size_bytes;
}

void Inflights::free_through(Index index) {
    while (!window_.empty() && window_.front().last <= index) {
        bytes_ -= window_.front().size_bytes;
        window_.pop_front();
    }
}

void Inflights::reset() {
    window_.clear();
    bytes_ = 0;
}

}  // namespace drover::raft
