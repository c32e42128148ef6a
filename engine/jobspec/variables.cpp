// Declarations and values of variables. Locals are in locals.cpp.
#include "engine/jobspec/variables.hpp"

#include <algorithm>

namespace drover::jobspec {
namespace {

// The type of a variable in the `variables` shorthand is that of its default.
hcl::Type type_of(const hcl::Value& value) {
    using Kind = hcl::Type::Kind;
    switch (value.kind()) {
        case hcl::Value::Kind::null:
            return {};
        case hcl::Value::Kind::boolean:
            return {Kind::boolean, {}, {}, {}};
        case hcl::Value::Kind::number:
            return {Kind::number, {}, {}, {}};
        case hcl::Value::Kind::string:
            return {Kind::string, {}, {}, {}};
        case hcl::Value::Kind::list:
            return {Kind::list, {hcl::Type{}}, {}, {}};
        case hcl::Value::Kind::object:
            return {Kind::map, {hcl::Type{}}, {}, {}};
    }
    return {};
}

// Text for these is taken as it stands; for all other types it is an expression.
bool is_plain_text(const std::optional<hcl::Type>& type) {
    using Kind = hcl::Type::Kind;
    return !type || type->kind == Kind::any || type->kind == Kind::string ||
           type->kind == Kind::number;
}

bool is_json(const std::string& name) { return name.ends_with(".json"); }

}  // namespace

hcl::Scope Variables::resolve() {
    declare_all();
    apply_environment();
    for (const Source& source : given_.files) apply_file(source, given_.strict);
    for (const auto& [name, text] : given_.flags) apply_flag(name, text);
    if (!given_.api_text.empty()) {
        apply_file(Source{"Variables", given_.api_text}, given_.strict);
    }
    hcl::Object values;
    for (const auto& [name, variable] : variables_) {
        if (variable.value) {
            values.emplace(name, *variable.value);
        } else {
            evaluation_.report(
                variable.range, "variable \"" + name + "\" has no value",
                "give it a default, -var " + name + "=..., a -var-file, or NOMAD_VAR_" + name);
        }
    }
    hcl::Scope scope;
    scope.names.emplace("var", hcl::Value::object(std::move(values)));
    for (const auto& [name, variable] : variables_) check(variable, scope);
    hcl::Object locals = evaluate_locals(scope);
    scope.names.emplace("local", hcl::Value::object(std::move(locals)));
    return scope;
}

void Variables::declare_all() {
    for (const hcl::Block& block : file_.body.blocks) {
        if (block.type == "variable") declare(block);
        if (block.type != "variables") continue;
        for (const hcl::Attribute& attribute : block.body.attributes) declare_shorthand(attribute);
    }
}

bool Variables::add(Variable variable) {
    const std::string name = variable.name;
    const hcl::Range range = variable.range;
    const auto [place, is_new] = variables_.emplace(name, std::move(variable));
    if (!is_new) {
        evaluation_.report(
            range, "variable \"" + name + "\" is declared twice",
            "it was first declared on line " + std::to_string(place->second.range.start.line));
    }
    return is_new;
}

void Variables::declare_shorthand(const hcl::Attribute& attribute) {
    std::optional<hcl::Value> value = evaluation_.evaluate(*attribute.value, {});
    const hcl::Type type = value ? type_of(*value) : hcl::Type{};
    add(Variable{attribute.name, attribute.name_range, type, std::move(value), {}});
}

void Variables::declare(const hcl::Block& block) {
    if (block.labels.size() != 1) {
        return evaluation_.report(block.type_range, "variable needs its name as one label",
                                  "variable \"image\" { ... }");
    }
    Variable variable{block.labels[0].text, block.labels[0].range, {}, {}, {}};
    for (const hcl::Attribute& attribute : block.body.attributes) {
        const std::string& name = attribute.name;
        if (name == "type") {
            auto type = hcl::type_from(*attribute.value);
            if (type) variable.type = std::move(*type);
            if (!type) evaluation_.report(attribute.value->range, "type: " + type.error());
        } else if (name != "default" && name != "description" && name != "sensitive" &&
                   name != "nullable") {
            evaluation_.report(attribute.name_range,
                               "attribute \"" + name + "\" is not known in variable",
                               "type, default, description and validation blocks are");
        }
    }
    for (const hcl::Block& inner : block.body.blocks) {
        if (inner.type == "validation") {
            variable.validations.push_back(&inner.body);
        } else {
            evaluation_.report(inner.type_range,
                               "block \"" + inner.type + "\" is not known in variable");
        }
    }
    const hcl::Attribute* attribute = block.body.attribute("default");
    if (!add(std::move(variable)) || attribute == nullptr) return;
    const std::optional<hcl::Value> value = evaluation_.evaluate(*attribute->value, {});
    if (!value) return;
    apply(variables_.at(block.labels[0].text), *value, *file_.source, attribute->value->range);
}

void Variables::apply(Variable& variable, const hcl::Value& value, const Source& source,
                      const hcl::Range& range) {
    auto converted = hcl::convert(value, variable.type.value_or(hcl::Type{}));
    if (converted) {
        variable.value = std::move(*converted);
        return;
    }
    diagnostics_.push_back(
        hcl::diagnose(source, range, "variable \"" + variable.name + "\": " + converted.error()));
    variable.value = hcl::Value{};  // it has a value, though a wrong one: one error is enough
}

void Variables::apply_text(Variable& variable, const Source& source) {
    if (is_plain_text(variable.type)) {
        return apply(variable, hcl::Value::string(source.text), source, {});
    }
    const auto expression = hcl::parse_expression(source.text, source.name);
    const auto value =
        expression ? hcl::evaluate(*expression, {}, inputs_) : tl::unexpected{expression.error()};
    if (value) return apply(variable, *value, source, expression->expression->range);
    diagnostics_.insert(diagnostics_.end(), value.error().begin(), value.error().end());
    variable.value = hcl::Value{};
}

void Variables::apply_environment() {
    for (const auto& [name, text] : given_.env) {
        const auto found = variables_.find(name);
        if (found != variables_.end()) {
            apply_text(found->second, Source{"NOMAD_VAR_" + name, text});
        }
    }
}

void Variables::apply_flag(const std::string& name, const std::string& text) {
    const Source source{"-var " + name, text};
    const auto found = variables_.find(name);
    if (found == variables_.end()) return undeclared(name, source, {}, true);
    apply_text(found->second, source);
}

void Variables::undeclared(const std::string& name, const Source& source, const hcl::Range& range,
                           bool is_error) {
    std::vector<std::string> known;
    for (const auto& [one, variable] : variables_) known.push_back(one);
    const std::optional<std::string> guess = hcl::closest(name, known);
    hcl::Diagnostic diagnostic = hcl::diagnose(
        source, range, "variable \"" + name + "\" is not declared in the job file",
        guess ? "did you mean \"" + *guess + "\"?" : "add variable \"" + name + "\" {}");
    if (!is_error) return warnings_.push_back(hcl::to_text(diagnostic));
    diagnostics_.push_back(std::move(diagnostic));
}

void Variables::apply_file(const Source& source, bool undeclared_is_error) {
    if (is_json(source.name)) {
        const auto json = hcl::parse_json(source.text, source.name);
        if (json && json->is_object()) {
            for (const auto& [name, value] : json->as_object()) {
                const auto found = variables_.find(name);
                if (found != variables_.end()) apply(found->second, value, source, {});
                if (found == variables_.end()) undeclared(name, source, {}, undeclared_is_error);
            }
        } else if (json) {
            diagnostics_.push_back(hcl::diagnose(source, {}, "an object of variables is needed"));
        } else {
            diagnostics_.insert(diagnostics_.end(), json.error().begin(), json.error().end());
        }
        return;
    }
    const auto file = hcl::parse(source.text, source.name);
    if (!file) {
        diagnostics_.insert(diagnostics_.end(), file.error().begin(), file.error().end());
        return;
    }
    hcl::Evaluation evaluation{file->source, inputs_, hcl::UnknownNames::error};
    for (const hcl::Block& block : file->body.blocks) {
        evaluation.report(block.type_range, "a file of variables holds no blocks",
                          "write each variable as name = value");
    }
    for (const hcl::Attribute& attribute : file->body.attributes) {
        const auto found = variables_.find(attribute.name);
        if (found == variables_.end()) {
            undeclared(attribute.name, source, attribute.name_range, undeclared_is_error);
            continue;
        }
        const auto value = evaluation.evaluate(*attribute.value, {});
        if (value) apply(found->second, *value, source, attribute.value->range);
    }
    diagnostics_.insert(diagnostics_.end(), evaluation.diagnostics().begin(),
                        evaluation.diagnostics().end());
}

void Variables::check(const Variable& variable, const hcl::Scope& scope) {
    if (!variable.value) return;
    for (const hcl::Body* validation : variable.validations) {
        check_one(variable, *validation, scope);
    }
}

void Variables::check_one(const Variable& variable, const hcl::Body& validation,
                          const hcl::Scope& scope) {
    const hcl::Attribute* condition = validation.attribute("condition");
    const hcl::Attribute* message = validation.attribute("error_message");
    if (condition == nullptr || message == nullptr) {
        return evaluation_.report(validation.end, "validation needs condition and error_message");
    }
    const auto text = evaluation_.evaluate(*message->value, scope);
    if (!text) return;
    const std::optional<std::string> sentence = hcl::to_string(*text);
    const bool is_sentence = sentence && sentence->size() > 1 &&
                             std::string_view{".?!"}.find(sentence->back()) != std::string::npos;
    if (!is_sentence) {
        return evaluation_.report(message->value->range,
                                  "error_message must be a full sentence, ended by . ? or !");
    }
    const auto result = evaluation_.evaluate(*condition->value, scope);
    if (!result) return;
    const std::optional<bool> holds = hcl::to_boolean(*result);
    if (!holds) {
        evaluation_.report(condition->value->range, "condition must be true or false");
    } else if (!*holds) {
        evaluation_.report(variable.range,
                           "invalid value for variable \"" + variable.name + "\": " + *sentence);
    }
}

}  // namespace drover::jobspec
