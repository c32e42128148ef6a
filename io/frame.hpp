// Frames: how bytes of many conversations share one connection. Pure: bytes in, values out.
//
//   offset 0  kind       1 byte
//          1  flags      1 byte   bit 0: more frames of this message follow
//          2  reserved   2 bytes  zero
//          4  length     4 bytes  of the payload, big endian, at most frame_payload_max
//          8  stream     8 bytes  big endian; names a message in pieces, a request or a byte stream
//         16  payload
//
// The decoder believes nothing: a length is checked before a byte of it is stored, and what a
// connection may make us hold is bounded by FrameLimits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.hpp"

namespace drover::io {

enum class FrameKind : std::uint8_t {
    handshake = 1,        // the first frame of either side, and no later one
    refused = 2,          // instead of a handshake: why not, as text
    message = 3,          // one-way
    request = 4,          // stream names it
    response = 5,         // of that request
    request_refused = 6,  // the request was not handed to anybody: why not, as text
    request_failed = 7,   // it was handed over, and no response will come
    cancel = 8,           // the asker has gone
    stream_open = 9,
    stream_data = 10,
    stream_credit = 11,  // payload: 4 bytes, big endian
    stream_end = 12,     // no more data from this side
    stream_reset = 13,   // over for both sides: why, as text
    ping = 14,
    pong = 15,
};

constexpr std::size_t frame_header_size = 16;
constexpr std::size_t frame_payload_max = std::size_t{64} << 10;
constexpr std::size_t handshake_size_max = 4096;
// What either side may send on a byte stream before the first credit arrives.
constexpr std::size_t stream_window_bytes = std::size_t{256} << 10;

struct FrameLimits {
    std::size_t message_bytes_max = std::size_t{256} << 20;   // one whole message
    std::size_t assembly_bytes_max = std::size_t{512} << 20;  // all unfinished ones of a connection
    std::size_t assembly_count_max = 4096;
};

// A whole message: the payloads of its frames, joined.
struct Frame {
    FrameKind kind{};
    std::uint64_t stream{};
    std::string payload;

    friend bool operator==(const Frame&, const Frame&) = default;
};

// One frame's header for a payload of `length` bytes.
[[nodiscard]] std::string encode_frame_header(FrameKind kind, std::uint64_t stream,
                                              std::size_t length, bool more);
// The whole message as one or more frames, for small messages and tests.
[[nodiscard]] std::string encode_frames(const Frame& frame);

// The payload of stream_credit.
[[nodiscard]] std::string encode_credit(std::uint32_t bytes);
[[nodiscard]] Result<std::uint32_t> decode_credit(std::string_view payload);

class FrameDecoder {
public:
    using Sink = std::function<void(Frame)>;

    explicit FrameDecoder(FrameLimits limits = {}) : limits_{limits} {}

    // Takes the next received bytes, in any cut, and hands every message that they complete to the
    // sink. After an error the connection is beyond repair, and every later call fails too.
    [[nodiscard]] Result<void> feed(std::string_view bytes, const Sink& sink);

    // Bytes held of unfinished messages.
    [[nodiscard]] std::size_t held_bytes() const { return assembled_bytes_ + buffer_.size(); }

private:
    struct Header {
        FrameKind kind{};
        bool more{};
        std::uint32_t length{};
        std::uint64_t stream{};
    };
    [[nodiscard]] Result<Header> parse_header(std::string_view bytes) const;
    [[nodiscard]] Result<void> take(const Header& header, std::string_view payload,
                                    const Sink& sink);

    FrameLimits limits_;
    std::string buffer_;  // less than one frame, or what one feed left
    std::map<std::pair<FrameKind, std::uint64_t>, std::string> assemblies_;
    std::size_t assembled_bytes_ = 0;
    bool shaken_ = false;  // the first frame has been seen
    std::optional<Error> broken_;
};

// What a connection is for. Raft has one of its own, so that nothing delays a heartbeat.
enum class Lane : std::uint8_t { raft = 1, general = 2 };

// Who is at the other end. Sent in the first frame by either side.
struct Handshake {
    Lane lane{Lane::general};
    std::string cluster;  // empty: not known yet; then any cluster is accepted
    std::string region;
    std::string node;     // identity of server or node agent
    std::string address;  // where it listens, if it does
    std::string release;
    std::uint32_t protocol_min{};
    std::uint32_t protocol_max{};

    friend bool operator==(const Handshake&, const Handshake&) = default;
};

[[nodiscard]] std::string encode_handshake(const Handshake& handshake);
// Later releases may append fields: bytes that follow the known ones are ignored.
[[nodiscard]] Result<Handshake> decode_handshake(std::string_view bytes);
// Whether two ends may talk; the error says what differs and which side should do what.
[[nodiscard]] Result<void> check_handshake(const Handshake& ours, const Handshake& theirs);

}  // namespace drover::io
