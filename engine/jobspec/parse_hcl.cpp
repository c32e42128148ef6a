// The way through a job file: syntax, variables and locals, then the one job block.
#include "engine/jobspec/jobspec.hpp"
#include "engine/jobspec/reader.hpp"
#include "engine/jobspec/variables.hpp"

namespace drover::jobspec {
namespace {

// The job block; none, with a report, unless there is exactly one.
const hcl::Block* find_job(const hcl::File& file, hcl::Evaluation& evaluation) {
    const hcl::Block* job = nullptr;
    for (const hcl::Attribute& attribute : file.body.attributes) {
        evaluation.report(attribute.name_range,
                          "attribute \"" + attribute.name + "\" is not known outside of job",
                          "put it inside job \"NAME\" { ... }");
    }
    for (const hcl::Block& block : file.body.blocks) {
        if (block.type == "variable" || block.type == "variables" || block.type == "locals") {
            continue;
        }
        if (block.type != "job") {
            const auto guess = hcl::closest(block.type, {"job", "variable", "variables", "locals"});
            evaluation.report(block.type_range, "block \"" + block.type + "\" is not known here",
                              guess ? "did you mean \"" + *guess + "\"?"
                                    : "a job file holds job, variable, variables and locals");
        } else if (job != nullptr) {
            evaluation.report(block.type_range, "a job file holds one job only",
                              "the first is on line " + std::to_string(job->type_range.start.line));
        } else {
            job = &block;
        }
    }
    if (job == nullptr && evaluation.diagnostics().empty()) {
        evaluation.report(file.body.end, "there is no job in this file",
                          "write job \"NAME\" { ... }");
    }
    return job;
}

}  // namespace

tl::expected<Parsed, Diagnostics> parse_hcl(const Source& source, const VariableInputs& variables,
                                            const FileInputs& files) {
    const auto file = hcl::parse(source.text, source.name);
    if (!file) return tl::unexpected{file.error()};
    hcl::Evaluation evaluation{file->source, files, hcl::UnknownNames::verbatim};
    const hcl::Block* job = find_job(*file, evaluation);
    Variables resolver{*file, variables, files, evaluation};
    const hcl::Scope scope = resolver.resolve();
    Diagnostics diagnostics = resolver.diagnostics();
    Parsed parsed;
    if (job != nullptr && diagnostics.empty() && evaluation.diagnostics().empty()) {
        Reader{evaluation}.read_job(
            hcl::ScopedBlock{job->type, job->type_range, job->labels, &job->body, &scope},
            parsed.job);
    }
    diagnostics.insert(diagnostics.end(), evaluation.diagnostics().begin(),
                       evaluation.diagnostics().end());
    if (!diagnostics.empty()) return tl::unexpected{std::move(diagnostics)};
    parsed.warnings = resolver.warnings();
    for (const Diagnostic& warning : evaluation.warnings()) {
        parsed.warnings.push_back(hcl::to_text(warning));
    }
    return parsed;
}

}  // namespace drover::jobspec
