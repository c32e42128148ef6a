// Devices of one node: which suit a request, and who is offered which.
#include "engine/scheduler/devices.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "tests/engine/scheduler/device_nodes.hpp"

namespace drover::scheduler::testing {
namespace {

TEST(DeviceValue, is_compared_in_its_base_unit_and_never_across_kinds) {
    struct Row {
        const char* left;
        const char* right;
        std::optional<int> order;
    };
    const Row rows[]{
        {"2 GiB", "2048 MiB", 0},
        {"2GiB", "2048MiB", 0},
        {"1 GB", "1 GiB", -1},
        {"1 EiB", "9223372036854775807 EB", -1},
        {"1.5 GHz", "1500 MHz", 0},
        {"1 W", "1000 mW", 0},
        {"1 GiB/s", "1024 MiB/s", 0},
        {"1 GiB/s", "1 GiB", std::nullopt},
        {"1 GiB", "1 GHz", std::nullopt},
        {"1 GiB", "1", std::nullopt},
        {"3", "20", -1},
        {"3.0", "3", 0},
        {"-1", "1", -1},
        {"true", "false", 1},
        {"9007199254740993", "9007199254740992", 1},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string{row.left} + " against " + row.right);
        // As a node reports it, which is never meant as text.
        auto left = read_device_value(row.left);
        auto right = read_device_value(row.right);
        left.written = right.written = false;
        EXPECT_EQ(compare(left, right), row.order);
    }
}

TEST(DeviceValue, what_a_job_writes_is_text_beside_a_text) {
    EXPECT_EQ(compare(text_value("4090"), read_device_value("4090")), 0);
    EXPECT_EQ(compare(text_value("inf"), read_device_value("inf")), 0);
    EXPECT_EQ(compare(text_value("abc"), read_device_value("abd")), -1);
    auto number = read_device_value("4090");
    number.written = false;
    EXPECT_EQ(compare(number, text_value("4090")), std::nullopt);
}

TEST(DeviceCondition, follows_its_operator) {
    schema::Node node;
    auto& devices = add_group(node, "acme", "gpu", "fast-1", {"a", "b", "c"});
    add_attribute(devices, "memory").set_int_(8);
    devices.mutable_attributes(0)->mutable_value()->set_unit("GiB");
    add_attribute(devices, "driver").set_string("470.57.2");
    add_attribute(devices, "ecc").set_bool_(true);
    add_attribute(devices, "clock").set_float_(1.5);
    devices.mutable_attributes(3)->mutable_value()->set_unit("GHz");
    struct Row {
        const char* left;
        const char* operation;
        const char* right;
        bool holds;
    };
    const Row rows[]{
        {"${device.vendor}", "=", "acme", true},
        {"${device.type}", "is", "gpu", true},
        {"${device.model}", "==", "fast-1", true},
        {"${device.model}", "!=", "fast-1", false},
        {"fast-1", "=", "${device.model}", true},
        {"${device.model}", "regexp", "^fast", true},
        {"${device.attr.memory}", ">=", "8192 MiB", true},
        {"${device.attr.memory}", ">", "8 GiB", false},
        {"${device.attr.memory}", "<", "1 TiB", true},
        {"${device.attr.memory}", ">", "8", false},
        {"${device.attr.clock}", "=", "1500 MHz", true},
        {"${device.attr.driver}", "version", ">= 470.0, < 500", true},
        {"${device.attr.driver}", "semver", "> 470.57.2", false},
        {"${device.attr.ecc}", "=", "true", true},
        {"${device.attr.ecc}", "=", "1", true},
        {"${device.attr.ecc}", "!=", "false", true},
        {"${device.attr.ecc}", ">", "false", false},
        {"${device.attr.none}", "=", "1", false},
        {"${device.attr.none}", "!=", "1", true},
        {"${device.attr.none}", "!=", "${device.attr.neither}", false},
        {"${device.attr.none}", "is_not_set", "", true},
        {"${device.attr.ecc}", "is_set", "", true},
        {"${attr.kernel.name}", "is_set", "", false},
        {"${device.ids}", "set_contains", "a,c", true},
        {"${device.ids}", "set_contains", "a,x", false},
        {"${device.ids}", "set_contains_any", "x,c", true},
        {"${device.model}", "what", "fast-1", false},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(DeviceCondition(row.left, row.operation, row.right).holds(devices), row.holds)
            << row.left << " " << row.operation << " " << row.right;
    }
}

TEST(NodeDevices, are_named_by_type_or_by_vendor_or_in_full) {
    schema::Node node;
    const auto& devices = add_group(node, "acme", "gpu", "x/1", {"a"});
    for (const char* name : {"gpu", "acme/gpu", "acme/gpu/x/1"}) {
        EXPECT_TRUE(names_devices(name, devices)) << name;
    }
    for (const char* name : {"", "acme", "fpga", "other/gpu", "acme/gpu/x", "x/1", "acme/gpu/"}) {
        EXPECT_FALSE(names_devices(name, devices)) << name;
    }
}

// What a job of these requests is offered by a node with two groups; "-" where it is nothing.
struct OfferRow {
    const char* why;
    std::function<void(schema::Job&)> ask;
    Ids given;
};

TEST(NodeDevices, offer_instances_of_one_group_for_each_request) {
    schema::Node node;
    auto& fast = add_group(node, "acme", "gpu", "fast", {"f2", "f1", "f3"});
    add_attribute(fast, "memory").set_int_(16);
    auto& slow = add_group(node, "other", "gpu", "slow", {"s1", "s2"});
    slow.mutable_instances(0)->set_healthy(false);
    const OfferRow rows[]{
        {"the first by name", [](auto& job) { ask(job, "gpu"); }, {"fast/f1"}},
        {"several of one group",
         [](auto& job) { ask(job, "gpu", 3); },
         {"fast/f1", "fast/f2", "fast/f3"}},
        {"never across groups", [](auto& job) { ask(job, "gpu", 4); }, {}},
        {"never more than can be counted", [](auto& job) { ask(job, "gpu", UINT64_MAX); }, {}},
        {"never a sick one", [](auto& job) { ask(job, "other/gpu", 2); }, {}},
        {"what is well beside it", [](auto& job) { ask(job, "other/gpu/slow"); }, {"slow/s2"}},
        {"what it likes better",
         [](auto& job) { like(ask(job, "gpu"), "${device.model}", "slow", 50); },
         {"slow/s2"}},
        {"what it dislikes less",
         [](auto& job) { like(ask(job, "gpu"), "${device.model}", "fast", -50); },
         {"slow/s2"}},
        {"what it is held to",
         [](auto& job) { constrain(ask(job, "gpu"), "${device.attr.memory}", "<", "16"); },
         {}},
        {"a later request is not left with nothing",
         [](auto& job) {
             ask(job, "gpu");
             ask(job, "acme/gpu", 3);
         },
         {"slow/s2", "fast/f1", "fast/f2", "fast/f3"}},
        {"only these",
         [](auto& job) {
             constrain(ask(job, "gpu", 2), "${device.ids}", "set_contains_any", "f3,f2,s2");
         },
         {"fast/f2", "fast/f3"}},
        {"both of these",
         [](auto& job) {
             constrain(ask(job, "gpu", 2), "${device.ids}", "set_contains", "f3, f2");
         },
         {"fast/f2", "fast/f3"}},
        {"not this one",
         [](auto& job) { constrain(ask(job, "gpu", 2), "${device.ids}", "!=", "f1"); },
         {"fast/f2", "fast/f3"}},
        {"instances change hands for whoever may have no other",
         [](auto& job) {
             ask(job, "acme/gpu", 2);
             constrain(ask(job, "acme/gpu"), "${device.ids}", "=", "f1");
         },
         {"fast/f2", "fast/f3", "fast/f1"}},
    };
    for (const auto& row : rows) {
        auto job = make_job("api", 1);
        row.ask(job);
        const auto requests = device_requests(group_of(job));
        const auto offer = NodeDevices{node}.offer(requests);
        schema::AllocatedResources resources;
        resources.add_tasks()->set_task("server");
        if (offer) give_devices(resources, requests, *offer);
        EXPECT_EQ(held(resources), row.given) << row.why;
        EXPECT_EQ(offer.has_value(), !row.given.empty()) << row.why;
    }
}

TEST(NodeDevices, that_are_reported_twice_are_given_once_and_only_if_both_are_well) {
    schema::Node node;
    add_group(node, "acme", "gpu", "x", {"a", "a", "b"}).mutable_instances(2)->set_healthy(false);
    add_group(node, "acme", "gpu", "x", {"a", "b"});
    auto job = make_job("api", 1);
    ask(job, "gpu");
    NodeDevices devices{node};
    const auto requests = device_requests(group_of(job));
    const auto offer = devices.offer(requests);
    ASSERT_TRUE(offer);
    schema::AllocatedResources resources;
    resources.add_tasks()->set_task("server");
    give_devices(resources, requests, *offer);
    EXPECT_EQ(held(resources), Ids{"x/a"});
    EXPECT_TRUE(devices.add(resources));
    EXPECT_FALSE(devices.offer(requests));
    EXPECT_FALSE(devices.add(resources)) << "one instance, held twice";
    devices.remove(resources);
    EXPECT_FALSE(devices.offer(requests)) << "one of the two still has it";
    devices.remove(resources);
    EXPECT_TRUE(devices.offer(requests));
}

// A slow twin: every choice of a group and of instances for each request, in plain loops.
struct Twin {
    struct Group {
        std::vector<bool> usable;
        std::string vendor, name;
    };
    struct Request {
        std::string name;
        std::size_t count;
        std::set<std::size_t> ids;          // empty: any
        std::vector<std::int64_t> weights;  // by group
    };
    std::vector<Group> groups;
    std::vector<Request> requests;

