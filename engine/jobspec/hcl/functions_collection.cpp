// Functions over lists and objects, and over sets (which are lists without repetition, in order).
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "engine/jobspec/hcl/function.hpp"

namespace drover::hcl {
namespace {

struct Before {
    bool operator()(const Value& left, const Value& right) const {
        return ordered_before(left, right);
    }
};
using Set = std::set<Value, Before>;

Set set_of(const List& items) { return Set{items.begin(), items.end()}; }
Value list_of(const Set& set) { return Value::list(List{set.begin(), set.end()}); }

Value chunklist(Arguments& arguments) {
    const List& items = arguments.list(0);
    const std::int64_t size = arguments.integer(1);
    if (size < 0) return arguments.fail(1, "must not be negative");
    if (size == 0) return Value::list(items.empty() ? List{} : List{Value::list(items)});
    List chunks;
    for (std::size_t at = 0; at < items.size();) {
        const std::size_t count = std::min(items.size() - at, static_cast<std::size_t>(size));
        const auto first = items.begin() + static_cast<std::ptrdiff_t>(at);
        chunks.push_back(Value::list(List{first, first + static_cast<std::ptrdiff_t>(count)}));
        at += count;
    }
    return Value::list(std::move(chunks));
}

Value coalesce(Arguments& arguments) {
    for (const Value& value : arguments.from(0)) {
        if (!value.is_null()) return value;
    }
    return arguments.fail("all arguments are null");
}

Value coalescelist(Arguments& arguments) {
    for (const Value& value : arguments.from(0)) {
        if (value.is_list() && !value.as_list().empty()) return value;
    }
    return arguments.fail("no argument is a list with elements");
}

Value compact(Arguments& arguments) {
    List kept;
    for (const Value& item : arguments.list(0)) {
        const bool empty = item.is_null() || (item.is_string() && item.as_string().empty());
        if (!empty) kept.push_back(item);
    }
    return Value::list(std::move(kept));
}

Value concat(Arguments& arguments) {
    List joined;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const List& items = arguments.list(i);
        joined.insert(joined.end(), items.begin(), items.end());
    }
    return Value::list(std::move(joined));
}

Value contains(Arguments& arguments) {
    const List& items = arguments.list(0);
    return Value::boolean(std::find(items.begin(), items.end(), arguments[1]) != items.end());
}

Value distinct(Arguments& arguments) {
    Set seen;
    List kept;
    for (const Value& item : arguments.list(0)) {
        if (seen.insert(item).second) kept.push_back(item);
    }
    return Value::list(std::move(kept));
}

// Counts round: element(["a", "b"], 3) is "b".
Value element(Arguments& arguments) {
    const List& items = arguments.list(0);
    const std::int64_t index = arguments.integer(1);
    if (items.empty()) return arguments.fail(0, "must not be empty");
    if (index < 0) return arguments.fail(1, "must not be negative");
    return items[static_cast<std::size_t>(index) % items.size()];
}

void flatten_into(const List& items, List& flat) {  // as deep as values may be
    for (const Value& item : items) {
        if (item.is_list()) {
            flatten_into(item.as_list(), flat);
        } else {
            flat.push_back(item);
        }
    }
}

Value flatten(Arguments& arguments) {
    List flat;
    flatten_into(arguments.list(0), flat);
    return Value::list(std::move(flat));
}

Value index_of(Arguments& arguments) {
    const List& items = arguments.list(0);
    const auto found = std::find(items.begin(), items.end(), arguments[1]);
    if (found == items.end()) return arguments.fail(1, "is not in the list");
    return Value::number(static_cast<std::int64_t>(found - items.begin()));
}

Value keys(Arguments& arguments) {
    List names;
    for (const auto& [name, value] : arguments.object(0)) names.push_back(Value::string(name));
    return Value::list(std::move(names));
}

Value values(Arguments& arguments) {
    List all;
    for (const auto& [name, value] : arguments.object(0)) all.push_back(value);
    return Value::list(std::move(all));
}

Value length(Arguments& arguments) {
    const Value& value = arguments[0];
    if (value.is_list()) return Value::number(static_cast<std::int64_t>(value.as_list().size()));
    if (value.is_object())
        return Value::number(static_cast<std::int64_t>(value.as_object().size()));
    if (!value.is_string()) return arguments.fail(0, "must be a list, an object or a string");
    std::int64_t count = 0;
    for (const char c : value.as_string()) {
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++count;
    }
    return Value::number(count);
}

Value lookup(Arguments& arguments) {
    if (arguments[0].is_null()) return arguments.fail(0, "must not be null");
    arguments.object(0);
    if (const Value* found = arguments[0].get(arguments.text(1))) return *found;
    if (arguments.size() == 3) return arguments[2];
    return arguments.fail(1, "is no key of the object; give a default as third argument");
}

Value merge(Arguments& arguments) {
    Object merged;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i].is_null()) continue;
        for (const auto& [name, value] : arguments.object(i)) merged.insert_or_assign(name, value);
    }
    return Value::object(std::move(merged));
}

