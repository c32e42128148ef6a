// Protobuf writes known fields in ascending order and unknown ones after them. That is canonical
// already while nothing is unknown, which is nearly always; only otherwise are the pieces sorted.
#include "engine/schema/canonical.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <vector>

#include "engine/schema/entry.pb.h"

namespace drover::schema {

namespace pb = google::protobuf;

namespace {

// Where messages lie inside a message: all that a search for unknown fields has to look at. Rows
// are hashed at every write, and to ask reflection about each of their fields costs more than to
// write them out.
struct Nested;
struct NestedField {
    const pb::FieldDescriptor* field;
    const Nested* inside;
};
struct Nested {
    std::vector<NestedField> fields;
};

// Of every type that the files around the envelope of the log describe, whatever their depth. Made
// once, and never changed.
class NestedTypes {
public:
    NestedTypes() { add_file(*Entry::descriptor()->file()); }

    [[nodiscard]] const Nested* find(const pb::Descriptor* type) const {
        const auto known = types_.find(type);
        return known != types_.end() ? &known->second : nullptr;
    }

private:
    void add_file(const pb::FileDescriptor& file) {
        if (file.package() != Entry::descriptor()->file()->package()) return;
        for (int i = 0; i < file.message_type_count(); ++i) (void)add(*file.message_type(i));
        for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i));
    }
    const Nested& add(const pb::Descriptor& type) {
        const auto [at, fresh] = types_.try_emplace(&type);
        Nested& nested = at->second;  // stays where it is; types may contain themselves
        if (!fresh) return nested;
        for (int i = 0; i < type.field_count(); ++i) {
            const pb::FieldDescriptor* field = type.field(i);
            if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
            nested.fields.push_back(NestedField{field, &add(*field->message_type())});
        }
        return nested;
    }

    std::map<const pb::Descriptor*, Nested> types_;
};

bool knows_everything(const pb::Message& message, const Nested& nested) {
    const pb::Reflection* reflection = message.GetReflection();
    if (!reflection->GetUnknownFields(message).empty()) return false;
    for (const auto& [field, inside] : nested.fields) {
        if (field->is_repeated()) {
            const int size = reflection->FieldSize(message, field);
            for (int at = 0; at < size; ++at) {
                if (!knows_everything(reflection->GetRepeatedMessage(message, field, at), *inside))
                    return false;
            }
        } else if (reflection->HasField(message, field)) {
            if (!knows_everything(reflection->GetMessage(message, field), *inside)) return false;
        }
    }
    return true;
}

bool knows_everything(const pb::Message& message) {
    static const NestedTypes types;
    const Nested* nested = types.find(message.GetDescriptor());
    // Not of the log: nothing is known of it, so it goes the long way.
    return nested != nullptr && knows_everything(message, *nested);
}

struct Piece {
    int number;
    std::string bytes;
};

void append_message(const pb::FieldDescriptor* field, const pb::Message& message,
                    std::vector<Piece>& pieces) {
    std::string body = canonical_bytes(message);
    std::string bytes;
    {
        pb::io::StringOutputStream stream{&bytes};
        pb::io::CodedOutputStream out{&stream};
        using Lite = pb::internal::WireFormatLite;
        out.WriteTag(Lite::MakeTag(field->number(), Lite::WIRETYPE_LENGTH_DELIMITED));
        out.WriteVarint32(static_cast<std::uint32_t>(body.size()));
        out.WriteString(body);
    }
    pieces.push_back(Piece{field->number(), std::move(bytes)});
}

// `rest` is a copy of the message that loses its scalar fields one by one.
void append_field(const pb::Message& message, const pb::FieldDescriptor* field, pb::Message& rest,
                  std::vector<Piece>& pieces) {
    const pb::Reflection* reflection = message.GetReflection();
    if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        if (!field->is_repeated()) {
            append_message(field, reflection->GetMessage(message, field), pieces);
            return;
        }
        for (int at = 0; at < reflection->FieldSize(message, field); ++at) {
            append_message(field, reflection->GetRepeatedMessage(message, field, at), pieces);
        }
        return;
    }
    // A scalar is written by Protobuf itself: alone in a message of its own kind.
    std::unique_ptr<pb::Message> alone{message.New()};
    reflection->SwapFields(&rest, alone.get(), {field});
    pieces.push_back(Piece{field->number(), alone->SerializeAsString()});
}

void append_unknown(const pb::UnknownFieldSet& fields, std::vector<Piece>& pieces) {
    for (int at = 0; at < fields.field_count(); ++at) {
        pb::UnknownFieldSet one;
        one.AddField(fields.field(at));
        std::string bytes;
        one.SerializeToString(&bytes);
        pieces.push_back(Piece{fields.field(at).number(), std::move(bytes)});
    }
}

// Little endian, wherever it runs.
std::uint64_t load64(const char* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
}

constexpr std::uint64_t rotate(std::uint64_t value, int by) {
    return value << by | value >> (64 - by);
}

constexpr std::uint64_t finish(std::uint64_t value) {
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdULL;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53ULL;
    value ^= value >> 33;
    return value;
}

constexpr std::uint64_t c1 = 0x87c37b91114253d5ULL;
constexpr std::uint64_t c2 = 0x4cf5ad432745937fULL;

std::uint64_t mix_low(std::uint64_t value) { return rotate(value * c1, 31) * c2; }
std::uint64_t mix_high(std::uint64_t value) { return rotate(value * c2, 33) * c1; }

}  // namespace

std::string canonical_bytes(const pb::Message& message) {
    if (knows_everything(message)) return message.SerializeAsString();
    std::vector<Piece> pieces;
    std::vector<const pb::FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    std::unique_ptr<pb::Message> rest{message.New()};
    rest->CopyFrom(message);
    for (const pb::FieldDescriptor* field : fields) append_field(message, field, *rest, pieces);
    append_unknown(message.GetReflection()->GetUnknownFields(message), pieces);
    std::stable_sort(pieces.begin(), pieces.end(),
                     [](const Piece& a, const Piece& b) { return a.number < b.number; });
    std::string out;
    for (const Piece& piece : pieces) out += piece.bytes;
    return out;
}

Hash128 hash128(std::string_view bytes, std::uint32_t seed) {
    std::uint64_t h1 = seed;
    std::uint64_t h2 = seed;
    std::size_t blocks = bytes.size() / 16;
    for (std::size_t block = 0; block < blocks; ++block) {
        const char* at = bytes.data() + block * 16;
        h1 ^= mix_low(load64(at));
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= mix_high(load64(at + 8));
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    std::string_view tail = bytes.substr(blocks * 16);
    if (!tail.empty()) {
        char padded[16] = {};
        std::memcpy(padded, tail.data(), std::min(tail.size(), sizeof padded));
        if (tail.size() > 8) h2 ^= mix_high(load64(padded + 8));
        h1 ^= mix_low(load64(padded));
    }
    h1 ^= bytes.size();
    h2 ^= bytes.size();
    h1 += h2;
    h2 += h1;
    h1 = finish(h1);
    h2 = finish(h2);
    h1 += h2;
    h2 += h1;
    return Hash128{h2, h1};
}

}  // namespace drover::schema
