// The join handshake as a copyable value. What it guarantees: of two first clusters that share a
// server at most one is ever formed, whatever is lost, repeated, delayed or restarted; because each
// server is bound to one set at a time, durably, before it says so, and a cluster is formed only
// with the word of every one of its servers.
//
// It never talks to a disk or network and never decides anything once the server is a member.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/time.hpp"
#include "engine/membership/boundary.hpp"

namespace drover::membership {

// Minted once from the server's UUID and never changed; not 0.
[[nodiscard]] std::uint64_t raft_id_of(const Uuid& id);

struct Config {
    Card self;
    std::vector<std::string> join_addresses;
    Duration retry_interval = std::chrono::seconds{1};
    std::size_t known_servers_max =
        256;  // cards beyond it are ignored: strangers cannot fill us up
};

class Membership {
public:
    Membership(Config config, SavedPromise saved, Instant now, Prng prng);

    void step(Instant now, const Input& input, std::vector<Effect>& effects);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] bool member() const { return phase_ == Phase::member; }
    [[nodiscard]] std::vector<Card> known() const;

private:
    enum class Phase : std::uint8_t { gathering, awaiting, member };

    void on(const TimePassed& input);
    void on(const MessageReceived& input);
    void on(const PromiseSaved& input);
    void on(const BecameMember& input);
    void receive(const Hello& hello);
    void receive(const PromiseRequested& request);
    void receive(const PromiseGiven& given);
    void receive(const PromiseRefused& refused);
    void receive(const PromiseReleased& released);
    void receive(const AdmissionRequested& request);

    void remember(const Card& card);
    void consider();
    void begin_attempt(std::vector<Card> servers);
    void ask_for_promises();
    void answer_promise(const Card& to);
    void form_if_all_promised();
    void abandon_attempt();
    void save(std::optional<Promise> promise);
    void await_cluster();
    void ask_for_admission();
    void complain(std::string text);
    void greet_all(bool answer_wanted);
    void greet(const std::string& address, bool answer_wanted);
    void send(const std::string& address, Message message);
    [[nodiscard]] std::vector<Card> founders() const;
    [[nodiscard]] bool coordinates() const;
    [[nodiscard]] bool acceptable(const PromiseRequested& request) const;

    Config config_;
    Prng prng_;
    Phase phase_ = Phase::gathering;
    std::map<Uuid, Card> known_;      // without ourselves
    std::optional<Promise> promise_;  // durable, except while a save is under way
    std::uint64_t highest_attempt_ = 0;
    bool saving_ = false;
    std::optional<Card> owed_;               // who waits for our word until the save is done
    std::optional<std::uint64_t> released_;  // the attempt whose release to tell after the save
    std::vector<Card> released_to_;
    std::set<Uuid> given_;              // as coordinator: whose word we have for promise_->attempt
    std::set<std::string> complained_;  // each oddity is reported once
    Instant next_;
    std::vector<Effect> effects_;  // collected during step, empty between
};

}  // namespace drover::membership
