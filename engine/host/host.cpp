// The C table over the adaptors. Everything that crosses is copied into plain memory, so that two
// releases with different libraries can live in one process. See host.h.
#include "engine/host/host.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>

#include "engine/host/adaptor.hpp"

namespace drover::host {
namespace {

using Engine = std::variant<ServerAdaptor, ClientAdaptor>;

}  // namespace
}  // namespace drover::host

struct drover_engine {
    drover::host::Engine engine;
    bool broken = false;  // a step was left in the middle: nothing it would say can be relied on
};
struct drover_view {
    drover::host::View view;
};

namespace drover::host {
namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 30;

void free_buffer(drover_buffer* buffer) {
    if (buffer == nullptr) return;
    std::free(buffer->data);
    *buffer = {nullptr, 0};
}

void free_step(drover_step* step) {
    if (step == nullptr) return;
    free_buffer(&step->effects);
    for (std::size_t i = 0; i < step->view_count; ++i) delete step->views[i];
    std::free(step->views);
    *step = {};
}

// What was made and is not handed over yet: freed wherever the way out leads.
struct Freed {
    void operator()(drover_step* step) const {
        free_step(step);
        delete step;
    }
};
using Step = std::unique_ptr<drover_step, Freed>;

drover_buffer to_buffer(const std::string& bytes) {
    auto* data = static_cast<char*>(std::malloc(bytes.size() + 1));
    if (data == nullptr) throw std::bad_alloc{};
    std::memcpy(data, bytes.data(), bytes.size());
    data[bytes.size()] = '\0';
    return {data, bytes.size()};
}

Result<std::string> serialize(const google::protobuf::Message& message) {
    const std::size_t size = message.ByteSizeLong();
    if (size <= static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        return message.SerializeAsString();
    }
    return fail(Errc::internal,
                "an answer of " + std::to_string(size) + " bytes is more than a message can hold");
}

Result<void> parse(google::protobuf::Message& message, const char* name, drover_bytes bytes) {
    if (bytes.size > bytes_max) {
        return fail(Errc::invalid_argument, std::string{name} + ": " + std::to_string(bytes.size) +
                                                " bytes are more than 1 GiB");
    }
    if (bytes.data == nullptr && bytes.size != 0) {
        return fail(Errc::invalid_argument, std::string{name} + ": no bytes were given");
    }
    if (message.ParseFromArray(bytes.data, static_cast<int>(bytes.size))) return {};
    return fail(Errc::invalid_argument, std::string{name} + ": the " + std::to_string(bytes.size) +
                                            " bytes given are no such message");
}

std::int32_t refuse(const Error& why, drover_buffer* error) noexcept {
    const std::size_t size = why.message.size();
    if (error != nullptr) {
        auto* data = static_cast<char*>(std::malloc(size + 1));
        if (data != nullptr) std::memcpy(data, why.message.c_str(), size + 1);
        *error = {data, data == nullptr ? 0 : size};
    }
    return static_cast<std::int32_t>(why.code);
}

// Runs what may fail or throw; nothing that it throws gets further.
template <class Work>
std::int32_t guarded(drover_buffer* error, Work work) noexcept {
    try {
        try {
            const Result<void> done = work();
            return done ? DROVER_OK : refuse(done.error(), error);
        } catch (const std::exception& thrown) {
            return refuse({Errc::internal, std::string{"the engine failed: "} + thrown.what()},
                          error);
        }
    } catch (...) {
        return refuse({Errc::internal, {}}, error);
    }
}

Result<void> missing(const char* what) {
    return fail(Errc::invalid_argument, std::string{what} + " is NULL");
}

Result<void> usable(const drover_engine* engine, const void* out) {
    if (engine == nullptr) return missing("the engine");
    if (out == nullptr) return missing("an output");
    if (!engine->broken) return {};
    return fail(Errc::internal, "a step of this engine failed; its state is not known: destroy it");
}

// Hands over what `make` gives.
template <class Make>
std::int32_t give(drover_buffer* out, drover_buffer* error, Make make) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (out == nullptr) return missing("an output");
        const Result<std::string> bytes = make();
        if (!bytes) return tl::unexpected{bytes.error()};
        *out = to_buffer(*bytes);
        return {};
    });
}

template <class Made>
Result<Engine> held(Result<Made> made) {
    if (!made) return tl::unexpected{made.error()};
    return Engine{std::move(*made)};
}

Result<Engine> make(std::uint32_t kind, const wire::Create& create, wire::Created& created) {
    if (kind == DROVER_SERVER) return held(ServerAdaptor::create(create, created));
    if (kind == DROVER_CLIENT) return held(ClientAdaptor::create(create, created));
    return fail(Errc::unsupported, "kind " + std::to_string(kind) +
                                       " is not known; use 1 for a server, 2 for a node agent");
}

std::int32_t create(std::uint32_t kind, drover_bytes bytes, drover_engine** out,
                    drover_buffer* created, drover_buffer* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (out == nullptr || created == nullptr) return missing("an output");
        wire::Create message;
        wire::Created answer;
        if (auto read = parse(message, "Create", bytes); !read) return read;
        auto engine = make(kind, message, answer);
        if (!engine) return tl::unexpected{engine.error()};
        const auto text = serialize(answer);
        if (!text) return tl::unexpected{text.error()};
        auto made = std::make_unique<drover_engine>(drover_engine{std::move(*engine)});
        *created = to_buffer(*text);
        *out = made.release();
        return {};
    });
}

