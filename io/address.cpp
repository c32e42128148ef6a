// Network addresses as text.
#include "io/address.hpp"

namespace drover::io {

Result<HostPort> split_address(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    HostPort parts;
    if (colon != std::string::npos) {
        parts.host = text.substr(0, colon);
        parts.port = text.substr(colon + 1);
    }
    if (parts.host.size() > 2 && parts.host.front() == '[' && parts.host.back() == ']') {
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    } else if (parts.host.find(':') != std::string::npos) {
        parts.host.clear();  // an IPv6 address without brackets
    }
    const bool number = !parts.port.empty() && parts.port.size() <= 5 &&
                        parts.port.find_first_not_of("0123456789") == std::string::npos &&
                        std::stoul(parts.port) <= 65535;
    if (parts.host.empty() || !number) {
        return fail(Errc::invalid_argument,
                    "address \"" + text + "\": expected host:port or [IPv6]:port");
    }
    return parts;
}

std::string join_address(const std::string& host, std::uint16_t port) {
    const bool bracketed = host.find(':') != std::string::npos;
    return (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace drover::io
