// See wire.hpp.
#include "engine/server/wire.hpp"

#include <limits>
#include <memory>
#include <utility>

#include "engine/base/match.hpp"
#include "engine/raft/wire.hpp"
#include "engine/schema/peer.pb.h"

namespace drover::server {
namespace {

std::optional<raft::Term> term_of(std::uint64_t told) {
    return told == 0 ? std::nullopt : std::optional{raft::Term{told}};
}

void put(const SnapshotPart& part, schema::PeerEnvelope::SnapshotPart& out) {
    out.set_announcement(raft::encode(part.announcement));
    out.set_size(part.size);
    out.set_checksum(part.checksum);
    out.set_round(part.round);
    out.set_offset(part.offset);
    out.set_bytes(part.bytes.view().data(), part.bytes.size());
}

Result<PeerMessage> take(schema::PeerEnvelope::SnapshotPart& in) {
    auto announcement = raft::decode(in.announcement());
    if (!announcement) return tl::unexpected{announcement.error()};
    auto* snap = std::get_if<raft::MsgSnap>(&announcement->body);
    if (snap == nullptr) return fail(Errc::corrupt, "a part of a snapshot announces no snapshot");
    snap->snapshot.data = nullptr;
    if (in.offset() > in.size() || in.bytes().size() > in.size() - in.offset()) {
        return fail(Errc::corrupt, "a part of a snapshot of " + std::to_string(in.size()) +
                                       " bytes ends beyond it");
    }
    SnapshotPart part{
        std::move(*announcement), in.size(), in.checksum(), in.round(), in.offset(), {}};
    if (!in.bytes().empty()) {
        part.bytes =
            raft::Payload{std::make_shared<const std::string>(std::move(*in.mutable_bytes()))};
    }
    return PeerMessage{std::move(part)};
}

}  // namespace

std::string encode_peer_message(const PeerMessage& message) {
    schema::PeerEnvelope envelope;
    std::visit(Match{[&](const raft::Message& one) { envelope.set_raft(raft::encode(one)); },
                     [&](const ForwardedRequest& one) {
                         envelope.mutable_request()->set_ticket(one.ticket.value());
                         *envelope.mutable_request()->mutable_request() = *one.request;
                         if (one.term) envelope.mutable_request()->set_term(one.term->value());
                     },
                     [&](const ForwardedResponse& one) {
                         envelope.mutable_response()->set_ticket(one.ticket.value());
                         *envelope.mutable_response()->mutable_response() = *one.response;
                         if (one.term) envelope.mutable_response()->set_term(one.term->value());
                     },
                     [&](const SnapshotPart& one) { put(one, *envelope.mutable_snapshot_part()); },
                     [&](const SnapshotReceived& one) {
                         auto& out = *envelope.mutable_snapshot_received();
                         out.set_term(one.snapshot.term.value());
                         out.set_index(one.snapshot.index.value());
                         out.set_round(one.round);
                         out.set_bytes(one.bytes);
                     },
                     [&](const NoMember& one) {
                         envelope.mutable_no_member()->set_index(one.index.value());
                     }},
               message);
    return envelope.SerializeAsString();
}

Result<PeerMessage> decode_peer_message(std::string_view bytes) {
    schema::PeerEnvelope envelope;
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
        !envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Errc::corrupt, "a message of " + std::to_string(bytes.size()) +
                                       " bytes from another server cannot be decoded");
    }
    switch (envelope.kind_case()) {
        case schema::PeerEnvelope::kRaft: {
            auto message = raft::decode(
                std::make_shared<const std::string>(std::move(*envelope.mutable_raft())));
            if (!message) return tl::unexpected{message.error()};
            return PeerMessage{std::move(*message)};
        }
        case schema::PeerEnvelope::kRequest: {
            auto& one = *envelope.mutable_request();
            return PeerMessage{ForwardedRequest{
                Ticket{one.ticket()},
                std::make_shared<const schema::Request>(std::move(*one.mutable_request())),
                term_of(one.term())}};
        }
        case schema::PeerEnvelope::kResponse: {
            auto& one = *envelope.mutable_response();
            return PeerMessage{ForwardedResponse{
                Ticket{one.ticket()},
                std::make_shared<const schema::Response>(std::move(*one.mutable_response())),
                term_of(one.term())}};
        }
        case schema::PeerEnvelope::kSnapshotPart:
            return take(*envelope.mutable_snapshot_part());
        case schema::PeerEnvelope::kSnapshotReceived: {
            const auto& one = envelope.snapshot_received();
            return PeerMessage{SnapshotReceived{
                {raft::Term{one.term()}, raft::Index{one.index()}}, one.round(), one.bytes()}};
        }
        case schema::PeerEnvelope::kNoMember:
            return PeerMessage{NoMember{raft::Index{envelope.no_member().index()}}};
        case schema::PeerEnvelope::KIND_NOT_SET:
            break;
    }
    return fail(Errc::unsupported,
                "a message of a kind that this release does not know came from another server");
}

}  // namespace drover::server
