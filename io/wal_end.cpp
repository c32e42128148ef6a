// See wal_end.hpp. The format, of LevelDB and RocksDB alike: blocks of 32 KiB hold fragments, each
// of a masked CRC-32C, a length of two bytes and a type, then as many bytes; a record is one
// fragment, or a first one, middle ones and a last one. What a header does not fit into is zero.
#include "io/wal_end.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "engine/storage/crc32c.hpp"

namespace drover::io {
namespace {

constexpr std::size_t block_size = 32 << 10;
constexpr std::size_t header_size = 7;
constexpr std::size_t sector_size = 512;  // what a disk writes wholly or not at all
constexpr std::uint32_t crc_mask = 0xa282ead8;

enum class Type : unsigned char { whole = 1, first, middle, last };

bool begins(Type type) { return type == Type::whole || type == Type::first; }
bool ends(Type type) { return type == Type::whole || type == Type::last; }

std::uint32_t byte_at(std::string_view log, std::size_t at) {
    return static_cast<unsigned char>(log[at]);
}

struct Fragment {
    Type type;
    std::size_t end;
};

// What the header at this place says, if it can be a header.
std::optional<Fragment> header_at(std::string_view log, std::size_t at) {
    const std::size_t room = std::min(block_size - at % block_size, log.size() - at);
    if (room < header_size) return {};
    const std::size_t size = header_size + (byte_at(log, at + 4) | byte_at(log, at + 5) << 8);
    const auto type = static_cast<Type>(log[at + 6]);
    if (type < Type::whole || type > Type::last || size > room) return {};
    return Fragment{type, at + size};
}

std::optional<Fragment> good_fragment_at(std::string_view log, std::size_t at) {
    const auto fragment = header_at(log, at);
    if (!fragment) return {};
    const std::uint32_t told = byte_at(log, at) | byte_at(log, at + 1) << 8 |
                               byte_at(log, at + 2) << 16 | byte_at(log, at + 3) << 24;
    const std::uint32_t crc = storage::crc32c(log.substr(at + 6, fragment->end - at - 6));
    if (std::rotr(crc, 15) + crc_mask != told) return {};
    return fragment;
}

struct Walked {
    std::size_t whole = 0;  // the end of the last whole record
    std::size_t good = 0;   // where the first bad fragment begins
};

Walked walk(std::string_view log) {
    Walked walked;
    bool open = false;
    while (walked.good < log.size()) {
        const std::size_t room = block_size - walked.good % block_size;
        if (room < header_size) walked.good += room;
        if (walked.good >= log.size()) break;
        const auto fragment = good_fragment_at(log, walked.good);
        if (!fragment || begins(fragment->type) == open) break;
        walked.good = fragment->end;
        open = !ends(fragment->type);
        if (!open) walked.whole = walked.good;
    }
    return walked;
}

bool record_begins_between(std::string_view log, std::size_t from, std::size_t end) {
    while (from < end) {
        const auto fragment = good_fragment_at(log, from);
        if (fragment && begins(fragment->type)) return true;
        from = fragment ? fragment->end : from + 1;
    }
    return false;
}

bool lacks_a_sector(std::string_view log, std::size_t from, std::size_t end) {
    while (from < end) {
        const std::size_t next = std::min(end, (from / sector_size + 1) * sector_size);
        const auto part = log.substr(from, next - from);
        if (part.find_first_not_of('\0') == part.npos) return true;
        from = next;
    }
    return false;
}

}  // namespace

Result<std::uint64_t> end_of_records(std::string_view log) {
    const Walked walked = walk(log);
    const std::size_t written = log.find_last_not_of('\0') + 1;
    if (written <= walked.good) return walked.whole;
    const std::string where = "at byte " + std::to_string(walked.good);
    if (record_begins_between(log, walked.good, written)) {
        return fail(Errc::corrupt, "the record " + where + " is bad, and good ones follow it");
    }
    const auto header = header_at(log, walked.good);
    if (lacks_a_sector(log, walked.good, std::max(written, header ? header->end : 0))) {
        return walked.whole;
    }
    return fail(Errc::corrupt, "the last record, " + where + ", does not match its checksum");
}

}  // namespace drover::io
