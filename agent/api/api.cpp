#include "agent/api/api.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "agent/api/routes.hpp"

namespace drover::agent {
namespace {

using Route = void (*)(const ExchangePtr&, const Rest&);

constexpr std::array routes{
    std::pair{std::string_view{"jobs"}, Route{route_jobs}},
    std::pair{std::string_view{"job"}, Route{route_job}},
    std::pair{std::string_view{"validate"}, Route{route_validate}},
    std::pair{std::string_view{"nodes"}, Route{route_nodes}},
    std::pair{std::string_view{"node"}, Route{route_node}},
    std::pair{std::string_view{"allocations"}, Route{route_allocations}},
    std::pair{std::string_view{"allocation"}, Route{route_allocation}},
    std::pair{std::string_view{"evaluations"}, Route{route_evaluations}},
    std::pair{std::string_view{"evaluation"}, Route{route_evaluation}},
    std::pair{std::string_view{"deployments"}, Route{route_deployments}},
    std::pair{std::string_view{"deployment"}, Route{route_deployment}},
    std::pair{std::string_view{"client"}, Route{route_client}},
    std::pair{std::string_view{"agent"}, Route{route_agent}},
    std::pair{std::string_view{"status"}, Route{route_status}},
    std::pair{std::string_view{"operator"}, Route{route_operator}},
    std::pair{std::string_view{"regions"}, Route{route_regions}},
    std::pair{std::string_view{"search"}, Route{route_search}},
    std::pair{std::string_view{"system"}, Route{route_system}},
};

}  // namespace

struct Api::Impl {
    Backend& backend;
};

Api::Api(Backend& backend) : impl_{std::make_unique<Impl>(Impl{backend})} {}
Api::~Api() = default;

void Api::handle(io::HttpRequest request, io::HttpResponder responder) {
    const auto exchange =
        std::make_shared<Exchange>(impl_->backend, std::move(request), std::move(responder));
    const auto& segments = exchange->request().segments;
    if (segments.size() >= 2 && segments[0] == "v1") {
        for (const auto& [name, route] : routes) {
            if (segments[1] != name) continue;
            route(exchange, Rest{segments.begin() + 2, segments.end()});
            return;
        }
    }
    exchange->fail(404, "");
}

std::optional<std::string> raw_id(const std::string& text) {
    const auto id = Uuid::from_text(text);
    if (!id) return std::nullopt;
    return id->raw();
}

}  // namespace drover::agent
