// Reads field options into plans. The plans of everything that can be reached from the envelopes
// are made together, once; they never change after that.
#include "engine/schema/field_plan.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>

#include "engine/base/ensure.hpp"
#include "engine/schema/diff.pb.h"
#include "engine/schema/entry.pb.h"
#include "engine/schema/json.hpp"
#include "engine/schema/options.pb.h"
#include "engine/schema/request.pb.h"

namespace drover::schema {

namespace pb = google::protobuf;

namespace {

struct Acronym {
    std::string_view word;
    std::string_view shown;
};

constexpr Acronym acronyms[]{
    {"ca", "CA"},     {"cidr", "CIDR"}, {"cidrs", "CIDRs"}, {"cni", "CNI"},   {"cpu", "CPU"},
    {"csi", "CSI"},   {"dns", "DNS"},   {"fs", "FS"},       {"gc", "GC"},     {"grpc", "GRPC"},
    {"http", "HTTP"}, {"id", "ID"},     {"ids", "IDs"},     {"iops", "IOPS"}, {"ip", "IP"},
    {"mb", "MB"},     {"numa", "NUMA"}, {"sds", "SDS"},     {"sni", "SNI"},   {"tcp", "TCP"},
    {"tg", "TG"},     {"tls", "TLS"},   {"ttl", "TTL"},     {"ui", "UI"},     {"uid", "UID"},
    {"uids", "UIDs"}, {"url", "URL"},   {"dc", "DC"},
};

std::string shown_word(std::string_view word) {
    for (const Acronym& acronym : acronyms) {
        if (acronym.word == word) return std::string{acronym.shown};
    }
    std::string out{word};
    if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
    return out;
}

bool same_letters(std::string_view a, std::string_view b) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [lower](char x, char y) { return lower(x) == lower(y); });
}

void plan_map(FieldPlan& plan, const std::string& key_name) {
    const pb::Descriptor* type = plan.field->message_type();
    ENSURE(type != nullptr && plan.field->is_repeated());
    plan.map_key = type->FindFieldByName(key_name);
    ENSURE(plan.map_key != nullptr);
    const pb::FieldDescriptor* value = type->FindFieldByName("value");
    if (key_name == "key" && type->field_count() == 2) plan.map_value = value;
    plan.key_shown = plan.map_key->options().GetExtension(key_shown);
}

FieldPlan plan_field(const pb::FieldDescriptor& field) {
    const pb::FieldOptions& options = field.options();
    FieldPlan plan;
    plan.field = &field;
    plan.json_name = json_name(field);
    plan.uuid = options.GetExtension(uuid);
    plan.rfc3339 = options.GetExtension(rfc3339);
    plan.empty_list = options.GetExtension(empty_list);
    plan.omit_empty = options.GetExtension(omit_empty) || field.real_containing_oneof() != nullptr;
    plan.as_value = options.GetExtension(as_value);
    plan.secret = options.GetExtension(secret);
    plan.hidden = options.GetExtension(hidden);
    if (options.HasExtension(as_map)) plan_map(plan, options.GetExtension(as_map));
    return plan;
}

MessagePlan plan_message(const pb::Descriptor& type) {
    MessagePlan plan;
    for (int i = 0; i < type.field_count(); ++i) plan.fields.push_back(plan_field(*type.field(i)));
    std::sort(plan.fields.begin(), plan.fields.end(), [](const FieldPlan& a, const FieldPlan& b) {
        return a.field->number() < b.field->number();
    });
    return plan;
}

using Plans = std::map<const pb::Descriptor*, MessagePlan>;

void reach(const pb::Descriptor& type, Plans& plans) {
    if (plans.contains(&type)) return;
    plans.emplace(&type, plan_message(type));
    for (int i = 0; i < type.field_count(); ++i) {
        if (const pb::Descriptor* below = type.field(i)->message_type()) reach(*below, plans);
    }
}

Plans reach_all() {
    Plans plans;
    for (const pb::Descriptor* root : {Entry::descriptor(), Request::descriptor(),
                                       Response::descriptor(), JobDiff::descriptor()}) {
        // Whatever stands in the same files, used by the envelopes or not.
        for (int i = 0; i < root->file()->message_type_count(); ++i) {
            reach(*root->file()->message_type(i), plans);
        }
        for (int d = 0; d < root->file()->dependency_count(); ++d) {
            const pb::FileDescriptor* file = root->file()->dependency(d);
            if (file->package() != root->file()->package()) continue;
            for (int i = 0; i < file->message_type_count(); ++i) {
                reach(*file->message_type(i), plans);
            }
        }
    }
    return plans;
}

}  // namespace

std::string json_name(const pb::FieldDescriptor& field) {
    if (field.has_json_name()) return field.json_name();
    std::string out;
    std::string_view rest = field.name();
    while (!rest.empty()) {
        std::size_t cut = std::min(rest.find('_'), rest.size());
        out += shown_word(rest.substr(0, cut));
        rest.remove_prefix(std::min(cut + 1, rest.size()));
    }
    return out;
}

const FieldPlan* MessagePlan::find(std::string_view name) const {
    for (const FieldPlan& plan : fields) {
        if (plan.json_name == name) return &plan;
    }
    for (const FieldPlan& plan : fields) {
        if (same_letters(plan.json_name, name)) return &plan;
    }
    return nullptr;
}

const MessagePlan& plan_of(const pb::Descriptor& type) {
    static const Plans plans = reach_all();
    auto known = plans.find(&type);
    ENSURE(known != plans.end());
    return known->second;
}

}  // namespace drover::schema
