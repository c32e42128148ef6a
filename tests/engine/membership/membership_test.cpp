// Many servers, a network that loses, repeats and reorders, and crashes at any moment: of first
// clusters that share a server at most one may be formed, and once the faults end all servers must
// end in one cluster.
#include "engine/membership/membership.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>

namespace drover::membership {
namespace {

using namespace std::chrono_literals;

struct World {
    struct Server {
        Card card;
        std::optional<Membership> machine;
        SavedPromise disk;
        std::optional<SavedPromise> unsynced;
        bool formed = false;
        bool awaiting = false;
    };
    struct Flight {
        std::string to;
        Message message;
    };

    Prng prng;
    std::vector<Server> servers;
    std::vector<Flight> network;
    std::vector<std::vector<Card>> formed;
    Instant now{};
    unsigned loss_percent = 0;

    World(std::uint64_t seed, std::size_t count, std::uint32_t expect) : prng{seed} {
        for (std::size_t i = 0; i < count; ++i) {
            Server server;
            server.card.id = Uuid::mint(WallTime{1'000'000'000}, prng);
            server.card.raft_id = raft_id_of(server.card.id);
            server.card.name = "s" + std::to_string(i);
            server.card.region = "global";
            server.card.join_address = server.card.name;
            server.card.bootstrap_expect = expect;
            servers.push_back(server);
        }
        for (Server& server : servers) start(server);
    }

    void start(Server& server) {
        // Each knows two others to begin with, so that knowledge, and with it the sets, differ.
        Config config{server.card, {}, 1s, 256};
        for (int i = 0; i < 2; ++i) {
            config.join_addresses.push_back(servers[prng.below(servers.size())].card.join_address);
        }
        config.join_addresses.push_back("s0");
        config.self.has_state = server.formed;
        server.unsynced.reset();
        server.machine.emplace(config, server.disk, now, Prng{prng.next()});
    }

    void step(Server& server, const Input& input) {
        std::vector<Effect> effects;
        server.machine->step(now, input, effects);
        for (Effect& effect : effects) {
            if (auto* send = std::get_if<SendMessage>(&effect)) {
                network.push_back({send->address, send->message});
            } else if (auto* save = std::get_if<SavePromise>(&effect)) {
                server.unsynced = save->saved;
            } else if (auto* form = std::get_if<FormCluster>(&effect)) {
                formed.push_back(form->servers);
                server.formed = true;
            } else if (std::holds_alternative<AwaitCluster>(effect)) {
                server.awaiting = true;
            }
        }
    }

    Server* at(const std::string& address) {
        for (Server& server : servers) {
            if (server.card.join_address == address) return &server;
        }
        return nullptr;
    }

    void deliver_one() {
        const std::size_t chosen = prng.below(network.size());
        const Flight flight = network[chosen];
        if (!prng.chance(loss_percent, 200))
            network.erase(network.begin() + static_cast<long>(chosen));
        if (prng.chance(loss_percent, 100)) return;
        if (Server* server = at(flight.to)) step(*server, MessageReceived{flight.message});
    }

    void something_happens() {
        Server& server = servers[prng.below(servers.size())];
        switch (prng.below(4)) {
            case 0:
                now += prng.between(Duration{0}, 300ms);
                return step(server, TimePassed{});
            case 1:
                if (!server.unsynced) return;
                server.disk = *std::exchange(server.unsynced, std::nullopt);
                return step(server, PromiseSaved{});
            default:
                if (!network.empty()) deliver_one();
                if (network.size() > 3000) network.resize(100);
        }
    }

    // Loses what was not synced, half of the time.
    void crash_one() {
        Server& server = servers[prng.below(servers.size())];
        if (server.unsynced && prng.chance(1, 2)) server.disk = *server.unsynced;
        start(server);
    }

    bool settled() const {
        return std::all_of(servers.begin(), servers.end(),
                           [](const Server& server) { return server.formed || server.awaiting; });
    }
};

bool overlap(const std::vector<Card>& a, const std::vector<Card>& b) {
    return std::any_of(a.begin(), a.end(), [&](const Card& card) {
        return std::any_of(b.begin(), b.end(),
                           [&](const Card& other) { return card.id == other.id; });
    });
}

void expect_no_two_sets_share_a_server(const World& world, std::uint64_t seed) {
    for (const auto& a : world.formed) {
        for (const auto& b : world.formed) {
            EXPECT_TRUE(a == b || !overlap(a, b)) << "seed " << seed;
        }
    }
}

TEST(Membership, overlapping_first_clusters_are_never_both_formed) {
    std::size_t formed = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        World world{seed, 3 + seed % 3, 3};
        world.loss_percent = static_cast<unsigned>(seed % 60);
        const std::uint64_t crash_every = 5 + world.prng.below(200);
        for (int i = 0; i < 3000; ++i) {
            world.something_happens();
            if (world.prng.chance(1, crash_every)) world.crash_one();
        }
        world.loss_percent = 0;
        for (int i = 0; i < 60000 && !world.settled(); ++i) world.something_happens();
        EXPECT_TRUE(world.settled()) << "seed " << seed;
        expect_no_two_sets_share_a_server(world, seed);
        formed += world.formed.size();
    }
    EXPECT_GE(formed, 100U);
}

// One server of three under the microscope; the test speaks for the others.
struct Alone {
    std::vector<Card> cards;
    std::optional<Membership> machine;
    std::vector<Effect> effects;

