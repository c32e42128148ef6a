// The frame codec. See frame.hpp for the layout; every check that keeps a stranger from costing us
// memory is in this file.
#include "io/frame.hpp"

#include <algorithm>

namespace drover::io {
namespace {

constexpr std::uint8_t flag_more = 1;
constexpr std::uint8_t kind_last = static_cast<std::uint8_t>(FrameKind::pong);

void append_big_endian(std::string& out, std::uint64_t value, unsigned size) {
    for (unsigned shift = size * 8; shift > 0; shift -= 8) {
        out.push_back(static_cast<char>((value >> (shift - 8)) & 0xff));
    }
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
}

bool introduces(FrameKind kind) {
    return kind == FrameKind::handshake || kind == FrameKind::refused;
}

}  // namespace

std::string encode_frame_header(FrameKind kind, std::uint64_t stream, std::size_t length,
                                bool more) {
    std::string header;
    header.reserve(frame_header_size);
    header.push_back(static_cast<char>(kind));
    header.push_back(static_cast<char>(more ? flag_more : 0));
    append_big_endian(header, 0, 2);
    append_big_endian(header, length, 4);
    append_big_endian(header, stream, 8);
    return header;
}

std::string encode_frames(const Frame& frame) {
    std::string bytes;
    std::string_view rest = frame.payload;
    bool more = true;
    while (more) {
        const std::string_view piece = rest.substr(0, frame_payload_max);
        rest.remove_prefix(piece.size());
        more = !rest.empty();
        bytes += encode_frame_header(frame.kind, frame.stream, piece.size(), more);
        bytes += piece;
    }
    return bytes;
}

std::string encode_credit(std::uint32_t bytes) {
    std::string payload;
    append_big_endian(payload, bytes, 4);
    return payload;
}

Result<std::uint32_t> decode_credit(std::string_view payload) {
    if (payload.size() != 4) {
        return fail(Errc::corrupt,
                    "frame: credit of " + std::to_string(payload.size()) + " bytes instead of 4");
    }
    return static_cast<std::uint32_t>(big_endian(payload));
}

Result<void> FrameDecoder::feed(std::string_view bytes, const Sink& sink) {
    if (broken_) return tl::unexpected<Error>{*broken_};
    buffer_.append(bytes);
    std::string_view rest = buffer_;
    while (rest.size() >= frame_header_size) {
        const Result<Header> header = parse_header(rest);
        if (!header) {
            broken_ = header.error();
            return tl::unexpected<Error>{*broken_};
        }
        if (rest.size() < frame_header_size + header->length) break;
        const Result<void> taken =
            take(*header, rest.substr(frame_header_size, header->length), sink);
        if (!taken) {
            broken_ = taken.error();
            return taken;
        }
        rest.remove_prefix(frame_header_size + header->length);
    }
    buffer_.erase(0, buffer_.size() - rest.size());
    return {};
}

// Checked as soon as the header is there, before a byte of the payload is waited for.
Result<FrameDecoder::Header> FrameDecoder::parse_header(std::string_view bytes) const {
    const auto kind = static_cast<std::uint8_t>(bytes[0]);
    const auto flags = static_cast<std::uint8_t>(bytes[1]);
    if (kind == 0 || kind > kind_last) {
        return fail(Errc::corrupt, "frame: unknown kind " + std::to_string(kind) +
                                       "; is this a drover transport port?");
    }
    if ((flags & ~flag_more) != 0 || big_endian(bytes.substr(2, 2)) != 0) {
        return fail(Errc::corrupt, "frame: reserved bits are set");
    }
    Header header{static_cast<FrameKind>(kind), (flags & flag_more) != 0,
                  static_cast<std::uint32_t>(big_endian(bytes.substr(4, 4))),
                  big_endian(bytes.substr(8, 8))};
    const bool introduction = introduces(header.kind);
    if (introduction == shaken_) {
        return fail(Errc::corrupt, shaken_ ? "frame: a second handshake"
                                           : "frame: the first one must be a handshake");
    }
    const std::size_t length_max = introduction ? handshake_size_max : frame_payload_max;
    if (header.length > length_max) {
        return fail(Errc::corrupt, "frame: length " + std::to_string(header.length) + " exceeds " +
                                       std::to_string(length_max));
    }
    if (introduction && header.more) {
        return fail(Errc::corrupt, "frame: a handshake in pieces");
    }
    return header;
}

Result<void> FrameDecoder::take(const Header& header, std::string_view payload, const Sink& sink) {
    shaken_ = true;
    const auto key = std::pair{header.kind, header.stream};
    const auto found = assemblies_.find(key);
    if (found == assemblies_.end() && !header.more) {
        sink(Frame{header.kind, header.stream, std::string{payload}});
        return {};
    }
    const std::size_t held = found == assemblies_.end() ? 0 : found->second.size();
    if (held + payload.size() > limits_.message_bytes_max) {
        return fail(Errc::corrupt, "frame: a message exceeds " +
                                       std::to_string(limits_.message_bytes_max) + " bytes");
    }
    if (assembled_bytes_ + payload.size() > limits_.assembly_bytes_max) {
        return fail(Errc::corrupt, "frame: unfinished messages exceed " +
                                       std::to_string(limits_.assembly_bytes_max) + " bytes");
    }
    if (found == assemblies_.end() && assemblies_.size() >= limits_.assembly_count_max) {
        return fail(Errc::corrupt, "frame: more than " +
                                       std::to_string(limits_.assembly_count_max) +
                                       " unfinished messages");
    }
    std::string& assembly = assemblies_[key];
    assembly += payload;
    assembled_bytes_ += payload.size();
    if (header.more) return {};
    Frame frame{header.kind, header.stream, std::move(assembly)};
    assemblies_.erase(key);
    assembled_bytes_ -= frame.payload.size();
    sink(std::move(frame));
    return {};
}

}  // namespace drover::io
