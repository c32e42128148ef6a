// /v1/search: what has an id that begins so, by kind. `drover status ID` and Nomad's own command
// line ask it first, to find out what an id names.
#include <array>
#include <cctype>
#include <set>

#include "agent/api/routes.hpp"
#include "agent/api/shapes.hpp"

namespace drover::agent {
namespace {

using schema::JsonValue;

constexpr std::size_t matches_max = 20;

// One kind of object: how its list is asked for, and the ids in the answer.
struct Kind {
    const char* name;
    bool by_uuid;
    void (*ask)(schema::Query&);
    std::vector<std::string> (*ids)(const schema::Response&);
};

template <class Rows>
std::vector<std::string> uuids(const Rows& rows) {
    std::vector<std::string> ids;
    for (const auto& row : rows) ids.push_back(id_text(row.id()));
    return ids;
}

constexpr std::array kinds{
    Kind{"jobs", false, [](schema::Query& query) { query.mutable_list_jobs(); },
         [](const schema::Response& response) {
             std::vector<std::string> ids;
             for (const auto& job : response.jobs().jobs()) ids.push_back(job.id());
             return ids;
         }},
    Kind{"allocs", true, [](schema::Query& query) { query.mutable_list_allocations(); },
         [](const schema::Response& response) {
             return uuids(response.allocations().allocations());
         }},
    Kind{"evals", true, [](schema::Query& query) { query.mutable_list_evaluations(); },
         [](const schema::Response& response) {
             return uuids(response.evaluations().evaluations());
         }},
    Kind{"deployment", true, [](schema::Query& query) { query.mutable_list_deployments(); },
         [](const schema::Response& response) {
             return uuids(response.deployments().deployments());
         }},
    Kind{"nodes", true, [](schema::Query& query) { query.mutable_list_nodes(); },
         [](const schema::Response& response) { return uuids(response.nodes().nodes()); }},
};

bool may_begin_uuid(const std::string& prefix) {
    return std::all_of(prefix.begin(), prefix.end(),
                       [](unsigned char c) { return std::isxdigit(c) != 0 || c == '-'; });
}

// Asks for one kind after the other.
class Search : public std::enable_shared_from_this<Search> {
public:
    Search(ExchangePtr exchange, std::string prefix, std::string wanted)
        : exchange_{std::move(exchange)}, prefix_{std::move(prefix)}, wanted_{std::move(wanted)} {}

    void next() {
        while (at_ < kinds.size() && !is_wanted(kinds[at_])) ++at_;
        if (at_ == kinds.size()) return finish();
        const Kind& kind = kinds[at_++];
        auto request = exchange_->envelope();
        kind.ask(*request->mutable_query());
        request->mutable_query()->set_prefix(prefix_);
        request->mutable_query()->set_per_page(matches_max + 1);
        exchange_->ask(std::move(request), [self = shared_from_this(), &kind](
                                               Exchange&, const schema::Response& response) {
            self->take(kind, response);
            self->next();
        });
    }

private:
    [[nodiscard]] bool is_wanted(const Kind& kind) const {
        if (kind.by_uuid && !may_begin_uuid(prefix_)) return false;
        return wanted_ == "all" || wanted_ == kind.name;
    }
    void take(const Kind& kind, const schema::Response& response) {
        const std::vector<std::string> ids = kind.ids(response);
        JsonValue::Array shown;
        for (std::size_t i = 0; i < ids.size() && i < matches_max; ++i) shown.emplace_back(ids[i]);
        matches_.set(kind.name, std::move(shown));
        truncations_.set(kind.name, ids.size() > matches_max);
        last_ = response;
    }
    void finish() {
        JsonValue json = JsonValue::Object{{"Matches", matches_}, {"Truncations", truncations_}};
        add_query_meta(json, last_);
        exchange_->answer(json, &last_);
    }

    ExchangePtr exchange_;
    std::string prefix_, wanted_;
    std::size_t at_ = 0;
    JsonValue matches_ = JsonValue::Object{};
    JsonValue truncations_ = JsonValue::Object{};
    schema::Response last_;
};

std::string text_of(const JsonValue& body, std::string_view name) {
    const JsonValue* const found = body.find(name);
    return found != nullptr && found->text() != nullptr ? *found->text() : std::string{};
}

}  // namespace

void route_search(const ExchangePtr& exchange, const Rest& rest) {
    if (!rest.empty()) return exchange->fail(404, "");
    if (!exchange->is_write()) return exchange->invalid_method();
    const auto body = exchange->body();
    if (!body) return;
    std::string wanted = text_of(*body, "Context");
    if (wanted.empty()) wanted = "all";
    std::set<std::string> known{"all"};
    for (const auto& kind : kinds) known.insert(kind.name);
    if (!known.contains(wanted)) {
        return exchange->fail(400, "Context \"" + wanted +
                                       "\": must be all, allocs, deployment, evals, jobs or nodes");
    }
    std::make_shared<Search>(exchange, text_of(*body, "Prefix"), std::move(wanted))->next();
}

}  // namespace drover::agent
