// "host:port" and "[v6]:port", taken apart and put together. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.hpp"

namespace drover::io {

struct HostPort {
    std::string host;
    std::string port;  // a number in range
};
// The error names the text and what is expected.
[[nodiscard]] Result<HostPort> split_address(const std::string& text);
// Brackets around an IPv6 host.
[[nodiscard]] std::string join_address(const std::string& host, std::uint16_t port);

}  // namespace drover::io
