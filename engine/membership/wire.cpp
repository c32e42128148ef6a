#include "engine/membership/wire.hpp"

#include "engine/base/match.hpp"
#include "engine/schema/membership.pb.h"

namespace drover::membership {
namespace {

using Answer = schema::MembershipMessage::PromiseAnswer;

void fill(schema::ServerCard& out, const Card& card) {
    out.set_id(card.id.raw());
    out.set_raft_id(card.raft_id);
    out.set_name(card.name);
    out.set_region(card.region);
    out.set_join_address(card.join_address);
    out.set_peer_address(card.peer_address);
    out.set_bootstrap_expect(card.bootstrap_expect);
    out.set_raft_protocol(card.raft_protocol);
    out.set_release(card.release);
    out.set_has_state(card.has_state);
    out.set_level_min(card.level_min);
    out.set_level_max(card.level_max);
}

void fill(schema::ServerPromise& out, const Promise& promise) {
    for (const auto& card : promise.servers) fill(*out.add_servers(), card);
    out.set_attempt(promise.attempt);
}

void fill(Answer& out, const Uuid& from, std::uint64_t attempt) {
    out.set_from(from.raw());
    out.set_attempt(attempt);
}

tl::unexpected<Error> malformed(const char* what) {
    return fail(Errc::corrupt, std::string{"a join message is malformed: "} + what);
}

Result<Uuid> read_id(const std::string& raw) {
    const auto id = Uuid::from_raw(raw);
    if (!id) return malformed("an id is not 16 bytes");
    return *id;
}

Result<Card> read(const schema::ServerCard& in) {
    const auto id = read_id(in.id());
    if (!id) return tl::unexpected{id.error()};
    return Card{*id,
                in.raft_id(),
                in.name(),
                in.region(),
                in.join_address(),
                in.peer_address(),
                in.bootstrap_expect(),
                in.raft_protocol(),
                in.release(),
                in.has_state(),
                in.level_min(),
                in.level_max()};
}

Result<std::vector<Card>> read_cards(
    const google::protobuf::RepeatedPtrField<schema::ServerCard>& in) {
    std::vector<Card> cards;
    for (const auto& one : in) {
        auto card = read(one);
        if (!card) return tl::unexpected{card.error()};
        cards.push_back(std::move(*card));
    }
    return cards;
}

Result<Promise> read(const schema::ServerPromise& in) {
    auto servers = read_cards(in.servers());
    if (!servers) return tl::unexpected{servers.error()};
    return Promise{std::move(*servers), in.attempt()};
}

template <class Given>
Result<Message> read_answer(const Answer& in) {
    const auto from = read_id(in.from());
    if (!from) return tl::unexpected{from.error()};
    return Given{*from, in.attempt()};
}

Result<Message> read_refusal(const Answer& in) {
    const auto from = read_id(in.from());
    const auto bound_to = read_id(in.bound_to());
    if (!from || !bound_to) return malformed("a refusal without its servers");
    return PromiseRefused{*from, in.attempt(), *bound_to};
}

Result<Message> read_hello(const schema::MembershipMessage::Hello& in) {
    auto from = read(in.from());
    auto known = read_cards(in.known());
    if (!from) return tl::unexpected{from.error()};
    if (!known) return tl::unexpected{known.error()};
    return Hello{std::move(*from), std::move(*known), in.answer_wanted()};
}

Result<Message> read_request(const schema::MembershipMessage::PromiseRequested& in) {
    auto from = read(in.from());
    auto promise = read(in.promise());
    if (!from) return tl::unexpected{from.error()};
    if (!promise) return tl::unexpected{promise.error()};
    return PromiseRequested{std::move(*from), std::move(*promise)};
}

}  // namespace

std::string encode(const Message& message) {
    schema::MembershipMessage out;
    std::visit(Match{[&](const Hello& one) {
                         fill(*out.mutable_hello()->mutable_from(), one.from);
                         for (const auto& card : one.known)
                             fill(*out.mutable_hello()->add_known(), card);
                         out.mutable_hello()->set_answer_wanted(one.answer_wanted);
                     },
                     [&](const PromiseRequested& one) {
                         fill(*out.mutable_promise_requested()->mutable_from(), one.from);
                         fill(*out.mutable_promise_requested()->mutable_promise(), one.promise);
                     },
                     [&](const PromiseGiven& one) {
                         fill(*out.mutable_promise_given(), one.from, one.attempt);
                     },
                     [&](const PromiseRefused& one) {
                         fill(*out.mutable_promise_refused(), one.from, one.attempt);
                         out.mutable_promise_refused()->set_bound_to(one.bound_to.raw());
                     },
                     [&](const PromiseReleased& one) {
                         fill(*out.mutable_promise_released(), one.from, one.attempt);
                     },
                     [&](const AdmissionRequested& one) {
                         fill(*out.mutable_admission_requested(), one.from);
                     }},
               message);
    return out.SerializeAsString();
}

Result<Message> decode(std::string_view bytes) {
    schema::MembershipMessage in;
    if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return malformed("not Protobuf");
    switch (in.kind_case()) {
        case schema::MembershipMessage::kHello:
            return read_hello(in.hello());
        case schema::MembershipMessage::kPromiseRequested:
            return read_request(in.promise_requested());
        case schema::MembershipMessage::kPromiseGiven:
            return read_answer<PromiseGiven>(in.promise_given());
        case schema::MembershipMessage::kPromiseRefused:
            return read_refusal(in.promise_refused());
        case schema::MembershipMessage::kPromiseReleased:
            return read_answer<PromiseReleased>(in.promise_released());
        case schema::MembershipMessage::kAdmissionRequested: {
            auto card = read(in.admission_requested());
            if (!card) return tl::unexpected{card.error()};
            return AdmissionRequested{std::move(*card)};
        }
        case schema::MembershipMessage::KIND_NOT_SET:
            break;
    }
    return malformed("of a kind that this release does not know");
}

std::string encode(const SavedPromise& saved) {
    schema::SavedServerPromise out;
    if (saved.promise) fill(*out.mutable_promise(), *saved.promise);
    out.set_highest_attempt(saved.highest_attempt);
    return out.SerializeAsString();
}

Result<SavedPromise> decode_saved(std::string_view bytes) {
    schema::SavedServerPromise in;
    if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return malformed("not Protobuf");
    SavedPromise saved;
    saved.highest_attempt = in.highest_attempt();
    if (!in.has_promise()) return saved;
    auto promise = read(in.promise());
    if (!promise) return tl::unexpected{promise.error()};
    saved.promise = std::move(*promise);
    return saved;
}

}  // namespace drover::membership
