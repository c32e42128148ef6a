// See entry_wire.hpp.
#include "engine/raft/entry_wire.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <climits>
#include <cstring>

#include "engine/base/ensure.hpp"
#include "engine/raft/raft.pb.h"

namespace drover::raft {
namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using Format = google::protobuf::internal::WireFormatLite;

constexpr std::uint32_t varint(int field) {
    return Format::MakeTag(field, Format::WIRETYPE_VARINT);
}
constexpr std::uint32_t bytes_of(int field) {
    return Format::MakeTag(field, Format::WIRETYPE_LENGTH_DELIMITED);
}
const std::uint32_t append_tag = bytes_of(wire::Message::kAppendFieldNumber);
const std::uint32_t entries_tag = bytes_of(wire::Append::kEntriesFieldNumber);
const std::uint32_t term_tag = varint(wire::Entry::kTermFieldNumber);
const std::uint32_t index_tag = varint(wire::Entry::kIndexFieldNumber);
const std::uint32_t kind_tag = varint(wire::Entry::kKindFieldNumber);
const std::uint32_t data_tag = bytes_of(wire::Entry::kDataFieldNumber);

// ---- writing

std::size_t size_of_number(std::uint32_t tag, std::uint64_t value) {
    return value == 0
               ? 0
               : CodedOutputStream::VarintSize32(tag) + CodedOutputStream::VarintSize64(value);
}

std::size_t size_of_bytes(std::uint32_t tag, std::size_t size) {
    return CodedOutputStream::VarintSize32(tag) + CodedOutputStream::VarintSize64(size) + size;
}

std::size_t size_of(const Entry& entry) {
    return size_of_number(term_tag, entry.term.value()) +
           size_of_number(index_tag, entry.index.value()) +
           size_of_number(kind_tag, static_cast<std::uint64_t>(entry.kind)) +
           (entry.data.size() == 0 ? 0 : size_of_bytes(data_tag, entry.data.size()));
}

std::uint8_t* put_varint(std::uint64_t value, std::uint8_t* at) {
    return CodedOutputStream::WriteVarint64ToArray(value, at);
}

std::uint8_t* put_number(std::uint32_t tag, std::uint64_t value, std::uint8_t* at) {
    return value == 0 ? at : put_varint(value, put_varint(tag, at));
}

std::uint8_t* put_entry(const Entry& entry, std::uint8_t* at) {
    at = put_varint(size_of(entry), put_varint(entries_tag, at));
    at = put_number(term_tag, entry.term.value(), at);
    at = put_number(index_tag, entry.index.value(), at);
    at = put_number(kind_tag, static_cast<std::uint64_t>(entry.kind), at);
    if (entry.data.size() == 0) return at;
    at = put_varint(entry.data.size(), put_varint(data_tag, at));
    std::memcpy(at, entry.data.view().data(), entry.data.size());
    return at + entry.data.size();
}

void put_bytes(std::uint32_t tag, std::string_view bytes, std::string& out) {
    std::uint8_t head[2 * 10];
    const std::uint8_t* const end = put_varint(bytes.size(), put_varint(tag, head));
    out.append(reinterpret_cast<const char*>(head), static_cast<std::size_t>(end - head));
    out += bytes;
}

// ---- reading

class Splitter {
public:
    Splitter(std::string_view bytes, SplitMessage& out)
        : bytes_{bytes},
          in_{reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())},
          out_{out} {}

    bool message() {
        while (true) {
            const std::size_t from = at();
            const std::uint32_t tag = in_.ReadTag();
            if (tag == 0) return in_.ConsumedEntireMessage();
            if (tag == append_tag ? !append() : !keep(from, tag, out_.rest)) return false;
        }
    }

private:
    [[nodiscard]] std::size_t at() const { return static_cast<std::size_t>(in_.CurrentPosition()); }

    // A field that is none of ours stays as it is written.
    bool keep(std::size_t from, std::uint32_t tag, std::string& rest) {
        if (!Format::SkipField(&in_, tag)) return false;
        rest += bytes_.substr(from, at() - from);
        return true;
    }
    // Enters a length-delimited field, and leaves it after `inside`.
    template <class Inside>
    bool enter(Inside inside) {
        std::uint32_t size = 0;
        if (!in_.ReadVarint32(&size) || size > bytes_.size() - at()) return false;
        const auto limit = in_.PushLimit(static_cast<int>(size));
        const bool good = inside() && in_.ConsumedEntireMessage() && in_.BytesUntilLimit() == 0;
        in_.PopLimit(limit);
        return good;
    }
    bool append() {
        out_.appends = true;
        std::string rest;
        const bool good = enter([&] {
            while (true) {
                const std::size_t from = at();
                const std::uint32_t tag = in_.ReadTag();
                if (tag == 0) return true;
                if (tag == entries_tag ? !entry() : !keep(from, tag, rest)) return false;
            }
        });
        put_bytes(append_tag, rest, out_.rest);
        return good;
    }
    bool entry() {
        RawEntry& one = out_.entries.emplace_back();
        return enter([&] {
            while (const std::uint32_t tag = in_.ReadTag()) {
                if (!field(tag, one)) return false;
            }
            return true;
        });
    }
    bool field(std::uint32_t tag, RawEntry& one) {
        if (tag == term_tag) return in_.ReadVarint64(&one.term);
        if (tag == index_tag) return in_.ReadVarint64(&one.index);
        if (tag == kind_tag) return in_.ReadVarint64(&one.kind);
        if (tag != data_tag) return Format::SkipField(&in_, tag);
        std::uint32_t size = 0;
        if (!in_.ReadVarint32(&size) || size > bytes_.size() - at()) return false;
        one.data = bytes_.substr(at(), size);
        return in_.Skip(static_cast<int>(size));
    }

    std::string_view bytes_;
    CodedInputStream in_;
    SplitMessage& out_;
};

}  // namespace

void append_entries(const std::vector<Entry>& entries, std::string& out) {
    if (entries.empty()) return;
    std::size_t size = 0;
    for (const Entry& entry : entries) size += size_of_bytes(entries_tag, size_of(entry));
    const std::size_t before = out.size();
    out.resize(before + size_of_bytes(append_tag, size));
    auto* at = reinterpret_cast<std::uint8_t*>(out.data() + before);
    at = put_varint(size, put_varint(append_tag, at));
    for (const Entry& entry : entries) at = put_entry(entry, at);
    ENSURE(at == reinterpret_cast<std::uint8_t*>(out.data() + out.size()));
}

bool split(std::string_view bytes, SplitMessage& out) {
    if (bytes.size() > INT_MAX) return false;
    return Splitter{bytes, out}.message();
}

}  // namespace drover::raft
