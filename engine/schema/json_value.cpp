// Printing, and the small accessors of JsonValue. Reading is in json_parse.cpp.
#include "engine/schema/json_value.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "engine/base/ensure.hpp"
#include "engine/schema/json_text.hpp"

namespace drover::schema {

const JsonValue* JsonValue::find(std::string_view name) const {
    const Object* members = object();
    if (members == nullptr) return nullptr;
    for (auto at = members->rbegin(); at != members->rend(); ++at) {
        if (at->first == name) return &at->second;
    }
    return nullptr;
}

JsonValue* JsonValue::find(std::string_view name) {
    return const_cast<JsonValue*>(std::as_const(*this).find(name));
}

void JsonValue::set(std::string_view name, JsonValue value) {
    Object* members = object();
    ENSURE(members != nullptr);
    if (JsonValue* known = find(name)) *known = std::move(value);
    else members->emplace_back(std::string{name}, std::move(value));
}

void JsonValue::remove(std::string_view name) {
    Object* members = object();
    ENSURE(members != nullptr);
    std::erase_if(*members, [name](const Member& member) { return member.first == name; });
}

const char* JsonValue::kind() const {
    static constexpr std::array names{"null",     "a boolean", "an integer", "an integer",
                                      "a number", "a string",  "an array",   "an object"};
    return names[data_.index()];
}

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

void print_control(char c, std::string& out) {
    switch (c) {
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    auto byte = static_cast<unsigned char>(c);
    out += "\\u00";
    out += hex_digits[byte >> 4U];
    out += hex_digits[byte & 15U];
}

void print_text(std::string_view text, std::string& out) {
    out += '"';
    while (!text.empty()) {
        char c = text.front();
        std::size_t length = utf8_length(text);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20U) {
            print_control(c, out);
        } else if (length == 0) {
            out += "\xef\xbf\xbd";
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out += '"';
}

template <class Number>
void print_number(Number value, std::string& out) {
    std::array<char, 32> buffer{};
    auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    ENSURE(error == std::errc{});
    out.append(buffer.data(), end);
}

class Printer {
public:
    explicit Printer(bool pretty) : pretty_{pretty} {}

    void print(const JsonValue& value) {
        if (value.is_null()) out_ += "null";
        else if (const bool* flag = value.boolean()) out_ += *flag ? "true" : "false";
        else if (const std::int64_t* number = value.integer()) print_number(*number, out_);
        else if (const std::uint64_t* large = value.large()) print_number(*large, out_);
        else if (const double* real = value.real()) print_real(*real);
        else if (const std::string* text = value.text()) print_text(*text, out_);
        else if (const JsonValue::Array* items = value.array()) print_array(*items);
        else print_object(*value.object());
    }
    std::string take() { return std::move(out_); }

private:
    void print_real(double value) {
        if (std::isfinite(value)) print_number(value, out_);
        else out_ += "null";  // JSON has no other word for it
    }
    void print_array(const JsonValue::Array& items) {
        out_ += '[';
        ++depth_;
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (i > 0) out_ += ',';
            break_line();
            print(items[i]);
        }
        --depth_;
        if (!items.empty()) break_line();
        out_ += ']';
    }
    void print_object(const JsonValue::Object& members) {
        out_ += '{';
        ++depth_;
        for (std::size_t i = 0; i < members.size(); ++i) {
            if (i > 0) out_ += ',';
            break_line();
            print_text(members[i].first, out_);
            out_ += pretty_ ? ": " : ":";
            print(members[i].second);
        }
        --depth_;
        if (!members.empty()) break_line();
        out_ += '}';
    }
    void break_line() {
        if (!pretty_) return;
        out_ += '\n';
        out_.append(depth_ * 4, ' ');
    }

    bool pretty_;
    std::size_t depth_ = 0;
    std::string out_;
};

}  // namespace

std::string print_json(const JsonValue& value, bool pretty) {
    Printer printer{pretty};
    printer.print(value);
    std::string out = printer.take();
    if (pretty) out += '\n';
    return out;
}

}  // namespace drover::schema
