// The evaluation shared by the expressions of one text, and the generic decoding of bodies.
#include "engine/jobspec/hcl/evaluator.hpp"
#include "engine/jobspec/hcl/hcl.hpp"

namespace drover::hcl {
namespace {

constexpr std::size_t diagnostic_count_max = 100;

Value under_labels(const ScopedBlock& block, Value content) {
    for (auto label = block.labels.rbegin(); label != block.labels.rend(); ++label) {
        content = Value::object({{label->text, Value::list({std::move(content)})}});
    }
    return content;
}

}  // namespace

const Value* Scope::find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent) {
        const auto found = scope->names.find(name);
        if (found != scope->names.end()) return &found->second;
    }
    return nullptr;
}

Evaluation::Evaluation(std::shared_ptr<const SourceText> source, const EvaluationInputs& inputs,
                       UnknownNames unknown_names)
    : source_{std::move(source)},
      inputs_{&inputs},
      unknown_names_{unknown_names},
      prng_{inputs.prng} {}

std::optional<Value> Evaluation::evaluate(const Expression& expression, const Scope& scope) {
    return Evaluator{*this}.evaluate(expression, scope, nullptr);
}

const Scope& Evaluation::keep(Scope scope) {
    scopes_.push_back(std::move(scope));
    return scopes_.back();
}

bool Evaluation::spend(const Range& range, std::size_t amount) {
    if (budget_ >= amount) {
        budget_ -= amount;
        return true;
    }
    budget_ = 0;
    report(range, "the text asks for too much computation",
           "use smaller collections or fewer loops");
    return false;
}

void Evaluation::report(const Range& range, std::string summary, std::string detail,
                        std::optional<HostNeed> need) {
    if (diagnostics_.size() >= diagnostic_count_max) return;
    diagnostics_.push_back(diagnose(*source_, range, std::move(summary), std::move(detail)));
    diagnostics_.back().need = std::move(need);
}

void Evaluation::warn(const Range& range, std::string summary, std::string detail) {
    if (warnings_.size() >= diagnostic_count_max) return;
    warnings_.push_back(diagnose(*source_, range, std::move(summary), std::move(detail)));
}

Outcome<Value> evaluate(const ExpressionFile& file, const Scope& scope,
                        const EvaluationInputs& inputs, UnknownNames unknown_names) {
    Evaluation evaluation{file.source, inputs, unknown_names};
    std::optional<Value> value = evaluation.evaluate(*file.expression, scope);
    if (!value) return tl::unexpected{evaluation.diagnostics()};
    return std::move(*value);
}

std::optional<Value> to_value(const Body& body, const Scope& scope, Evaluation& evaluation) {
    Object members;
    for (const Attribute& attribute : body.attributes) {
        std::optional<Value> value = evaluation.evaluate(*attribute.value, scope);
        if (!value) return std::nullopt;
        members.emplace(attribute.name, std::move(*value));
    }
    std::map<std::string, List> blocks;
    const std::size_t errors_before = evaluation.diagnostics().size();
    for (const ScopedBlock& block : blocks_of(body, scope, evaluation)) {
        if (members.contains(block.type)) {
            evaluation.report(block.type_range,
                              "\"" + block.type + "\" is both an attribute and a block");
            return std::nullopt;
        }
        std::optional<Value> content = to_value(*block.body, *block.scope, evaluation);
        if (!content) return std::nullopt;
        blocks[block.type].push_back(under_labels(block, std::move(*content)));
    }
    if (evaluation.diagnostics().size() > errors_before) return std::nullopt;
    for (auto& [type, list] : blocks) members.emplace(type, Value::list(std::move(list)));
    Value result = Value::object(std::move(members));
    if (result.depth() > Value::depth_max) {
        evaluation.report(body.end, "blocks and values are nested too deeply");
        return std::nullopt;
    }
    return result;
}

Outcome<Value> to_value(const File& file, const EvaluationInputs& inputs) {
    Evaluation evaluation{file.source, inputs, UnknownNames::verbatim};
    std::optional<Value> value = to_value(file.body, Scope{}, evaluation);
    if (!value) return tl::unexpected{evaluation.diagnostics()};
    return std::move(*value);
}

}  // namespace drover::hcl
