// Between the C table and the two engines: one adaptor for each. Payloads are decoded on the way in
// and encoded on the way out, and what a host may get wrong is refused before the engine sees it;
// nothing else happens here. Internal to engine/host.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/result.hpp"
#include "engine/base/time.hpp"
#include "engine/client/client.hpp"
#include "engine/host/host.pb.h"
#include "engine/server/server.hpp"
#include "engine/storage/kv_batch.hpp"

namespace drover::host {

using Changes = google::protobuf::RepeatedPtrField<wire::Change>;
using Records = google::protobuf::RepeatedPtrField<wire::Record>;

// What a host may do with a view is decided by what it came with.
using View =
    std::variant<state::StateView, server::AnswerQuery, server::ComputePlan, server::SaveSnapshot>;

struct Outcome {
    wire::Effects effects;
    std::vector<View> views;
};

class ServerAdaptor {
public:
    [[nodiscard]] static Result<ServerAdaptor> create(const wire::Create& from,
                                                      wire::Created& created);
    // Refused as a whole, or done.
    [[nodiscard]] Result<void> step(const wire::Inputs& inputs, Outcome& outcome);
    [[nodiscard]] std::optional<Instant> next_deadline() const { return engine_.next_deadline(); }
    [[nodiscard]] Result<wire::Digest> digest() const;
    [[nodiscard]] wire::Status status() const;
    [[nodiscard]] Result<View> view() const { return View{engine_.view()}; }

private:
    ServerAdaptor(server::Server engine, Instant now) : engine_{std::move(engine)}, now_{now} {}
    [[nodiscard]] Result<std::vector<server::Input>> take(const wire::Inputs& inputs,
                                                          Outcome& outcome) const;

    server::Server engine_;
    Instant now_;
    std::deque<std::uint64_t> writes_;  // asked for and not answered
};

class ClientAdaptor {
public:
    [[nodiscard]] static Result<ClientAdaptor> create(const wire::Create& from,
                                                      wire::Created& created);
    [[nodiscard]] Result<void> step(const wire::Inputs& inputs, Outcome& outcome);
    [[nodiscard]] std::optional<Instant> next_deadline() const { return engine_.next_deadline(); }
    [[nodiscard]] Result<wire::Digest> digest() const;
    [[nodiscard]] wire::Status status() const;
    [[nodiscard]] Result<View> view() const;

private:
    ClientAdaptor(client::Client engine, Instant now) : engine_{std::move(engine)}, now_{now} {}

    client::Client engine_;
    Instant now_;
};

// Errc::unsupported where the view did not come with a wish for this.
[[nodiscard]] Result<std::string> answer(const View& view, const schema::Request* request);
[[nodiscard]] Result<std::string> plan(const View& view);
[[nodiscard]] Result<std::string> write_snapshot(const View& view);

// ---- shared by both

// Time never goes back, and stays where nothing that is added to it overflows.
[[nodiscard]] Result<void> check_time(Instant latest, std::int64_t now, std::int64_t wall);
void fill_changes(Changes& out, const storage::KvBatch& batch);

}  // namespace drover::host
