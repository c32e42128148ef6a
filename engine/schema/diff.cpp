// Job diff. A list of objects that have names is matched by name, any other as a set: an object
// is then either the same, or added, or deleted. Unchanged fields are listed for context inside
// objects that changed, and nowhere else.
#include "engine/schema/diff.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/base/ensure.hpp"
#include "engine/schema/canonical.hpp"
#include "engine/schema/field_plan.hpp"
#include "engine/schema/job.pb.h"
#include "engine/schema/json.hpp"
#include "engine/schema/json_value.hpp"
#include "engine/schema/options.pb.h"
#include "engine/schema/value.pb.h"

namespace drover::schema {

namespace pb = google::protobuf;

namespace {

using Fields = pb::RepeatedPtrField<FieldDiff>;
using Objects = pb::RepeatedPtrField<ObjectDiff>;
using Texts = std::map<std::string, std::string>;

constexpr const char* none = "None";
constexpr const char* added = "Added";
constexpr const char* deleted = "Deleted";
constexpr const char* edited = "Edited";

enum class Context { left_out, shown };

const char* type_of(const void* before, const void* after) {
    if (before == nullptr) return added;
    return after == nullptr ? deleted : edited;
}

bool changed(const Fields& fields, const Objects& objects) {
    auto differs = [](const auto& one) { return one.type() != none; };
    return std::any_of(fields.begin(), fields.end(), differs) ||
           std::any_of(objects.begin(), objects.end(), differs);
}

void add_field(Fields& into, const std::string& name, const std::string& before,
               const std::string& after, Context context) {
    if (before == after && (context == Context::left_out || before.empty())) return;
    FieldDiff& field = *into.Add();
    field.set_name(name);
    field.set_old(before);
    field.set_new_(after);
    field.set_type(before == after  ? none
                   : before.empty() ? added
                   : after.empty()  ? deleted
                                    : edited);
}

void add_texts(Fields& into, const Texts& before, const Texts& after, Context context) {
    std::set<std::string> names;
    for (const auto& [name, text] : before) names.insert(name);
    for (const auto& [name, text] : after) names.insert(name);
    for (const std::string& name : names) {
        auto text = [&name](const Texts& texts) {
            auto at = texts.find(name);
            return at != texts.end() ? at->second : std::string{};
        };
        add_field(into, name, text(before), text(after), context);
    }
}

std::string text_of(const JsonValue& value) {
    if (value.is_null()) return {};
    if (const std::string* text = value.text()) return *text;
    return print_json(value);
}

// "args[0]", "port_map[db]": a tree of values as names and texts.
void flatten(const std::string& name, const JsonValue& value, Texts& into) {
    if (const JsonValue::Array* items = value.array()) {
        for (std::size_t i = 0; i < items->size(); ++i) {
            flatten(name + "[" + std::to_string(i) + "]", (*items)[i], into);
        }
    } else if (const JsonValue::Object* members = value.object()) {
        for (const auto& [key, below] : *members) {
            flatten(name.empty() ? key : name + "[" + key + "]", below, into);
        }
    } else {
        into[name] = text_of(value);
    }
}

// One object of a list: its name in the singular, as a job file writes it.
std::string singular(const FieldPlan& plan) {
    if (plan.field->name() == "dynamic_ports") return "Dynamic Port";
    if (plan.field->name() == "reserved_ports") return "Static Port";
    const std::string& block = plan.field->options().GetExtension(hcl);
    if (block.empty() || block == "-") {
        return plan.json_name.ends_with("s") ? plan.json_name.substr(0, plan.json_name.size() - 1)
                                             : plan.json_name;
    }
    std::string out;
    bool up = true;
    for (char c : block) {
        if (c == '_') up = true;
        else out += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        if (c != '_') up = false;
    }
    return out;
}

std::vector<const pb::Message*> rows_of(const pb::Message* message, const FieldPlan& plan) {
    std::vector<const pb::Message*> rows;
    if (message == nullptr) return rows;
    const pb::Reflection* r = message->GetReflection();
    for (int at = 0; at < r->FieldSize(*message, plan.field); ++at) {
        rows.push_back(&r->GetRepeatedMessage(*message, plan.field, at));
    }
    return rows;
}

std::string name_of(const pb::Message& row, const pb::FieldDescriptor& name) {
    return row.GetReflection()->GetString(row, &name);
}

// What every part of a diff is made of, as one walk over the fields of two messages.
class Walk {
public:
    Walk(Fields& fields, Objects& objects, Context context)
        : fields_{fields}, objects_{objects}, context_{context} {}

