// `variable` and `locals` blocks: what is declared, where values come from, and in which order
// locals are worked out. Yields the scope in which the job block is read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/jobspec/hcl/hcl.hpp"
#include "engine/jobspec/hcl/type.hpp"
#include "engine/jobspec/jobspec.hpp"

namespace drover::jobspec {

// What a variable block says, and the value that the strongest source gave it.
struct Variable {
    std::string name;
    hcl::Range range;
    std::optional<hcl::Type> type;
    std::optional<hcl::Value> value;
    std::vector<const hcl::Body*> validations;
};

class Variables {
public:
    Variables(const hcl::File& file, const VariableInputs& given, const FileInputs& inputs,
              hcl::Evaluation& evaluation)
        : file_{file}, given_{given}, inputs_{inputs}, evaluation_{evaluation} {}

    // The names `var` and `local`; what failed has been reported.
    hcl::Scope resolve();

    // Errors in other texts than the job file, which the evaluation cannot quote.
    [[nodiscard]] const Diagnostics& diagnostics() const { return diagnostics_; }
    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

private:
    void declare_all();
    void declare(const hcl::Block& block);
    void declare_shorthand(const hcl::Attribute& attribute);
    bool add(Variable variable);
    void apply_environment();
    void apply_file(const Source& source, bool undeclared_is_error);
    void apply_flag(const std::string& name, const std::string& text);
    void apply_text(Variable& variable, const Source& source);
    void apply(Variable& variable, const hcl::Value& value, const Source& source,
               const hcl::Range& range);
    void undeclared(const std::string& name, const Source& source, const hcl::Range& range,
                    bool is_error);
    void check(const Variable& variable, const hcl::Scope& scope);
    void check_one(const Variable& variable, const hcl::Body& validation, const hcl::Scope& scope);

    using Locals = std::map<std::string, const hcl::Attribute*>;
    Locals collect_locals();
    // Names in an order in which each comes after all that it refers to; cycles are reported.
    std::vector<std::string> order_locals(const Locals& locals);
    std::vector<std::string> locals_used(const hcl::Expression& expression, const Locals& locals);
    hcl::Object evaluate_locals(const hcl::Scope& scope);

    const hcl::File& file_;
    const VariableInputs& given_;
    const FileInputs& inputs_;
    hcl::Evaluation& evaluation_;
    std::map<std::string, Variable> variables_{};
    Diagnostics diagnostics_{};
    std::vector<std::string> warnings_{};
};

}  // namespace drover::jobspec
