// The search behind an offer of devices: a group of instances for each request, such that all can
// be served at once, and of all such ways the one that the requests like best, the first request
// first. Requests choose groups one after the other, going back where another choice may be better;
// inside a group, instances change hands where a request can take another.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/scheduler/devices.hpp"

namespace drover::scheduler {

class DeviceSearch {
public:
    explicit DeviceSearch(const NodeDevices& node);

    // Once. An offer, if true.
    [[nodiscard]] bool serve(const std::vector<DeviceRequest>& requests);
    [[nodiscard]] DeviceOffer offer() const;

private:
    struct Group {
        const NodeDevices::Group* of;
        std::vector<std::string> free;                  // ids, ascending
        std::vector<std::optional<std::size_t>> owner;  // a request, by instance
    };
    // A group that could serve a request if nobody else were there.
    struct Option {
        std::size_t group{};
        std::int64_t weight{};
        std::vector<std::size_t> instances;  // that it may have
    };
    struct Wish {
        const DeviceRequest* request;
        std::vector<Option> options;  // best first
        std::size_t chosen{};
    };
    // Each request has what it wants.
    struct Way {
        std::vector<std::int64_t> weights;  // by request
        std::vector<Group> groups;
        std::vector<Wish> wishes;
    };

    [[nodiscard]] std::vector<Option> options_of(const DeviceRequest& request) const;
    void serve_from(std::size_t wish);
    [[nodiscard]] std::vector<std::int64_t> best_weights(std::size_t chosen) const;
    [[nodiscard]] bool take(std::size_t wish);
    [[nodiscard]] bool take_one(std::size_t wish, Group& group);
    [[nodiscard]] const Option& choice_of(std::size_t wish) const {
        return wishes_[wish].options[wishes_[wish].chosen];
    }

    std::vector<Group> groups_;
    std::vector<Wish> wishes_;
    std::optional<Way> best_;
    int tries_ = 0;
};

}  // namespace drover::scheduler
