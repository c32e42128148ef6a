// Log files of tasks: plain text, or Nomad's stream of frames.
#include <atomic>
#include <mutex>
#include <thread>

#include "agent/api/routes.hpp"
#include "engine/schema/json_text.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

std::string frame(const FileChunk& chunk) {
    JsonValue json = JsonValue::Object{};
    if (chunk.offset != 0) json.set("Offset", chunk.offset);
    if (!chunk.bytes.empty()) json.set("Data", schema::base64(chunk.bytes));
    json.set("File", chunk.file);
    if (!chunk.event.empty()) json.set("FileEvent", chunk.event);
    return schema::print_json(json);
}

// The answer begins with the first piece, or with the end: a reading that fails at once is an error
// with a status, not an empty success.
class LogAnswer : public std::enable_shared_from_this<LogAnswer> {
public:
    LogAnswer(ExchangePtr exchange, bool plain) : exchange_{std::move(exchange)}, plain_{plain} {}

    void start(const Uuid& node, LogRequest request) {
        const bool follows = request.follow;
        LogReceiver receiver;
        receiver.on_chunk = [self = shared_from_this()](const FileChunk& chunk) {
            return self->chunk(chunk);
        };
        receiver.on_end = [self = shared_from_this()](const std::optional<Error>& error) {
            self->end(error);
        };
        exchange_->responder().on_disconnect([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->disconnected();
        });
        // Whoever follows wants to see at once that the stream is open.
        if (follows) open();
        auto reading =
            exchange_->backend().read_logs(node, std::move(request), std::move(receiver));
        const std::lock_guard lock{mutex_};
        reading_ = std::move(reading);
        if (gone_) reap();
    }

private:
    bool chunk(const FileChunk& chunk) {
        open();
        if (plain_ && chunk.bytes.empty()) return true;
        return write(plain_ ? chunk.bytes : frame(chunk));
    }

    void end(const std::optional<Error>& error) {
        const std::lock_guard lock{mutex_};
        if (error && !body_) {
            exchange_->fail(error->code == Errc::not_found ? 404 : 500, error->message);
        } else {
            if (!body_) body_.emplace(exchange_->responder().stream(200, headers()));
            body_->finish();
        }
        gone_ = true;
        reap();
    }

    void open() {
        const std::lock_guard lock{mutex_};
        if (!body_) body_.emplace(exchange_->responder().stream(200, headers()));
    }

    bool write(const std::string& bytes) {
        while (!gone_) {
            const auto written = body_->write(bytes);
            if (written) return true;
            if (written.error().code != Errc::overloaded) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        return false;
    }

    void disconnected() {
        const std::lock_guard lock{mutex_};
        gone_ = true;
        reap();
    }

    // The end may be told on the reading's own thread, which cannot wait for itself.
    void reap() {
        if (reading_)
            std::thread{[reading = std::shared_ptr<Reading>{std::move(reading_)}] {}}.detach();
    }

    [[nodiscard]] io::HttpFields headers() const {
        return {{"Content-Type", plain_ ? "text/plain" : "application/json"}};
    }

    ExchangePtr exchange_;
    bool plain_;
    std::mutex mutex_;
    std::optional<io::HttpBody> body_;
    std::atomic<bool> gone_{false};
    std::unique_ptr<Reading> reading_;
};

bool has_task(const schema::Allocation& allocation, const std::string& task) {
    for (const auto& group : allocation.job().task_groups()) {
        if (group.name() != allocation.task_group()) continue;
        for (const auto& one : group.tasks()) {
            if (one.name() == task) return true;
        }
    }
    return false;
}

// Only whoever follows can wait for the first line.
bool may_have_written(const schema::Allocation& allocation, const std::string& task) {
    for (const auto& state : allocation.task_states()) {
        if (state.task() == task) return state.started_at() != 0;
    }
    return false;
}

void read_logs(const ExchangePtr& exchange, const std::string& allocation) {
    const auto id = Uuid::from_text(allocation);
    if (!id) return exchange->fail(400, "must provide a valid alloc id");
    LogRequest wanted;
    wanted.allocation = *id;
    wanted.task = exchange->text("task");
    wanted.stream = exchange->text("type");
    const auto follow = exchange->truth("follow");
    const auto plain = exchange->truth("plain");
    const auto offset = exchange->integer("offset", 0);
    if (!follow || !plain || !offset) return;
    const std::string origin = exchange->text("origin");
    if (wanted.task.empty()) return exchange->fail(400, "must provide task name");
    if (wanted.stream != "stdout" && wanted.stream != "stderr") {
        return exchange->fail(400, "must provide log type (stdout/stderr)");
    }
    if (!origin.empty() && origin != "start" && origin != "end") {
        return exchange->fail(400, "origin must be start or end");
    }
    wanted.follow = *follow;
    wanted.from_end = origin == "end";
    wanted.offset = *offset;
    auto request = exchange->envelope();
    request->mutable_query()->set_allocation(id->raw());
    exchange->ask(std::move(request), [exchange, wanted, plain = *plain](
                                          Exchange&, const schema::Response& response) {
        const auto node = Uuid::from_raw(response.allocation().node_id());
        if (!node)
            return exchange->fail(404, "Unknown allocation \"" + wanted.allocation.text() + "\"");
        if (!has_task(response.allocation(), wanted.task))
            return exchange->fail(400, "unknown task name \"" + wanted.task + "\"");
        if (!wanted.follow && !may_have_written(response.allocation(), wanted.task)) {
            return exchange->fail(
                404, "task \"" + wanted.task + "\" not started yet. No logs available");
        }
        std::make_shared<LogAnswer>(exchange, plain)->start(*node, wanted);
    });
}

}  // namespace

void route_client_files(const ExchangePtr& exchange, const Rest& rest) {
    if (rest.size() == 2 && rest[0] == "logs") {
        return exchange->is_get() ? read_logs(exchange, rest[1]) : exchange->invalid_method();
    }
    exchange->fail(404, rest.empty() ? "" : "Invalid method");
}

}  // namespace drover::agent
