// See membership.hpp.
#include "engine/membership/membership.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/ensure.hpp"
#include "engine/base/match.hpp"

namespace drover::membership {
namespace {

bool contains(const std::vector<Card>& servers, const Uuid& id) {
    return std::any_of(servers.begin(), servers.end(),
                       [&](const Card& card) { return card.id == id; });
}

bool ascending(const std::vector<Card>& servers) {
    return std::adjacent_find(servers.begin(), servers.end(), [](const Card& a, const Card& b) {
               return a.id >= b.id;
           }) == servers.end();
}

std::string names(const std::vector<Card>& servers) {
    std::string text;
    for (const Card& card : servers) text += (text.empty() ? "" : ", ") + card.name;
    return text;
}

}  // namespace

std::uint64_t raft_id_of(const Uuid& id) {
    // Bytes of pure chance (uuid.hpp): the time of minting would make neighbours collide.
    std::uint64_t number = 0;
    for (std::size_t i = 6; i < 14; ++i) number = number << 8 | id.bytes[i];
    return number == 0 ? 1 : number;
}

Membership::Membership(Config config, SavedPromise saved, Instant now, Prng prng)
    : config_{std::move(config)},
      prng_{prng},
      promise_{std::move(saved.promise)},
      highest_attempt_{saved.highest_attempt},
      next_{now} {
    if (config_.self.has_state) phase_ = Phase::member;
}

void Membership::step(Instant now, const Input& input, std::vector<Effect>& effects) {
    if (now >= next_ && phase_ != Phase::member) {
        next_ =
            now + config_.retry_interval + prng_.between(Duration{0}, config_.retry_interval / 4);
        on(TimePassed{});
    }
    std::visit(
        Match{[](const TimePassed&) {}, [&](const MessageReceived& happened) { on(happened); },
              [&](const PromiseSaved& happened) { on(happened); },
              [&](const BecameMember& happened) { on(happened); }},
        input);
    for (Effect& effect : effects_) effects.push_back(std::move(effect));
    effects_.clear();
}

std::optional<Instant> Membership::next_deadline() const {
    if (phase_ == Phase::member) return std::nullopt;
    return next_;
}

std::vector<Card> Membership::known() const {
    std::vector<Card> cards;
    for (const auto& [id, card] : known_) cards.push_back(card);
    return cards;
}

void Membership::on(const TimePassed&) {
    greet_all(true);
    if (phase_ == Phase::awaiting) return ask_for_admission();
    if (promise_ && !saving_) {
        // Either way the other side may have missed what was said before.
        coordinates() ? ask_for_promises() : answer_promise(promise_->servers.front());
    }
    consider();
}

void Membership::on(const MessageReceived& input) {
    std::visit(
        Match{[&](const Hello& m) { receive(m); }, [&](const PromiseRequested& m) { receive(m); },
              [&](const PromiseGiven& m) { receive(m); },
              [&](const PromiseRefused& m) { receive(m); },
              [&](const PromiseReleased& m) { receive(m); },
              [&](const AdmissionRequested& m) { receive(m); }},
        input.message);
}

void Membership::on(const BecameMember&) {
    phase_ = Phase::member;
    config_.self.has_state = true;
    greet_all(false);
}

void Membership::receive(const Hello& hello) {
    remember(hello.from);
    for (const Card& card : hello.known) remember(card);
    if (hello.answer_wanted) greet(hello.from.join_address, false);
    if (phase_ == Phase::gathering) consider();
}

void Membership::remember(const Card& card) {
    if (card.id == config_.self.id || card.region != config_.self.region) return;
    const auto found = known_.find(card.id);
    if (found == known_.end() && known_.size() >= config_.known_servers_max) return;
    // Hearsay may be older than what we know: having state is never unlearned.
    const bool had_state = found != known_.end() && found->second.has_state;
    known_[card.id] = card;
    known_[card.id].has_state = card.has_state || had_state;
}

// Every server that could found a cluster with us, ourselves included, ascending by id.
std::vector<Card> Membership::founders() const {
    std::vector<Card> servers{config_.self};
    for (const auto& [id, card] : known_) {
        if (card.bootstrap_expect == config_.self.bootstrap_expect) servers.push_back(card);
    }
    std::sort(servers.begin(), servers.end(),
              [](const Card& a, const Card& b) { return a.id < b.id; });
    return servers;
}

void Membership::consider() {
    if (phase_ != Phase::gathering) return;
    for (const auto& [id, card] : known_) {
        if (card.has_state) return await_cluster();
        if (card.bootstrap_expect != 0 && config_.self.bootstrap_expect != 0 &&
            card.bootstrap_expect != config_.self.bootstrap_expect) {
            return complain("bootstrap_expect is " + std::to_string(config_.self.bootstrap_expect) +
                            " here and " + std::to_string(card.bootstrap_expect) + " on " +
                            card.name + "; no cluster is formed until they are equal");
        }
    }
    const std::size_t expect = config_.self.bootstrap_expect;
    if (promise_ || saving_ || expect == 0) return;
    std::vector<Card> servers = founders();
    if (servers.size() < expect) return;
    servers.resize(expect);
    if (servers.front().id == config_.self.id) begin_attempt(std::move(servers));
}

bool Membership::coordinates() const {
    return promise_ && promise_->servers.front().id == config_.self.id;
}

void Membership::begin_attempt(std::vector<Card> servers) {
    given_.clear();
    save(Promise{std::move(servers), highest_attempt_ + 1});
}

void Membership::save(std::optional<Promise> promise) {
    ENSURE(!saving_);
    saving_ = true;
    promise_ = std::move(promise);
    if (promise_) highest_attempt_ = std::max(highest_attempt_, promise_->attempt);
    effects_.push_back(SavePromise{{promise_, highest_attempt_}});
}

void Membership::on(const PromiseSaved&) {
    saving_ = false;
    if (const auto to = std::exchange(owed_, std::nullopt)) answer_promise(*to);
    if (const auto attempt = std::exchange(released_, std::nullopt)) {
        for (const Card& card : std::exchange(released_to_, {})) {
            send(card.join_address, PromiseReleased{config_.self.id, *attempt});
        }
    }
    if (coordinates() && phase_ == Phase::gathering) ask_for_promises();
}

void Membership::ask_for_promises() {
    given_.insert(config_.self.id);
    for (const Card& card : promise_->servers) {
        if (!given_.contains(card.id)) {
            send(card.join_address, PromiseRequested{config_.self, *promise_});
        }
    }
    form_if_all_promised();
}

bool Membership::acceptable(const PromiseRequested& request) const {
    const auto& servers = request.promise.servers;
    return !servers.empty() && servers.size() == config_.self.bootstrap_expect &&
           ascending(servers) && servers.front().id == request.from.id &&
           contains(servers, config_.self.id);
}

void Membership::receive(const PromiseRequested& request) {
    remember(request.from);
    if (phase_ != Phase::gathering) return greet(request.from.join_address, false);
    if (!acceptable(request)) {
        return complain("refused to promise " + request.from.name +
                        " a part in its first cluster: its set of servers does not fit ours");
    }
    if (saving_) return;  // asked again soon enough
    const bool bound_elsewhere = promise_ && promise_->servers.front().id != request.from.id;
    if (!bound_elsewhere) {
        // A later attempt of our coordinator means that it has durably given up the one before.
        if (promise_ && promise_->attempt > request.promise.attempt) return;
        if (promise_ && promise_->attempt == request.promise.attempt) {
            return answer_promise(request.from);
        }
        owed_ = request.from;
        return save(request.promise);
    }
    send(request.from.join_address,
         PromiseRefused{config_.self.id, request.promise.attempt, promise_->servers.front().id});
}

void Membership::answer_promise(const Card& to) {
    if (!promise_) return;
    send(to.join_address, PromiseGiven{config_.self.id, promise_->attempt});
}

void Membership::receive(const PromiseGiven& given) {
    if (phase_ != Phase::gathering || saving_) return;
    if (coordinates() && given.attempt == promise_->attempt) {
        if (contains(promise_->servers, given.from)) given_.insert(given.from);
        return form_if_all_promised();
    }
    // Bound to an attempt that is durably over: its release must have been lost.
    if (const auto sender = known_.find(given.from); sender != known_.end()) {
        send(sender->second.join_address, PromiseReleased{config_.self.id, given.attempt});
    }
}

void Membership::form_if_all_promised() {
    if (phase_ != Phase::gathering || given_.size() != promise_->servers.size()) return;
    phase_ = Phase::member;
    config_.self.has_state = true;
    effects_.push_back(Report{Severity::info, "forming a cluster of " + names(promise_->servers)});
    effects_.push_back(FormCluster{promise_->servers});
    greet_all(false);
}

// Of two coordinators that are in each other's way the one with the greater id yields.
void Membership::receive(const PromiseRefused& refused) {
    if (phase_ != Phase::gathering || !coordinates() || saving_) return;
    if (refused.attempt != promise_->attempt || refused.bound_to >= config_.self.id) return;
    abandon_attempt();
}

void Membership::abandon_attempt() {
    released_ = promise_->attempt;
    released_to_ = promise_->servers;
    std::erase_if(released_to_, [&](const Card& card) { return card.id == config_.self.id; });
    given_.clear();
    save(std::nullopt);
}

void Membership::receive(const PromiseReleased& released) {
    if (saving_ || !promise_ || promise_->servers.front().id != released.from) return;
    if (promise_->attempt == released.attempt) save(std::nullopt);
}

void Membership::receive(const AdmissionRequested& request) {
    remember(request.from);
    if (phase_ == Phase::member) effects_.push_back(AdmitServer{request.from});
}

void Membership::await_cluster() {
    phase_ = Phase::awaiting;
    effects_.push_back(Report{Severity::info, "a cluster exists; asking to be added to it"});
    effects_.push_back(AwaitCluster{});
    ask_for_admission();
}

void Membership::ask_for_admission() {
    for (const auto& [id, card] : known_) {
        if (card.has_state) send(card.join_address, AdmissionRequested{config_.self});
    }
}

void Membership::greet_all(bool answer_wanted) {
    std::set<std::string> addresses{config_.join_addresses.begin(), config_.join_addresses.end()};
    for (const auto& [id, card] : known_) addresses.insert(card.join_address);
    addresses.erase(config_.self.join_address);
    for (const std::string& address : addresses) greet(address, answer_wanted);
}

void Membership::greet(const std::string& address, bool answer_wanted) {
    send(address, Hello{config_.self, known(), answer_wanted});
}

void Membership::send(const std::string& address, Message message) {
    effects_.push_back(SendMessage{address, std::move(message)});
}

void Membership::complain(std::string text) {
    if (complained_.size() < config_.known_servers_max && complained_.insert(text).second) {
        effects_.push_back(Report{Severity::warning, std::move(text)});
    }
}

}  // namespace drover::membership
