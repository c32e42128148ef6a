#include "engine/scheduler/node_class.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "engine/scheduler/device_value.hpp"
#include "engine/schema/node.pb.h"

namespace drover::scheduler {
namespace {

// FNV-1a with 64 bits: any hash that is equal on all servers would do.
class Hash {
public:
    void add(std::string_view text) {
        for (const char byte : text) add_byte(static_cast<unsigned char>(byte));
        add_byte(0xff);  // no UTF-8 text holds it: "ab","c" and "a","bc" differ
    }
    void add(bool flag) { add(std::string_view{flag ? "1" : "0"}); }
    [[nodiscard]] std::uint64_t value() const { return value_; }

private:
    void add_byte(unsigned char byte) {
        value_ ^= byte;
        value_ *= 0x100000001b3ULL;
    }
    std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

// Between lists of any length. A literal would be taken for a flag.
constexpr std::string_view separator = "|";

template <class Pairs>
void add_pairs(Hash& hash, const Pairs& pairs) {
    std::map<std::string_view, std::string_view> sorted;
    for (const auto& pair : pairs) {
        if (!pair.key().starts_with("unique.")) sorted[pair.key()] = pair.value();
    }
    for (const auto& [key, value] : sorted) {
        hash.add(key);
        hash.add(value);
    }
    hash.add(separator);
}

void add_drivers(Hash& hash, const schema::Node& node) {
    std::map<std::string_view, bool> usable;
    for (const auto& driver : node.drivers()) {
        usable[driver.name()] = driver.detected() && driver.healthy();
    }
    for (const auto& [name, healthy] : usable) {
        hash.add(name);
        hash.add(healthy);
    }
    hash.add(separator);
}

void add_networks(Hash& hash, const schema::NodeResources& resources) {
    std::set<std::string_view> modes, aliases;
    for (const auto& network : resources.networks()) modes.insert(network.mode());
    for (const auto& network : resources.node_networks()) {
        modes.insert(network.mode());
        for (const auto& address : network.addresses()) aliases.insert(address.alias());
    }
    for (const auto mode : modes) hash.add(mode);
    hash.add(separator);
    for (const auto alias : aliases) hash.add(alias);
    hash.add(separator);
}

void add_value(Hash& hash, const schema::DeviceAttribute& attribute) {
    const DeviceValue value = to_device_value(attribute);
    hash.add(std::to_string(value.value.index()));
    hash.add(value.text);
}

// Not which instances there are, and how they are: each node answers for that itself.
void add_devices(Hash& hash, const schema::NodeResources& resources) {
    std::map<std::string, const schema::NodeDeviceResource*> sorted;
    for (const auto& devices : resources.devices()) {
        sorted[devices.vendor() + "/" + devices.type() + "/" + devices.name()] = &devices;
    }
    for (const auto& [name, devices] : sorted) {
        hash.add(name);
        std::map<std::string_view, const schema::DeviceAttribute*> attributes;
        for (const auto& pair : devices->attributes()) {
            if (!pair.key().starts_with("unique.")) attributes[pair.key()] = &pair.value();
        }
        for (const auto& [key, value] : attributes) {
            hash.add(key);
            add_value(hash, *value);
        }
        hash.add(separator);
    }
}

}  // namespace

std::string computed_class(const schema::Node& node) {
    Hash hash;
    hash.add(node.datacenter());
    hash.add(node.node_pool());
    hash.add(node.node_class());
    add_pairs(hash, node.attributes());
    add_pairs(hash, node.meta());
    add_drivers(hash, node);
    add_networks(hash, node.node_resources());
    std::set<std::string_view> volumes;
    for (const auto& volume : node.host_volumes()) volumes.insert(volume.name());
    for (const auto volume : volumes) hash.add(volume);
    // A node without devices keeps the class that it has had before there were any.
    if (!node.node_resources().devices().empty()) add_devices(hash, node.node_resources());
    return "v1:" + std::to_string(hash.value());
}

}  // namespace drover::scheduler
