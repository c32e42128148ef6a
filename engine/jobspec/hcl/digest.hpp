// Message digests as raw bytes: MD5 (RFC 1321), SHA-1, SHA-256 and SHA-512 (FIPS 180-4).
#pragma once

#include <string>
#include <string_view>

namespace drover::hcl {

[[nodiscard]] std::string md5(std::string_view text);
[[nodiscard]] std::string sha1(std::string_view text);
[[nodiscard]] std::string sha256(std::string_view text);
[[nodiscard]] std::string sha512(std::string_view text);

}  // namespace drover::hcl
