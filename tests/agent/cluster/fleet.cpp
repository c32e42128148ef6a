#include "tests/agent/cluster/fleet.hpp"

#include <sys/resource.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/prng.hpp"
#include "engine/base/uuid.hpp"
#include "engine/client/client.hpp"
#include "engine/schema/allocation.pb.h"
#include "engine/schema/node.pb.h"
#include "engine/schema/request.pb.h"
#include "io/clock.hpp"
#include "io/frame.hpp"
#include "tests/agent/cluster/process.hpp"

namespace drover::agent::cluster {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

// An agent's own pace: how long a pull blocks, and how often it pulls and reports at most.
const client::Config& pace() {
    static const client::Config config;
    return config;
}

void add_pair(schema::StringPair& pair, const std::string& key, const std::string& value) {
    pair.set_key(key);
    pair.set_value(value);
}

schema::Node node_of(std::size_t number, Prng& prng) {
    schema::Node node;
    node.set_id(Uuid::mint(io::wall_now(), prng).raw());
    node.set_secret_id(Uuid::mint(io::wall_now(), prng).text());
    node.set_name("node-" + std::to_string(number));
    node.set_datacenter("dc1");
    node.set_node_class("class-" + std::to_string(number % 10));
    node.set_scheduling_eligibility("eligible");
    node.set_status("initializing");
    auto& resources = *node.mutable_node_resources();
    resources.mutable_cpu()->set_cpu_shares(32'000);
    resources.mutable_memory()->set_memory_mb(128'000);
    resources.mutable_disk()->set_disk_mb(100 * 1024);
    resources.set_min_dynamic_port(20'000);
    resources.set_max_dynamic_port(32'000);
    add_pair(*node.add_attributes(), "kernel.name", "linux");
    add_pair(*node.add_meta(), "rack", "r" + std::to_string(number % 50));
    auto& driver = *node.add_drivers();
    driver.set_name("mock_driver");
    driver.set_detected(true);
    driver.set_healthy(true);
    return node;
}

void add_event(schema::TaskState& task, const char* type, const char* text) {
    auto& event = *task.add_events();
    event.set_type(type);
    event.set_display_message(text);
    event.set_time(io::wall_now().value());
}

// What an agent says of an allocation whose tasks have all started.
void fill_report(const schema::Allocation& told, schema::Allocation& report) {
    report.set_id(told.id());
    report.set_namespace_(told.namespace_());
    report.set_node_id(told.node_id());
    report.set_job_id(told.job_id());
    report.set_task_group(told.task_group());
    report.set_client_status("running");
    auto& task = *report.add_task_states();
    task.set_task("main");
    task.set_state("running");
    task.set_started_at(io::wall_now().value());
    add_event(task, "Received", "Task received by client");
    add_event(task, "Task Setup", "Building Task Directory");
    add_event(task, "Started", "Task started by client");
}

struct Counts {
    std::atomic<std::size_t> ready{0}, pulled{0}, reported{0}, failures{0};
    std::mutex mutex;
    std::string trouble;  // guarded
};

// One node agent; everything happens on the loop's thread.
class Agent {
public:
    Agent(asio::io_context& loop, Counts& counts, Fleet::Duty duty, std::size_t number, Prng& prng)
        : socket_{loop},
          beat_timer_{loop},
          pull_timer_{loop},
          report_timer_{loop},
          counts_{counts},
          duty_{duty},
          node_{node_of(number, prng)} {}

    void dial(const Tcp::endpoint& server) {
        socket_.async_connect(server, [this](const boost::system::error_code& error) {
            if (error) return lost(error.message());
            socket_.set_option(Tcp::no_delay{true});
            io::Handshake ours;
            ours.region = "global";
            ours.node = Uuid::from_raw(node_.id())->text();
            ours.release = "benchmark";
            ours.protocol_min = ours.protocol_max = 1;
            send(io::FrameKind::handshake, 0, io::encode_handshake(ours));
            read();
        });
    }

private:
    using Stream = std::uint64_t;

    void lost(const std::string& reason) {
        if (std::exchange(lost_, true)) return;
        ++counts_.failures;
        const std::lock_guard lock{counts_.mutex};
        if (counts_.trouble.empty()) counts_.trouble = node_.name() + ": " + reason;
    }

    // ---- bytes

    void read() {
        socket_.async_read_some(
            asio::buffer(buffer_),
            [this](const boost::system::error_code& error, std::size_t size) {
                if (error == asio::error::operation_aborted) return;
                const bool whole =
                    !error && decoder_.feed({buffer_.data(), size},
                                            [this](io::Frame frame) { on(std::move(frame)); });
                if (!whole) return lost(error ? error.message() : "a broken frame");
                read();
            });
    }

    void send(io::FrameKind kind, Stream stream, std::string payload) {
        waiting_ += io::encode_frames({kind, stream, std::move(payload)});
        if (writing_.empty()) write();
    }

    void write() {
        std::swap(writing_, waiting_);
        asio::async_write(socket_, asio::buffer(writing_),
                          [this](const boost::system::error_code& error, std::size_t) {
                              writing_.clear();
                              if (error == asio::error::operation_aborted) return;
                              if (error) return lost(error.message());
                              if (!waiting_.empty()) write();
                          });
    }

    Stream ask(schema::Request& request, Duration timeout) {
        request.set_region("global");
        request.mutable_authentication()->set_node_id(node_.id());
        request.mutable_authentication()->set_node_secret(node_.secret_id());
        request.set_timeout_ns(timeout.count());
        const Stream stream = last_stream_ += 2;
        send(io::FrameKind::request, stream, request.SerializeAsString());
        return stream;
    }

    void on(io::Frame frame) {
        switch (frame.kind) {
            case io::FrameKind::handshake:
                return enlist();
            case io::FrameKind::ping:
                return send(io::FrameKind::pong, 0, {});
            case io::FrameKind::response:
                return on_response(frame);
            default:
                return lost("the server refused: " + frame.payload);
        }
    }

    void on_response(const io::Frame& frame) {
        schema::Response response;
        if (!response.ParseFromString(frame.payload)) return lost("a broken response");
        if (response.has_failure()) return lost(response.failure().message());
        if (frame.stream == enlisting_) return beat();
        if (frame.stream == beating_) return beaten(response);
        if (frame.stream == pulling_) return pulled(response);
        if (frame.stream == reporting_) return reported();
    }

    // ---- the node

    void enlist() {
        schema::Request request;
        *request.mutable_register_node()->mutable_node() = node_;
        enlisting_ = ask(request, std::chrono::seconds{30});
    }

    void beat() {
        schema::Request request;
        request.mutable_update_node_status()->set_node_id(node_.id());
        request.mutable_update_node_status()->set_status("ready");
        beating_ = ask(request, std::chrono::seconds{30});
    }

    void beaten(const schema::Response& response) {
        const Duration ttl{response.node_written().heartbeat_ttl_ns()};
        beat_timer_.expires_after(ttl / 2);
        beat_timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) beat();
        });
        if (std::exchange(begun_, true)) return;
        if (duty_ == Fleet::Duty::allocations) return pull();
        ++counts_.ready;
    }

    // ---- its allocations

    void pull() {
        schema::Request request;
        auto& query = *request.mutable_query();
        query.set_min_index(known_);
        query.set_wait_ns(pace().pull_wait.count());
        query.mutable_node_work()->set_node_id(node_.id());
        query.mutable_node_work()->set_known_index(known_);
        pulling_ = ask(request, pace().pull_wait + std::chrono::seconds{10});
    }

    void pulled(const schema::Response& response) {
        if (!response.has_allocations()) return lost("no list of allocations");
        if (known_ == 0) ++counts_.ready;  // the first answer comes at once
        known_ = response.index();
        for (const auto& allocation : response.allocations().allocations()) {
            if (!held_.insert(allocation.id()).second) continue;
            ++counts_.pulled;
            fill_report(allocation, *unsaid_.mutable_update_allocations()->add_allocations());
        }
        if (held_.size() != response.allocations().total()) known_ = 0;  // something was missed
        if (reporting_ == 0) report();
        const auto next = pulled_at_ + pace().pull_interval;
        pulled_at_ = Clock::now();
        pull_timer_.expires_at(next);
        pull_timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) pull();
        });
    }

    void report() {
        said_ = static_cast<std::size_t>(unsaid_.update_allocations().allocations_size());
        if (said_ == 0) return;
        reporting_ = ask(unsaid_, std::chrono::seconds{30});
        unsaid_.Clear();
    }

    void reported() {
        counts_.reported += said_;
        report_timer_.expires_after(pace().report_interval);
        report_timer_.async_wait([this](const boost::system::error_code& error) {
            if (error) return;
            reporting_ = 0;
            report();
        });
    }

    Tcp::socket socket_;
    asio::steady_timer beat_timer_, pull_timer_, report_timer_;
    Counts& counts_;
    Fleet::Duty duty_;
    schema::Node node_;
    bool lost_{}, begun_{};

    std::array<char, 16'384> buffer_{};
    io::FrameDecoder decoder_;
    std::string writing_, waiting_;
    Stream last_stream_{1};  // whoever dialled has the odd ones
    Stream enlisting_{}, beating_{}, pulling_{}, reporting_{};

    std::uint64_t known_{};
    Clock::time_point pulled_at_;
    std::set<std::string> held_;
    schema::Request unsaid_;
    std::size_t said_{};
};

}  // namespace

