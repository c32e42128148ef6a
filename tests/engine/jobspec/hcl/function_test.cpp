// Each function with the result its users know.
#include <gtest/gtest.h>

#include "engine/jobspec/hcl/function.hpp"
#include "engine/jobspec/hcl/text.hpp"

namespace drover::hcl {
namespace {

EvaluationInputs inputs() {
    EvaluationInputs given;
    given.files["a.txt"] = "content\n";
    given.files["gone.txt"] = std::nullopt;
    given.file_sets[{"dir", "*.hcl"}] = {"x.hcl", "y.hcl"};
    given.working_directory = "/srv/jobs";
    given.home_directory = "/home/user";
    given.now = WallTime{1'700'000'000'000'000'000};
    return given;
}

std::string called(std::string_view text, const EvaluationInputs& given) {
    const auto file = parse_expression(text, "test");
    if (!file) return "syntax: " + to_text(file.error());
    const auto value = evaluate(*file, {}, given);
    return value ? to_json(*value) : "error: " + value.error().front().summary;
}

struct Row {
    const char* text;
    const char* json;
};

void expect_all(std::initializer_list<Row> rows) {
    for (const Row& row : rows) EXPECT_EQ(called(row.text, inputs()), row.json) << row.text;
}

TEST(Functions, collections) {
    expect_all({
        {"chunklist([1, 2, 3], 2)", "[[1,2],[3]]"},
        {"coalesce(null, 1, 2)", "1"},
        {"coalescelist([], [1])", "[1]"},
        {R"(compact(["a", "", "b"]))", R"(["a","b"])"},
        {"concat([1], [2, 3])", "[1,2,3]"},
        {"contains([1, 2], 2)", "true"},
        {"distinct([1, 2, 1])", "[1,2]"},
        {"element([1, 2, 3], 4)", "2"},
        {"flatten([1, [2, [3]]])", "[1,2,3]"},
        {"index([5, 6], 6)", "1"},
        {"keys({b = 1, a = 2})", R"(["a","b"])"},
        {"values({b = 1, a = 2})", "[2,1]"},
        {R"(length("héé"))", "3"},
        {"length({a = 1})", "1"},
        {R"(lookup({a = 1}, "a"))", "1"},
        {R"(lookup({a = 1}, "b", 9))", "9"},
        {"merge({a = 1, b = 1}, {b = 2})", R"({"a":1,"b":2})"},
        {"range(3)", "[0,1,2]"},
        {"range(1, 7, 2)", "[1,3,5]"},
        {"range(3, 0)", "[3,2,1]"},
        {"reverse([1, 2])", "[2,1]"},
        {"slice([1, 2, 3, 4], 1, 3)", "[2,3]"},
        {R"(sort(["b", "a"]))", R"(["a","b"])"},
        {R"(zipmap(["a", "b"], [1, 2]))", R"({"a":1,"b":2})"},
        {"setunion([2, 1], [3, 1])", "[1,2,3]"},
        {"setintersection([1, 2, 3], [3, 2])", "[2,3]"},
        {R"(setproduct([1, 2], ["a", "b"]))", R"([[1,"a"],[1,"b"],[2,"a"],[2,"b"]])"},
        {"max([1, 5, 3]...)", "5"},
        {R"(try(null.a, "b"))", "\"b\""},
        {"can(1 / 0)", "false"},
        {"can(1)", "true"},
        {R"(convert("5", number))", "5"},
        {R"(convert([1, 1, "2"], set(string)))", R"(["1","2"])"},
        {R"(convert({a = 1}, object({a = string, b = optional(number)})))",
         R"({"a":"1","b":null})"},
    });
}

TEST(Functions, strings) {
    expect_all({
        {R"(chomp("a\r\n\n"))", "\"a\""},
        {R"(indent(2, "a\nb"))", R"("a\n  b")"},
        {R"(join("-", ["a", "b"], ["c"]))", "\"a-b-c\""},
        {R"(upper("abc"))", "\"ABC\""},
        {R"(lower("ABC"))", "\"abc\""},
        {R"(title("hello world"))", "\"Hello World\""},
        {R"(replace("a.b.c", ".", "-"))", "\"a-b-c\""},
        {R"(regex_replace("a1b22", "[0-9]+", "<$0>"))", R"("a\u003c1\u003eb\u003c22\u003e")"},
        {R"~(regex_replace("user@host", "(?P<u>\\w+)@(\\w+)", "$2 $${u}"))~", "\"host user\""},
        {R"(regex_replace("abc", "x*", "-"))", "\"-a-b-c-\""},
        {R"(split(",", "a,b,"))", R"(["a","b",""])"},
        {R"(strlen("é"))", "1"},
        {R"(strrev("abé"))", "\"éba\""},
        {R"(substr("hello", 1, 3))", "\"ell\""},
        {R"(substr("hello", -3, -1))", "\"llo\""},
        {R"(trim("?!hi!?", "!?"))", "\"hi\""},
        {R"(trimprefix("helloworld", "hello"))", "\"world\""},
        {R"(trimsuffix("helloworld", "world"))", "\"hello\""},
        {R"(trimspace("  a\n"))", "\"a\""},
        {R"(format("%s is %d, %05.1f%%, %v", "x", 5, 2.25, [1]))", "\"x is 5, 002.2%, [1]\""},
        {R"(format("%-4s|%4s|%q", "a", "b", "c"))", R"("a   |   b|\"c\"")"},
        {R"(format("%x %X %o %b %+d", 255, 255, 8, 5, 1))", "\"ff FF 10 101 +1\""},
        {R"(format("%[2]s %[1]s", "a", "b"))", "\"b a\""},
        {R"(format("%d"))", "error: format: argument 1 needs a value number 1"},
        {R"(format("x", 1))", "error: format: has more values than verbs"},
        {R"(formatlist("%s-%d", ["a", "b"], 1))", R"(["a-1","b-1"])"},
    });
}

TEST(Functions, numbers) {
    expect_all({
        {"abs(-5)", "5"},
        {"ceil(1.2)", "2"},
        {"floor(-1.2)", "-2"},
        {"log(8, 2)", "3"},
        {"pow(2, 62)", "4611686018427387904"},
        {"pow(2, 0.5) > 1.414", "true"},
        {"signum(-3)", "-1"},
        {"min(3, 1, 2)", "1"},
        {R"(parseint("ff", 16))", "255"},
        {R"(parseint("-101", 2))", "-5"},
        {R"(parseint("9", 8))", "error: parseint: argument 1 is no number of base 8"},
    });
}

TEST(Functions, encodings) {
    expect_all({
        {R"(base64encode("hello"))", "\"aGVsbG8=\""},
        {R"(base64decode("aGVsbG8="))", "\"hello\""},
        {R"(base64decode("aGk="))", "\"hi\""},
        {R"(base64decode("YWJj"))", "\"abc\""},
        {R"(base64decode("/w=="))",
         "error: base64decode: argument 1 does not decode to UTF-8 text"},
        {R"(jsonencode({a = [1, null, true], b = "<"}))",
         R"("{\"a\":[1,null,true],\"b\":\"\\u003c\"}")"},
        {R"(jsondecode("{\"a\": [1.5, \"\\u00e9\\ud83d\\ude00\"]}"))", "{\"a\":[1.5,\"é😀\"]}"},
        {R"(jsondecode("{").a)",
         "error: jsondecode: argument 1 is no JSON: line 1, column 2: expected a member name "
         "in double quotes, found end of text"},
        {R"(csvdecode("a,b\n1,\"x,\"\"y\"\n"))", R"([{"a":"1","b":"x,\"y"}])"},
        {R"(urlencode("a b/c?"))", "\"a+b%2Fc%3F\""},
        {R"(yamlencode({a = [1, {b = "x"}], c = {}}))",
         "\"\\\"a\\\":\\n- 1\\n- \\\"b\\\": \\\"x\\\"\\n\\\"c\\\": {}\\n\""},
    });
}

TEST(Functions, digests_of_the_standards) {
    expect_all({
        {R"(md5(""))", "\"d41d8cd98f00b204e9800998ecf8427e\""},
        {R"(md5("abc"))", "\"900150983cd24fb0d6963f7d28e17f72\""},
        {R"(sha1("abc"))", "\"a9993e364706816aba3e25717850c26c9cd0d89d\""},
        {R"(sha256("abc"))",
         "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""},
        {R"(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))",
         "\"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1\""},
        {R"(sha512("abc"))",
         "\"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c2"
         "3a3feebbd"
         "454d4423643ce80e2a9ac94fa54ca49f\""},
        {R"(uuidv5("dns", "www.example.com"))", "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\""},
    });
}

TEST(Functions, dates) {
    expect_all({
        {R"(timeadd("2024-02-28T23:30:00Z", "1h"))", "\"2024-02-29T00:30:00Z\""},
        {R"(timeadd("2024-01-01T00:00:00+02:00", "-1s"))", "\"2023-12-31T23:59:59+02:00\""},
        {R"(formatdate("EEE, DD MMM YYYY hh:mm:ss ZZZ", "2018-01-02T23:12:01Z"))",
         "\"Tue, 02 Jan 2018 23:12:01 UTC\""},
        {R"(formatdate("H'h'maa", "2018-01-02T23:12:01-08:00"))", "\"11h12pm\""},
        {R"(timeadd("2023-02-29T00:00:00Z", "1h"))",
         "error: timeadd: argument 1 is no RFC 3339 time such as 2006-01-02T15:04:05Z"},
        {"timestamp()", "\"2023-11-14T22:13:20Z\""},
    });
}

TEST(Functions, addresses) {
    expect_all({
        {R"(cidrhost("10.12.127.0/20", 16))", "\"10.12.112.16\""},
        {R"(cidrhost("10.0.0.0/8", -1))", "\"10.255.255.255\""},
        {R"(cidrhost("fd00:fd12:3456:7890:00a2::/72", 34))", "\"fd00:fd12:3456:7890::22\""},
        {R"(cidrnetmask("172.16.0.0/12"))", "\"255.240.0.0\""},
        {R"(cidrsubnet("172.16.0.0/12", 4, 2))", "\"172.18.0.0/16\""},
        {R"(cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162))", "\"fd00:fd12:3456:7800:a200::/72\""},
        {R"(cidrsubnets("10.1.0.0/16", 4, 4, 8, 4))",
         R"(["10.1.0.0/20","10.1.16.0/20","10.1.32.0/24","10.1.48.0/20"])"},
        {R"(cidrsubnets("10.0.0.0/30", 1, 1, 1))",
         "error: cidrsubnets: argument 4 does not fit after the subnets before it"},
        {R"(cidrhost("10.0.0.0/33", 1))",
         "error: cidrhost: argument 1 is no prefix such as \"10.0.0.0/8\""},
    });
}

TEST(Functions, files_come_from_the_host) {
    expect_all({
        {R"(file("a.txt"))", R"("content\n")"},
        {R"(filebase64("a.txt"))", "\"Y29udGVudAo=\""},
        {R"([fileexists("a.txt"), fileexists("gone.txt")])", "[true,false]"},
        {R"(fileset("dir", "*.hcl"))", R"(["x.hcl","y.hcl"])"},
        {R"(abspath("../x/./y"))", "\"/srv/x/y\""},
        {R"([basename("/a/b.txt"), dirname("/a/b.txt"), dirname("b")])", R"(["b.txt","/a","."])"},
        {R"(pathexpand("~/x"))", "\"/home/user/x\""},
        {R"(file("gone.txt"))",
         "error: file: argument 1 names a file that does not exist: \"gone.txt\""},
    });
}

TEST(Functions, what_the_host_has_yet_to_read_is_named_and_try_does_not_hide_it) {
    const auto file = parse_expression(R"(try(file("later.txt"), "default"))", "test");
    const auto value = evaluate(*file, {}, inputs());
    ASSERT_FALSE(value);
    EXPECT_EQ(value.error().front().need, (HostNeed{HostNeed::Kind::file, "later.txt", ""}));
}

TEST(Functions, files_can_be_disabled) {
    EvaluationInputs given = inputs();
    given.files_disabled = "filesystem function disabled";
    EXPECT_EQ(called(R"(file("a.txt"))", given), "error: file: filesystem function disabled");
}

TEST(Functions, uuids_are_drawn_from_the_given_seed_only) {
    EvaluationInputs given = inputs();
    EXPECT_EQ(called("uuidv4()", given),
              "error: uuidv4: is not available here: no source of randomness was given");
    given.prng = Prng{7};
    const std::string first = called("uuidv4()", given);
    EXPECT_EQ(first, called("uuidv4()", given));
    EXPECT_EQ(first.size(), 38U);
    EXPECT_EQ(first[15], '4');
    given.prng = Prng{8};
    EXPECT_NE(first, called("uuidv4()", given));
    EXPECT_EQ(called("length(distinct([uuidv4(), uuidv4()]))", given), "2");
}

TEST(Functions, durations_are_those_of_go) {
    struct DurationRow {
        const char* text;
        std::optional<std::int64_t> nanoseconds;
    };
    const DurationRow rows[]{
        {"0", 0},
        {"30s", 30'000'000'000},
        {"1h30m", 5'400'000'000'000},
        {"1.5s", 1'500'000'000},
        {"-10ms", -10'000'000},
        {"1m0.001s", 60'001'000'000},
        {".5h", 1'800'000'000'000},
        {"2us", 2'000},
        {"3µs", 3'000},
        {"", {}},
        {"5", {}},
        {"s", {}},
        {"1x", {}},
        {"1 s", {}},
        {"9999999999h", {}},
        {"1s2", {}},
    };
    for (const DurationRow& row : rows)
        EXPECT_EQ(parse_duration(row.text), row.nanoseconds) << row.text;
}

}  // namespace
}  // namespace drover::hcl
