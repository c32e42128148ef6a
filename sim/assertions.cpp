#include "sim/assertions.hpp"

#include <string>

#include "sim/world.hpp"

namespace drover::sim {

Assertions::Assertions(const Checks& checks)
    : checks_{&checks},
      unmet_since_(checks.always.size()),
      sometimes_(checks.sometimes.size()),
      eventually_(checks.eventually.size()) {}

Instant Assertions::now_of(const World& world) { return world.now(); }

void Assertions::look(World& world) {
    look_always(world);
    for (std::size_t i = 0; i < sometimes_.size(); ++i) {
        if (!sometimes_[i]) sometimes_[i] = checks_->sometimes[i].conclusion.holds(world);
    }
    if (healed_at_) look_eventually(world);
}

void Assertions::look_always(World& world) {
    for (std::size_t i = 0; i < checks_->always.size(); ++i) {
        const Assertion& one = checks_->always[i];
        const bool unmet =
            (!one.premise || one.premise->holds(world)) && !one.conclusion.holds(world);
        if (!unmet) {
            unmet_since_[i].reset();
            continue;
        }
        if (!unmet_since_[i]) unmet_since_[i] = world.now();
        if (world.now() - *unmet_since_[i] >= one.within) {
            world.fail(Class::safety, "always", "did not hold: " + one.text);
        }
    }
}

void Assertions::look_eventually(World& world) {
    for (std::size_t i = 0; i < eventually_.size(); ++i) {
        if (eventually_[i]) continue;
        const Assertion& one = checks_->eventually[i];
        eventually_[i] = one.conclusion.holds(world);
        if (!eventually_[i] && one.within.count() != 0 && world.now() - *healed_at_ > one.within) {
            world.fail(Class::liveness, "eventually", "has not come true in time: " + one.text);
        }
    }
}

std::string Assertions::outstanding() const {
    for (std::size_t i = 0; i < eventually_.size(); ++i) {
        if (!eventually_[i]) return "not yet true: " + checks_->eventually[i].text;
    }
    return {};
}

}  // namespace drover::sim
