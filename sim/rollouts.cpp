#include "sim/rollouts.hpp"

#include <vector>

#include "engine/schema/deployment.pb.h"
#include "engine/schema/job.pb.h"
#include "engine/schema/request.pb.h"
#include "engine/state/view.hpp"
#include "sim/job_builder.hpp"
#include "sim/world.hpp"

namespace drover::sim {
namespace {

constexpr Duration patience = std::chrono::seconds{10};
constexpr Duration retry = std::chrono::milliseconds{500};

std::string mark_of(Verb verb) {
    switch (verb) {
        case Verb::promote:
            return "deployment.promoted";
        case Verb::fail_deployment:
            return "deployment.failed";
        case Verb::pause_deployment:
            return "deployment.paused";
        case Verb::resume_deployment:
            return "deployment.resumed";
        case Verb::revert_job:
            return "job.reverted";
        case Verb::scale_job:
            return "job.scaled";
        case Verb::dispatch:
            return "job.dispatched";
        case Verb::force_launch:
            return "job.launched";
        case Verb::collect_garbage:
            return "garbage.collected";
        case Verb::reject_jobs:
            return "jobs.rejected";
        default:
            return "jobs.accepted";
    }
}

// An operator reads first, and then names what was read. Null where there is nothing to name.
server::RequestPtr request_for(const World& world, const Step& step) {
    if (step.verb == Verb::reject_jobs || step.verb == Verb::accept_jobs) {
        return reject_request(step.verb == Verb::reject_jobs);
    }
    if (step.verb == Verb::collect_garbage) return collect_garbage_request();
    if (step.verb == Verb::dispatch) return dispatch_request(step.job, step.content);
    if (step.verb == Verb::force_launch) return force_launch_request(step.job);
    const ServerProcess* const server = world.most_advanced();
    if (server == nullptr) return nullptr;
    const state::StateView& view = server->engine().view();
    const state::JobKey key{"default", step.job};
    const state::JobPtr job = view.job(key);
    if (!job) return nullptr;
    if (step.verb == Verb::revert_job) {
        return revert_request(step.job, step.version, job->version());
    }
    if (step.verb == Verb::scale_job) return scale_request(step.job, step.count);
    const state::DeploymentPtr deployment = view.latest_deployment(key);
    if (!deployment) return nullptr;
    return deployment_request(state::to_uuid(deployment->id()), step.verb);
}

bool is_refusal(const Answer& answer) {
    if (!answer.response || !answer.response->has_failure()) return false;
    const auto code = static_cast<Errc>(answer.response->failure().code());
    return code == Errc::invalid_argument || code == Errc::not_found || code == Errc::conflict ||
           code == Errc::permission_denied;
}

}  // namespace

bool Rollouts::wish(World& world, const Step& step) {
    server::RequestPtr request = request_for(world, step);
    if (!request) return false;
    Wish& wish = open_[++wishes_];
    wish = {std::move(request), mark_of(step.verb), {}, step.count};
    if (step.verb == Verb::scale_job) wish.scaled_job = step.job;
    ask(world, wishes_);
    return true;
}

void Rollouts::ask(World& world, std::uint64_t number) {
    std::vector<std::uint32_t> running;
    for (const auto& one : world.servers) {
        if (one.runs()) running.push_back(one.number());
    }
    if (running.empty()) return answered(world, number, {nullptr, true});
    const std::uint32_t server = running[prng_.below(running.size())];
    auto request = std::make_shared<schema::Request>(*open_.at(number).request);
    request->set_request_id(Uuid::mint(world.wall(), prng_).raw());
    world.requests.ask(world, std::nullopt, server, std::move(request), patience,
                       [number](World& later, const Answer& answer) {
                           later.rollouts.answered(later, number, answer);
                       });
}

void Rollouts::answered(World& world, std::uint64_t number, const Answer& answer) {
    const Wish& wish = open_.at(number);
    const bool granted = answer.response && !answer.response->has_failure();
    if (granted || is_refusal(answer)) {
        world.marks.add(granted ? wish.mark : wish.mark + ".refused");
        if (granted) world.checkers.write_acknowledged(world, *answer.response);
        if (granted && !wish.scaled_job.empty()) {
            world.workload.scaled(wish.scaled_job, wish.count);
        }
        open_.erase(number);
        return;
    }
    world.after(retry, [number](World& later) { later.rollouts.ask(later, number); });
}

}  // namespace drover::sim
