#include "agent/config_block.hpp"

#include <algorithm>

#include "drivers/config.hpp"
#include "engine/jobspec/hcl/diagnostic.hpp"

namespace drover::agent {
namespace {

// Where the key stands in the file; none where it cannot be found (a label, a merged block).
std::optional<hcl::Range> locate(const hcl::Body& body, const std::vector<std::string>& path,
                                 std::size_t depth, std::string_view key) {
    if (depth == path.size()) {
        if (const auto* attribute = body.attribute(key)) return attribute->name_range;
        for (const auto& block : body.blocks) {
            if (block.type == key) return block.type_range;
        }
        return std::nullopt;
    }
    for (const auto& block : body.blocks) {
        if (block.type != path[depth]) continue;
        std::size_t below = depth + 1;
        for (const auto& label : block.labels) {
            if (below < path.size() && path[below] == label.text) ++below;
        }
        if (const auto found = locate(block.body, path, below, key)) return found;
    }
    return std::nullopt;
}

}  // namespace

ConfigBlock::ConfigBlock(const ConfigSource& source, std::vector<std::string> path,
                         hcl::Object values)
    : source_{&source}, path_{std::move(path)}, values_{std::move(values)} {}

std::string ConfigBlock::path_of(std::string_view key) const {
    std::string text;
    for (const auto& step : path_) text += step + ".";
    return text + std::string{key};
}

void ConfigBlock::refuse(std::string_view key, const std::string& message) const {
    const std::string summary = path_of(key) + ": " + message;
    if (source_->file != nullptr) {
        if (const auto range = locate(source_->file->body, path_, 0, key)) {
            throw ConfigError{hcl::to_text(hcl::diagnose(*source_->file->source, *range, summary))};
        }
    }
    throw ConfigError{source_->name + ": " + summary};
}

const hcl::Value* ConfigBlock::take(std::string_view key) {
    known_.insert(std::string{key});
    const auto found = values_.find(key);
    return found == values_.end() || found->second.is_null() ? nullptr : &found->second;
}

void ConfigBlock::read(std::string_view key, std::string& target) {
    const hcl::Value* const value = take(key);
    if (value == nullptr) return;
    const auto text = hcl::to_string(*value);
    if (!text) refuse(key, "must be a string, not " + std::string{hcl::describe(*value)});
    target = *text;
}

void ConfigBlock::read(std::string_view key, bool& target) {
    const hcl::Value* const value = take(key);
    if (value == nullptr) return;
    const auto truth = hcl::to_boolean(*value);
    if (!truth) refuse(key, "must be true or false");
    target = *truth;
}

void ConfigBlock::read(std::string_view key, Duration& target) {
    std::string text;
    read(key, text);
    if (text.empty()) return;
    const auto duration = drivers::parse_duration(text);
    if (!duration || duration->count() < 0)
        refuse(key, "\"" + text + "\" is no duration; write one such as 30s or 5m");
    target = *duration;
}

void ConfigBlock::read(std::string_view key, double& target) {
    const hcl::Value* const value = take(key);
    if (value == nullptr) return;
    const auto parsed = hcl::to_number(*value);
    if (!parsed) refuse(key, "must be a number");
    target = parsed->as_double();
}

void ConfigBlock::read(std::string_view key, std::vector<std::string>& target) {
    const hcl::Value* const value = take(key);
    if (value == nullptr) return;
    const hcl::List items = value->is_list() ? value->as_list() : hcl::List{*value};
    for (const auto& item : items) {
        const auto text = hcl::to_string(item);
        if (!text) refuse(key, "must be a list of strings");
        target.push_back(*text);
    }
}

void ConfigBlock::read(std::string_view key, std::map<std::string, std::string>& target) {
    const hcl::Value* const value = take(key);
    if (value == nullptr) return;
    const auto object = hcl::as_one_object(*value);
    if (!object) refuse(key, "must be a block of keys and values");
    for (const auto& [name, member] : *object) {
        const auto text = hcl::to_string(member);
        if (!text) refuse(key, "\"" + name + "\" must be a string, a number or a truth");
        target[name] = *text;
    }
}

std::optional<std::int64_t> ConfigBlock::number(std::string_view key, std::int64_t low,
                                                std::int64_t high) {
    const hcl::Value* const value = take(key);
    if (value == nullptr) return std::nullopt;
    const auto parsed = hcl::to_number(*value);
    const auto whole = parsed ? parsed->as_int64() : std::nullopt;
    if (!whole) refuse(key, "must be a whole number");
    if (*whole < low || *whole > high) {
        refuse(key, std::to_string(*whole) + " is not between " + std::to_string(low) + " and " +
                        std::to_string(high));
    }
    return whole;
}

std::optional<ConfigBlock> ConfigBlock::block(std::string_view key) {
    const hcl::Value* const value = take(key);
    if (value == nullptr) return std::nullopt;
    auto object = hcl::as_one_object(*value);
    if (!object) refuse(key, "must be a block");
    auto path = path_;
    path.emplace_back(key);
    return ConfigBlock{*source_, std::move(path), std::move(*object)};
}

std::vector<std::pair<std::string, ConfigBlock>> ConfigBlock::labelled(std::string_view key) {
    std::vector<std::pair<std::string, ConfigBlock>> blocks;
    const hcl::Value* const value = take(key);
    if (value == nullptr) return blocks;
    const hcl::List items = value->is_list() ? value->as_list() : hcl::List{*value};
    for (const auto& item : items) {
        if (!item.is_object()) refuse(key, "must be a block with a label");
        for (const auto& [label, body] : item.as_object()) {
            auto object = hcl::as_one_object(body);
            if (!object) refuse(key, "must be a block with a label");
            auto path = path_;
            path.emplace_back(key);
            path.push_back(label);
            blocks.emplace_back(label, ConfigBlock{*source_, std::move(path), std::move(*object)});
        }
    }
    return blocks;
}

void ConfigBlock::accept(const std::vector<std::string_view>& keys, std::vector<std::string>& set) {
    for (const auto key : keys) {
        if (take(key) != nullptr) set.push_back(path_of(key));
    }
}

void ConfigBlock::finish() const {
    if (everything_) return;
    for (const auto& [key, value] : values_) {
        if (known_.contains(key)) continue;
        const std::vector<std::string> candidates{known_.begin(), known_.end()};
        const auto near = hcl::closest(key, candidates);
        refuse(key, near ? "unexpected key; did you mean \"" + *near + "\"?"
                         : "unexpected key; remove it");
    }
}

}  // namespace drover::agent
