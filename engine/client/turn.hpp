// What every part of the agent may use while one step runs: the time, chance, the way to the disk
// and the list of effects. Parts keep nothing of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"
#include "engine/client/boundary.hpp"
#include "engine/client/client.hpp"
#include "engine/client/state_journal.hpp"

namespace drover::client {

struct Turn {
    Instant now;
    WallTime wall;
    const Config& config;
    Prng& prng;
    StateJournal& journal;
    std::vector<Effect>& effects;

    template <class One>
    void ask(One effect) {
        effects.emplace_back(std::move(effect));
    }
    void report(Severity severity, std::string text) {
        effects.emplace_back(Report{severity, std::move(text)});
    }
};

}  // namespace drover::client