Step to_step(Outcome outcome, const std::string& effects) {
    Step step{new drover_step{}};
    step->effects = to_buffer(effects);
    const std::size_t count = outcome.views.size();
    if (count == 0) return step;
    step->views = static_cast<drover_view**>(std::calloc(count, sizeof(drover_view*)));
    if (step->views == nullptr) throw std::bad_alloc{};
    step->view_count = count;
    for (std::size_t i = 0; i < count; ++i) {
        step->views[i] = new drover_view{std::move(outcome.views[i])};
    }
    return step;
}

Result<void> step_whole(drover_engine& engine, const wire::Inputs& inputs, drover_step& out) {
    Outcome outcome;
    auto done = std::visit([&](auto& one) { return one.step(inputs, outcome); }, engine.engine);
    if (!done) {
        engine.broken = false;  // refused before anything was done
        return done;
    }
    const auto effects = serialize(outcome.effects);
    if (!effects) return tl::unexpected{effects.error()};
    const Step step = to_step(std::move(outcome), *effects);
    out = std::exchange(*step, {});
    engine.broken = false;
    return {};
}

std::int32_t step_engine(drover_engine* engine, drover_bytes bytes, drover_step* out,
                         drover_buffer* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (auto can = usable(engine, out); !can) return can;
        wire::Inputs inputs;
        if (auto read = parse(inputs, "Inputs", bytes); !read) return read;
        engine->broken = true;  // until it is known not to be
        return step_whole(*engine, inputs, *out);
    });
}

std::int32_t next_deadline(const drover_engine* engine, std::int64_t* at) noexcept {
    if (engine == nullptr || at == nullptr || engine->broken) return 0;
    const auto deadline =
        std::visit([](const auto& one) { return one.next_deadline(); }, engine->engine);
    if (!deadline) return 0;
    *at = deadline->time_since_epoch().count();
    return 1;
}

std::int32_t copy(const drover_engine* engine, drover_engine** out, drover_buffer* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (auto can = usable(engine, out); !can) return can;
        *out = std::make_unique<drover_engine>(*engine).release();
        return {};
    });
}

std::int32_t digest(const drover_engine* engine, drover_buffer* out,
                    drover_buffer* error) noexcept {
    return give(out, error, [&]() -> Result<std::string> {
        if (engine == nullptr) return fail(Errc::invalid_argument, "the engine is NULL");
        const auto digest =
            std::visit([](const auto& one) { return one.digest(); }, engine->engine);
        if (!digest) return tl::unexpected{digest.error()};
        return serialize(*digest);
    });
}

std::int32_t status(const drover_engine* engine, drover_buffer* out,
                    drover_buffer* error) noexcept {
    return give(out, error, [&]() -> Result<std::string> {
        if (engine == nullptr) return fail(Errc::invalid_argument, "the engine is NULL");
        return serialize(std::visit([](const auto& one) { return one.status(); }, engine->engine));
    });
}

std::int32_t view_of(const drover_engine* engine, drover_view** out,
                     drover_buffer* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
        if (auto can = usable(engine, out); !can) return can;
        auto view = std::visit([](const auto& one) { return one.view(); }, engine->engine);
        if (!view) return tl::unexpected{view.error()};
        *out = new drover_view{std::move(*view)};
        return {};
    });
}

void destroy(drover_engine* engine) noexcept { delete engine; }

// ---- views

std::int32_t query(const drover_view* view, drover_bytes bytes, drover_buffer* out,
                   drover_buffer* error) noexcept {
    return give(out, error, [&]() -> Result<std::string> {
        if (view == nullptr) return fail(Errc::invalid_argument, "the view is NULL");
        if (bytes.size == 0) return answer(view->view, nullptr);
        schema::Request request;
        if (auto read = parse(request, "Request", bytes); !read) {
            return tl::unexpected{read.error()};
        }
        return answer(view->view, &request);
    });
}

template <Result<std::string> (*use)(const View&)>
std::int32_t use_view(const drover_view* view, drover_buffer* out, drover_buffer* error) noexcept {
    return give(out, error, [&]() -> Result<std::string> {
        if (view == nullptr) return fail(Errc::invalid_argument, "the view is NULL");
        return use(view->view);
    });
}

void release_view(drover_view* view) noexcept { delete view; }

}  // namespace
}  // namespace drover::host

extern "C" const drover_engine_table* drover_engine_table_v1(void) {
    namespace host = drover::host;
    static const drover_engine_table table{DROVER_ABI_VERSION,
                                           sizeof(drover_engine_table),
                                           DROVER_RELEASE,
                                           host::create,
                                           host::step_engine,
                                           host::next_deadline,
                                           host::copy,
                                           host::digest,
                                           host::status,
                                           host::view_of,
                                           host::destroy,
                                           host::query,
                                           host::use_view<host::plan>,
                                           host::use_view<host::write_snapshot>,
                                           host::release_view,
                                           host::free_buffer,
                                           host::free_step};
    return &table;
}
