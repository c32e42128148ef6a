#include "agent/log_streams.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <atomic>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "drivers/log_reader.hpp"
#include "engine/schema/stream.pb.h"

namespace drover::agent {
namespace {

constexpr std::size_t chunk_size_max = 32 << 10;
constexpr auto poll_interval = std::chrono::milliseconds{100};
constexpr auto retry_interval = std::chrono::milliseconds{10};
constexpr std::size_t piece_size_max = 1 << 20;

class LocalReading : public Reading {
public:
    LocalReading(std::string directory, LogRequest request, LogReceiver receiver)
        : directory_{std::move(directory)},
          request_{std::move(request)},
          receiver_{std::move(receiver)} {
        thread_ = std::thread{[this] { run(); }};
    }
    ~LocalReading() override {
        stop_ = true;
        // The receiver may end the reading from inside its own callback.
        if (thread_.get_id() == std::this_thread::get_id()) {
            thread_.detach();
        } else if (thread_.joinable()) {
            thread_.join();
        }
    }

private:
    void run() {
        auto reader = open();
        if (!reader) {
            receiver_.on_end(reader.error());
            return;
        }
        while (!stop_) {
            auto chunk = reader->next(chunk_size_max);
            if (!chunk) {
                receiver_.on_end(chunk.error());
                return;
            }
            if (*chunk) {
                const bool more = receiver_.on_chunk({"alloc/logs/" + (*chunk)->file,
                                                      (*chunk)->offset, std::move((*chunk)->bytes),
                                                      (*chunk)->truncated ? "file truncated" : ""});
                if (!more) return;
                continue;
            }
            if (!request_.follow) {
                receiver_.on_end(std::nullopt);
                return;
            }
            std::this_thread::sleep_for(poll_interval);
        }
    }

    // Whoever follows may come before the first byte is written.
    Result<drivers::LogReader> open() {
        const auto stream =
            request_.stream == "stderr" ? drivers::LogStream::err : drivers::LogStream::out;
        const auto origin = request_.from_end ? drivers::LogOrigin::end : drivers::LogOrigin::start;
        while (true) {
            auto reader = drivers::LogReader::open(directory_, request_.task, stream, origin,
                                                   request_.offset);
            if (reader || !request_.follow || stop_ || reader.error().code != Errc::not_found)
                return reader;
            std::this_thread::sleep_for(poll_interval);
        }
    }

    std::string directory_;
    LogRequest request_;
    LogReceiver receiver_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

std::string delimited(const schema::LogStreamPiece& piece) {
    std::string out;
    google::protobuf::io::StringOutputStream stream{&out};
    google::protobuf::util::SerializeDelimitedToZeroCopyStream(piece, &stream);
    return out;
}

// Takes whole pieces off the front of the buffer; false when what is there is no piece.
bool take_pieces(std::string& buffer,
                 const std::function<void(const schema::LogStreamPiece&)>& take) {
    std::size_t at = 0;
    while (at < buffer.size()) {
        google::protobuf::io::CodedInputStream in{
            reinterpret_cast<const std::uint8_t*>(buffer.data()) + at,
            static_cast<int>(buffer.size() - at)};
        std::uint32_t size = 0;
        if (!in.ReadVarint32(&size)) {
            if (buffer.size() - at > 10) return false;
            break;
        }
        if (size > piece_size_max) return false;
        const std::size_t begin = at + static_cast<std::size_t>(in.CurrentPosition());
        if (buffer.size() - begin < size) break;
        schema::LogStreamPiece piece;
        if (!piece.ParseFromArray(buffer.data() + begin, static_cast<int>(size))) return false;
        take(piece);
        at = begin + size;
    }
    buffer.erase(0, at);
    return true;
}

class RemoteReading : public Reading {
public:
    RemoteReading(io::Transport& transport, const io::Target& target, const std::string& opening,
                  LogReceiver receiver)
        : shared_{std::make_shared<Shared>()} {
        shared_->receiver = std::move(receiver);
        io::StreamHandlers handlers;
        handlers.on_data = [shared = shared_](const std::string& bytes) { receive(shared, bytes); };
        handlers.on_end = [shared = shared_](std::optional<Error> error) {
            end(shared, std::move(error));
        };
        stream_.emplace(transport.open_stream(target, opening, std::move(handlers)));
        const std::lock_guard lock{shared_->mutex};
        shared_->stream = *stream_;
    }
    ~RemoteReading() override {
        {
            const std::lock_guard lock{shared_->mutex};
            shared_->over = true;
            shared_->stream.reset();
        }
        stream_->reset("the reader has gone");
    }

private:
    struct Shared {
        std::mutex mutex;
        LogReceiver receiver;
        std::string buffer;
        std::optional<io::Stream> stream;
        bool over{};
    };

