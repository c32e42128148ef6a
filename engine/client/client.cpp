#include "engine/client/client.hpp"

#include "engine/client/core.hpp"
#include "engine/client/records.hpp"
#include "engine/schema/node.pb.h"

namespace drover::client {

Result<Client> Client::restore(Config config,
                               std::vector<std::pair<std::string, std::string>> durable,
                               Instant now, Prng prng) {
    if (!config.node || !Uuid::from_raw(config.node->id())) {
        return fail(Errc::invalid_argument,
                    "the agent's configuration lacks a node with an id of 16 bytes");
    }
    const auto stored = records::read(durable, config.node->id());
    if (!stored) return tl::unexpected<Error>{stored.error()};
    auto core = std::make_unique<Core>(std::make_shared<const Config>(std::move(config)), durable,
                                       now, prng);
    const auto restored = core->restore(*stored, now);
    if (!restored) return tl::unexpected<Error>{restored.error()};
    return Client{std::move(core)};
}

Client::Client(std::unique_ptr<Core> core) : core_{std::move(core)} {}
Client::Client(const Client& other) : core_{std::make_unique<Core>(*other.core_)} {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(const Client& other) {
    if (this != &other) core_ = std::make_unique<Core>(*other.core_);
    return *this;
}
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

void Client::step(Instant now, WallTime wall, const std::vector<Input>& inputs,
                  std::vector<Effect>& effects) {
    core_->step(now, wall, inputs, effects);
}

std::optional<Instant> Client::next_deadline() const { return core_->next_deadline(); }
std::vector<AllocationSummary> Client::allocations() const { return core_->allocations(); }
bool Client::registered() const { return core_->registered(); }
bool Client::refuses_starts() const { return core_->refuses_starts(); }

}  // namespace drover::client