struct Fleet::Impl {
    asio::io_context loop{1};
    Counts counts;
    std::size_t count{};
    std::vector<std::unique_ptr<Agent>> agents;
    std::thread thread;
};

void raise_open_files_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

Fleet::Fleet(const std::string& server, std::size_t count, Duty duty)
    : impl_{std::make_unique<Impl>()} {
    Prng prng{*io::entropy_seed()};
    const auto colon = server.rfind(':');
    const Tcp::endpoint endpoint{asio::ip::make_address(server.substr(0, colon)),
                                 static_cast<std::uint16_t>(std::stoul(server.substr(colon + 1)))};
    impl_->count = count;
    for (std::size_t i = 0; i < count; ++i) {
        impl_->agents.push_back(std::make_unique<Agent>(impl_->loop, impl_->counts, duty, i, prng));
        impl_->agents.back()->dial(endpoint);
    }
    impl_->thread = std::thread{[this] { impl_->loop.run(); }};
}

Fleet::~Fleet() {
    impl_->loop.stop();
    impl_->thread.join();
}

Fleet::Seen Fleet::seen() const {
    const Counts& counts = impl_->counts;
    const std::lock_guard lock{impl_->counts.mutex};
    return {counts.ready, counts.pulled, counts.reported, counts.failures, counts.trouble};
}

bool Fleet::wait_until_ready() const {
    return eventually([this] { return impl_->counts.ready == impl_->count; });
}

}  // namespace drover::agent::cluster
