// The trace of a run: every event folded into one 64-bit hash, and written out as one JSON object a
// line where a trace file was asked for. The seed itself is never part of it, so that two seeds
// that lead to the same run say so.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "engine/base/time.hpp"

namespace drover::sim {

class Trace {
public:
    // `lines` may be null; it outlives the trace.
    explicit Trace(std::ostream* lines) : lines_{lines} {}

    // One event: when, what kind, at whom (servers from 1, nodes from 1), and numbers that tell it
    // from others of its kind. `detail` goes to the file only, and is asked for only if there is
    // one.
    void event(Instant at, std::string_view kind, std::uint32_t whom, std::uint64_t first = 0,
               std::uint64_t second = 0, std::string_view detail = {});
    [[nodiscard]] bool writes_lines() const { return lines_ != nullptr; }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] std::uint64_t count() const { return count_; }

private:
    void fold(std::uint64_t word);

    std::ostream* lines_;
    std::uint64_t hash_{0xcbf29ce484222325ULL};
    std::uint64_t count_{0};
};

// 64-bit FNV-1a of bytes, for the `first` and `second` of events that carry bytes.
std::uint64_t fingerprint(std::string_view bytes);

}  // namespace drover::sim