    // The weights of the best way, request by request; none where there is no way.
    std::optional<std::vector<std::int64_t>> best(std::size_t request = 0) {
        if (request == requests.size()) return std::vector<std::int64_t>{};
        std::optional<std::vector<std::int64_t>> found;
        const Request& one = requests[request];
        for (std::size_t number = 0; number < groups.size(); ++number) {
            const std::string type = "gpu", vendor = groups[number].vendor + "/gpu";
            if (one.name != type && one.name != vendor &&
                one.name != vendor + "/" + groups[number].name) {
                continue;
            }
            for (std::size_t chosen = 0; chosen < std::size_t{1} << groups[number].usable.size();
                 ++chosen) {
                auto rest = with(number, chosen, one, request);
                if (!rest) continue;
                rest->insert(rest->begin(), one.weights[number]);
                if (!found || *rest > *found) found = std::move(rest);
            }
        }
        return found;
    }

private:
    std::optional<std::vector<std::int64_t>> with(std::size_t number, std::size_t chosen,
                                                  const Request& one, std::size_t request) {
        std::vector<bool>& usable = groups[number].usable;
        std::size_t count = 0;
        for (std::size_t i = 0; i < usable.size(); ++i) {
            if ((chosen >> i & 1U) == 0) continue;
            ++count;
            if (!usable[i] || (!one.ids.empty() && !one.ids.contains(i))) return std::nullopt;
        }
        if (count != one.count) return std::nullopt;
        const auto before = usable;
        for (std::size_t i = 0; i < usable.size(); ++i) {
            if ((chosen >> i & 1U) != 0) usable[i] = false;
        }
        auto rest = best(request + 1);
        groups[number].usable = before;
        return rest;
    }
};

struct DeviceTrial {
    schema::Node node;
    schema::Job job = make_job("api", 1);
    schema::AllocatedResources taken;
    Twin twin;
};

DeviceTrial some_trial(Prng& prng) {
    DeviceTrial trial;
    auto& holder = *trial.taken.add_tasks();
    for (std::uint64_t g = 0; g < prng.between(1, 3); ++g) {
        Twin::Group group;
        group.vendor = prng.chance(1, 2) ? "acme" : "other";
        group.name = "m" + std::to_string(g);
        auto& devices = add_group(trial.node, group.vendor, "gpu", group.name, {});
        for (std::uint64_t i = 0; i < prng.between(1, 4); ++i) {
            const std::string id = "i" + std::to_string(i);
            auto& instance = *devices.add_instances();
            instance.set_id(id);
            instance.set_healthy(prng.chance(4, 5));
            const bool is_taken = prng.chance(1, 6);
            if (is_taken) {
                auto& device = *holder.add_devices();
                device.set_vendor(group.vendor);
                device.set_type("gpu");
                device.set_name(group.name);
                device.add_device_ids(id);
            }
            group.usable.push_back(instance.healthy() && !is_taken);
        }
        trial.twin.groups.push_back(std::move(group));
    }
    static const std::vector<std::string> names{"gpu", "gpu", "acme/gpu", "other/gpu",
                                                "acme/gpu/m1"};
    for (std::uint64_t r = 0; r < prng.between(1, 3); ++r) {
        Twin::Request request{names[prng.below(names.size())], prng.between(1, 2), {}, {}};
        auto& device = ask(trial.job, request.name, request.count);
        if (prng.chance(1, 2)) {
            std::string list;
            for (std::size_t i = 0; i < 4; ++i) {
                if (!prng.chance(1, 2)) continue;
                request.ids.insert(i);
                list += (list.empty() ? "i" : ",i") + std::to_string(i);
            }
            if (!list.empty()) constrain(device, "${device.ids}", "set_contains_any", list);
        }
        request.weights.resize(trial.twin.groups.size());
        for (std::size_t g = 0; g < trial.twin.groups.size(); ++g) {
            if (!prng.chance(1, 2)) continue;
            request.weights[g] = static_cast<std::int64_t>(prng.between(1, 3)) - 2;
            like(device, "${device.model}", trial.twin.groups[g].name,
                 static_cast<int>(request.weights[g]));
        }
        trial.twin.requests.push_back(std::move(request));
    }
    return trial;
}

RC_GTEST_PROP(NodeDevices, ServeWhateverCanBeServedInTheBestWay, (std::uint64_t seed)) {
    Prng prng{seed};
    for (int round = 0; round < 20; ++round) {
        auto trial = some_trial(prng);
        NodeDevices devices{trial.node};
        devices.add(trial.taken);
        const auto requests = device_requests(group_of(trial.job));
        const auto offer = devices.offer(requests);
        const auto best = trial.twin.best();
        RC_ASSERT(offer.has_value() == best.has_value());
        RC_ASSERT(offer.has_value() == devices.first_missing(requests).empty());
        if (!offer) continue;
        std::vector<std::int64_t> weights;
        std::set<std::string> given;
        for (std::size_t i = 0; i < requests.size(); ++i) {
            const auto& device = offer->devices[i];
            RC_ASSERT(static_cast<std::uint64_t>(device.device_ids_size()) == requests[i].count);
            const auto group = static_cast<std::size_t>(std::stoi(device.name().substr(1)));
            weights.push_back(trial.twin.requests[i].weights[group]);
            for (const auto& id : device.device_ids()) {
                const auto number = static_cast<std::size_t>(std::stoi(id.substr(1)));
                RC_ASSERT(trial.twin.groups[group].usable[number]);
                RC_ASSERT(trial.twin.requests[i].ids.empty() ||
                          trial.twin.requests[i].ids.contains(number));
                RC_ASSERT(given.insert(device.name() + id).second);
            }
        }
        RC_ASSERT(weights == *best);
    }
}

TEST(NodeDevices, a_search_that_would_never_end_is_given_up) {
    schema::Node node;
    auto job = make_job("api", 1);
    for (int i = 0; i < 12; ++i) {
        add_group(node, "acme", "gpu", "m" + std::to_string(i), {"a", "b", "c"});
    }
    // Thirteen pairs do not fit into twelve groups of three: 12! ways to find that out.
    for (int i = 0; i < 13; ++i) ask(job, "gpu", 2);
    EXPECT_FALSE(NodeDevices{node}.offer(device_requests(group_of(job))));
}

}  // namespace
}  // namespace drover::scheduler::testing
