// Signal names as jobs spell them ("SIGTERM", "term", "15") and as the kernel numbers them.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.hpp"

namespace drover::drivers {

[[nodiscard]] Result<int> parse_signal(std::string_view name);
// "SIGTERM"; "signal 99" for a number without a name.
std::string signal_name(int number);
// All names, sorted and separated by commas: the node attribute os.signals.
std::string signal_list();

}  // namespace drover::drivers
