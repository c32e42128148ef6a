// What expressions evaluate to, one row per feature of the language. Results are compared as JSON.
#include <gtest/gtest.h>

#include "engine/jobspec/hcl/hcl.hpp"

namespace drover::hcl {
namespace {

Scope names() {
    Scope scope;
    const auto parsed = parse_json(
        R"({"count": 3, "text": "hi", "list": [1, 2, 3], "nothing": null, "flag": true,
            "map": {"a": 1, "b": 2}, "hosts": [{"name": "x", "ports": [1, 2]},
                      {"name": "y", "ports": [3]}]})",
        "names");
    for (const auto& [name, value] : parsed->as_object()) scope.names.emplace(name, value);
    return scope;
}

std::string evaluated(std::string_view text) {
    const auto file = parse_expression(text, "test");
    if (!file) return "syntax: " + to_text(file.error());
    const auto value = evaluate(*file, names());
    return value ? to_json(*value) : "error: " + value.error().front().summary;
}

struct Row {
    const char* why;
    const char* text;
    const char* json;
};

void expect_all(std::initializer_list<Row> rows) {
    for (const Row& row : rows)
        EXPECT_EQ(evaluated(row.text), row.json) << row.why << "\n" << row.text;
}

TEST(Expression, literals) {
    expect_all({
        {"whole numbers are exact up to 64 bits", "9223372036854775807", "9223372036854775807"},
        {"beyond 64 bits numbers become doubles", "9223372036854775808", "9223372036854775808"},
        {"a fraction without digits to spare", "1.50", "1.5"},
        {"an exponent", "12e3", "12000"},
        {"a whole fraction is a whole number", "2.0", "2"},
        {"booleans", "true", "true"},
        {"null", "null", "null"},
        {"escapes of a string", R"("a\tb\n\"\\é\U0001F600")",
         "\"a\\tb\\n\\\"\\\\\u00e9\U0001F600\""},
        {"a dollar that opens nothing is itself", R"("$5 and 7% $")", "\"$5 and 7% $\""},
        {"doubled signs escape a template", R"("$${x} %%{y}")", "\"${x} %{y}\""},
    });
}

TEST(Expression, operators_bind_as_in_arithmetic) {
    expect_all({
        {"product before sum", "1 + 2 * 3", "7"},
        {"parentheses first", "(1 + 2) * 3", "9"},
        {"left to right", "10 - 3 - 2", "5"},
        {"unary minus binds tightest", "-2 + 5", "3"},
        {"exact division stays whole", "6 / 3", "2"},
        {"inexact division does not", "7 / 2", "3.5"},
        {"remainder", "7 % 3", "1"},
        {"comparison before equality", "1 < 2 == true", "true"},
        {"and before or", "true || false && false", "true"},
        {"not binds tighter than and", "!false && true", "true"},
        {"conditional binds loosest", "1 > 2 || true ? 1 + 1 : 5", "2"},
        {"conditionals nest to the right", "false ? 1 : false ? 2 : 3", "3"},
        {"the branch not taken is not evaluated", "true ? 1 : list[9]", "1"},
        {"the side not needed is not evaluated", "false && list[9] > 1", "false"},
        {"numbers in strings are converted", "\"2\" + 1", "3"},
        {"but equality does not convert", "\"2\" == 2", "false"},
        {"equality looks inside", "[1, {a = 2}] == [1, {a = 2}]", "true"},
        {"overflow goes on as double", "9223372036854775807 + 1", "9223372036854775808"},
        {"the smallest number divided by minus one", "(0 - 9223372036854775807 - 1) / -1",
         "9223372036854775808"},
    });
}

