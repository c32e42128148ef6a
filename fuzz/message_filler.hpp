// From a fuzzer's bytes to well-formed messages of any kind, so that what is tried lies beyond the
// parsers: every field may be there, with values that decoders of the next level find interesting.
// What is left when the bytes end is zero, so a message never grows beyond what it was made of.
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace drover::fuzz {

class Reader {
public:
    Reader(const std::uint8_t* data, std::size_t size)
        : bytes_{reinterpret_cast<const char*>(data), size} {}

    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    std::uint8_t byte() {
        if (bytes_.empty()) return 0;
        const auto first = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return first;
    }
    std::uint64_t below(std::uint64_t bound) { return byte() % bound; }
    std::string chunk() {
        const std::string_view taken = bytes_.substr(0, byte());
        bytes_.remove_prefix(taken.size());
        return std::string{taken};
    }
    std::uint64_t raw() {
        std::uint64_t value = 0;
        for (int i = 0; i < 8; ++i) value = value << 8 | byte();
        return value;
    }
    // Small, huge, negative, on either side of a limit, or anything.
    std::uint64_t number() {
        static constexpr std::uint64_t interesting[]{0,
                                                     1,
                                                     2,
                                                     3,
                                                     7,
                                                     100,
                                                     1'000'000'000,
                                                     60'000'000'000,
                                                     std::numeric_limits<std::int32_t>::max(),
                                                     std::uint64_t{1} << 31,
                                                     std::uint64_t{1} << 62,
                                                     std::numeric_limits<std::int64_t>::max(),
                                                     std::uint64_t{1} << 63,
                                                     std::numeric_limits<std::uint64_t>::max() - 1,
                                                     std::numeric_limits<std::uint64_t>::max()};
        constexpr std::size_t count = sizeof(interesting) / sizeof(interesting[0]);
        const std::uint64_t which = below(count + 1);
        return which < count ? interesting[which] : raw();
    }

private:
    std::string_view bytes_;
};

class Filler {
public:
    // `words` are strings and ids that mean something where the message goes.
    Filler(Reader& in, const std::vector<std::string>& words) : in_{in}, words_{words} {}

    void fill(google::protobuf::Message& message, int depth = 0) {
        const auto* type = message.GetDescriptor();
        if (type->field_count() == 0 || depth > 8) return;
        for (std::uint64_t left = in_.below(10); left > 0 && !in_.empty(); --left) {
            const auto* field = type->field(
                static_cast<int>(in_.below(static_cast<std::uint64_t>(type->field_count()))));
            const std::uint64_t times = field->is_repeated() ? 1 + in_.below(3) : 1;
            for (std::uint64_t i = 0; i < times; ++i) fill(message, *field, depth);
        }
    }

    // A message inside that is there, to go on with; null where the bytes say that it is enough.
    google::protobuf::Message* inside(google::protobuf::Message& message) {
        std::vector<const google::protobuf::FieldDescriptor*> there;
        const auto* reflection = message.GetReflection();
        reflection->ListFields(message, &there);
        std::erase_if(there, [](const auto* field) {
            return field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE;
        });
        if (there.empty() || in_.empty()) return nullptr;
        const std::uint64_t which = in_.below(there.size() + 1);
        if (which == there.size()) return nullptr;
        const auto* field = there[which];
        if (!field->is_repeated()) return reflection->MutableMessage(&message, field);
        const auto count = static_cast<std::uint64_t>(reflection->FieldSize(message, field));
        return reflection->MutableRepeatedMessage(&message, field,
                                                  static_cast<int>(in_.below(count)));
    }

    std::string word(bool text) {
        const std::uint64_t which = in_.below(words_.size() + 16);
        std::string word = which < words_.size() ? words_[which] : in_.chunk();
        // Text is UTF-8 by its type: what is not never gets beyond the parser.
        for (char& one : word) one = text ? static_cast<char>(one & 0x7f) : one;
        return word;
    }

private:
    using Field = google::protobuf::FieldDescriptor;

    void fill(google::protobuf::Message& message, const Field& field, int depth) {
        if (field.cpp_type() == Field::CPPTYPE_MESSAGE) {
            const auto* reflection = message.GetReflection();
            fill(field.is_repeated() ? *reflection->AddMessage(&message, &field)
                                     : *reflection->MutableMessage(&message, &field),
                 depth + 1);
        } else if (field.is_repeated()) {
            add(message, field);
        } else {
            set(message, field);
        }
    }

    double real() {
        static constexpr double interesting[]{0.0,
                                              1.5,
                                              -1.0,
                                              1e300,
                                              std::numeric_limits<double>::quiet_NaN(),
                                              std::numeric_limits<double>::infinity()};
        return interesting[in_.below(6)];
    }
    int enumerator(const Field& field) {
        const auto count = static_cast<std::uint64_t>(field.enum_type()->value_count());
        return field.enum_type()->value(static_cast<int>(in_.below(count)))->number();
    }

    void set(google::protobuf::Message& message, const Field& field) {
        const auto* to = message.GetReflection();
        switch (field.cpp_type()) {
            case Field::CPPTYPE_INT32:
                return to->SetInt32(&message, &field, static_cast<std::int32_t>(in_.number()));
            case Field::CPPTYPE_INT64:
                return to->SetInt64(&message, &field, static_cast<std::int64_t>(in_.number()));
            case Field::CPPTYPE_UINT32:
                return to->SetUInt32(&message, &field, static_cast<std::uint32_t>(in_.number()));
            case Field::CPPTYPE_UINT64:
                return to->SetUInt64(&message, &field, in_.number());
            case Field::CPPTYPE_DOUBLE:
                return to->SetDouble(&message, &field, real());
            case Field::CPPTYPE_FLOAT:
                return to->SetFloat(&message, &field, static_cast<float>(real()));
            case Field::CPPTYPE_BOOL:
                return to->SetBool(&message, &field, in_.below(2) != 0);
            case Field::CPPTYPE_ENUM:
                return to->SetEnumValue(&message, &field, enumerator(field));
            case Field::CPPTYPE_STRING:
                return to->SetString(&message, &field, word(field.type() == Field::TYPE_STRING));
            case Field::CPPTYPE_MESSAGE:
                return;
        }
    }

    // Repeated scalars of the schema are numbers and strings.
    void add(google::protobuf::Message& message, const Field& field) {
        const auto* to = message.GetReflection();
        switch (field.cpp_type()) {
            case Field::CPPTYPE_INT32:
                return to->AddInt32(&message, &field, static_cast<std::int32_t>(in_.number()));
            case Field::CPPTYPE_INT64:
                return to->AddInt64(&message, &field, static_cast<std::int64_t>(in_.number()));
            case Field::CPPTYPE_UINT32:
                return to->AddUInt32(&message, &field, static_cast<std::uint32_t>(in_.number()));
            case Field::CPPTYPE_UINT64:
                return to->AddUInt64(&message, &field, in_.number());
            case Field::CPPTYPE_STRING:
                return to->AddString(&message, &field, word(field.type() == Field::TYPE_STRING));
            default:
                return;
        }
    }

    Reader& in_;
    const std::vector<std::string>& words_;
};

}  // namespace drover::fuzz