    static void receive(const std::shared_ptr<Shared>& shared, const std::string& bytes) {
        std::optional<Error> failure;
        const std::lock_guard lock{shared->mutex};
        if (shared->over) return;
        shared->buffer += bytes;
        const bool sound = take_pieces(shared->buffer, [&](const schema::LogStreamPiece& piece) {
            if (!piece.failure().empty()) {
                failure = Error{static_cast<Errc>(piece.failure_code()), piece.failure()};
            } else if (!shared->over) {
                shared->over = !shared->receiver.on_chunk(
                    {piece.file(), piece.offset(), piece.bytes(), piece.event()});
            }
        });
        if (shared->stream) shared->stream->consumed(bytes.size());
        if (!sound) failure = Error{Errc::corrupt, "the other agent sent what is no log"};
        if (!failure || shared->over) return;
        shared->over = true;
        shared->receiver.on_end(failure);
    }
    static void end(const std::shared_ptr<Shared>& shared, std::optional<Error> error) {
        const std::lock_guard lock{shared->mutex};
        if (shared->over) return;
        shared->over = true;
        shared->receiver.on_end(std::move(error));
    }

    std::shared_ptr<Shared> shared_;
    std::optional<io::Stream> stream_;
};

// Writes all of it, waiting for a slow reader; false when nobody reads any more.
bool write_all(const io::Stream& stream, const std::string& bytes, const std::atomic<bool>& stop) {
    while (!stop) {
        const auto written = stream.write(bytes);
        if (written) return true;
        if (written.error().code != Errc::overloaded) return false;
        std::this_thread::sleep_for(retry_interval);
    }
    return false;
}

}  // namespace

std::unique_ptr<Reading> read_local_logs(std::string log_directory, LogRequest request,
                                         LogReceiver receiver) {
    return std::make_unique<LocalReading>(std::move(log_directory), std::move(request),
                                          std::move(receiver));
}

std::unique_ptr<Reading> read_remote_logs(io::Transport& transport, const io::Target& target,
                                          const Uuid& node, const LogRequest& request,
                                          LogReceiver receiver) {
    schema::LogStreamOpening opening;
    opening.set_node_id(node.raw());
    opening.set_allocation_id(request.allocation.raw());
    opening.set_task(request.task);
    opening.set_stream(request.stream);
    opening.set_follow(request.follow);
    opening.set_from_end(request.from_end);
    opening.set_offset(request.offset);
    return std::make_unique<RemoteReading>(transport, target, opening.SerializeAsString(),
                                           std::move(receiver));
}

struct LogService::Impl {
    // One stream that is being answered from local files.
    struct Served {
        explicit Served(io::Stream opened) : stream{std::move(opened)} {}
        io::Stream stream;
        std::atomic<bool> over{false};
        std::atomic<bool> stop{false};
        std::unique_ptr<Reading> reading;  // goes first: its thread uses the others
    };

    void serve_here(const schema::LogStreamOpening& opening, io::Stream stream);
    void pass_on(io::Transport& transport, const schema::LogStreamOpening& opening,
                 io::Stream stream);
    void sweep();

    std::string local_node;
    FindDirectory find;
    bool passes_on{};
    std::mutex mutex;
    std::list<std::shared_ptr<Served>> served;
};

namespace {

void refuse(const io::Stream& stream, Errc code, const std::string& message) {
    schema::LogStreamPiece piece;
    piece.set_failure(message);
    piece.set_failure_code(static_cast<std::uint32_t>(code));
    stream.start({[](const std::string&) {}, [](std::optional<Error>) {}, [] {}});
    (void)stream.write(delimited(piece));
    stream.end();
}

// Two streams joined back to back, on the transport's thread. Room is given to the far side only
// for what the near side has taken, so a slow reader slows the node down and nothing piles up here.
struct Joined {
    std::optional<io::Stream> near, far;
    std::string waiting;

