#include "drivers/host_environment.hpp"

#include <fnmatch.h>
#include <unistd.h>

namespace drover::drivers {

const std::vector<std::string>& default_environment_denylist() {
    static const std::vector<std::string> names{"CONSUL_TOKEN",
                                                "CONSUL_HTTP_TOKEN",
                                                "CONSUL_HTTP_TOKEN_FILE",
                                                "NOMAD_TOKEN",
                                                "VAULT_TOKEN",
                                                "CONSUL_LICENSE",
                                                "NOMAD_LICENSE",
                                                "VAULT_LICENSE",
                                                "*_LICENSE_PATH",
                                                "AWS_ACCESS_KEY_ID",
                                                "AWS_SECRET_ACCESS_KEY",
                                                "AWS_SESSION_TOKEN",
                                                "AWS_METADATA_URL",
                                                "GOOGLE_OAUTH_ACCESS_TOKEN",
                                                "GOOGLE_APPLICATION_CREDENTIALS"};
    return names;
}

Environment filter_environment(Environment environment, const std::vector<std::string>& denylist) {
    std::erase_if(environment, [&](const auto& variable) {
        return std::any_of(denylist.begin(), denylist.end(), [&](const std::string& glob) {
            return ::fnmatch(glob.c_str(), variable.first.c_str(), 0) == 0;
        });
    });
    std::sort(environment.begin(), environment.end());
    return environment;
}

Environment host_environment(const std::vector<std::string>& denylist) {
    Environment environment;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string variable = *entry;
        const std::size_t equals = variable.find('=');
        if (equals == std::string::npos || equals == 0) continue;
        environment.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return filter_environment(std::move(environment), denylist);
}

}  // namespace drover::drivers
