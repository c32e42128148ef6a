#include "sim/yaml_document.hpp"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

#include "sim/section.hpp"

namespace drover::sim {
namespace {

constexpr int depth_max = 32;

class Shape final : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) refuse(mark, "a scenario is one document: a second one begins here");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        refuse(mark, "aliases are not supported: write the value out");
    }
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        enter(mark);
    }
    void OnSequenceEnd() override { --depth_; }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        enter(mark);
    }
    void OnMapEnd() override { --depth_; }

private:
    [[noreturn]] static void refuse(const YAML::Mark& mark, const char* why) {
        throw ReadingError{{mark.line + 1, mark.column + 1}, why};
    }
    void enter(const YAML::Mark& mark) {
        if (++depth_ > depth_max) refuse(mark, "nested too deeply: no scenario needs 32 levels");
    }

    int depth_{0};
    int documents_{0};
};

}  // namespace

YAML::Node load_document(const std::string& text) {
    std::istringstream first{text};
    Shape shape;
    YAML::Parser parser{first};
    while (parser.HandleNextDocument(shape)) {
    }
    return YAML::Load(text);
}

}  // namespace drover::sim
