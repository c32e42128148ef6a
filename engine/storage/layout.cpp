// See layout.hpp.
#include "engine/storage/layout.hpp"

#include <utility>

#include "engine/raft/conf_change.hpp"
#include "engine/storage/bytes.hpp"
#include "engine/storage/crc32c.hpp"

namespace drover::storage {
namespace {

constexpr std::uint8_t record_format = 1;
constexpr std::size_t record_header_size = 5;
constexpr std::string_view mark_name = "mark";

// The content in two parts, since the second may be half a megabyte, and is copied once.
std::string record(std::string_view key, std::string_view head, std::string_view rest = {}) {
    constexpr char format_byte{record_format};
    const std::uint32_t of_format = crc32c({&format_byte, 1}, crc32c(key));
    std::string out;
    out.reserve(record_header_size + head.size() + rest.size());
    out.push_back(format_byte);
    put_u32(out, crc32c(rest, crc32c(head, of_format)));
    out += head;
    out += rest;
    return out;
}

tl::unexpected<Error> bad(std::string_view key, const std::string& what) {
    // An entry's key ends in eight bytes that no terminal shows: its index says more.
    std::string name{key};
    if (const auto index = parse_log_key(key)) {
        name = "entry " + std::to_string(index->value());
    }
    return fail(Errc::corrupt, "raft store, " + name + ": " + what);
}

Result<std::string_view> content_of(std::string_view key, std::string_view value) {
    if (value.size() < record_header_size) return bad(key, "the record is cut short");
    if (static_cast<std::uint8_t>(value[0]) != record_format) {
        return bad(key, "the record has the unknown format " +
                            std::to_string(static_cast<std::uint8_t>(value[0])));
    }
    ByteReader in{value.substr(1)};
    const std::uint32_t crc = in.u32();
    const std::string_view content = value.substr(record_header_size);
    if (crc != crc32c(content, crc32c(value.substr(0, 1), crc32c(key)))) {
        return bad(key, "the checksum does not match");
    }
    return content;
}

std::string hard_content(const raft::HardState& hard) {
    std::string out;
    put_u64(out, hard.term.value());
    put_u64(out, hard.vote ? hard.vote->value() : 0);
    put_u64(out, hard.commit.value());
    return out;
}

std::string entry_head(const raft::Entry& entry) {
    std::string out;
    put_u64(out, entry.term.value());
    put_u8(out, static_cast<std::uint8_t>(entry.kind));
    return out;
}

std::string id_content(raft::EntryId id) {
    std::string out;
    put_u64(out, id.term.value());
    put_u64(out, id.index.value());
    return out;
}

void put_record(KvBatch& batch, std::string key, std::string_view head,
                std::string_view rest = {}) {
    std::string value = record(key, head, rest);
    batch.put(std::move(key), std::move(value));
}

std::string log_end_key() { return "raft.log0"; }  // '0' follows '/'

}  // namespace

KeyRange raft_keys() { return {"raft.", "raft/"}; }

std::string log_key(raft::Index index) {
    std::string key{log_prefix};
    for (int shift = 56; shift >= 0; shift -= 8) {
        key.push_back(static_cast<char>(index.value() >> shift));
    }
    return key;
}

Result<raft::Index> parse_log_key(std::string_view key) {
    if (!key.starts_with(log_prefix) || key.size() != log_prefix.size() + 8) {
        return fail(Errc::corrupt, "raft store: a key under raft.log/ is not that of an entry");
    }
    std::uint64_t index = 0;
    for (const char byte : key.substr(log_prefix.size())) {
        index = index << 8 | static_cast<unsigned char>(byte);
    }
    return raft::Index{index};
}

KvBatch encode(const raft::WriteLog& write) {
    KvBatch batch;
    if (write.log_start) {
        batch.erase_range(log_key(raft::Index{}), log_end_key());
        put_record(batch, std::string{base_key}, id_content(*write.log_start));
    } else if (write.replaces_tail && !write.entries.empty()) {
        batch.erase_range(log_key(write.entries.front().index), log_end_key());
    }
    if (write.snapshot) {
        std::string content = id_content(write.snapshot->meta.id());
        put_conf(content, write.snapshot->meta.conf);
        put_record(batch, std::string{snapshot_key}, content);
    }
    for (const auto& entry : write.entries) {
        put_record(batch, log_key(entry.index), entry_head(entry), entry.payload());
    }
    if (write.hard) put_record(batch, std::string{hard_key}, hard_content(*write.hard));
    return batch;
}

KvBatch encode_compaction(raft::Index through) {
    KvBatch batch;
    batch.erase_range(log_key(raft::Index{}), log_key(through));
    std::string content;
    put_u64(content, through.value());
    put_record(batch, std::string{cut_key}, content);
    return batch;
}

std::optional<raft::EntryId> last_of(const raft::WriteLog& write) {
    if (!write.entries.empty()) return write.entries.back().id();
    return write.log_start;
}

std::string encode_mark(raft::EntryId durable) { return record(mark_name, id_content(durable)); }

Result<raft::EntryId> decode_mark(std::string_view bytes) { return decode_base(mark_name, bytes); }

Result<raft::EntryId> decode_base(std::string_view key, std::string_view value) {
    const auto content = content_of(key, value);
    if (!content) return tl::unexpected{content.error()};
    ByteReader in{*content};
    const raft::Term term{in.u64()};
    const raft::Index index{in.u64()};
    if (!in.complete()) return bad(key, "the record has a wrong length");
    return raft::EntryId{term, index};
}

Result<raft::Index> decode_cut(std::string_view key, std::string_view value) {
    const auto content = content_of(key, value);
    if (!content) return tl::unexpected{content.error()};
    ByteReader in{*content};
    const raft::Index index{in.u64()};
    if (!in.complete()) return bad(key, "the record has a wrong length");
    return index;
}

Result<raft::HardState> decode_hard(std::string_view key, std::string_view value) {
    const auto content = content_of(key, value);
    if (!content) return tl::unexpected{content.error()};
    ByteReader in{*content};
    raft::HardState hard;
    hard.term = raft::Term{in.u64()};
    if (const std::uint64_t vote = in.u64(); vote != 0) hard.vote = raft::RaftId{vote};
    hard.commit = raft::Index{in.u64()};
    if (!in.complete()) return bad(key, "the record has a wrong length");
    return hard;
}

Result<raft::Entry> decode_entry(std::string_view key, std::string_view value) {
    const auto index = parse_log_key(key);
    if (!index) return tl::unexpected{index.error()};
    const auto content = content_of(key, value);
    if (!content) return tl::unexpected{content.error()};
    ByteReader in{*content};
    raft::Entry entry;
    entry.index = *index;
    entry.term = raft::Term{in.u64()};
    const std::uint8_t kind = in.u8();
    if (in.failed()) return bad(key, "the record has a wrong length");
    if (kind > static_cast<std::uint8_t>(raft::EntryKind::conf_change)) {
        return bad(key, "the entry is of the unknown kind " + std::to_string(kind));
    }
    entry.kind = static_cast<raft::EntryKind>(kind);
    const std::string_view data = in.rest();
    if (!data.empty()) entry.data = std::make_shared<const std::string>(data);
    return entry;
}

Result<raft::SnapshotMeta> decode_snapshot_meta(std::string_view key, std::string_view value) {
    const auto content = content_of(key, value);
    if (!content) return tl::unexpected{content.error()};
    ByteReader in{*content};
    raft::SnapshotMeta meta;
    meta.term = raft::Term{in.u64()};
    meta.index = raft::Index{in.u64()};
    meta.conf = take_conf(in);
    if (!in.complete()) return bad(key, "the record has a wrong length");
    if (auto sound = raft::validate(meta.conf); !sound) return bad(key, sound.error().message);
    return meta;
}

}  // namespace drover::storage
