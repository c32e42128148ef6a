// Locals may refer to each other in any order, but not in a circle. The order is found with an
// explicit stack: a chain of ten thousand locals must not become ten thousand calls.
#include <algorithm>
#include <set>

#include "engine/jobspec/variables.hpp"

namespace drover::jobspec {

Variables::Locals Variables::collect_locals() {
    Locals locals;
    for (const hcl::Block& block : file_.body.blocks) {
        if (block.type != "locals") continue;
        for (const hcl::Block& inner : block.body.blocks) {
            evaluation_.report(inner.type_range, "locals holds no blocks",
                               "write " + inner.type + " = { ... }");
        }
        for (const hcl::Attribute& attribute : block.body.attributes) {
            const auto [place, is_new] = locals.emplace(attribute.name, &attribute);
            if (is_new) continue;
            evaluation_.report(attribute.name_range,
                               "local \"" + attribute.name + "\" is declared twice",
                               "it was first declared on line " +
                                   std::to_string(place->second->name_range.start.line));
        }
    }
    return locals;
}

std::vector<std::string> Variables::locals_used(const hcl::Expression& expression,
                                                const Locals& locals) {
    std::set<std::string> names;
    for (const hcl::Traversal* reference : hcl::references_of(expression)) {
        if (reference->root != "local" || reference->steps.empty()) continue;
        const std::optional<std::string> name = hcl::to_string(reference->steps[0].key);
        if (name && locals.contains(*name)) names.insert(*name);
    }
    return {names.begin(), names.end()};
}

std::vector<std::string> Variables::order_locals(const Locals& locals) {
    enum class Mark { none, open, done };
    struct Visit {
        std::string name;
        std::vector<std::string> uses;  // those still to be visited
    };
    std::map<std::string, Mark> marks;
    std::vector<std::string> order;
    for (const auto& [start, attribute] : locals) {
        if (marks[start] != Mark::none) continue;
        std::vector<Visit> stack{{start, locals_used(*attribute->value, locals)}};
        marks[start] = Mark::open;
        while (!stack.empty()) {
            Visit& top = stack.back();
            if (top.uses.empty()) {
                marks[top.name] = Mark::done;
                order.push_back(top.name);
                stack.pop_back();
                continue;
            }
            const std::string next = top.uses.back();
            top.uses.pop_back();
            if (marks[next] == Mark::open) {
                std::string circle = next;
                for (auto visit = stack.rbegin(); visit->name != next; ++visit) {
                    circle = visit->name + " -> " + circle;
                }
                evaluation_.report(locals.at(next)->name_range,
                                   "local \"" + next + "\" refers to itself",
                                   next + " -> " + circle);
                return {};
            }
            if (marks[next] == Mark::done) continue;
            marks[next] = Mark::open;
            stack.push_back({next, locals_used(*locals.at(next)->value, locals)});
        }
    }
    return order;
}

hcl::Object Variables::evaluate_locals(const hcl::Scope& scope) {
    const Locals locals = collect_locals();
    hcl::Object values;
    for (const std::string& name : order_locals(locals)) {
        const hcl::Expression& expression = *locals.at(name)->value;
        hcl::Object visible;  // only what it uses: copying all for each would be quadratic
        for (const std::string& used : locals_used(expression, locals)) {
            const auto value = values.find(used);
            if (value != values.end()) visible.emplace(*value);
        }
        const hcl::Scope inner{&scope, {{"local", hcl::Value::object(std::move(visible))}}};
        std::optional<hcl::Value> value = evaluation_.evaluate(expression, inner);
        if (!value) break;  // the errors of those that use it would only repeat its own
        values.emplace(name, std::move(*value));
    }
    return values;
}

}  // namespace drover::jobspec