    Alone() {
        Prng prng{5};
        for (int i = 0; i < 3; ++i) {
            Card card;
            card.id = Uuid::mint(WallTime{(i + 1) * 1'000'000'000LL}, prng);
            card.name = card.join_address = "s" + std::to_string(i);
            card.bootstrap_expect = 3;
            cards.push_back(card);
        }
        machine.emplace(Config{cards[2], {}, 1s, 256}, SavedPromise{}, Instant{}, Prng{1});
    }
    void step(const Input& input) { machine->step(Instant{}, input, effects); }
    void hear(Message message) { step(MessageReceived{std::move(message)}); }
    [[nodiscard]] int given() const {
        return static_cast<int>(std::count_if(effects.begin(), effects.end(), [](const Effect& e) {
            const auto* send = std::get_if<SendMessage>(&e);
            return send != nullptr && std::holds_alternative<PromiseGiven>(send->message);
        }));
    }
};

TEST(Membership, a_promise_is_given_only_once_it_is_saved) {
    Alone alone;
    alone.hear(PromiseRequested{alone.cards[0], {alone.cards, 1}});
    EXPECT_EQ(alone.given(), 0);
    alone.step(PromiseSaved{});
    EXPECT_EQ(alone.given(), 1);
}

TEST(Membership, an_earlier_attempt_cannot_undo_a_later_promise) {
    Alone alone;
    alone.hear(PromiseRequested{alone.cards[0], {alone.cards, 2}});
    alone.step(PromiseSaved{});
    alone.effects.clear();
    alone.hear(PromiseRequested{alone.cards[0], {alone.cards, 1}});
    alone.hear(PromiseReleased{alone.cards[0].id, 1});
    alone.step(PromiseSaved{});
    EXPECT_EQ(alone.given(), 0);
    EXPECT_TRUE(std::none_of(alone.effects.begin(), alone.effects.end(), [](const Effect& e) {
        return std::holds_alternative<SavePromise>(e);
    }));
}

TEST(Membership, a_set_that_does_not_fit_is_promised_nothing) {
    struct Row {
        const char* why;
        std::size_t coordinator;
        std::vector<std::size_t> set;
    };
    const Row rows[]{
        {"an empty set", 0, {}},
        {"too few", 0, {0, 2}},
        {"without us", 0, {0, 1, 1}},
        {"not in order", 0, {0, 2, 1}},
        {"asked by another than its first", 1, {0, 1, 2}},
    };
    for (const Row& row : rows) {
        Alone alone;
        Promise promise{{}, 1};
        for (const std::size_t i : row.set) promise.servers.push_back(alone.cards[i]);
        alone.hear(PromiseRequested{alone.cards[row.coordinator], promise});
        alone.step(PromiseSaved{});
        EXPECT_EQ(alone.given(), 0) << row.why;
    }
}

TEST(Membership, one_server_that_expects_one_forms_its_cluster_alone) {
    World world{7, 1, 1};
    for (int i = 0; i < 50; ++i) world.something_happens();
    ASSERT_EQ(world.formed.size(), 1U);
    EXPECT_EQ(world.formed.front().front().name, "s0");
}

TEST(Membership, too_few_servers_form_nothing) {
    World world{7, 2, 3};
    for (int i = 0; i < 5000; ++i) world.something_happens();
    EXPECT_TRUE(world.formed.empty());
}

TEST(Membership, a_server_that_expects_nothing_joins_the_cluster_of_others) {
    World world{9, 4, 3};
    world.servers[3].card.bootstrap_expect = 0;
    world.start(world.servers[3]);
    for (int i = 0; i < 60000 && !world.settled(); ++i) world.something_happens();
    EXPECT_TRUE(world.servers[3].awaiting);
    ASSERT_EQ(world.formed.size(), 1U);
    EXPECT_FALSE(overlap(world.formed.front(), {world.servers[3].card}));
}

TEST(Membership, different_expectations_are_reported_and_form_nothing) {
    World world{11, 3, 3};
    world.servers[2].card.bootstrap_expect = 2;
    world.start(world.servers[2]);
    for (int i = 0; i < 5000; ++i) world.something_happens();
    EXPECT_TRUE(world.formed.empty());
}

}  // namespace
}  // namespace drover::membership
