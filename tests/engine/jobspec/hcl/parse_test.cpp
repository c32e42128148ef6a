// Files, blocks and the places of errors; and that no text whatever makes the parser fall over.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/jobspec/hcl/hcl.hpp"

namespace drover::hcl {
namespace {

std::string decoded(std::string_view text, Dialect dialect = Dialect::hcl2) {
    const auto file = parse(text, "f.hcl", dialect);
    if (!file) return "syntax: " + to_text(file.error());
    const auto value = to_value(*file);
    return value ? to_json(*value) : "error: " + to_text(value.error());
}

struct Row {
    const char* why;
    const char* text;
    const char* result;
};

TEST(Parse, bodies) {
    const Row rows[]{
        {"nothing", "", "{}"},
        {"an attribute", "a = 1", R"({"a":1})"},
        {"comments of three kinds", "# one\na = 1 // two\n/* three\n */ b = 2\n",
         R"({"a":1,"b":2})"},
        {"a block", "b {\n a = 1\n}\n", R"({"b":[{"a":1}]})"},
        {"an empty block", "b {}\n", R"({"b":[{}]})"},
        {"a one-line block", "b { a = 1 }", R"({"b":[{"a":1}]})"},
        {"labels, quoted or bare", "b \"x\" y {\n}\n", R"({"b":[{"x":[{"y":[{}]}]}]})"},
        {"repeated blocks", "b {\n}\nb \"l\" {\n}", R"({"b":[{},{"l":[{}]}]})"},
        {"a byte order mark",
         "\xEF\xBB\xBF"
         "a = 1",
         R"({"a":1})"},
        {"windows line ends", "a = 1\r\nb {\r\n}\r\n", R"({"a":1,"b":[{}]})"},
        {"an operator may end a line only between brackets", "a = (1 +\n 2)", R"({"a":3})"},
    };
    for (const Row& row : rows) EXPECT_EQ(decoded(row.text), row.result) << row.why;
}

TEST(Parse, the_dialect_of_configuration_files_is_lenient) {
    const Row rows[]{
        {"quoted keys", "\"a-b\" = 1\n\"c\" {\n d = 2\n}", R"({"a-b":1,"c":[{"d":2}]})"},
        {"text is text", "a = \"${HOME} %{x}\"", R"({"a":"${HOME} %{x}"})"},
        {"attributes beside each other", "p { a = 1 b = \"x\" \"c\" = [2] }",
         R"({"p":[{"a":1,"b":"x","c":[2]}]})"},
        {"blocks beside each other", "p { a = 1 } q { b = true } c = 2",
         R"({"c":2,"p":[{"a":1}],"q":[{"b":true}]})"},
        {"commas between attributes", "m {\n a = 1,\n b = 2\n}", R"({"m":[{"a":1,"b":2}]})"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(decoded(row.text, Dialect::config), row.result) << row.why;
}

TEST(Parse, errors_have_their_place) {
    const Row rows[]{
        {"a missing value", "a =\nb = 1",
         "f.hcl:1,4: expected a value, found end of line\n    a =\n       ^"},
        {"an unclosed block is reported at the end", "a {\n b = 1\n",
         "f.hcl:3,1: expected \"}\" to close the block, found end of text"},
        {"two attributes on a line", "a = 1 b = 2",
         "f.hcl:1,7: expected a new line, found \"b\"\n    a = 1 b = 2\n          ^"},
        {"a repeated attribute names the first", "a = 1\n  a = 2",
         "f.hcl:2,3: attribute \"a\" is set twice; it was first set on line 1\n      a = 2\n      "
         "^"},
        {"an open string", "a = \"x\nb = 1",
         "f.hcl:1,6: string is never closed; end it with a double quote; text of several lines is "
         "written as a heredoc, <<EOF\n    a = \"x\n         ^"},
        {"columns count characters, not bytes", "a = \"é\" ?",
         "f.hcl:1,10: expected a value, found end of text\n    a = \"é\" ?\n             ^"},
        {"an unknown escape", "a = \"\\x\"",
         "f.hcl:1,6: unknown escape sequence; the known ones are \\n \\r \\t \\\" \\\\ \\uNNNN "
         "\\UNNNNNNNN; write "
         "\\\\ for a backslash\n    a = \"\\x\"\n         ^^"},
        {"single quotes", "a = 'x'",
         "f.hcl:1,5: expected a value, found \"'\"; strings are written in double quotes\n"
         "    a = 'x'\n        ^"},
        {"an open heredoc", "a = <<EOF\nx\n",
         "f.hcl:1,5: heredoc is never closed; end it with a line that holds only EOF\n    a = "
         "<<EOF\n        ^^^^^"},
        {"an open comment", "a = 1\n/* x",
         "f.hcl:2,1: comment is never closed; end it with */\n    /* x\n    ^^"},
        {"a template without end", "a = \"%{ if true }x\"",
         "f.hcl:1,6: %{ if } without %{ endif }\n    a = \"%{ if true }x\"\n         ^^^^^^^^^^^^"},
        {"tabs stay tabs above the caret", "\ta = ]",
         "f.hcl:1,6: expected a value, found \"]\"\n    \ta = ]\n    \t    ^"},
        {"a stray brace", "}",
         "f.hcl:1,1: expected an attribute or block name, found \"}\"\n    }\n    ^"},
        {"a template as label", "a \"${x}\" {}",
         "f.hcl:1,3: a name must be plain text; \"${\" and \"%{\" cannot be used here\n    a "
         "\"${x}\" {}\n      ^^^^^^"},
        {"bytes that are no UTF-8", "a = 1\nb = \"\xFF\"",
         "f.hcl:2,6: the text is not valid UTF-8 here; save the file as UTF-8\n    b = \"\xFF\"\n  "
         "       ^"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(decoded(row.text), std::string{"syntax: "} + row.result) << row.why;
}

TEST(Parse, evaluation_errors_have_their_place_too) {
    EXPECT_EQ(decoded("x {\n  a = 1 + upper(\n    [2])\n}"),
              "error: f.hcl:3,5: upper: argument 1 must be a string, not a list\n        [2])\n    "
              "    ^^^");
}

TEST(Parse, nesting_is_bounded_whatever_nests) {
    const auto repeat = [](std::string_view text, std::size_t count) {
        std::string all;
        for (std::size_t i = 0; i < count; ++i) all += text;
        return all;
    };
    constexpr std::size_t deep = 100'000;
    const std::pair<const char*, std::string> rows[]{
        {"brackets", "a = " + repeat("[", deep)},
        {"parentheses", "a = " + repeat("(", deep)},
        {"objects", "a = " + repeat("{x = ", deep)},
        {"blocks", repeat("b {\n", deep)},
        {"signs", "a = " + repeat("-", deep) + "1"},
        {"conditionals", "a = " + repeat("true ? 1 : ", deep) + "1"},
        {"templates", "a = " + repeat("\"${", deep)},
        {"sums", "a = 1" + repeat(" + 1", deep)},
        {"members", "a = x" + repeat(".y", deep)},
        {"indexes", "a = f(1)" + repeat("[b]", deep)},
        {"splats", "a = x" + repeat("[*]", deep)},
        {"directives", "a = \"" + repeat("%{ if true }", deep) + "\""},
        {"calls", "a = " + repeat("f(", deep)},
        {"labels", "a" + repeat(" b", deep) + " {}"},
    };
    for (const auto& [why, text] : rows) {
        const auto file = parse(text, "f.hcl");
        ASSERT_FALSE(file) << why;
        EXPECT_LT(to_text(file.error()).size(), 1000U) << why;
    }
    EXPECT_FALSE(parse_json(repeat("[", deep), "f.json"));
    EXPECT_FALSE(parse(std::string(std::size_t{5} << 20, ' '), "f.hcl"));
}

constexpr std::string_view seed_text = R"(# every kind of syntax once
job "a" {
  x = [1, 2.5e3, -3, "t\n${a.b[0]} $${y}", null, true]
  y = { k = 1, "l" : 2, (v) = 3 }
  z = [for i, v in list : "${i}" if v > 1 && !false || i == 2]
  w = {for k, v in m : k => v...}
  u = a ? b.*.c : d[*].e % 2
  h = <<-EOT
    %{ for x in y ~}
    - ${~ x }
    %{ endfor }
    EOT
  f = max(1, [2]...) /* c */
  b "l" m { p = 80 } // one line
}
)";

RC_GTEST_PROP(Parse, any_damage_to_a_text_ends_in_a_value_or_a_diagnostic, (std::uint64_t seed)) {
    Prng prng{seed};
    std::string text{seed_text};
    constexpr std::string_view alphabet = "{}[]()\"$%~<>=.,:?!&|+-*/\\\n #ax0_\xC3\xFF";
    const std::uint64_t changes = prng.between(1, 8);
    for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
        const std::size_t at = prng.below(text.size());
        const std::size_t other = prng.below(text.size());
        switch (prng.below(4)) {
            case 0:
                text[at] = alphabet[prng.below(alphabet.size())];
                break;
            case 1:
                text.erase(at, prng.below(20));
                break;
            case 2:
                text.insert(at, 1, alphabet[prng.below(alphabet.size())]);
                break;
            default:
                text.insert(at, text.substr(other, prng.below(40)));
                break;
        }
    }
    for (const Dialect dialect : {Dialect::hcl2, Dialect::config}) {
        const auto file = parse(text, "f.hcl", dialect);
        if (file) {
            const auto value = to_value(*file);
            if (!value) RC_ASSERT(!value.error().empty());
            continue;
        }
        RC_ASSERT(file.error().size() == 1U);
        const Range range = file.error().front().range;
        RC_ASSERT(range.start.byte <= text.size());
        RC_ASSERT(range.start.byte <= range.end.byte);
    }
}

RC_GTEST_PROP(Json, what_is_written_is_read_back, (std::uint64_t seed)) {
    Prng prng{seed};
    const auto any = [&](const auto& self, std::size_t depth) -> Value {
        switch (prng.below(depth > 3 ? 4 : 6)) {
            case 0:
                return Value{};
            case 1:
                return Value::boolean(prng.chance(1, 2));
            case 2:
                return Value::number(static_cast<std::int64_t>(prng.next()));
            case 3:
                return Value::string(std::string(prng.below(5), "\"\\\n\x01<a"[prng.below(6)]));
            case 4: {
                List items;
                while (prng.chance(2, 3)) items.push_back(self(self, depth + 1));
                return Value::list(std::move(items));
            }
            default: {
                Object members;
                while (prng.chance(2, 3)) {
                    members.insert_or_assign(std::to_string(prng.below(99)), self(self, depth + 1));
                }
                return Value::object(std::move(members));
            }
        }
    };
    const Value value = any(any, 0);
    const auto read = parse_json(to_json(value), "f.json");
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == value);
}

TEST(Json, malformed_text_is_refused_with_its_place) {
    const Row rows[]{
        {"text after the end", "{} x",
         "f:1,4: text after the end of the JSON value\n    {} x\n       ^"},
        {"a trailing comma", "[1,]", "f:1,4: expected a value, found \"]\"\n    [1,]\n       ^"},
        {"a leading zero", "01", "f:1,1: malformed or too large number\n    01\n    ^"},
        {"no value", "", "f:1,1: expected a value, found end of text"},
        {"a bare name", "{a: 1}",
         "f:1,2: expected a member name in double quotes, found \"a\"\n    {a: 1}\n     ^"},
    };
    for (const Row& row : rows) {
        const auto value = parse_json(row.text, "f");
        ASSERT_FALSE(value) << row.why;
        EXPECT_EQ(to_text(value.error()), row.result) << row.why;
    }
}

}  // namespace
}  // namespace drover::hcl
