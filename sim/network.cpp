#include "sim/network.hpp"

#include <algorithm>

namespace drover::sim {

Network::Network(const Prng& root, LinkOptions servers, LinkOptions clients,
                 std::uint32_t server_count)
    : root_{root}, servers_{servers}, clients_{clients}, server_count_{server_count} {}

const LinkOptions& Network::options(Endpoint from, Endpoint to) const {
    return from < server_count_ && to < server_count_ ? servers_ : clients_;
}

Prng& Network::stream(Endpoint from, Endpoint to) {
    const auto key = std::pair{from, to};
    const auto known = streams_.find(key);
    if (known != streams_.end()) return known->second;
    const std::uint64_t number = (static_cast<std::uint64_t>(from) << 32) | to;
    return streams_.emplace(key, root_.stream("link", number)).first->second;
}

Duration Network::draw_delay(const LinkOptions& link, Prng& prng) {
    Duration delay = link.delay.draw(prng);
    if (extra_delay_.count() != 0) {
        ++counts_.slowed;
        delay += prng.between(Duration{}, extra_delay_);
    }
    if (link.reorder.happens(prng) || extra_reorder_.happens(prng)) {
        ++counts_.reordered;
        delay *= static_cast<std::int64_t>(prng.between(std::uint64_t{2}, std::uint64_t{10}));
    }
    return delay;
}

std::vector<Duration> Network::send(Endpoint from, Endpoint to) {
    ++counts_.sent;
    if (cut(from, to)) {
        ++counts_.cut;
        return {};
    }
    const LinkOptions& link = options(from, to);
    Prng& prng = stream(from, to);
    if (link.loss.happens(prng) || extra_loss_.happens(prng)) {
        ++counts_.lost;
        return {};
    }
    std::vector<Duration> arrivals{draw_delay(link, prng)};
    if (link.duplicate.happens(prng) || extra_duplicate_.happens(prng)) {
        ++counts_.duplicated;
        arrivals.push_back(draw_delay(link, prng));
    }
    return arrivals;
}

bool Network::cut(Endpoint from, Endpoint to) const {
    return std::any_of(cuts_.begin(), cuts_.end(), [&](const auto& entry) {
        const Cut& cut = entry.second;
        if (cut.from.contains(from) && cut.to.contains(to)) return true;
        return !cut.one_way && cut.from.contains(to) && cut.to.contains(from);
    });
}

Network::CutId Network::add_cut(std::set<Endpoint> from, std::set<Endpoint> to, bool one_way) {
    cuts_.emplace(next_cut_, Cut{std::move(from), std::move(to), one_way});
    return next_cut_++;
}

void Network::remove_cut(CutId id) { cuts_.erase(id); }

void Network::heal() {
    cuts_.clear();
    disturb({}, {}, {}, {});
}

void Network::disturb(Chance loss, Chance duplicate, Chance reorder, Duration extra_delay) {
    extra_loss_ = loss;
    extra_duplicate_ = duplicate;
    extra_reorder_ = reorder;
    extra_delay_ = extra_delay;
}

}  // namespace drover::sim
