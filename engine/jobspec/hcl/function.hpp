// The functions of the language, behind one table. A function sees its arguments, already
// evaluated, and the host's inputs; it has no other way to learn anything.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/jobspec/hcl/hcl.hpp"

namespace drover::hcl {

// The arguments of one call, read by kind. The first mismatch is remembered and ends the call with
// an error, whatever the function returns; until then readers yield harmless defaults.
class Arguments {
public:
    Arguments(std::span<const Value> values, const EvaluationInputs& inputs,
              std::optional<Prng>& prng)
        : values_{values}, inputs_{inputs}, prng_{prng} {}

    [[nodiscard]] std::size_t size() const { return values_.size(); }
    const Value& operator[](std::size_t i) const { return values_[i]; }
    [[nodiscard]] std::span<const Value> from(std::size_t i) const { return values_.subspan(i); }

    std::string text(std::size_t i);
    Number number(std::size_t i);
    std::int64_t integer(std::size_t i);
    bool boolean(std::size_t i);
    const List& list(std::size_t i);
    const Object& object(std::size_t i);

    // Ends the call. Returns null, so that a function can `return arguments.fail(...)`.
    Value fail(std::size_t i, std::string message);
    Value fail(std::string message);
    Value need(HostNeed what);
    [[nodiscard]] bool failed() const { return error_.has_value(); }

    struct Failure {
        std::string message;
        std::optional<std::size_t> argument;
        std::optional<HostNeed> need;
    };
    [[nodiscard]] const Failure& failure() const { return *error_; }
    [[nodiscard]] const EvaluationInputs& inputs() const { return inputs_; }
    [[nodiscard]] std::optional<Prng>& prng() { return prng_; }

private:
    std::span<const Value> values_;
    const EvaluationInputs& inputs_;
    std::optional<Prng>& prng_;
    std::optional<Failure> error_{};
};

struct Function {
    static constexpr std::size_t any_count = static_cast<std::size_t>(-1);

    std::string_view name;
    std::size_t count_min;
    std::size_t count_max;
    Value (*body)(Arguments&);
    bool takes_null = false;  // otherwise a null argument is an error
};

// None if there is no function of that name.
[[nodiscard]] const Function* find_function(std::string_view name);
[[nodiscard]] std::vector<std::string> function_names();

// The groups that the table is made of; each is defined in a file of its own.
std::span<const Function> collection_functions();
std::span<const Function> set_functions();
std::span<const Function> string_functions();
std::span<const Function> format_functions();
std::span<const Function> numeric_functions();
std::span<const Function> encoding_functions();
std::span<const Function> hash_functions();
std::span<const Function> time_functions();
std::span<const Function> network_functions();
std::span<const Function> file_functions();

}  // namespace drover::hcl
