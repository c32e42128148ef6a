// The front door of the HCL2 room: text -> File (syntax only), expression -> Value (evaluation),
// body
// -> Value (generic decoding). Pure: whatever only a host can know arrives in EvaluationInputs.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"
#include "engine/jobspec/hcl/ast.hpp"
#include "engine/jobspec/hcl/diagnostic.hpp"
#include "engine/jobspec/hcl/value.hpp"

namespace drover::hcl {

// `hcl2` is the language of job files. `config` is that of agent configuration and policies: keys
// may be quoted, and `${...}` in strings is plain text.
enum class Dialect : std::uint8_t { hcl2, config };

struct ParseLimits {
    std::size_t source_size_max = std::size_t{4} << 20;
    std::uint32_t block_depth_max = 64;
    std::uint32_t expression_depth_max = 200;
};

// Syntax only. The File owns the source, so diagnostics can quote it for as long as it lives.
[[nodiscard]] Outcome<File> parse(std::string_view text, std::string filename,
                                  Dialect dialect = Dialect::hcl2, const ParseLimits& limits = {});

// A single expression, as in `-var 'ports=[80, 443]'`.
[[nodiscard]] Outcome<ExpressionFile> parse_expression(std::string_view text, std::string filename,
                                                       const ParseLimits& limits = {});

// What the host knows and the engine must not look up.
struct EvaluationInputs {
    // Contents by path as written in the text; an absent content says that there is no such file.
    std::map<std::string, std::optional<std::string>> files{};
    // Results of fileset(path, pattern).
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> file_sets{};
    // Not empty: file functions are refused with this reason.
    std::string files_disabled{};
    std::string working_directory{};  // for abspath()
    std::string home_directory{};     // for pathexpand()
    std::optional<WallTime> now{};    // for timestamp()
    std::optional<Prng> prng{};       // for uuidv4()
};

// Names visible to an expression, innermost first.
struct Scope {
    const Scope* parent = nullptr;
    std::map<std::string, Value, std::less<>> names{};

    [[nodiscard]] const Value* find(std::string_view name) const;
};

// What a reference to an unknown name means: an error, or text that is interpolated later, on the
// node that runs the task (`${attr.kernel.name}` stays `${attr.kernel.name}`).
enum class UnknownNames : std::uint8_t { error, verbatim };

// One evaluation of expressions of one source. Holds what all of them share: the inputs, the budget
// that bounds the work, and the diagnostics found so far.
class Evaluation {
public:
    Evaluation(std::shared_ptr<const SourceText> source, const EvaluationInputs& inputs,
               UnknownNames unknown_names);

    // None when it failed; the reason has then been added to diagnostics().
    [[nodiscard]] std::optional<Value> evaluate(const Expression& expression, const Scope& scope);

    // Accounts for work or memory; false, with a report, once the budget is spent.
    bool spend(const Range& range, std::size_t amount);

    // Keeps a scope alive for as long as the evaluation, so that others can name it as their
    // parent.
    const Scope& keep(Scope scope);

    // Beyond a hundred, further reports are dropped: nobody reads them.
    void report(const Range& range, std::string summary, std::string detail = {},
                std::optional<HostNeed> need = std::nullopt);
    void warn(const Range& range, std::string summary, std::string detail = {});

    [[nodiscard]] const Diagnostics& diagnostics() const { return diagnostics_; }
    [[nodiscard]] const Diagnostics& warnings() const { return warnings_; }
    [[nodiscard]] const SourceText& source() const { return *source_; }

private:
    friend class Evaluator;

    std::shared_ptr<const SourceText> source_;
    const EvaluationInputs* inputs_;
    UnknownNames unknown_names_;
    Diagnostics diagnostics_{};
    Diagnostics warnings_{};
    std::optional<Prng> prng_{};
    std::deque<Scope> scopes_{};
    std::size_t budget_ = std::size_t{48} << 20;  // weight of everything that may still be made
};

// Evaluates one expression for itself.
[[nodiscard]] Outcome<Value> evaluate(const ExpressionFile& file, const Scope& scope = {},
                                      const EvaluationInputs& inputs = {},
                                      UnknownNames unknown_names = UnknownNames::error);

// A block as it counts: written as such, or one of those that a `dynamic` block stands for.
struct ScopedBlock {
    std::string type;
    Range type_range;
    std::vector<Label> labels;
    const Body* body = nullptr;
    const Scope* scope = nullptr;
};

// The blocks of a body in order, with `dynamic "type" { for_each, iterator, labels, content {} }`
// replaced by what it stands for. Failures are reported, and what failed is left out.
[[nodiscard]] std::vector<ScopedBlock> blocks_of(const Body& body, const Scope& scope,
                                                 Evaluation& evaluation);

// Every name that an expression refers to, those bound by its own `for` expressions included.
[[nodiscard]] std::vector<const Traversal*> references_of(const Expression& expression);

// Generic decoding of a whole body:
//   attribute         -> its value
//   block             -> one element of a list under its type: `a {}` twice is {"a": [{}, {}]}
//   labels            -> nested: `a "x" {}` is {"a": [{"x": [{}]}]}
// Use as_one_object() on what should have been a single block.
[[nodiscard]] std::optional<Value> to_value(const Body& body, const Scope& scope,
                                            Evaluation& evaluation);
[[nodiscard]] Outcome<Value> to_value(const File& file, const EvaluationInputs& inputs = {});

// JSON text as a Value, with the same errors and limits as HCL text. Duplicate members: last wins.
[[nodiscard]] Outcome<Value> parse_json(std::string_view text, std::string filename);
[[nodiscard]] std::string to_json(const Value& value);

}  // namespace drover::hcl
