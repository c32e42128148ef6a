#include "drivers/record.hpp"

#include <charconv>

namespace drover::drivers {
namespace {

constexpr std::string_view first_line = "drover-record 1";
constexpr std::string_view last_line = "end";

std::string escape(std::string_view raw) {
    std::string escaped;
    escaped.reserve(raw.size());
    for (const char byte : raw) {
        if (byte == '\\') {
            escaped += "\\\\";
        } else if (byte == '\n') {
            escaped += "\\n";
        } else {
            escaped += byte;
        }
    }
    return escaped;
}

std::optional<std::string> unescape(std::string_view escaped) {
    std::string raw;
    raw.reserve(escaped.size());
    for (std::size_t i = 0; i < escaped.size(); ++i) {
        if (escaped[i] != '\\') {
            raw += escaped[i];
            continue;
        }
        if (++i == escaped.size()) return std::nullopt;
        if (escaped[i] != 'n' && escaped[i] != '\\') return std::nullopt;
        raw += escaped[i] == 'n' ? '\n' : '\\';
    }
    return raw;
}

tl::unexpected<Error> malformed(std::string_view place, std::size_t line, const char* why) {
    return fail(Errc::corrupt, std::string{place} + ":" + std::to_string(line) + ": " + why);
}

}  // namespace

void Record::add(std::string_view key, std::string_view value) { lines_.emplace_back(key, value); }

void Record::add(std::string_view key, std::int64_t value) {
    lines_.emplace_back(key, std::to_string(value));
}

std::string Record::encode() const {
    std::string bytes{first_line};
    bytes += '\n';
    for (const auto& [key, value] : lines_) {
        bytes += key;
        bytes += ' ';
        bytes += escape(value);
        bytes += '\n';
    }
    bytes += last_line;
    bytes += '\n';
    return bytes;
}

Result<Record> Record::parse(std::string_view bytes, std::string_view place) {
    Record record;
    for (std::size_t number = 1;; ++number) {
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) return malformed(place, number, "the record is cut off");
        const std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(end + 1);
        if (number == 1) {
            if (line != first_line) return malformed(place, 1, "this is not a record");
            continue;
        }
        if (line == last_line) return record;
        const std::size_t space = line.find(' ');
        if (space == std::string_view::npos || space == 0) {
            return malformed(place, number, "a line must be a key, a space and a value");
        }
        auto value = unescape(line.substr(space + 1));
        if (!value) return malformed(place, number, "a backslash must precede n or a backslash");
        record.lines_.emplace_back(line.substr(0, space), std::move(*value));
    }
}

std::string_view Record::text(std::string_view key) const {
    for (const auto& [name, value] : lines_) {
        if (name == key) return value;
    }
    return {};
}

std::int64_t Record::number(std::string_view key) const {
    const std::string_view digits = text(key);
    std::int64_t number = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size() ? number : 0;
}

std::vector<std::string> Record::all(std::string_view key) const {
    std::vector<std::string> values;
    for (const auto& [name, value] : lines_) {
        if (name == key) values.push_back(value);
    }
    return values;
}

bool Record::has(std::string_view key) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [key](const auto& line) { return line.first == key; });
}

}  // namespace drover::drivers
