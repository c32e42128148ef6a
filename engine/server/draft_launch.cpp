// Requests that make a job out of one that is stored: a dispatch of a parameterised job, and a
// launch of a periodic one before its time. See draft.hpp; nomad-semantics 2.10, 2.11.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/control/periodic.hpp"
#include "engine/cron/schedule.hpp"
#include "engine/schema/job.pb.h"
#include "engine/server/draft.hpp"
#include "engine/state/children.hpp"

namespace drover::server {
namespace {

constexpr std::size_t payload_max = 16 << 10;
constexpr std::int32_t priority_max = 100;

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

template <class Names>
std::string listed(const Names& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + quoted(name);
    return text;
}

Result<void> check_payload(const schema::ParameterizedJobConfig& config,
                           const std::string& payload) {
    if (config.payload() == "required" && payload.empty()) {
        return fail(Errc::invalid_argument,
                    "Payload is empty: the job requires one; give a file, or - for what you type");
    }
    if (config.payload() == "forbidden" && !payload.empty()) {
        return fail(Errc::invalid_argument, "Payload has " + std::to_string(payload.size()) +
                                                " bytes: the job forbids one; leave it out");
    }
    if (payload.size() > payload_max) {
        return fail(Errc::invalid_argument,
                    "Payload has " + std::to_string(payload.size()) +
                        " bytes; 16384 are allowed: pass a place where to find the rest");
    }
    return {};
}

Result<void> check_meta(const schema::ParameterizedJobConfig& config,
                        const schema::DispatchJobRequest& request) {
    std::set<std::string> missing{config.meta_required().begin(), config.meta_required().end()};
    std::set<std::string> known = missing;
    known.insert(config.meta_optional().begin(), config.meta_optional().end());
    std::set<std::string> unknown;
    for (const auto& pair : request.meta()) {
        missing.erase(pair.key());
        if (!known.contains(pair.key())) unknown.insert(pair.key());
    }
    if (!missing.empty()) {
        return fail(Errc::invalid_argument, "Meta lacks what the job requires: " + listed(missing));
    }
    if (!unknown.empty()) {
        return fail(Errc::invalid_argument,
                    "Meta has keys that the job does not know: " + listed(unknown) +
                        (known.empty() ? "; it knows none" : "; it knows " + listed(known)));
    }
    return {};
}

Result<void> check_rest(const schema::Job& parent, const schema::DispatchJobRequest& request) {
    if (!parent.has_parameterized_job() || parent.dispatched()) {
        return fail(Errc::invalid_argument,
                    "job " + quoted(parent.id()) + " is not a parameterized job: run it as it is");
    }
    if (parent.stop()) {
        return fail(Errc::invalid_argument,
                    "job " + quoted(parent.id()) + " is stopped: run it again first");
    }
    if (request.priority() < 0 || request.priority() > priority_max) {
        return fail(Errc::invalid_argument, "Priority is " + std::to_string(request.priority()) +
                                                "; write 1 to 100, or 0 for the job's own");
    }
    const std::string& prefix = request.id_prefix_template();
    const bool printable = std::none_of(prefix.begin(), prefix.end(), [](char c) {
        return c == ' ' || static_cast<unsigned char>(c) < 0x20;
    });
    if (!printable) {
        return fail(Errc::invalid_argument,
                    "IdPrefixTemplate becomes a part of a job's id: it can have no blanks");
    }
    return {};
}

void merge_meta(schema::Job& child, const schema::DispatchJobRequest& request) {
    for (const auto& pair : request.meta()) {
        auto& meta = *child.mutable_meta();
        const auto known =
            std::ranges::find_if(meta, [&](const auto& one) { return one.key() == pair.key(); });
        *(known != meta.end() ? &*known : meta.Add()) = pair;
    }
    std::ranges::sort(*child.mutable_meta(), {}, [](const auto& one) { return one.key(); });
}

schema::Job dispatched_child(const DraftContext& context, const schema::Job& parent) {
    const auto& request = context.request.dispatch_job();
    const std::int64_t second = context.mint.wall.value() / 1'000'000'000;
    // The end of it: a UUID begins with its time, which the id says already.
    const std::string unique = context.mint.uuid().text().substr(28);
    const std::string& prefix = request.id_prefix_template();
    schema::Job child = parent;
    child.set_id(parent.id() + "/dispatch-" + (prefix.empty() ? "" : prefix + "-") +
                 std::to_string(second) + "-" + unique);
    child.set_name(child.id());
    child.set_parent_id(parent.id());
    child.set_dispatched(true);
    child.set_dispatch_idempotency_token(request.idempotency_token());
    child.set_payload(request.payload());
    child.set_submit_time(context.mint.wall.value());
    child.set_stable(false);
    child.clear_status();
    child.clear_status_description();
    child.clear_version_tag();
    if (request.priority() > 0) child.set_priority(request.priority());
    merge_meta(child, request);
    return child;
}

}  // namespace

Result<Draft> draft_dispatch_job(const DraftContext& context) {
    const auto& request = context.request.dispatch_job();
    const state::JobKey key{namespace_of(context.request), request.job_id()};
    if (auto allowed = check_registration_allowed(context.view); !allowed) {
        return tl::unexpected{allowed.error()};
    }
    const state::JobPtr parent = context.view.job(key);
    if (!parent) return no_such_job(key);
    if (auto fits = check_rest(*parent, request); !fits) return tl::unexpected{fits.error()};
    const auto& config = parent->parameterized_job();
    if (auto fits = check_payload(config, request.payload()); !fits) {
        return tl::unexpected{fits.error()};
    }
    if (auto fits = check_meta(config, request); !fits) return tl::unexpected{fits.error()};
    auto entry = entry_for(context);
    auto& body = *entry->mutable_register_job();
    *body.mutable_job() = dispatched_child(context, *parent);
    if (!only_a_parent(body.job())) {
        *body.mutable_evaluation() =
            control::new_evaluation(context.mint, body.job(), "job-register");
    }
    note_beginning(context, body);
    return Draft{sealed(std::move(entry))};
}

Result<Draft> draft_force_periodic_job(const DraftContext& context) {
    const state::JobKey key{namespace_of(context.request),
                            context.request.force_periodic_job().job_id()};
    const state::JobPtr parent = context.view.job(key);
    if (!parent) return no_such_job(key);
    if (!cron::is_launched_by_time(*parent)) {
        return fail(Errc::invalid_argument,
                    "job " + quoted(key.id) +
                        " is not launched by time: it is not periodic, not enabled, or stopped");
    }
    auto entry = entry_for(context);
    control::fill_launch(*entry->mutable_register_job(), *parent, context.mint.wall, context.mint);
    return Draft{sealed(std::move(entry))};
}

}  // namespace drover::server
