// `dynamic` blocks: one block of text that stands for as many blocks as its collection has
// elements.
#include "engine/jobspec/hcl/hcl.hpp"

namespace drover::hcl {
namespace {

constexpr std::size_t block_count_max = 20'000;  // of one body, after expansion
constexpr std::size_t block_cost = 512;          // in units of the evaluation's budget

class Expansion {
public:
    Expansion(const Scope& scope, Evaluation& evaluation, std::vector<ScopedBlock>& blocks)
        : scope_{scope}, evaluation_{evaluation}, blocks_{blocks} {}

    void run(const Block& dynamic) {
        if (dynamic.labels.size() != 1) {
            return evaluation_.report(
                dynamic.type_range, "dynamic needs one label",
                "the type of the block it stands for: dynamic \"port\" { ... }");
        }
        if (!check_shape(dynamic)) return;
        const auto collection =
            evaluation_.evaluate(*dynamic.body.attribute("for_each")->value, scope_);
        if (!collection) return;
        if (collection->is_list()) {
            std::int64_t index = 0;
            for (const Value& item : collection->as_list()) {
                if (!add(dynamic, Value::number(index++), item)) return;
            }
        } else if (collection->is_object()) {
            for (const auto& [key, value] : collection->as_object()) {
                if (!add(dynamic, Value::string(key), value)) return;
            }
        } else {
            evaluation_.report(
                dynamic.body.attribute("for_each")->value->range,
                "for_each must be a list or an object, not " + std::string{describe(*collection)});
        }
    }

private:
    bool check_shape(const Block& dynamic) {
        for (const Attribute& attribute : dynamic.body.attributes) {
            const std::string& name = attribute.name;
            if (name == "for_each" || name == "iterator" || name == "labels") continue;
            evaluation_.report(attribute.name_range,
                               "attribute \"" + name + "\" is not known in dynamic",
                               "for_each, iterator and labels are; the rest belongs into content");
            return false;
        }
        const bool one_content =
            dynamic.body.blocks.size() == 1 && dynamic.body.blocks[0].type == "content";
        if (dynamic.body.attribute("for_each") != nullptr && one_content) return true;
        evaluation_.report(dynamic.type_range, "dynamic needs for_each and one content block");
        return false;
    }

    std::optional<std::string> iterator_name(const Block& dynamic) {
        const Attribute* iterator = dynamic.body.attribute("iterator");
        if (iterator == nullptr) return dynamic.labels[0].text;
        const auto* name = std::get_if<Traversal>(&iterator->value->node);
        if (name != nullptr && name->steps.empty()) return name->root;
        evaluation_.report(iterator->value->range, "iterator must be a bare name");
        return std::nullopt;
    }

    bool add(const Block& dynamic, Value key, const Value& value) {
        if (blocks_.size() >= block_count_max) {
            evaluation_.report(dynamic.type_range, "more than 20000 blocks");
            return false;
        }
        if (!evaluation_.spend(dynamic.type_range, block_cost)) return false;
        const std::optional<std::string> name = iterator_name(dynamic);
        if (!name) return false;
        const Scope& scope = evaluation_.keep(
            Scope{&scope_, {{*name, Value::object({{"key", std::move(key)}, {"value", value}})}}});
        ScopedBlock block{dynamic.labels[0].text,
                          dynamic.labels[0].range,
                          {},
                          &dynamic.body.blocks[0].body,
                          &scope};
        if (!add_labels(dynamic, block)) return false;
        blocks_.push_back(std::move(block));
        return true;
    }

    bool add_labels(const Block& dynamic, ScopedBlock& block) {
        const Attribute* labels = dynamic.body.attribute("labels");
        if (labels == nullptr) return true;
        const auto list = evaluation_.evaluate(*labels->value, *block.scope);
        if (!list) return false;
        for (const Value& label : list->is_list() ? list->as_list() : List{Value{}}) {
            std::optional<std::string> text = to_string(label);
            if (!text) {
                evaluation_.report(labels->value->range, "labels must be a list of strings");
                return false;
            }
            block.labels.push_back(Label{std::move(*text), labels->value->range});
        }
        return true;
    }

    const Scope& scope_;
    Evaluation& evaluation_;
    std::vector<ScopedBlock>& blocks_;
};

struct Collector {
    std::vector<const Traversal*>& found;

    void all(const ExpressionPtr& one) {
        if (one) std::visit(*this, one->node);
    }
    void all(const std::vector<ExpressionPtr>& many) {
        for (const ExpressionPtr& one : many) all(one);
    }
    template <class... Rest>
    void all(const ExpressionPtr& first, const Rest&... rest) {
        all(first);
        (all(rest), ...);
    }

    void operator()(const Literal&) {}
    void operator()(const SplatElement&) {}
    void operator()(const Traversal& node) { found.push_back(&node); }
    void operator()(const IndexStep& node) { all(node.from, node.key); }
    void operator()(const Splat& node) { all(node.from, node.each); }
    void operator()(const TupleConstructor& node) { all(node.items); }
    void operator()(const ObjectConstructor& node) {
        for (const ObjectConstructor::Item& item : node.items) all(item.key, item.value);
    }
    void operator()(const ForExpression& node) {
        all(node.collection, node.key, node.value, node.condition);
    }
    void operator()(const Call& node) { all(node.arguments); }
    void operator()(const Unary& node) { all(node.operand); }
    void operator()(const Binary& node) { all(node.left, node.right); }
    void operator()(const Conditional& node) {
        all(node.condition, node.when_true, node.when_false);
    }
    void operator()(const Template& node) { all(node.parts); }
    void operator()(const TemplateIf& node) {
        all(node.condition, node.when_true, node.when_false);
    }
    void operator()(const TemplateFor& node) { all(node.collection, node.content); }
};

}  // namespace

std::vector<ScopedBlock> blocks_of(const Body& body, const Scope& scope, Evaluation& evaluation) {
    std::vector<ScopedBlock> blocks;
    for (const Block& block : body.blocks) {
        if (block.type == "dynamic") {
            Expansion{scope, evaluation, blocks}.run(block);
        } else {
            blocks.push_back({block.type, block.type_range, block.labels, &block.body, &scope});
        }
    }
    return blocks;
}

std::vector<const Traversal*> references_of(const Expression& expression) {
    std::vector<const Traversal*> found;
    std::visit(Collector{found}, expression.node);
    return found;
}

}  // namespace drover::hcl
