// Introductions: encoded by hand, because this is the one message that two ends must understand
// before they know anything of each other.
#include <algorithm>

#include "io/frame.hpp"

namespace drover::io {
namespace {

constexpr std::string_view magic = "drover/1";
constexpr std::size_t text_size_max = 512;

void append_number(std::string& out, std::uint32_t value, unsigned size) {
    for (unsigned shift = size * 8; shift > 0; shift -= 8) {
        out.push_back(static_cast<char>((value >> (shift - 8)) & 0xff));
    }
}

void append_text(std::string& out, std::string_view text) {
    const std::string_view fitting = text.substr(0, text_size_max);
    append_number(out, static_cast<std::uint32_t>(fitting.size()), 2);
    out += fitting;
}

// Reads front to back; after the first missing byte everything reads as absent.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_{bytes} {}

    std::uint32_t number(unsigned size) {
        std::uint32_t value = 0;
        for (const char byte : take(size)) value = value << 8 | static_cast<std::uint8_t>(byte);
        return value;
    }
    std::string text() {
        const std::uint32_t size = number(2);
        if (size > text_size_max) short_ = true;
        return std::string{take(size)};
    }
    std::string_view take(std::size_t size) {
        if (short_ || size > rest_.size()) {
            short_ = true;
            return {};
        }
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    [[nodiscard]] bool complete() const { return !short_; }

private:
    std::string_view rest_;
    bool short_ = false;
};

std::string range(const Handshake& side) {
    return std::to_string(side.protocol_min) + "-" + std::to_string(side.protocol_max);
}

}  // namespace

std::string encode_handshake(const Handshake& handshake) {
    std::string bytes{magic};
    append_number(bytes, static_cast<std::uint32_t>(handshake.lane), 1);
    append_number(bytes, handshake.protocol_min, 4);
    append_number(bytes, handshake.protocol_max, 4);
    for (const std::string* text : {&handshake.cluster, &handshake.region, &handshake.node,
                                    &handshake.address, &handshake.release}) {
        append_text(bytes, *text);
    }
    return bytes;
}

Result<Handshake> decode_handshake(std::string_view bytes) {
    Reader reader{bytes};
    if (reader.take(magic.size()) != magic) {
        return fail(Errc::corrupt, "handshake: the other side does not speak drover's transport");
    }
    Handshake handshake;
    const std::uint32_t lane = reader.number(1);
    handshake.protocol_min = reader.number(4);
    handshake.protocol_max = reader.number(4);
    for (std::string* text : {&handshake.cluster, &handshake.region, &handshake.node,
                              &handshake.address, &handshake.release}) {
        *text = reader.text();
    }
    if (!reader.complete()) return fail(Errc::corrupt, "handshake: it ends early");
    if (lane != static_cast<std::uint32_t>(Lane::raft) &&
        lane != static_cast<std::uint32_t>(Lane::general)) {
        return fail(Errc::corrupt, "handshake: unknown lane " + std::to_string(lane));
    }
    handshake.lane = static_cast<Lane>(lane);
    return handshake;
}

Result<void> check_handshake(const Handshake& ours, const Handshake& theirs) {
    if (!ours.cluster.empty() && !theirs.cluster.empty() && ours.cluster != theirs.cluster) {
        return fail(Errc::conflict,
                    "handshake: node \"" + theirs.node + "\" belongs to cluster " + theirs.cluster +
                        ", this one to " + ours.cluster +
                        "; correct the addresses, or give the node a fresh data_dir");
    }
    if (std::max(ours.protocol_min, theirs.protocol_min) >
        std::min(ours.protocol_max, theirs.protocol_max)) {
        return fail(Errc::unsupported,
                    "handshake: node \"" + theirs.node + "\" (release " + theirs.release +
                        ") speaks protocols " + range(theirs) + ", this one (release " +
                        ours.release + ") " + range(ours) +
                        "; only adjacent releases work together: upgrade the older one");
    }
    return {};
}

}  // namespace drover::io
