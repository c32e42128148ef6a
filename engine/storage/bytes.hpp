// Little-endian numbers in strings, for the formats of this room. Reading is bounded: one that runs
// out of bytes says so, and from then on everything does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/raft/types.hpp"

namespace drover::storage {

inline void put_number(std::string& out, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}
inline void put_u8(std::string& out, std::uint8_t value) { put_number(out, value, 1); }
inline void put_u32(std::string& out, std::uint32_t value) { put_number(out, value, 4); }
inline void put_u64(std::string& out, std::uint64_t value) { put_number(out, value, 8); }

class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : bytes_{bytes} {}

    std::uint64_t number(std::size_t bytes) {
        const std::string_view raw = take(bytes);
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < raw.size(); ++i) {
            value |= std::uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
        }
        return value;
    }
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }

    // Empty, and failed from now on, where fewer are left.
    std::string_view take(std::uint64_t count) {
        if (failed_ || count > bytes_.size() - at_) {
            failed_ = true;
            return {};
        }
        const std::string_view taken = bytes_.substr(at_, count);
        at_ += count;
        return taken;
    }
    std::string_view rest() { return take(bytes_.size() - at_); }

    [[nodiscard]] std::size_t at() const { return at_; }
    [[nodiscard]] std::uint64_t left() const { return failed_ ? 0 : bytes_.size() - at_; }
    [[nodiscard]] bool failed() const { return failed_; }
    // Everything was there, and nothing is left over.
    [[nodiscard]] bool complete() const { return !failed_ && at_ == bytes_.size(); }

private:
    std::string_view bytes_;
    std::size_t at_{0};
    bool failed_{false};
};

void put_conf(std::string& out, const raft::ConfState& conf);
[[nodiscard]] raft::ConfState take_conf(ByteReader& in);

}  // namespace drover::storage
