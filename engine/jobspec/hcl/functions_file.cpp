// Functions about files. Contents come from the inputs; a file that is not among them becomes a
// need, which the host can fill before it evaluates again. Nothing here opens anything.
#include <array>

#include "engine/jobspec/hcl/function.hpp"
#include "engine/jobspec/hcl/lexer.hpp"
#include "engine/jobspec/hcl/text.hpp"

namespace drover::hcl {
namespace {

bool allowed(Arguments& arguments) {
    if (arguments.inputs().files_disabled.empty()) return true;
    arguments.fail(arguments.inputs().files_disabled);
    return false;
}

std::optional<std::string> content(Arguments& arguments) {
    const std::string path = arguments.text(0);
    if (!allowed(arguments)) return std::nullopt;
    const auto found = arguments.inputs().files.find(path);
    if (found == arguments.inputs().files.end()) {
        arguments.need(HostNeed{HostNeed::Kind::file, path, {}});
        return std::nullopt;
    }
    if (!found->second) arguments.fail(0, "names a file that does not exist: \"" + path + "\"");
    return found->second;
}

Value file(Arguments& arguments) {
    std::optional<std::string> text = content(arguments);
    if (!text) return Value{};
    if (find_invalid_utf8(*text) != std::string_view::npos) {
        return arguments.fail(0, "names a file that is not UTF-8 text; use filebase64()");
    }
    return Value::string(std::move(*text));
}

Value filebase64(Arguments& arguments) {
    const std::optional<std::string> text = content(arguments);
    return text ? Value::string(base64_encoded(*text)) : Value{};
}

Value fileexists(Arguments& arguments) {
    const std::string path = arguments.text(0);
    if (!allowed(arguments)) return Value{};
    const auto found = arguments.inputs().files.find(path);
    if (found == arguments.inputs().files.end()) {
        return arguments.need(HostNeed{HostNeed::Kind::file, path, {}});
    }
    return Value::boolean(found->second.has_value());
}

Value fileset(Arguments& arguments) {
    const std::string path = arguments.text(0);
    const std::string pattern = arguments.text(1);
    if (!allowed(arguments)) return Value{};
    const auto found = arguments.inputs().file_sets.find({path, pattern});
    if (found == arguments.inputs().file_sets.end()) {
        return arguments.need(HostNeed{HostNeed::Kind::file_set, path, pattern});
    }
    List names;
    for (const std::string& name : found->second) names.push_back(Value::string(name));
    return Value::list(std::move(names));
}

// Without "." and "..", as Go's filepath.Clean has it.
std::string clean(std::string_view path) {
    const bool rooted = path.starts_with('/');
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") continue;
        if (part == ".." && !parts.empty() && parts.back() != "..") {
            parts.pop_back();
        } else if (part != ".." || !rooted) {
            parts.push_back(part);
        }
    }
    std::string text = rooted ? "/" : "";
    for (const std::string_view part : parts) {
        if (!text.empty() && text != "/") text += '/';
        text += part;
    }
    return text.empty() ? "." : text;
}

Value abspath(Arguments& arguments) {
    const std::string path = arguments.text(0);
    if (!allowed(arguments)) return Value{};
    if (path.starts_with('/')) return Value::string(clean(path));
    return Value::string(clean(arguments.inputs().working_directory + "/" + path));
}

Value basename_of(Arguments& arguments) {
    std::string path = arguments.text(0);
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (path.empty()) return Value::string(".");
    if (path == "/") return Value::string(path);
    return Value::string(path.substr(path.rfind('/') + 1));
}

Value dirname_of(Arguments& arguments) {
    const std::string path = arguments.text(0);
    const std::size_t slash = path.rfind('/');
    return Value::string(clean(slash == std::string::npos ? "." : path.substr(0, slash + 1)));
}

Value pathexpand(Arguments& arguments) {
    const std::string path = arguments.text(0);
    if (!allowed(arguments)) return Value{};
    if (path != "~" && !path.starts_with("~/")) return Value::string(path);
    return Value::string(arguments.inputs().home_directory + path.substr(1));
}

constexpr std::array table{
    Function{"abspath", 1, 1, abspath},       Function{"basename", 1, 1, basename_of},
    Function{"dirname", 1, 1, dirname_of},    Function{"file", 1, 1, file},
    Function{"filebase64", 1, 1, filebase64}, Function{"fileexists", 1, 1, fileexists},
    Function{"fileset", 2, 2, fileset},       Function{"pathexpand", 1, 1, pathexpand},
};

}  // namespace

std::span<const Function> file_functions() { return table; }

}  // namespace drover::hcl
