// Targets, escapes and header look-up: the pure part of HTTP.
#include "io/http.hpp"

#include <algorithm>

namespace drover::io {
namespace {

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool equal_without_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    const char letter = lower(digit);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool unreserved(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.' || byte == '~';
}

// Calls `visit` for each part between separators; false as soon as it says so.
template <class Visit>
bool split(std::string_view text, char separator, Visit visit) {
    while (true) {
        const std::size_t end = text.find(separator);
        if (!visit(text.substr(0, end))) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

bool parse_query(std::string_view text, HttpFields& query) {
    return split(text, '&', [&](std::string_view pair) {
        if (pair.empty()) return true;
        const std::size_t equals = pair.find('=');
        const std::string_view raw =
            equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        auto name = percent_decode(pair.substr(0, equals), PlusSign::is_space);
        auto value = percent_decode(raw, PlusSign::is_space);
        if (!name || !value) return false;
        query.emplace_back(std::move(*name), std::move(*value));
        return true;
    });
}

}  // namespace

const std::string* find_header(const HttpFields& headers, std::string_view name) {
    for (const auto& [key, value] : headers) {
        if (equal_without_case(key, name)) return &value;
    }
    return nullptr;
}

const std::string* find_parameter(const HttpFields& parameters, std::string_view name) {
    for (const auto& [key, value] : parameters) {
        if (key == name) return &value;
    }
    return nullptr;
}

std::optional<std::string> percent_decode(std::string_view text, PlusSign plus) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == PlusSign::is_space) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char byte : text) {
        if (unreserved(byte)) {
            encoded += byte;
        } else {
            const auto value = static_cast<unsigned char>(byte);
            encoded += '%';
            encoded += digits[value >> 4];
            encoded += digits[value & 15];
        }
    }
    return encoded;
}

std::optional<HttpTarget> parse_http_target(std::string_view target) {
    if (target.empty() || target.front() != '/') return std::nullopt;
    HttpTarget parsed;
    const std::size_t question = target.find('?');
    parsed.path = target.substr(0, question);
    const bool path_is_good =
        split(std::string_view{parsed.path}.substr(1), '/', [&](std::string_view segment) {
            auto decoded = percent_decode(segment, PlusSign::is_plus);
            if (!decoded) return false;
            parsed.segments.push_back(std::move(*decoded));
            return true;
        });
    if (!path_is_good) return std::nullopt;
    while (!parsed.segments.empty() && parsed.segments.back().empty()) parsed.segments.pop_back();
    if (question == std::string_view::npos) return parsed;
    if (!parse_query(target.substr(question + 1), parsed.query)) return std::nullopt;
    return parsed;
}

}  // namespace drover::io
