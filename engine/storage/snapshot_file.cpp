// See snapshot_file.hpp.
#include "engine/storage/snapshot_file.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/raft/conf_change.hpp"
#include "engine/storage/bytes.hpp"
#include "engine/storage/crc32c.hpp"

namespace drover::storage {
namespace {

constexpr std::string_view magic = "DRVSNAP\n";
constexpr std::uint32_t file_format = 1;
constexpr std::uint8_t section_tag = 'S';
constexpr std::uint8_t end_tag = 'E';
constexpr std::uint8_t ignorable_flag = 1;
constexpr std::size_t length_size = 4;

tl::unexpected<Error> bad(const std::string& what) {
    return fail(Errc::corrupt, "snapshot file: " + what + "; take another snapshot");
}

void patch_u64(std::string& out, std::size_t at, std::uint64_t value) {
    std::string bytes;
    put_u64(bytes, value);
    out.replace(at, bytes.size(), bytes);
}

std::string header_content(const SnapshotHeader& header) {
    std::string out;
    put_u32(out, static_cast<std::uint32_t>(header.release.size()));
    out += header.release;
    put_u32(out, header.feature_level);
    put_u64(out, header.meta.index.value());
    put_u64(out, header.meta.term.value());
    put_conf(out, header.meta.conf);
    return out;
}

Result<SnapshotHeader> parse_header(ByteReader& file, std::string_view bytes) {
    if (file.take(magic.size()) != magic) return bad("it does not begin as one");
    const std::uint32_t format = file.u32();
    if (!file.failed() && format != file_format) {
        return fail(Errc::unsupported, "snapshot file: format " + std::to_string(format) +
                                           " is of a later release: upgrade this server");
    }
    const std::string_view content = file.take(file.u32());
    const std::string_view checked = bytes.substr(0, file.at());
    const std::uint32_t crc = file.u32();
    if (file.failed() || crc != crc32c(checked)) return bad("the header is damaged");
    ByteReader in{content};
    SnapshotHeader header;
    header.release = in.take(in.u32());
    header.feature_level = in.u32();
    header.meta.index = raft::Index{in.u64()};
    header.meta.term = raft::Term{in.u64()};
    header.meta.conf = take_conf(in);
    // A later release may have appended something here.
    if (in.failed()) return bad("the header is cut short");
    if (auto sound = raft::validate(header.meta.conf); !sound) return bad(sound.error().message);
    return header;
}

Result<SnapshotSection> parse_section(ByteReader& file, std::string_view bytes) {
    const std::size_t start = file.at() - 1;  // its tag has been read
    SnapshotSection section;
    section.name = file.take(file.u8());
    section.ignorable = (file.u8() & ignorable_flag) != 0;
    const std::uint64_t records = file.u64();
    const std::string_view body = file.take(file.u64());
    if (file.failed()) return bad("a section is cut short");
    const std::string name = "section \"" + std::string{section.name} + "\"";
    const std::string_view checked = bytes.substr(start, file.at() - start);
    if (file.u32() != crc32c(checked) || file.failed()) return bad(name + " is damaged");
    if (section.name.empty()) return bad("a section has no name");
    if (records > body.size() / length_size) return bad(name + " is too short for its count");
    ByteReader in{body};
    section.records.reserve(records);
    for (std::uint64_t i = 0; i < records; ++i) section.records.push_back(in.take(in.u32()));
    if (!in.complete()) return bad(name + " does not hold what its count says");
    return section;
}

}  // namespace

SnapshotWriter::SnapshotWriter(const SnapshotHeader& header) {
    const std::string content = header_content(header);
    out_ = magic;
    put_u32(out_, file_format);
    put_u32(out_, static_cast<std::uint32_t>(content.size()));
    out_ += content;
    put_u32(out_, crc32c(out_));
}

void SnapshotWriter::reserve(std::size_t records, std::size_t bytes) {
    constexpr std::size_t room_for_heads = std::size_t{64} << 10;
    out_.reserve(out_.size() + bytes + records * length_size + room_for_heads);
}

void SnapshotWriter::begin_section(std::string_view name, bool ignorable) {
    ENSURE(!name.empty() && name.size() <= 255);
    ENSURE(names_.emplace(name).second);
    end_section();
    section_start_ = out_.size();
    put_u8(out_, section_tag);
    put_u8(out_, static_cast<std::uint8_t>(name.size()));
    out_ += name;
    put_u8(out_, ignorable ? ignorable_flag : 0);
    counts_at_ = out_.size();
    put_u64(out_, 0);  // records and size: known when the section ends
    put_u64(out_, 0);
    records_ = 0;
    ++sections_;
}

void SnapshotWriter::add(std::string_view record) {
    ENSURE(section_start_ != 0 && record.size() <= 0xffffffffU);
    put_u32(out_, static_cast<std::uint32_t>(record.size()));
    out_ += record;
    ++records_;
}

void SnapshotWriter::keep(const SnapshotSection& section) {
    begin_section(section.name, section.ignorable);
    for (const auto record : section.records) add(record);
}

void SnapshotWriter::end_section() {
    if (section_start_ == 0) return;
    const std::size_t body = counts_at_ + 16;
    patch_u64(out_, counts_at_, records_);
    patch_u64(out_, counts_at_ + 8, out_.size() - body);
    put_u32(out_, crc32c(std::string_view{out_}.substr(section_start_)));
    section_start_ = 0;
}

std::string SnapshotWriter::finish() {
    end_section();
    put_u8(out_, end_tag);
    put_u32(out_, sections_);
    put_u32(out_, crc32c(out_));
    return std::move(out_);
}

Result<SnapshotReader> SnapshotReader::parse(std::string_view bytes) {
    ByteReader file{bytes};
    SnapshotReader reader;
    auto header = parse_header(file, bytes);
    if (!header) return tl::unexpected{header.error()};
    reader.header_ = std::move(*header);
    std::uint8_t tag = file.u8();
    for (; tag == section_tag && !file.failed(); tag = file.u8()) {
        auto section = parse_section(file, bytes);
        if (!section) return tl::unexpected{section.error()};
        if (reader.section(section->name) != nullptr) {
            return bad("section \"" + std::string{section->name} + "\" comes twice");
        }
        reader.sections_.push_back(std::move(*section));
    }
    if (file.failed()) return bad("it is cut short");
    if (tag != end_tag) return bad("something stands where a section should");
    const std::uint32_t count = file.u32();
    const std::string_view checked = bytes.substr(0, file.at());
    const std::uint32_t crc = file.u32();
    if (!file.complete() || count != reader.sections_.size() || crc != crc32c(checked)) {
        return bad("its end is damaged, or something follows it");
    }
    return reader;
}

const SnapshotSection* SnapshotReader::section(std::string_view name) const {
    const auto found = std::find_if(sections_.begin(), sections_.end(),
                                    [name](const auto& one) { return one.name == name; });
    return found == sections_.end() ? nullptr : &*found;
}

Result<std::vector<SnapshotSection>> SnapshotReader::unknown_sections(
    const std::set<std::string_view>& known) const {
    std::vector<SnapshotSection> unknown;
    for (const auto& section : sections_) {
        if (known.contains(section.name)) continue;
        if (!section.ignorable) {
            return fail(Errc::unsupported, "snapshot file: section \"" + std::string{section.name} +
                                               "\" of release " + header_.release +
                                               " is not known here: upgrade this server");
        }
        unknown.push_back(section);
    }
    return unknown;
}

}  // namespace drover::storage