TEST(Expression, collections) {
    expect_all({
        {"lists keep their order and may end with a comma", "[3, 1, 2,]", "[3,1,2]"},
        {"newlines inside brackets mean nothing", "[\n1,\n2\n]", "[1,2]"},
        {"objects are ordered by key", "{b = 1, a = 2}", R"({"a":2,"b":1})"},
        {"newlines separate members", "{\n a = 1\n b = 2\n}", R"({"a":1,"b":2})"},
        {"keys may be quoted, computed, and followed by a colon", R"({"x y": 1, (text) = 2})",
         R"({"hi":2,"x y":1})"},
        {"a bare key is a name even if a variable is called so", "{text = 1}", R"({"text":1})"},
        {"index", "list[1]", "2"},
        {"index with an expression", "list[count - 1]", "3"},
        {"member by dot and by bracket", "[map.a, map[\"b\"]]", "[1,2]"},
        {"the old index", "hosts.1.name", "\"y\""},
        {"the old index twice", "[[1, 2], [3]].0.1", "2"},
        {"full splat", "hosts[*].name", R"(["x","y"])"},
        {"splat with index", "hosts[*].ports[0]", "[1,3]"},
        {"attribute splat", "hosts.*.name", R"(["x","y"])"},
        {"index after an attribute splat applies to the result", "hosts.*.name[1]", "\"y\""},
        {"splat of one thing makes a list", "text[*]", R"(["hi"])"},
        {"splat of null is empty", "nothing[*]", "[]"},
        {"splats nest", "hosts[*].ports[*]", "[[1,2],[3]]"},
    });
}

TEST(Expression, for_expressions) {
    expect_all({
        {"over a list", "[for x in list : x * 2]", "[2,4,6]"},
        {"with position", "[for i, x in list : i * x]", "[0,2,6]"},
        {"with a condition", "[for x in list : x if x != 2]", "[1,3]"},
        {"over an object", "[for k, v in map : \"${k}=${v}\"]", R"(["a=1","b=2"])"},
        {"to an object", "{for k, v in map : v => k}", R"({"1":"a","2":"b"})"},
        {"grouped", "{for x in list : x % 2 => x...}", R"({"0":[2],"1":[1,3]})"},
        {"inner names hide outer ones", "[for count in list : count]", "[1,2,3]"},
        {"several lines", "{\n for k, v in map :\n k => v\n if v > 1\n}", R"({"b":2})"},
        {"nested", "[for h in hosts : [for p in h.ports : \"${h.name}${p}\"]]",
         R"([["x1","x2"],["y3"]])"},
        {"an object may have a key named for", "{for = 1}", R"({"for":1})"},
    });
}

TEST(Expression, templates) {
    expect_all({
        {"interpolation", R"("a${text}b${count}")", "\"ahib3\""},
        {"alone it keeps its type", R"("${list}")", "[1,2,3]"},
        {"quotes inside", R"("${"${text}!"}")", "\"hi!\""},
        {"braces inside", R"("${ {a = 1}.a }")", "1"},
        {"if", R"("%{ if flag }yes%{ else }no%{ endif }")", "\"yes\""},
        {"if without else", R"("[%{ if !flag }yes%{ endif }]")", "\"[]\""},
        {"for", R"("%{ for x in list }${x},%{ endfor }")", "\"1,2,3,\""},
        {"for with key", R"("%{ for k, v in map }${k}${v} %{ endfor }")", "\"a1 b2 \""},
        {"strip markers", R"("a  ${~ text ~}  b")", "\"ahib\""},
        {"strip markers on directives", R"("%{ if flag ~}  x  %{~ endif }")", "\"x\""},
        {"directives nest", R"("%{ for x in list }%{ if x > 1 }${x}%{ endif }%{ endfor }")",
         "\"23\""},
    });
}

TEST(Expression, heredocs) {
    expect_all({
        {"plain", "<<EOF\nline 1\n  line 2\nEOF\n", R"("line 1\n  line 2\n")"},
        {"the marker may be indented", "<<EOF\nx\n   EOF", R"("x\n")"},
        {"empty", "<<EOF\nEOF", "\"\""},
        {"backslashes and quotes are themselves", "<<EOF\n\\n \"q\"\nEOF",
         "\"\\\\n \\\"q\\\"\\n\""},
        {"interpolated", "<<EOF\n${text} $${x}\nEOF", R"("hi ${x}\n")"},
        {"indented: the common part goes", "<<-EOF\n    a\n      b\n\n    c\n    EOF",
         R"("a\n  b\n\nc\n")"},
        {"indented: an interpolation starts a line", "<<-EOF\n  ${text}\n    b\n  EOF",
         R"("hi\n  b\n")"},
        {"a strip marker ends at the line, so indentation survives",
         "<<EOF\n%{ for x in list ~}\n  - ${x}\n%{ endfor ~}\nend\nEOF",
         R"("  - 1\n  - 2\n  - 3\nend\n")"},
        {"windows line ends become plain ones", "<<EOF\r\na\r\nb\r\nEOF\r\n", R"("a\nb\n")"},
        {"a word that contains the marker does not end it", "<<E\nEE\nE", R"("EE\n")"},
    });
}

