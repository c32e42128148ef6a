// The snapshot file: a header that says what is inside and how old it is, and named sections of
// opaque records, each with a count and a checksum. Pure: strings in, strings out.
//
//   magic "DRVSNAP\n"; format u32
//   header     size u32, content, CRC-32C
//   section    'S', name (u8 length), flags u8, records u64, size u64, body, CRC-32C over all of it
//   end        'E', sections u32, CRC-32C over the whole file before it
//
// Numbers are little endian. A record is its u32 length and its bytes. Everything is checked before
// it is believed, and nothing is reserved on a number's word alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/raft/types.hpp"

namespace drover::storage {

struct SnapshotHeader {
    std::string release;  // that wrote it
    std::uint32_t feature_level{};
    raft::SnapshotMeta meta;
    friend bool operator==(const SnapshotHeader&, const SnapshotHeader&) = default;
};

// Views into the parsed bytes, which must outlive it.
struct SnapshotSection {
    std::string_view name;
    // A release that does not know the section may load the file, and keeps the section.
    bool ignorable{false};
    std::vector<std::string_view> records;
};

class SnapshotWriter {
public:
    explicit SnapshotWriter(const SnapshotHeader& header);

    // Makes room for as many records with as many bytes together; more may come.
    void reserve(std::size_t records, std::size_t bytes);
    // Names are 1 to 255 bytes; no name twice.
    void begin_section(std::string_view name, bool ignorable = false);
    void add(std::string_view record);
    // Writes back, as it was, what this release does not know.
    void keep(const SnapshotSection& section);
    // The whole file. The writer is spent.
    [[nodiscard]] std::string finish();

private:
    void end_section();

    std::string out_;
    std::set<std::string, std::less<>> names_;
    std::uint32_t sections_{0};
    std::size_t section_start_{0};  // of the open one; 0 where none is open
    std::size_t counts_at_{0};
    std::uint64_t records_{0};
};

class SnapshotReader {
public:
    // Errc::corrupt names the part that is damaged; Errc::unsupported a format of a later release.
    [[nodiscard]] static Result<SnapshotReader> parse(std::string_view bytes);

    [[nodiscard]] const SnapshotHeader& header() const { return header_; }
    [[nodiscard]] const std::vector<SnapshotSection>& sections() const { return sections_; }
    // Null where there is none of this name.
    [[nodiscard]] const SnapshotSection* section(std::string_view name) const;
    // Errc::unsupported where a section is neither known nor ignorable.
    [[nodiscard]] Result<std::vector<SnapshotSection>> unknown_sections(
        const std::set<std::string_view>& known) const;

private:
    SnapshotHeader header_;
    std::vector<SnapshotSection> sections_;
};

}  // namespace drover::storage