    void run(const pb::Message* before, const pb::Message* after,
             const std::set<std::string>& skipped = {}) {
        const pb::Message& any = before != nullptr ? *before : *after;
        JsonValue old_json = json_of(before);
        JsonValue new_json = json_of(after);
        for (const FieldPlan& plan : plan_of(*any.GetDescriptor()).fields) {
            if (plan.hidden || skipped.contains(plan.field->name())) continue;
            one(plan, before, after, member(old_json, plan), member(new_json, plan));
        }
        auto by_name = [](const auto& a, const auto& b) {
            return std::pair{a.name(), a.type()} < std::pair{b.name(), b.type()};
        };
        std::stable_sort(fields_.begin(), fields_.end(), by_name);
        std::stable_sort(objects_.begin(), objects_.end(), by_name);
    }

private:
    static JsonValue json_of(const pb::Message* message) {
        return message != nullptr ? to_json_value(*message) : JsonValue{};
    }
    static JsonValue member(const JsonValue& json, const FieldPlan& plan) {
        const JsonValue* found = json.find(plan.json_name);
        return found != nullptr ? *found : JsonValue{};
    }

    void one(const FieldPlan& plan, const pb::Message* before, const pb::Message* after,
             const JsonValue& old_value, const JsonValue& new_value) {
        bool is_message = plan.field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
        if (!plan.field->is_repeated()) {
            if (is_message) return object(plan, before, after);
            return add_field(fields_, plan.json_name, text_of(old_value), text_of(new_value),
                             context_);
        }
        if (!is_message) return texts_as_set(plan.json_name, old_value, new_value);
        if (plan.map_value != nullptr) return map(plan, old_value, new_value);
        const pb::FieldDescriptor* name = plan.map_key;
        if (name == nullptr) name = plan.field->message_type()->FindFieldByName("name");
        if (name != nullptr) return named(plan, *name, before, after);
        objects_as_set(plan, before, after);
    }

    // Texts by key are fields of the object that holds them; free-form values an object of their
    // own.
    void map(const FieldPlan& plan, const JsonValue& old_value, const JsonValue& new_value) {
        Texts before;
        Texts after;
        bool free_form = plan.map_value->message_type() == Value::descriptor();
        if (!old_value.is_null()) flatten(free_form ? "" : plan.json_name, old_value, before);
        if (!new_value.is_null()) flatten(free_form ? "" : plan.json_name, new_value, after);
        if (!free_form) return add_texts(fields_, before, after, context_);
        if (before == after) return;
        ObjectDiff& diff = *objects_.Add();
        diff.set_name(plan.json_name);
        diff.set_type(before.empty() ? added : after.empty() ? deleted : edited);
        add_texts(*diff.mutable_fields(), before, after, Context::shown);
    }

    void texts_as_set(const std::string& name, const JsonValue& old_value,
                      const JsonValue& new_value) {
        auto set_of = [](const JsonValue& value) {
            std::set<std::string> texts;
            if (const JsonValue::Array* items = value.array()) {
                for (const JsonValue& item : *items) texts.insert(text_of(item));
            }
            return texts;
        };
        std::set<std::string> before = set_of(old_value);
        std::set<std::string> after = set_of(new_value);
        if (before == after) return;
        ObjectDiff& diff = *objects_.Add();
        diff.set_name(name);
        diff.set_type(before.empty() ? added : after.empty() ? deleted : edited);
        std::set<std::string> all = before;
        all.insert(after.begin(), after.end());
        for (const std::string& text : all) {
            add_field(*diff.mutable_fields(), name, before.contains(text) ? text : "",
                      after.contains(text) ? text : "", Context::shown);
        }
    }

    void object(const FieldPlan& plan, const pb::Message* before, const pb::Message* after) {
        auto below = [&plan](const pb::Message* message) -> const pb::Message* {
            if (message == nullptr) return nullptr;
            const pb::Reflection* r = message->GetReflection();
            if (!r->HasField(*message, plan.field)) return nullptr;
            return &r->GetMessage(*message, plan.field);
        };
        add_object(plan.json_name, below(before), below(after));
    }

    void add_object(const std::string& name, const pb::Message* before,
                    const pb::Message* after) {
        if (before == nullptr && after == nullptr) return;
        ObjectDiff diff;
        diff.set_name(name);
        std::set<std::string> skipped;
        if (name == "Dynamic Port") skipped.insert("value");  // the scheduler's choice
        Walk{*diff.mutable_fields(), *diff.mutable_objects(), Context::shown}.run(before, after,
                                                                                 skipped);
        bool same = before != nullptr && after != nullptr &&
                    !changed(diff.fields(), diff.objects());
        if (same) return;
        diff.set_type(type_of(before, after));
        *objects_.Add() = std::move(diff);
    }

