// Byte streams with credit: a sender may have no more on its way than the receiver has room for.
// And the answering side of requests, which shares its rule: a handle refers to the core weakly.
#include "io/transport_core.hpp"

namespace drover::io {
namespace {

constexpr std::size_t credit_step = stream_window_bytes / 4;  // credit travels in such portions

}  // namespace

// ---- the handle: any thread

void Stream::start(StreamHandlers handlers) const {
    const std::shared_ptr<Core> core = state_->core.lock();
    if (!core) return;
    core->post([state = state_, handlers = std::move(handlers)]() mutable {
        if (state->started) return;
        state->started = true;
        state->handlers = std::move(handlers);
        while (!state->inbox.empty() && state->handlers.on_data) {
            std::string bytes = std::move(state->inbox.front());
            state->inbox.pop_front();
            state->handlers.on_data(std::move(bytes));
        }
        if (state->over) return state->tell_end(state->failure);
        if (state->end_received) state->tell_end(std::nullopt);
    });
}

Result<void> Stream::write(std::string bytes) const {
    const std::shared_ptr<Core> core = state_->core.lock();
    if (!core || state_->closed_for_writing) return fail(Errc::not_found, "the stream is over");
    const std::size_t size = bytes.size();
    if (size == 0) return {};
    const std::size_t before = state_->buffered.fetch_add(size);
    if (before > 0 && before + size > state_->buffer_max) {
        state_->write_refused = true;
        state_->buffered.fetch_sub(size);
        // The buffer may have drained in between: then nobody else would tell of it.
        core->post([state = state_] { state->pump(); });
        return fail(Errc::overloaded,
                    "the reader is slow: " + std::to_string(before) + " bytes already wait for it");
    }
    core->post([state = state_, bytes = std::move(bytes)]() mutable {
        if (state->over) return;
        state->outbox.push_back(std::move(bytes));
        state->pump();
    });
    return {};
}

void Stream::consumed(std::size_t bytes) const {
    const std::shared_ptr<Core> core = state_->core.lock();
    if (!core) return;
    core->post([state = state_, bytes] {
        const std::shared_ptr<Connection> connection = state->connection.lock();
        if (state->over || !connection) return;
        const std::size_t room = stream_window_bytes - state->receive_window - state->credit_owed;
        state->credit_owed += std::min(bytes, room);
        if (state->credit_owed < credit_step) return;
        const auto credit = static_cast<std::uint32_t>(std::exchange(state->credit_owed, 0));
        state->receive_window += credit;
        connection->outbox.push_control(FrameKind::stream_credit, state->wire,
                                        encode_credit(credit));
        connection->flush();
    });
}

void Stream::end() const {
    state_->closed_for_writing = true;
    const std::shared_ptr<Core> core = state_->core.lock();
    if (!core) return;
    core->post([state = state_] {
        state->end_asked = true;
        state->pump();
    });
}

void Stream::reset(std::string reason) const {
    state_->closed_for_writing = true;
    const std::shared_ptr<Core> core = state_->core.lock();
    if (!core) return;
    core->post([state = state_, reason = std::move(reason)] {
        if (state->over) return;
        if (const auto connection = state->connection.lock()) {
            connection->outbox.push_control(FrameKind::stream_reset, state->wire,
                                            reason.substr(0, frame_payload_max));
            connection->flush();
        }
        state->finish(Error{Errc::internal, "reset by this side: " + reason});
    });
}

// ---- the state: the loop

Stream::State::~State() {
    const std::shared_ptr<Core> alive = core.lock();
    if (over || !alive) return;
    alive->post([weak = connection, number = wire] {
        const std::shared_ptr<Connection> open = weak.lock();
        if (!open || open->streams.erase(number) == 0) return;
        open->outbox.push_control(FrameKind::stream_reset, number, "nobody holds the other end");
        open->flush();
    });
}

void Stream::State::attach(const std::shared_ptr<Connection>& to) {
    connection = to;
    to->streams.emplace(wire, weak_from_this());
    pump();
}

void Stream::State::pump() {
    const std::shared_ptr<Connection> open = connection.lock();
    if (over || !open) return;
    while (!outbox.empty() && send_window > 0) {
        std::string& front = outbox.front();
        const std::size_t size = std::min({front.size(), send_window, frame_payload_max});
        open->outbox.push_control(FrameKind::stream_data, wire, front.substr(0, size));
        send_window -= size;
        buffered -= size;
        front.erase(0, size);
        if (front.empty()) outbox.pop_front();
    }
    if (outbox.empty() && end_asked && !end_sent) {
        end_sent = true;
        open->outbox.push_control(FrameKind::stream_end, wire);
    }
    open->flush();
    if (buffered <= buffer_max / 2 && write_refused.exchange(false) && handlers.on_writable) {
        handlers.on_writable();
    }
    settle();
}

void Stream::State::receive(std::string bytes) {
    if (over || end_received) return;
    if (bytes.size() > receive_window) {
        if (const auto open = connection.lock()) open->close("a stream overran its credit");
        return;
    }
    receive_window -= bytes.size();
    if (started) {
        if (handlers.on_data) handlers.on_data(std::move(bytes));
    } else {
        inbox.push_back(std::move(bytes));
    }
}

void Stream::State::receive_credit(std::size_t bytes) {
    send_window = std::min(send_window + bytes, stream_window_bytes);
    pump();
}

void Stream::State::receive_end() {
    end_received = true;
    if (started) tell_end(std::nullopt);
    settle();
}

void Stream::State::tell_end(const std::optional<Error>& error) {
    if (const auto told = std::exchange(handlers.on_end, nullptr)) told(error);
}

void Stream::State::settle() {
    if (end_sent && end_received) finish(std::nullopt);
}

void Stream::State::finish(std::optional<Error> error) {
    if (over) return;
    over = true;
    closed_for_writing = true;
    failure = std::move(error);
    const std::shared_ptr<State> self = shared_from_this();
    if (const auto open = connection.lock()) open->streams.erase(wire);
    if (!started) return;  // start() tells of it
    tell_end(failure);
    handlers = {};
}

// ---- responders

void Responder::respond(std::string bytes) const {
    if (state_->answered.exchange(true)) return;
    const std::shared_ptr<Core> core = state_->core.lock();
    if (!core) return;
    core->post(
        [weak = state_->connection, wire = state_->wire, bytes = std::move(bytes)]() mutable {
            const std::shared_ptr<Connection> open = weak.lock();
            if (!open || open->incoming.erase(wire) == 0) return;
            if (!open->outbox.push(FrameKind::response, wire, std::move(bytes))) {
                return open->close("it does not read its responses");
            }
            open->flush();
        });
}

void Responder::on_abandoned(std::function<void()> callback) const {
    const std::shared_ptr<Core> core = state_->core.lock();
    if (!core) return;
    core->post([state = state_, callback = std::move(callback)]() mutable {
        if (state->answered) return;
        if (state->abandoned) return callback();
        state->on_abandoned = std::move(callback);
    });
}

Responder::State::~State() {
    const std::shared_ptr<Core> alive = core.lock();
    if (answered || abandoned || !alive) return;
    alive->post([weak = connection, number = wire] {
        const std::shared_ptr<Connection> open = weak.lock();
        if (!open || open->incoming.erase(number) == 0) return;
        open->outbox.push_control(FrameKind::request_failed, number,
                                  "the receiver dropped the request without an answer");
        open->flush();
    });
}

}  // namespace drover::io
