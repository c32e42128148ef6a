#include "tests/agent/cluster/writers.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>
#include "engine/base/uuid.hpp"
#include "engine/schema/node.pb.h"
#include "engine/schema/request.pb.h"
#include "io/clock.hpp"
#include "io/transport.hpp"

namespace drover::agent::cluster {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;
constexpr Duration answer_timeout = std::chrono::seconds{20};

io::TransportOptions introduced_as(const std::string& node) {
    io::TransportOptions options;
    options.self.region = "global";
    options.self.node = node;
    options.self.release = "benchmark";
    options.self.protocol_min = options.self.protocol_max = 1;
    return options;
}

schema::Request registration(std::size_t number, std::size_t entry_bytes, Prng& prng) {
    schema::Request request;
    schema::Node& node = *request.mutable_register_node()->mutable_node();
    node.set_id(Uuid::mint(io::wall_now(), prng).raw());
    node.set_secret_id(Uuid::mint(io::wall_now(), prng).text());
    node.set_name("writer-" + std::to_string(number));
    node.set_datacenter("dc1");
    node.set_scheduling_eligibility("eligible");
    auto& filler = *node.add_meta();
    filler.set_key("unique.filler");
    // The server adds the envelope of the entry, the status, the pool and the class.
    constexpr std::size_t added_by_server = 95;
    const std::size_t size = request.ByteSizeLong() + added_by_server;
    filler.set_value(std::string(entry_bytes - std::min(size, entry_bytes), 'x'));
    return request;
}

double median_us(std::vector<Clock::duration>& times) {
    if (times.empty()) return 0;
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return std::chrono::duration<double, std::micro>(*middle).count();
}

}  // namespace

// After construction touched by the transport's thread alone, but for what the mutex guards.
struct Writers::Impl : std::enable_shared_from_this<Writers::Impl> {
    struct Writer {
        std::string request;
        Clock::time_point asked;
    };

    void write(std::size_t number) {
        Writer& writer = writers[number];
        writer.asked = Clock::now();
        transport->request(
            server, writer.request, answer_timeout,
            [this, number](const io::RequestOutcome& outcome) { answered(number, outcome); });
    }

    void answered(std::size_t number, const io::RequestOutcome& outcome) {
        schema::Response response;
        const bool done = outcome && response.ParseFromString(*outcome) && !response.has_failure();
        if (done) {
            latencies.push_back(Clock::now() - writers[number].asked);
        } else {
            ++refused;
        }
        if (Clock::now() < end) return write(number);
        const std::lock_guard lock{mutex};
        if (--busy == 0) idle.notify_all();
    }

    io::Address server;
    std::vector<Writer> writers;
    std::vector<Clock::duration> latencies;
    std::uint64_t refused{};
    Clock::time_point end;
    std::mutex mutex;
    std::condition_variable idle;
    std::size_t busy{};
    std::unique_ptr<io::Transport> transport;  // goes first: its callbacks use the others
};

Writers::Writers(const std::string& server, std::size_t count, std::size_t entry_bytes)
    : impl_{std::make_shared<Impl>()} {
    Prng prng{*io::entropy_seed()};
    impl_->server = io::Address{server};
    for (std::size_t i = 0; i < count; ++i)
        impl_->writers.push_back({registration(i, entry_bytes, prng).SerializeAsString(), {}});
    auto transport =
        io::Transport::start(introduced_as(Uuid::mint(io::wall_now(), prng).text()), {});
    if (!transport) throw std::runtime_error{transport.error().message};
    impl_->transport = std::move(*transport);
    impl_->transport->keep(impl_->server);
}

Writers::~Writers() { impl_->transport.reset(); }

Writers::Measured Writers::write_for(std::chrono::milliseconds time) {
    Impl& impl = *impl_;
    std::unique_lock lock{impl.mutex};
    impl.latencies.clear();
    impl.refused = 0;
    impl.busy = impl.writers.size();
    const auto began = Clock::now();
    impl.end = began + time;
    for (std::size_t i = 0; i < impl.writers.size(); ++i) impl.write(i);
    impl.idle.wait(lock, [&] { return impl.busy == 0; });
    Measured measured;
    measured.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    measured.commits = impl.latencies.size();
    measured.refused = impl.refused;
    measured.median_us = median_us(impl.latencies);
    return measured;
}

Writers::Offered Writers::offer(double per_second, const std::atomic<bool>& over) {
    // Shared with answers that come when it is over.
    struct Count {
        std::atomic<std::uint64_t> kept{0};
    };
    const auto count = std::make_shared<Count>();
    const auto began = Clock::now();
    Offered offered;
    while (!over) {
        const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
        for (const auto due = static_cast<std::uint64_t>(seconds * per_second);
             offered.offered < due; ++offered.offered) {
            impl_->transport->request(
                impl_->server, impl_->writers[offered.offered % impl_->writers.size()].request,
                answer_timeout, [count](const io::RequestOutcome& outcome) {
                    schema::Response response;
                    if (outcome && response.ParseFromString(*outcome) && !response.has_failure())
                        ++count->kept;
                });
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    offered.kept = count->kept;
    return offered;
}

double loopback_round_trip_us(std::size_t bytes) {
    asio::io_context loop;
    Tcp::acceptor acceptor{loop, Tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    Tcp::socket asking{loop};
    asking.connect(acceptor.local_endpoint());
    Tcp::socket answering = acceptor.accept();
    asking.set_option(Tcp::no_delay{true});
    answering.set_option(Tcp::no_delay{true});
    constexpr std::size_t round_trips = 5000;
    std::thread echo{[&] {
        std::string message(bytes, ' ');
        for (std::size_t i = 0; i < round_trips; ++i) {
            asio::read(answering, asio::buffer(message));
            asio::write(answering, asio::buffer(message));
        }
    }};
    std::vector<Clock::duration> times;
    std::string message(bytes, 'x');
    for (std::size_t i = 0; i < round_trips; ++i) {
        const auto asked = Clock::now();
        asio::write(asking, asio::buffer(message));
        asio::read(asking, asio::buffer(message));
        times.push_back(Clock::now() - asked);
    }
    echo.join();
    return median_us(times);
}

}  // namespace drover::agent::cluster