Value range(Arguments& arguments) {
    constexpr std::size_t count_max = 1024;
    const bool has_start = arguments.size() > 1;
    const double start = has_start ? arguments.number(0).as_double() : 0;
    const double end = arguments.number(has_start ? 1 : 0).as_double();
    const double step =
        arguments.size() > 2 ? arguments.number(2).as_double() : (end < start ? -1 : 1);
    if (step == 0) return arguments.fail(2, "must not be 0");
    if (step > 0 ? end < start : end > start) {
        return arguments.fail(2, "leads away from the end of the range");
    }
    List numbers;
    for (double at = start; step > 0 ? at < end : at > end;) {
        if (numbers.size() == count_max) return arguments.fail("more than 1024 numbers");
        numbers.push_back(Value::number(Number{at}));
        at = start + static_cast<double>(numbers.size()) * step;
        if (!std::isfinite(at)) break;
    }
    return Value::list(std::move(numbers));
}

Value reverse(Arguments& arguments) {
    const List& items = arguments.list(0);
    return Value::list(List{items.rbegin(), items.rend()});
}

Value slice(Arguments& arguments) {
    const List& items = arguments.list(0);
    const std::int64_t start = arguments.integer(1);
    const std::int64_t end = arguments.integer(2);
    const auto size = static_cast<std::int64_t>(items.size());
    if (start < 0 || start > size) return arguments.fail(1, "is outside the list");
    if (end < start || end > size)
        return arguments.fail(2, "is before the start or outside the list");
    return Value::list(List{items.begin() + start, items.begin() + end});
}

Value sort(Arguments& arguments) {
    std::vector<std::string> texts;
    for (const Value& item : arguments.list(0)) {
        std::optional<std::string> text = to_string(item);
        if (!text) return arguments.fail(0, "must be a list of strings");
        texts.push_back(std::move(*text));
    }
    std::sort(texts.begin(), texts.end());
    List sorted;
    for (std::string& text : texts) sorted.push_back(Value::string(std::move(text)));
    return Value::list(std::move(sorted));
}

Value zipmap(Arguments& arguments) {
    const List& names = arguments.list(0);
    const List& items = arguments.list(1);
    if (names.size() != items.size())
        return arguments.fail(1, "must have as many elements as the first");
    Object members;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::optional<std::string> name = to_string(names[i]);
        if (!name) return arguments.fail(0, "must be a list of strings");
        members.insert_or_assign(*name, items[i]);
    }
    return Value::object(std::move(members));
}

Value setunion(Arguments& arguments) {
    Set all;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const List& items = arguments.list(i);
        all.insert(items.begin(), items.end());
    }
    return list_of(all);
}

Value setintersection(Arguments& arguments) {
    Set common = set_of(arguments.list(0));
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const Set other = set_of(arguments.list(i));
        std::erase_if(common, [&](const Value& item) { return !other.contains(item); });
    }
    return list_of(common);
}

Value setsubtract(Arguments& arguments) {
    Set rest = set_of(arguments.list(0));
    for (const Value& item : arguments.list(1)) rest.erase(item);
    return list_of(rest);
}

Value setproduct(Arguments& arguments) {
    constexpr std::size_t count_max = 100'000;
    std::vector<List> rows{List{}};
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const List& items = arguments.list(i);
        if (!items.empty() && rows.size() > count_max / items.size()) {
            return arguments.fail("more than 100000 combinations");
        }
        std::vector<List> longer;
        for (const List& row : rows) {
            for (const Value& item : items) {
                longer.push_back(row);
                longer.back().push_back(item);
            }
        }
        rows = std::move(longer);
    }
    List product;
    for (List& row : rows) product.push_back(Value::list(std::move(row)));
    return Value::list(std::move(product));
}

constexpr std::size_t any = Function::any_count;
constexpr std::array collection_table{
    Function{"chunklist", 2, 2, chunklist},
    Function{"coalesce", 1, any, coalesce, true},
    Function{"coalescelist", 1, any, coalescelist, true},
    Function{"compact", 1, 1, compact},
    Function{"concat", 1, any, concat},
    Function{"contains", 2, 2, contains, true},
    Function{"distinct", 1, 1, distinct},
    Function{"element", 2, 2, element},
    Function{"flatten", 1, 1, flatten},
    Function{"index", 2, 2, index_of, true},
    Function{"keys", 1, 1, keys},
    Function{"length", 1, 1, length},
    Function{"lookup", 2, 3, lookup, true},
    Function{"merge", 0, any, merge, true},
    Function{"range", 1, 3, range},
    Function{"reverse", 1, 1, reverse},
    Function{"slice", 3, 3, slice},
    Function{"sort", 1, 1, sort},
    Function{"values", 1, 1, values},
    Function{"zipmap", 2, 2, zipmap},
};
constexpr std::array set_table{
    Function{"setintersection", 1, any, setintersection},
    Function{"setproduct", 1, 16, setproduct},
    Function{"setsubtract", 2, 2, setsubtract},
    Function{"setunion", 1, any, setunion},
};

}  // namespace

std::span<const Function> collection_functions() { return collection_table; }
std::span<const Function> set_functions() { return set_table; }

}  // namespace drover::hcl
