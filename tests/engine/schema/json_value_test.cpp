// JSON as text: what is read, what is refused and where, and what is printed.
#include "engine/schema/json_value.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace drover::schema {
namespace {

TEST(JsonParse, AcceptsWhatTheStandardAllows) {
    struct Row {
        const char* why;
        const char* text;
        const char* printed;
    };
    const Row rows[]{
        {"words", " [true, false, null] ", "[true,false,null]"},
        {"whole numbers stay whole", "[0,-7,9223372036854775807]", "[0,-7,9223372036854775807]"},
        {"beyond int64 there is uint64", "18446744073709551615", "18446744073709551615"},
        {"fractions and exponents are real", "[1.5,1e3,-2E-1]", "[1.5,1000,-0.2]"},
        {"escapes", R"("a\"\\\/\n\tA\u00e9\ud83d\ude00")", "\"a\\\"\\\\/\\n\\tA\u00e9\U0001f600\""},
        {"half a surrogate pair stands for nothing", R"("\ud800x")", "\"\ufffdx\""},
        {"order is kept", R"({"b":1,"a":{}})", R"({"b":1,"a":{}})"},
        {"empty containers", "[[],{}]", "[[],{}]"},
    };
    for (const Row& row : rows) {
        auto value = parse_json(row.text);
        ASSERT_TRUE(value) << row.why << ": " << value.error().message;
        EXPECT_EQ(print_json(*value), row.printed) << row.why;
    }
}

TEST(JsonParse, RefusesTheRestAndSaysWhere) {
    struct Row {
        const char* why;
        const char* text;
        const char* message;
    };
    const Row rows[]{
        {"nothing", "", "JSON, line 1, column 1: unexpected end of input"},
        {"a trailing comma", "[1,]", "JSON, line 1, column 4: expected a value"},
        {"a second value", "{}\n{}", "JSON, line 2, column 1: unexpected text after the value"},
        {"an open string", "[\"a", "JSON, line 1, column 4: the string does not end"},
        {"a bare word", "[yes]", "JSON, line 1, column 2: expected a value"},
        {"a leading zero", "01", "JSON, line 1, column 2: unexpected text after the value"},
        {"a lonely point", "1.",
         "JSON, line 1, column 3: expected a digit after the decimal point"},
        {"no colon", "{\"a\" 1}", "JSON, line 1, column 6: expected ':' after the member name"},
        {"single quotes", "{'a':1}",
         "JSON, line 1, column 2: expected a member name in double quotes"},
        {"a raw newline in a string", "\"a\nb\"",
         "JSON, line 1, column 3: a control character in a string must be escaped"},
        {"an unknown escape", "\"\\q\"", "JSON, line 1, column 3: unknown escape in a string"},
        {"a short escape", "\"\\u12\"",
         "JSON, line 1, column 4: \\u needs four hexadecimal digits"},
        {"a number nobody can hold", "1e999",
         "JSON, line 1, column 6: the number 1e999 is out of range"},
    };
    for (const Row& row : rows) {
        auto value = parse_json(row.text);
        ASSERT_FALSE(value) << row.why;
        EXPECT_EQ(value.error().message, row.message) << row.why;
    }
}

TEST(JsonParse, TextThatIsNotUtf8IsReplacedSoThatEveryServerCanReadIt) {
    auto value = parse_json("{\"a\xff\":\"b\xc3\xa9\xc3\"}");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->object()->front().first, "a\ufffd");
    EXPECT_EQ(*value->object()->front().second.text(), "b\u00e9\ufffd");
}

TEST(JsonParse, DepthAndSizeAreBounded) {
    std::string deep(100'000, '[');
    auto value = parse_json(deep);
    ASSERT_FALSE(value);
    EXPECT_EQ(value.error().message, "JSON, line 1, column 129: nested deeper than 128 levels");
    EXPECT_FALSE(parse_json("[1,2,3]", JsonLimits{.bytes = 3}));
}

TEST(JsonPrint, PrettyUsesFourSpacesAndEndsWithANewline) {
    auto value = parse_json(R"({"a":[1,{}],"b":{}})");
    ASSERT_TRUE(value);
    EXPECT_EQ(print_json(*value, true),
              "{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"b\": {}\n}\n");
}

TEST(JsonPrint, WhatIsNotUtf8IsReplacedByteByByte) {
    EXPECT_EQ(print_json(JsonValue{std::string{"a\xff\xc3z\xed\xa0\x80"}}),
              "\"a\ufffd\ufffdz\ufffd\ufffd\ufffd\"");
}

RC_GTEST_PROP(JsonParse, NeverCrashesOnAnyBytes, (const std::string& noise)) {
    (void)parse_json(noise);
    (void)parse_json("{\"" + noise);
    (void)parse_json("[1," + noise);
}

RC_GTEST_PROP(JsonPrint, AnyTextComesBack, ()) {
    auto points = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 128));
    std::string text;
    for (int point : points) text += static_cast<char>(point);
    auto back = parse_json(print_json(JsonValue{text}));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back->text() == text);
}

TEST(JsonValue, SetReplacesOrAppends) {
    JsonValue value{JsonValue::Object{}};
    value.set("a", 1);
    value.set("b", "x");
    value.set("a", JsonValue{});
    value.remove("b");
    EXPECT_EQ(print_json(value), "{\"a\":null}");
}

}  // namespace
}  // namespace drover::schema
