// The checker itself: what a Go decoder refuses, it must find.
#include <gtest/gtest.h>

#include "tests/agent/api/go_types.hpp"

namespace drover::agent {
namespace {

TEST(GoTypes, finds_what_a_decoder_refuses_and_nothing_else) {
    const GoTypes types{
        "Row\n  Name string!\n  N int M int8 U uint64 F float64 T time\n  L []int\n"};
    struct Case {
        const char* json;
        std::size_t problems;
        const char* why;
    };
    for (const auto& [json, problems, why] : {
             Case{R"({"Name":"a"})", 0, "the rest may be absent"},
             Case{R"({"name":"a"})", 0, "names are compared without regard to case"},
             Case{R"({})", 1, "a required field is absent"},
             Case{R"({"Name":null})", 1, "a required field is null"},
             Case{R"({"Name":"a","N":null,"L":null})", 0, "null leaves a field alone"},
             Case{R"({"Name":"a","N":1.5})", 1, "a fraction is no int"},
             Case{R"({"Name":"a","N":1e3})", 1, "an exponent is no int, however whole"},
             Case{R"({"Name":"a","N":"1"})", 1, "a text is no int"},
             Case{R"({"Name":"a","M":200})", 1, "too large for its size"},
             Case{R"({"Name":"a","U":-1})", 1, "below an unsigned"},
             Case{R"({"Name":"a","U":18446744073709551615})", 0, "the largest unsigned"},
             Case{R"({"Name":"a","F":1})", 0, "a whole number is a float"},
             Case{R"({"Name":"a","T":"0001-01-01T00:00:00Z"})", 0, "the zero time"},
             Case{R"({"Name":"a","T":"2020-01-01 00:00"})", 1, "not RFC 3339"},
             Case{R"({"Name":"a","L":{}})", 1, "an object is no list"},
             Case{R"({"Name":"a","L":[1,"x"]})", 1, "one of a list is wrong"},
             Case{R"({"Name":"a","Other":[]})", 0, "unknown fields are passed over"},
             Case{R"([])", 1, "a list is no struct"},
         }) {
        const auto value = schema::parse_json(json);
        ASSERT_TRUE(value) << json;
        EXPECT_EQ(types.problems(*value, "Row").size(), problems) << json << ": " << why;
    }
}

}  // namespace
}  // namespace drover::agent
