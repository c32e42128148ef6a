// Text in other notations: base64, JSON, YAML, CSV, URLs.
#include <array>

#include "engine/jobspec/hcl/function.hpp"
#include "engine/jobspec/hcl/lexer.hpp"
#include "engine/jobspec/hcl/text.hpp"

namespace drover::hcl {
namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Value base64encode(Arguments& arguments) {
    return Value::string(base64_encoded(arguments.text(0)));
}

Value base64decode(Arguments& arguments) {
    const std::string text = arguments.text(0);
    if (text.size() % 4 != 0)
        return arguments.fail(0, "is no base64: its length is no multiple of 4");
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    std::string bytes;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i + padding < text.size(); ++i) {
        const std::size_t digit = base64_digits.find(text[i]);
        if (digit == std::string_view::npos) {
            return arguments.fail(0, "is no base64 at position " + std::to_string(i + 1));
        }
        group = (group << 6U) | static_cast<std::uint32_t>(digit);
        const std::size_t have = (i % 4) * 6 + 6;  // bits of this group of four digits
        if (have >= 8 && i % 4 != 0) bytes += static_cast<char>((group >> (have % 8)) & 0xFFU);
    }
    if (find_invalid_utf8(bytes) != std::string_view::npos) {
        return arguments.fail(0, "does not decode to UTF-8 text");
    }
    return Value::string(std::move(bytes));
}

Value urlencode(Arguments& arguments) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string result;
    for (const char c : arguments.text(0)) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            result += c;
        } else if (c == ' ') {
            result += '+';
        } else {
            result += '%';
            result += hex[static_cast<unsigned char>(c) >> 4U];
            result += hex[static_cast<unsigned char>(c) & 15U];
        }
    }
    return Value::string(std::move(result));
}

Value jsonencode(Arguments& arguments) { return Value::string(to_json(arguments[0])); }

Value jsondecode(Arguments& arguments) {
    const Outcome<Value> value = parse_json(arguments.text(0), "JSON");
    if (value) return *value;
    const Diagnostic& first = value.error().front();
    return arguments.fail(0, "is no JSON: line " + std::to_string(first.range.start.line) +
                                 ", column " + std::to_string(first.range.start.column) + ": " +
                                 first.summary);
}

// RFC 4180. The rows, or nothing if a quote is never closed.
std::optional<std::vector<std::vector<std::string>>> csv_rows(std::string_view text) {
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> row{""};
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool doubled = c == '"' && i + 1 < text.size() && text[i + 1] == '"';
        if (quoted && doubled) {
            row.back() += '"';
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            row.emplace_back();
        } else if (!quoted && c == '\n') {
            if (row.size() > 1 || !row[0].empty()) rows.push_back(std::move(row));
            row = {""};
        } else if (quoted || c != '\r') {
            row.back() += c;
        }
    }
    if (quoted) return std::nullopt;
    if (row.size() > 1 || !row[0].empty()) rows.push_back(std::move(row));
    return rows;
}

Value csvdecode(Arguments& arguments) {
    const auto rows = csv_rows(arguments.text(0));
    if (!rows) return arguments.fail(0, "has a quote that is never closed");
    List records;
    for (std::size_t i = 1; i < rows->size(); ++i) {
        const std::vector<std::string>& row = (*rows)[i];
        if (row.size() != (*rows)[0].size()) {
            return arguments.fail(0, "has another number of fields in row " +
                                         std::to_string(i + 1) + " than in the header");
        }
        Object record;
        for (std::size_t field = 0; field < row.size(); ++field) {
            record.insert_or_assign((*rows)[0][field], Value::string(row[field]));
        }
        records.push_back(Value::object(std::move(record)));
    }
    return Value::list(std::move(records));
}

// Block style; strings and keys always quoted, which needs no guess about what looks like a number.
void append_yaml(std::string& out, const Value& value, std::size_t indentation, bool in_list) {
    const std::string margin(indentation, ' ');
    const bool empty = (value.is_list() && value.as_list().empty()) ||
                       (value.is_object() && value.as_object().empty());
    if (empty || (!value.is_list() && !value.is_object())) {
        out += to_json(value) + "\n";
        return;
    }
    bool first = in_list;  // the first entry continues the line that its dash began
    if (value.is_list()) {
        for (const Value& item : value.as_list()) {
            out += (std::exchange(first, false) ? std::string{} : margin) + "- ";
            append_yaml(out, item, indentation + 2, true);
        }
        return;
    }
    for (const auto& [name, member] : value.as_object()) {
        out += (std::exchange(first, false) ? std::string{} : margin) +
               to_json(Value::string(name)) + ":";
        const bool nested = (member.is_list() && !member.as_list().empty()) ||
                            (member.is_object() && !member.as_object().empty());
        out += nested ? "\n" : " ";
        append_yaml(out, member, member.is_list() ? indentation : indentation + 2, false);
    }
}

Value yamlencode(Arguments& arguments) {
    std::string text;
    append_yaml(text, arguments[0], 0, false);
    return Value::string(std::move(text));
}

constexpr std::array table{
    Function{"base64decode", 1, 1, base64decode},   Function{"base64encode", 1, 1, base64encode},
    Function{"csvdecode", 1, 1, csvdecode},         Function{"jsondecode", 1, 1, jsondecode},
    Function{"jsonencode", 1, 1, jsonencode, true}, Function{"urlencode", 1, 1, urlencode},
    Function{"yamlencode", 1, 1, yamlencode, true},
};

}  // namespace

std::string base64_encoded(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto byte = [&](std::size_t at) {
            return at < bytes.size()
                       ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at]))
                       : 0U;
        };
        const std::uint32_t group = (byte(i) << 16U) | (byte(i + 1) << 8U) | byte(i + 2);
        text += base64_digits[(group >> 18U) & 63U];
        text += base64_digits[(group >> 12U) & 63U];
        text += i + 1 < bytes.size() ? base64_digits[(group >> 6U) & 63U] : '=';
        text += i + 2 < bytes.size() ? base64_digits[group & 63U] : '=';
    }
    return text;
}

std::span<const Function> encoding_functions() { return table; }

}  // namespace drover::hcl
