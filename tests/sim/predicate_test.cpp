// Conditions: grammar, precedence, and errors that tell where.
#include "sim/predicate.hpp"

#include <gtest/gtest.h>

namespace drover::sim {
namespace {

class Known : public Facts {
public:
    std::int64_t fact(std::string_view name, std::string_view argument) const override {
        if (name == "leader") return 2;
        if (name == "servers.up") return 3;
        if (name == "alloc.running") return argument == "api" ? 12 : 0;
        if (name == "server.applied") return argument == "2" ? 40 : 0;
        return 0;
    }
};

TEST(Predicate, conditions_mean_what_they_say) {
    struct Row {
        const char* text;
        bool holds;
    };
    for (const Row& row : {Row{"leader", true},
                           {"!leader", false},
                           {"leader == 2", true},
                           {"servers.up >= 4", false},
                           {"leader && alloc.running(api) == 12", true},
                           {"mark(x) || servers.up == 3", true},
                           {"mark(x) || leader && servers.up != 3", false},
                           {"(mark(x) || leader) && servers.up < 9", true},
                           {"server(2).applied > 39", true},
                           {"!(leader == 1)", true},
                           {"leader != 2", false}}) {
        const auto predicate = Predicate::parse(row.text);
        ASSERT_TRUE(predicate) << row.text << ": " << predicate.error().message;
        EXPECT_EQ(predicate->holds(Known{}), row.holds) << row.text;
    }
}

TEST(Predicate, misspelt_conditions_are_refused_with_the_place) {
    for (const char* text :
         {"", "ledaer", "leader &&", "leader ==", "(leader", "mark", "mark()", "leader(1)",
          "leader leader", "1 == 99999999999999999999", "&& leader"}) {
        const auto predicate = Predicate::parse(text);
        ASSERT_FALSE(predicate) << text;
        EXPECT_NE(predicate.error().message.find("at character"), std::string::npos)
            << predicate.error().message;
    }
    EXPECT_FALSE(Predicate::parse(std::string(100'000, '(')));
    EXPECT_FALSE(Predicate::parse(std::string(100'000, '!')));
}

}  // namespace
}  // namespace drover::sim
