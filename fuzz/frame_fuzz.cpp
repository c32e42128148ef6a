// Whatever a stranger sends to the transport's port: the frame decoder and the handshake must
// answer with values or errors, hold no more than their limits, and not depend on how the bytes are
// cut.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/ensure.hpp"
#include "io/frame.hpp"

namespace {

using namespace drover;
using namespace drover::io;

constexpr FrameLimits limits{4096, 8192, 4};

struct Decoded {
    std::vector<Frame> frames;
    bool failed = false;
};

Decoded decode(std::string_view bytes, std::size_t cut) {
    FrameDecoder decoder{limits};
    Decoded decoded;
    while (!bytes.empty() && !decoded.failed) {
        const std::string_view piece = bytes.substr(0, cut);
        bytes.remove_prefix(piece.size());
        decoded.failed =
            !decoder.feed(piece, [&](Frame frame) { decoded.frames.push_back(std::move(frame)); });
        ENSURE(decoder.held_bytes() <=
               limits.assembly_bytes_max + frame_header_size + frame_payload_max + cut);
    }
    return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const Decoded whole = decode(bytes, bytes.size() + 1);
    const Decoded cut = decode(bytes, std::size_t{data[0]} + 1);
    ENSURE(whole.failed == cut.failed);
    ENSURE(whole.frames == cut.frames);
    for (const Frame& frame : whole.frames) {
        if (frame.kind == FrameKind::stream_credit) (void)decode_credit(frame.payload);
        if (frame.kind != FrameKind::handshake) continue;
        const auto handshake = decode_handshake(frame.payload);
        if (handshake) ENSURE(decode_handshake(encode_handshake(*handshake)) == *handshake);
    }
    return 0;
}
