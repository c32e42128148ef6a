// One sequence of bytes for one content, on every release: fields in ascending order of their
// numbers, those that this release does not know merged in among those it does. Digests are built
// on it; a server that is one release behind must get the same bytes as its neighbour.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace drover::schema {

[[nodiscard]] std::string canonical_bytes(const google::protobuf::Message& message);

struct Hash128 {
    std::uint64_t high{};
    std::uint64_t low{};
    friend bool operator==(const Hash128&, const Hash128&) = default;
};

// MurmurHash3 (x64, 128 bits; Austin Appleby, public domain). Equal on every machine; not for use
// against an adversary.
[[nodiscard]] Hash128 hash128(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace drover::schema