    void forward(std::string bytes) {
        waiting += bytes;
        if (waiting.empty() || !near) return;
        const std::size_t size = waiting.size();
        const auto written = near->write(waiting);
        if (!written && written.error().code == Errc::overloaded) return;
        waiting.clear();
        if (far) far->consumed(size);
    }
    void far_ended(const std::optional<Error>& error) {
        far.reset();
        if (!near) return;
        if (error) {
            near->reset(error->message);
        } else {
            near->end();
        }
        near.reset();
    }
    void near_ended() {
        near.reset();
        if (far) far->reset("the reader has gone");
        far.reset();
    }
};

}  // namespace

// Readings that are over are dropped when the next one begins, never from their own threads.
void LogService::Impl::sweep() {
    std::list<std::shared_ptr<Served>> over;
    {
        const std::lock_guard lock{mutex};
        for (auto one = served.begin(); one != served.end();) {
            const auto next = std::next(one);
            if ((*one)->over) over.splice(over.end(), served, one);
            one = next;
        }
    }
}

void LogService::Impl::serve_here(const schema::LogStreamOpening& opening, io::Stream stream) {
    sweep();
    const auto allocation = Uuid::from_raw(opening.allocation_id());
    const std::string directory = allocation ? find(*allocation) : std::string{};
    if (directory.empty()) {
        refuse(stream, Errc::not_found, "this node does not hold the allocation");
        return;
    }
    auto one = std::make_shared<Served>(stream);
    stream.start({[](const std::string&) {},
                  [weak = std::weak_ptr{one}](std::optional<Error>) {
                      if (const auto alive = weak.lock()) alive->stop = alive->over = true;
                  },
                  [] {}});
    LogReceiver receiver;
    receiver.on_chunk = [raw = one.get()](FileChunk chunk) {
        schema::LogStreamPiece piece;
        piece.set_file(chunk.file);
        piece.set_offset(chunk.offset);
        piece.set_bytes(std::move(chunk.bytes));
        piece.set_event(chunk.event);
        return write_all(raw->stream, delimited(piece), raw->stop);
    };
    receiver.on_end = [raw = one.get()](const std::optional<Error>& error) {
        if (error) {
            schema::LogStreamPiece piece;
            piece.set_failure(error->message);
            piece.set_failure_code(static_cast<std::uint32_t>(error->code));
            (void)write_all(raw->stream, delimited(piece), raw->stop);
        }
        raw->stream.end();
        raw->over = true;
    };
    const LogRequest request{*allocation,      opening.task(),     opening.stream(),
                             opening.follow(), opening.from_end(), opening.offset()};
    {
        const std::lock_guard lock{mutex};
        served.push_back(one);
    }
    one->reading = read_local_logs(directory, request, std::move(receiver));
}

void LogService::Impl::pass_on(io::Transport& transport, const schema::LogStreamOpening& opening,
                               io::Stream stream) {
    const auto node = Uuid::from_raw(opening.node_id());
    if (!passes_on || !node) {
        refuse(stream, Errc::not_found, "this agent does not know the node");
        return;
    }
    auto joined = std::make_shared<Joined>();
    joined->near = stream;
    io::StreamHandlers far;
    far.on_data = [joined](std::string bytes) { joined->forward(std::move(bytes)); };
    far.on_end = [joined](const std::optional<Error>& error) { joined->far_ended(error); };
    joined->far =
        transport.open_stream(io::Node{node->text()}, opening.SerializeAsString(), std::move(far));
    stream.start({[](const std::string&) {},
                  [joined](std::optional<Error>) { joined->near_ended(); },
                  [joined] { joined->forward({}); }});
}

LogService::LogService(std::string local_node, FindDirectory find, bool passes_on)
    : impl_{std::make_unique<Impl>()} {
    impl_->local_node = std::move(local_node);
    impl_->find = std::move(find);
    impl_->passes_on = passes_on;
}

LogService::~LogService() {
    for (const auto& one : impl_->served) one->stop = true;
    impl_->served.clear();
}

void LogService::serve(io::Transport& transport, const std::string& bytes, io::Stream stream) {
    schema::LogStreamOpening opening;
    if (!opening.ParseFromString(bytes)) {
        refuse(stream, Errc::invalid_argument, "the stream's opening cannot be decoded");
        return;
    }
    const auto node = Uuid::from_raw(opening.node_id());
    if (node && node->text() == impl_->local_node) {
        impl_->serve_here(opening, std::move(stream));
    } else {
        impl_->pass_on(transport, opening, std::move(stream));
    }
}

}  // namespace drover::agent