TEST(Expression, errors_say_what_is_wrong) {
    expect_all({
        {"index beyond the end", "list[3]", "error: index 3 is outside the list"},
        {"negative index", "list[-1]", "error: index -1 is outside the list"},
        {"no such member", "map.c", "error: there is no \"c\" here"},
        {"member of a scalar", "count.a", "error: a number has no members"},
        {"unknown name", "nope", "error: unknown name \"nope\""},
        {"unknown function", "nope()", "error: unknown function \"nope\""},
        {"wrong operand", "[] + 1", "error: a number is needed here, not a list"},
        {"division", "1 / 0", "error: division by zero"},
        {"condition", "\"x\" ? 1 : 2", "error: the condition must be true or false, not a string"},
        {"null in text", "\"a${nothing}\"", "error: null cannot be part of a string"},
        {"a list in text", "\"a${list}\"", "error: a list cannot be part of a string"},
        {"equal keys", "{for x in list : \"k\" => x}", "error: two elements have the key \"k\""},
        {"for over a number", "[for x in 1 : x]",
         "error: \"for\" goes over a list or an object, not a number"},
        {"too few arguments", "substr(\"a\")", "error: wrong number of arguments for substr"},
        {"the argument is named", "join(\",\", 1)",
         "error: join: argument 2 must be a list, not a number"},
        {"null for a function", "upper(nothing)", "error: upper: argument 1 must not be null"},
        {"huge result", "1e308 * 10", "error: the result is out of range"},
    });
}

TEST(Expression, a_suggestion_is_made_for_a_near_miss) {
    const auto file = parse_expression("cuont + 1", "f.hcl");
    const auto value = evaluate(*file, names());
    ASSERT_FALSE(value);
    EXPECT_EQ(to_text(value.error()),
              "f.hcl:1,1: unknown name \"cuont\"; did you mean \"count\"?\n"
              "    cuont + 1\n"
              "    ^^^^^");
}

TEST(Expression, unknown_names_can_stay_text_for_later) {
    const Row rows[]{
        {"a bare reference", "attr.kernel.name", R"("${attr.kernel.name}")"},
        {"in a string", R"("x-${node.unique.id}-y")", R"("x-${node.unique.id}-y")"},
        {"with an index", R"("${env["HOME"]}")", R"("${env[\"HOME\"]}")"},
        {"with dashes", R"("${meta.a-b.c}")", R"("${meta.a-b.c}")"},
        {"with a number", R"("${device.0.x}")", R"("${device.0.x}")"},
        {"known names are still replaced", R"("${NOMAD_TASK_DIR}/${text}")",
         R"("${NOMAD_TASK_DIR}/hi")"},
        {"a function sees the text", "upper(node.class)", R"("${NODE.CLASS}")"},
    };
    const EvaluationInputs inputs;
    for (const Row& row : rows) {
        const auto file = parse_expression(row.text, "test");
        ASSERT_TRUE(file) << row.text;
        const auto value = evaluate(*file, names(), inputs, UnknownNames::verbatim);
        ASSERT_TRUE(value) << row.why;
        EXPECT_EQ(to_json(*value), row.json) << row.why;
    }
}

TEST(Expression, work_and_memory_are_bounded) {
    const Row rows[]{
        {"nested loops", "[for a in range(1000) : max([for b in range(1000) : b]...)]",
         "error: the text asks for too much computation"},
        {"lists of lists", "[for a in range(1000) : [for b in range(1000) : b]]",
         "error: value is too large"},
        {"a product of sets", "setproduct(range(1000), range(1000), range(1000))",
         "error: setproduct: more than 100000 combinations"},
        {"a wide field", "format(\"%2000d\", 1)",
         "error: format: argument 1 has a width or precision beyond 1000"},
        {"long ranges", "range(1e18)", "error: range: more than 1024 numbers"},
        {"text that doubles itself",
         "replace(replace(replace(join(\"\", [for i in range(1000) : \"aaaaaaaaaa\"]), \"a\", "
         "\"aaaaaaaaaaaaaaaaaaaa\"), \"a\", \"aaaaaaaaaaaaaaaaaaaa\"), \"a\", "
         "\"aaaaaaaaaaaaaaaaaaaa\")",
         "error: replace: the result is too large"},
    };
    for (const Row& row : rows) EXPECT_EQ(evaluated(row.text), row.json) << row.why;
}

}  // namespace
}  // namespace drover::hcl
