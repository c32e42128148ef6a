// Small records that two processes of different releases exchange through files and sockets: one
// "key value" line each, escaped, and a last line that tells a whole record from a cut one. Unknown
// keys are kept by the parser and ignored by readers, so that either side may be newer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.hpp"

namespace drover::drivers {

class Record {
public:
    void add(std::string_view key, std::string_view value);
    void add(std::string_view key, std::int64_t value);

    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static Result<Record> parse(std::string_view bytes, std::string_view place);

    // The first value of a key; the empty text or 0 when it is absent or no number.
    [[nodiscard]] std::string_view text(std::string_view key) const;
    [[nodiscard]] std::int64_t number(std::string_view key) const;
    [[nodiscard]] std::vector<std::string> all(std::string_view key) const;
    [[nodiscard]] bool has(std::string_view key) const;

private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace drover::drivers
