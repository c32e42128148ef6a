#include "agent/join.hpp"

#include <filesystem>
#include <utility>

#include "agent/log.hpp"
#include "engine/base/match.hpp"
#include "engine/membership/wire.hpp"
#include "io/clock.hpp"
#include "io/durable_file.hpp"
#include "io/engine_thread.hpp"
#include "io/transport.hpp"

namespace drover::agent {
namespace {

constexpr std::size_t promise_size_max = 1 << 20;

// The handshake takes one input at a time; the engine thread hands over batches.
struct Handshaking {
    membership::Membership membership;

    void step(Instant now, WallTime, std::vector<membership::Input> inputs,
              std::vector<membership::Effect>& effects) {
        for (const auto& input : inputs) membership.step(now, input, effects);
        if (inputs.empty()) membership.step(now, membership::TimePassed{}, effects);
    }
    [[nodiscard]] std::optional<Instant> next_deadline() const {
        return membership.next_deadline();
    }
};

Result<membership::SavedPromise> load_promise(const std::string& file) {
    const auto bytes = io::read_file(file, 0, promise_size_max);
    if (bytes) return membership::decode_saved(*bytes);
    if (bytes.error().code == Errc::not_found) return membership::SavedPromise{};
    return tl::unexpected{bytes.error()};
}

}  // namespace

struct Join::Impl {
    using Engine = io::EngineThread<Handshaking, membership::Input, membership::Effect>;

    void carry_out(membership::Effect& effect) {
        std::visit(Match{[&](membership::SendMessage& one) {
                             transport->send(io::Address{one.address}, io::Lane::general,
                                             membership::encode(one.message));
                         },
                         [&](membership::SavePromise& one) { save(one.saved); },
                         [&](membership::FormCluster& one) {
                             handlers.on_decided(std::move(one.servers));
                         },
                         [&](membership::AwaitCluster&) { handlers.on_decided({}); },
                         [&](membership::AdmitServer& one) {
                             handlers.on_newcomer(std::move(one.newcomer));
                         },
                         [&](membership::Report& one) {
                             log(one.severity == membership::Severity::warning ? LogLevel::warn
                                                                               : LogLevel::info,
                                 "server.join", one.text);
                         }},
                   effect);
    }

    // A promise that is not durable is never confirmed, and so never given.
    void save(const membership::SavedPromise& saved) {
        const auto written = io::write_file_durably(promise_file, membership::encode(saved));
        if (written) {
            engine->deliver(membership::PromiseSaved{});
        } else {
            log(LogLevel::error, "server.join", written.error().message);
        }
    }

    void receive(const std::string& bytes) {
        auto message = membership::decode(bytes);
        if (!message) {
            log(LogLevel::warn, "server.join", message.error().message);
            return;
        }
        (void)engine->offer(membership::MessageReceived{std::move(*message)}, bytes.size());
    }

    std::string promise_file;
    JoinHandlers handlers;
    std::unique_ptr<Engine> engine;
    std::unique_ptr<io::Transport> transport;
};

Result<std::unique_ptr<Join>> Join::start(const std::string& listen, membership::Config config,
                                          const std::string& promise_file, JoinHandlers handlers) {
    auto saved = load_promise(promise_file);
    if (!saved) return tl::unexpected{saved.error()};
    const auto seed = io::entropy_seed();
    if (!seed) return tl::unexpected{seed.error()};
    auto impl = std::make_unique<Impl>();
    impl->promise_file = promise_file;
    impl->handlers = std::move(handlers);
    const membership::Card& self = config.self;
    io::TransportOptions options;
    options.self = {io::Lane::general, "",           self.region, self.id.text(),
                    self.join_address, self.release, 1,           1};
    options.listen = listen;
    impl->engine = std::make_unique<Impl::Engine>(
        Handshaking{
            membership::Membership{std::move(config), std::move(*saved), io::now(), Prng{*seed}}},
        [raw = impl.get()](Handshaking&, std::vector<membership::Effect>& effects) {
            for (auto& effect : effects) raw->carry_out(effect);
        });
    io::TransportHandlers transport_handlers;
    transport_handlers.on_message = [raw = impl.get()](const io::Handshake&, io::Lane,
                                                       const std::string& bytes) {
        raw->receive(bytes);
    };
    auto transport = io::Transport::start(std::move(options), std::move(transport_handlers));
    if (!transport) return tl::unexpected{transport.error()};
    impl->transport = std::move(*transport);
    impl->engine->start();
    return std::unique_ptr<Join>{new Join{std::move(impl)}};
}

Join::Join(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Join::~Join() {
    impl_->engine->stop();  // it sends; what arrives after this finds a queue that takes nothing
    impl_->transport.reset();
}

void Join::became_member() { impl_->engine->deliver(membership::BecameMember{}); }

}  // namespace drover::agent
