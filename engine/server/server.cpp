// The value around the core: what it means to copy a server. See server.hpp.
#include "engine/server/server.hpp"

#include <utility>

#include "engine/scheduler/plan.hpp"
#include "engine/scheduler/plan_memory.hpp"
#include "engine/schema/entry.pb.h"
#include "engine/server/core.hpp"
#include "engine/state/query.hpp"

namespace drover::server {

Result<Server> Server::recover(Config config, DurableState durable, Instant now,
                               std::uint64_t seed) {
    auto core = Core::recover(std::move(config), std::move(durable), now, seed);
    if (!core) return tl::unexpected{core.error()};
    return Server{std::move(*core)};
}

Server::Server(std::unique_ptr<Core> core) : core_{std::move(core)} {}
Server::Server(const Server& other) : core_{std::make_unique<Core>(*other.core_)} {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(const Server& other) {
    if (this != &other) core_ = std::make_unique<Core>(*other.core_);
    return *this;
}
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

void Server::step(Instant now, WallTime wall, std::vector<Input> inputs,
                  std::vector<Effect>& effects) {
    core_->step(now, wall, std::move(inputs), effects);
}

std::optional<Instant> Server::next_deadline() const { return core_->next_deadline(); }
const raft::Raft& Server::raft() const { return core_->raft(); }
const state::StateView& Server::view() const { return core_->view(); }
schema::RaftState Server::raft_state() const { return core_->raft_state(); }
bool Server::leads() const { return core_->leads(); }
bool Server::halted() const { return core_->halted(); }
const control::Leader* Server::leader_work() const {
    return core_->leader() ? &*core_->leader() : nullptr;
}

ResponsePtr answer(const AnswerQuery& query) {
    auto response = std::make_shared<schema::Response>();
    if (query.file) {
        response->set_snapshot_file(snapshot_file(*query.file));
        response->set_index(query.view.applied_index());
    } else {
        state::query(query.view, namespace_of(*query.request), query.request->query(), *response);
    }
    response->set_request_id(query.request->request_id());
    response->set_last_contact_ns(query.last_contact.count());
    response->set_known_leader(query.known_leader);
    return response;
}

Planner::Planner() : memory_{std::make_unique<scheduler::PlanMemory>()} {}
Planner::Planner(Planner&&) noexcept = default;
Planner& Planner::operator=(Planner&&) noexcept = default;
Planner::~Planner() = default;

std::shared_ptr<const schema::SchedulerOutput> Planner::compute(const ComputePlan& plan) {
    scheduler::PlanInputs inputs;
    inputs.wall = plan.wall;
    inputs.seed = plan.seed;
    inputs.order = plan.order;
    inputs.annotate = plan.evaluation->annotate_plan();
    scheduler::take_configuration(inputs, plan.view, plan.evaluation->type());
    return std::make_shared<const schema::SchedulerOutput>(
        scheduler::plan(plan.view, *plan.evaluation, inputs, *memory_));
}

}  // namespace drover::server
