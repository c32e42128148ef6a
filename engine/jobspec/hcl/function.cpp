// The table of functions, and how they read their arguments.
#include "engine/jobspec/hcl/function.hpp"

#include <algorithm>

namespace drover::hcl {
namespace {

std::vector<const Function*> make_table() {
    std::vector<const Function*> table;
    for (const auto group :
         {collection_functions(), set_functions(), string_functions(), format_functions(),
          numeric_functions(), encoding_functions(), hash_functions(), time_functions(),
          network_functions(), file_functions()}) {
        for (const Function& function : group) table.push_back(&function);
    }
    std::sort(table.begin(), table.end(),
              [](const Function* left, const Function* right) { return left->name < right->name; });
    return table;
}

const std::vector<const Function*>& table() {
    static const std::vector<const Function*> built = make_table();
    return built;
}

}  // namespace

const Function* find_function(std::string_view name) {
    const auto found = std::lower_bound(
        table().begin(), table().end(), name,
        [](const Function* function, std::string_view wanted) { return function->name < wanted; });
    return found != table().end() && (*found)->name == name ? *found : nullptr;
}

std::vector<std::string> function_names() {
    std::vector<std::string> names{"can", "convert", "try"};
    for (const Function* function : table()) names.emplace_back(function->name);
    return names;
}

Value Arguments::fail(std::size_t i, std::string message) {
    if (!error_) error_ = Failure{std::move(message), i, std::nullopt};
    return Value{};
}

Value Arguments::fail(std::string message) {
    if (!error_) error_ = Failure{std::move(message), std::nullopt, std::nullopt};
    return Value{};
}

Value Arguments::need(HostNeed what) {
    std::string message = "\"" + what.path + "\" has not been read by the host";
    if (!error_) error_ = Failure{std::move(message), std::size_t{0}, std::move(what)};
    return Value{};
}

std::string Arguments::text(std::size_t i) {
    std::optional<std::string> result = to_string(values_[i]);
    if (!result) fail(i, "must be a string, not " + std::string{describe(values_[i])});
    return result ? std::move(*result) : std::string{};
}

Number Arguments::number(std::size_t i) {
    const std::optional<Number> result = to_number(values_[i]);
    if (!result) fail(i, "must be a number, not " + std::string{describe(values_[i])});
    return result.value_or(Number{std::int64_t{0}});
}

std::int64_t Arguments::integer(std::size_t i) {
    const std::optional<std::int64_t> result = number(i).as_int64();
    if (!result) fail(i, "must be a whole number");
    return result.value_or(0);
}

bool Arguments::boolean(std::size_t i) {
    const std::optional<bool> result = to_boolean(values_[i]);
    if (!result) fail(i, "must be true or false, not " + std::string{describe(values_[i])});
    return result.value_or(false);
}

const List& Arguments::list(std::size_t i) {
    static const List empty;
    if (values_[i].is_list()) return values_[i].as_list();
    fail(i, "must be a list, not " + std::string{describe(values_[i])});
    return empty;
}

const Object& Arguments::object(std::size_t i) {
    static const Object empty;
    if (values_[i].is_object()) return values_[i].as_object();
    fail(i, "must be an object, not " + std::string{describe(values_[i])});
    return empty;
}

}  // namespace drover::hcl
