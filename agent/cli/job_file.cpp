#include "agent/cli/job_file.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "io/clock.hpp"

namespace drover::agent::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_size_max = 4 << 20;

// All of it, or a byte more than is allowed: the rest of an endless one is not waited for.
std::string read_bounded(std::istream& in) {
    std::string text(file_size_max + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

Result<std::string> read_text(const std::string& path) {
    std::string text;
    if (path == "-") {
        text = read_bounded(std::cin);
    } else {
        std::error_code error;
        if (fs::is_directory(path, error))
            return fail(Errc::invalid_argument, path + ": is a directory; name a job file");
        std::ifstream in{path, std::ios::binary};
        if (!in)
            return fail(Errc::not_found,
                        path + ": cannot be read; check the path and its permissions");
        text = read_bounded(in);
    }
    if (text.size() > file_size_max)
        return fail(Errc::invalid_argument, path + ": larger than 4 MiB");
    return text;
}

Result<jobspec::VariableInputs> read_variables(const Flags& flags) {
    jobspec::VariableInputs variables;
    constexpr std::string_view prefix = "NOMAD_VAR_";
    for (char** one = environ; *one != nullptr; ++one) {
        const std::string_view pair{*one};
        const auto equals = pair.find('=');
        if (!pair.starts_with(prefix) || equals == std::string_view::npos) continue;
        variables.env.emplace_back(pair.substr(prefix.size(), equals - prefix.size()),
                                   pair.substr(equals + 1));
    }
    for (const auto& file : flags.values("var-file")) {
        auto text = read_text(file);
        if (!text) return tl::unexpected{text.error()};
        variables.files.push_back({file, std::move(*text)});
    }
    for (const auto& assignment : flags.values("var")) {
        const auto equals = assignment.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(Errc::invalid_argument, "-var \"" + assignment + "\": write name=value");
        }
        variables.flags.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
    }
    variables.strict = flags.on("hcl2-strict", true);
    return variables;
}

// Reads what an evaluation asked for; false when there was nothing that could be read.
bool provide(const jobspec::Diagnostics& diagnostics, jobspec::FileInputs& files) {
    bool provided = false;
    for (const auto& diagnostic : diagnostics) {
        if (!diagnostic.need) continue;
        const hcl::HostNeed& need = *diagnostic.need;
        if (need.kind == hcl::HostNeed::Kind::file && !files.files.contains(need.path)) {
            auto text = read_text(need.path);
            files.files[need.path] = text ? std::optional{std::move(*text)} : std::nullopt;
            provided = true;
        }
    }
    return provided;
}

}  // namespace

Result<jobspec::Parsed> read_job_file(const std::string& path, const Flags& flags) {
    auto text = read_text(path);
    if (!text) return tl::unexpected{text.error()};
    if (flags.on("json")) {
        auto job = jobspec::parse_json(*text);
        if (!job) return fail(Errc::invalid_argument, path + ": " + job.error().message);
        return jobspec::Parsed{std::move(*job), {}};
    }
    const auto variables = read_variables(flags);
    if (!variables) return tl::unexpected{variables.error()};
    jobspec::FileInputs files;
    std::error_code ignored;
    files.working_directory = fs::current_path(ignored).string();
    if (const char* home = std::getenv("HOME")) files.home_directory = home;
    files.now = io::wall_now();
    if (const auto seed = io::entropy_seed()) files.prng = Prng{*seed};
    // A job asks for a file by failing without it; each round provides what the last one asked for.
    while (true) {
        auto parsed = jobspec::parse_hcl({path, *text}, *variables, files);
        if (parsed) return std::move(*parsed);
        if (!provide(parsed.error(), files))
            return fail(Errc::invalid_argument, hcl::to_text(parsed.error()));
    }
}

}  // namespace drover::agent::cli
