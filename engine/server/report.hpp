// A line for the operator's log, as an effect: the engine itself writes nowhere.
#pragma once

#include <cstdint>
#include <string>

namespace drover::server {

enum class Severity : std::uint8_t { debug, info, warning, error };

struct Report {
    Severity severity;
    std::string text;
    friend bool operator==(const Report&, const Report&) = default;
};

}  // namespace drover::server
