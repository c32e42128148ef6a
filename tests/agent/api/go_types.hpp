// What Go's JSON decoder takes, as a checker: a table of structs in text, and whether a value would
// be decoded into one of them without an error. The clients of Nomad are Go programs; a number with
// a fraction in an int, or an object where a list is expected, ends them.
//
//   TypeName                a struct; its fields follow, indented
//     Field kind            may be null or absent
//     Field kind!           must be there and not null: clients follow it without looking
//
// Kinds: string bool int int8 int64 uint8 uint16 uint64 float64 time bytes any, a struct's name,
// []kind and {}kind (a map from strings).
#pragma once

#include <limits>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/schema/json_value.hpp"

namespace drover::agent {

class GoTypes {
public:
    explicit GoTypes(const std::string& table) {
        std::istringstream lines{table};
        std::string current;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words{line};
            std::string first, kind;
            if (!(words >> first)) continue;
            if (line.front() != ' ') {
                current = first;
                types_[current];
                continue;
            }
            while (words >> kind) {
                const bool required = kind.back() == '!';
                if (required) kind.pop_back();
                types_[current].push_back({first, kind, required});
                if (!(words >> first)) break;
            }
        }
    }

    // One line for everything that a decoder would stumble over; empty: it decodes.
    [[nodiscard]] std::vector<std::string> problems(const schema::JsonValue& value,
                                                    const std::string& kind) const {
        std::vector<std::string> found;
        check(value, kind, "", found);
        return found;
    }

private:
    using Json = schema::JsonValue;
    struct Field {
        std::string name;
        std::string kind;
        bool required{};
    };

    static bool same_letters(std::string_view a, std::string_view b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
            return std::tolower(static_cast<unsigned char>(x)) ==
                   std::tolower(static_cast<unsigned char>(y));
        });
    }

    static const Json* member(const Json& object, const std::string& name) {
        if (const Json* exact = object.find(name)) return exact;
        for (const auto& [key, value] : *object.object()) {
            if (same_letters(key, name)) return &value;
        }
        return nullptr;
    }

    static bool whole(const Json& value, std::int64_t low, std::int64_t high) {
        return value.integer() != nullptr && *value.integer() >= low && *value.integer() <= high;
    }

    static bool is_time(const Json& value) {
        static const std::regex rfc3339{
            R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))"};
        return value.text() != nullptr && std::regex_match(*value.text(), rfc3339);
    }

    // True for a scalar kind; `sound` then tells whether the value decodes into it.
    static bool scalar(const Json& value, const std::string& kind, bool& sound) {
        constexpr std::int64_t low = std::numeric_limits<std::int64_t>::min();
        constexpr std::int64_t high = std::numeric_limits<std::int64_t>::max();
        if (kind == "any")
            sound = true;
        else if (kind == "string" || kind == "bytes")
            sound = value.text() != nullptr;
        else if (kind == "bool")
            sound = value.boolean() != nullptr;
        else if (kind == "int" || kind == "int64")
            sound = whole(value, low, high);
        else if (kind == "int8")
            sound = whole(value, -128, 127);
        else if (kind == "uint8")
            sound = whole(value, 0, 255);
        else if (kind == "uint16")
            sound = whole(value, 0, 65535);
        else if (kind == "uint64")
            sound = whole(value, 0, high) || value.large() != nullptr;
        else if (kind == "float64")
            sound =
                value.real() != nullptr || value.integer() != nullptr || value.large() != nullptr;
        else if (kind == "time")
            sound = is_time(value);
        else
            return false;
        return true;
    }

    void check(const Json& value, const std::string& kind, const std::string& path,
               std::vector<std::string>& found) const {
        if (value.is_null()) return;  // leaves what is there
        bool sound = false;
        if (scalar(value, kind, sound)) {
            if (!sound) found.push_back(path + ": " + schema::print_json(value) + " is no " + kind);
        } else if (kind.starts_with("[]")) {
            if (value.array() == nullptr) return found.push_back(path + ": is no list");
            for (std::size_t i = 0; i < value.array()->size(); ++i)
                check((*value.array())[i], kind.substr(2), path + "[" + std::to_string(i) + "]",
                      found);
        } else if (value.object() == nullptr) {
            found.push_back(path + ": is no object");
        } else if (kind.starts_with("{}")) {
            for (const auto& [key, below] : *value.object())
                check(below, kind.substr(2), path + "{" + key + "}", found);
        } else {
            check_struct(value, kind, path, found);
        }
    }

    void check_struct(const Json& value, const std::string& kind, const std::string& path,
                      std::vector<std::string>& found) const {
        const auto type = types_.find(kind);
        if (type == types_.end()) return found.push_back("the table has no " + kind);
        for (const auto& field : type->second) {
            const Json* const below = member(value, field.name);
            const std::string where = path + "." + field.name;
            if (field.required && (below == nullptr || below->is_null()))
                found.push_back(where + ": must be there");
            if (below != nullptr) check(*below, field.kind, where, found);
        }
    }

    std::map<std::string, std::vector<Field>> types_;
};

}  // namespace drover::agent
