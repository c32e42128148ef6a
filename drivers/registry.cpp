#include "drivers/registry.hpp"

#include "drivers/mock.hpp"
#include "drivers/raw_exec.hpp"

namespace drover::drivers {

DriverRegistry DriverRegistry::with_builtin(const RawExecOptions& raw_exec) {
    DriverRegistry registry;
    registry.add("raw_exec", std::make_unique<RawExec>(raw_exec));
    registry.add("mock_driver", std::make_unique<MockDriver>());
    registry.add_alias("mock", "mock_driver");
    return registry;
}

void DriverRegistry::add(std::string name, std::unique_ptr<Driver> driver) {
    drivers_[std::move(name)] = std::move(driver);
}

void DriverRegistry::add_alias(std::string alias, std::string name) {
    aliases_[std::move(alias)] = std::move(name);
}

Driver* DriverRegistry::find(std::string_view name) const {
    if (const auto alias = aliases_.find(name); alias != aliases_.end()) name = alias->second;
    const auto found = drivers_.find(name);
    return found == drivers_.end() ? nullptr : found->second.get();
}

std::vector<std::string> DriverRegistry::names() const {
    std::vector<std::string> names;
    for (const auto& [name, driver] : drivers_) names.push_back(name);
    return names;
}

}  // namespace drover::drivers