    void named(const FieldPlan& plan, const pb::FieldDescriptor& name, const pb::Message* before,
               const pb::Message* after) {
        std::map<std::string, std::pair<const pb::Message*, const pb::Message*>> pairs;
        for (const pb::Message* row : rows_of(before, plan)) pairs[name_of(*row, name)].first = row;
        for (const pb::Message* row : rows_of(after, plan)) pairs[name_of(*row, name)].second = row;
        for (const auto& [key, pair] : pairs) add_object(singular(plan), pair.first, pair.second);
    }

    void objects_as_set(const FieldPlan& plan, const pb::Message* before,
                        const pb::Message* after) {
        std::map<std::string, const pb::Message*> old_rows;
        std::map<std::string, const pb::Message*> new_rows;
        for (const pb::Message* row : rows_of(before, plan)) old_rows[canonical_bytes(*row)] = row;
        for (const pb::Message* row : rows_of(after, plan)) new_rows[canonical_bytes(*row)] = row;
        for (const auto& [bytes, row] : old_rows) {
            if (!new_rows.contains(bytes)) add_object(singular(plan), row, nullptr);
        }
        for (const auto& [bytes, row] : new_rows) {
            if (!old_rows.contains(bytes)) add_object(singular(plan), nullptr, row);
        }
    }

    Fields& fields_;
    Objects& objects_;
    Context context_;
};

template <class Row>
using Pairs = std::map<std::string, std::pair<const Row*, const Row*>>;

template <class Rows>
auto pair_up(const Rows* before, const Rows* after) {
    Pairs<typename Rows::value_type> pairs;
    if (before != nullptr) {
        for (const auto& row : *before) pairs[row.name()].first = &row;
    }
    if (after != nullptr) {
        for (const auto& row : *after) pairs[row.name()].second = &row;
    }
    return pairs;
}

TaskDiff diff_task(const Task* before, const Task* after) {
    TaskDiff diff;
    diff.set_name(before != nullptr ? before->name() : after->name());
    Walk{*diff.mutable_fields(), *diff.mutable_objects(), Context::left_out}.run(before, after,
                                                                                {"name"});
    bool same = before != nullptr && after != nullptr && !changed(diff.fields(), diff.objects());
    diff.set_type(same ? none : type_of(before, after));
    return diff;
}

TaskGroupDiff diff_group(const TaskGroup* before, const TaskGroup* after) {
    TaskGroupDiff diff;
    diff.set_name(before != nullptr ? before->name() : after->name());
    Walk{*diff.mutable_fields(), *diff.mutable_objects(), Context::left_out}.run(
        before, after, {"name", "tasks"});
    bool same = before != nullptr && after != nullptr && !changed(diff.fields(), diff.objects());
    for (const auto& [name, pair] : pair_up(before != nullptr ? &before->tasks() : nullptr,
                                            after != nullptr ? &after->tasks() : nullptr)) {
        TaskDiff& task = *diff.add_tasks();
        task = diff_task(pair.first, pair.second);
        same = same && task.type() == none;
    }
    diff.set_type(same ? none : type_of(before, after));
    return diff;
}

const std::set<std::string>& job_fields_left_out() {
    static const std::set<std::string> fields{
        "id",           "task_groups",  "update",       "status",           "status_description",
        "stable",       "version",      "submit_time",  "create_index",     "modify_index",
        "job_modify_index", "nomad_token_id", "version_tag"};
    return fields;
}

}  // namespace

JobDiff diff_jobs(const Job* before, const Job* after) {
    JobDiff diff;
    if (before == nullptr && after == nullptr) {
        diff.set_type(none);
        return diff;
    }
    ENSURE(before == nullptr || after == nullptr || before->id() == after->id());
    diff.set_id(before != nullptr ? before->id() : after->id());
    Walk{*diff.mutable_fields(), *diff.mutable_objects(), Context::left_out}.run(
        before, after, job_fields_left_out());
    bool same = before != nullptr && after != nullptr && !changed(diff.fields(), diff.objects());
    for (const auto& [name, pair] :
         pair_up(before != nullptr ? &before->task_groups() : nullptr,
                 after != nullptr ? &after->task_groups() : nullptr)) {
        TaskGroupDiff& group = *diff.add_task_groups();
        group = diff_group(pair.first, pair.second);
        same = same && group.type() == none;
    }
    diff.set_type(same ? none : type_of(before, after));
    return diff;
}

}  // namespace drover::schema
