// Job JSON goes through the schema's own codec; only the wrapper around the job is ours.
#include "engine/jobspec/jobspec.hpp"
#include "engine/schema/json.hpp"

namespace drover::jobspec {
namespace {

bool is_wrapper_name(std::string_view name) {
    constexpr std::string_view lower = "job";
    constexpr std::string_view upper = "JOB";
    if (name.size() != lower.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != lower[i] && name[i] != upper[i]) return false;
    }
    return true;
}

}  // namespace

Result<schema::Job> parse_json(std::string_view text) {
    const Result<schema::JsonValue> json = schema::parse_json(text);
    if (!json) return tl::unexpected{json.error()};
    const schema::JsonValue::Object* object = json->object();
    if (object == nullptr) {
        return fail(Errc::invalid_argument,
                    std::string{"a job is a JSON object, not "} + json->kind());
    }
    const schema::JsonValue* job = &*json;
    for (const auto& [name, value] : *object) {
        if (is_wrapper_name(name) && value.object() != nullptr) job = &value;
    }
    schema::Job result;
    if (const Result<void> read = schema::from_json_value(*job, result); !read) {
        return tl::unexpected{read.error()};
    }
    return result;
}

}  // namespace drover::jobspec
