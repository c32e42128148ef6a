// Digests and identifiers. Written out here because the engine links no cryptography; they are for
// names and change detection in job files, never for secrets.
#include <array>
#include <bit>

#include "engine/base/uuid.hpp"
#include "engine/jobspec/hcl/digest.hpp"
#include "engine/jobspec/hcl/function.hpp"

namespace drover::hcl {
namespace {

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4U];
        text += digits[static_cast<unsigned char>(c) & 15U];
    }
    return text;
}

template <std::string (*Digest)(std::string_view)>
Value digest(Arguments& arguments) {
    return Value::string(hex(Digest(arguments.text(0))));
}

Value uuidv4(Arguments& arguments) {
    std::optional<Prng>& prng = arguments.prng();
    if (!prng) return arguments.fail("is not available here: no source of randomness was given");
    Uuid uuid;
    for (std::uint8_t& byte : uuid.bytes) byte = static_cast<std::uint8_t>(prng->below(256));
    std::string raw = uuid.raw();
    raw[6] = static_cast<char>((static_cast<unsigned char>(raw[6]) & 0x0FU) | 0x40U);
    raw[8] = static_cast<char>((static_cast<unsigned char>(raw[8]) & 0x3FU) | 0x80U);
    const std::string digits = hex(raw);
    return Value::string(digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" +
                         digits.substr(12, 4) + "-" + digits.substr(16, 4) + "-" +
                         digits.substr(20));
}

std::optional<std::string> raw_uuid(std::string_view text) {
    std::string raw;
    int half = -1;
    for (const char c : text) {
        if (c == '-') continue;
        constexpr std::string_view digits = "0123456789abcdef";
        const std::size_t digit = digits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        if (half < 0) {
            half = static_cast<int>(digit);
        } else {
            raw += static_cast<char>(half * 16 + static_cast<int>(digit));
            half = -1;
        }
    }
    if (raw.size() != 16 || half >= 0) return std::nullopt;
    return raw;
}

// RFC 4122, section 4.3: the SHA-1 of a namespace and a name.
Value uuidv5(Arguments& arguments) {
    std::string space = arguments.text(0);
    const std::string name = arguments.text(1);
    if (space == "dns") space = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    if (space == "url") space = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";
    if (space == "oid") space = "6ba7b812-9dad-11d1-80b4-00c04fd430c8";
    if (space == "x500") space = "6ba7b814-9dad-11d1-80b4-00c04fd430c8";
    const std::optional<std::string> raw = raw_uuid(space);
    if (!raw) return arguments.fail(0, "must be a UUID, or one of dns, url, oid, x500");
    std::string bytes = sha1(*raw + name).substr(0, 16);
    bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0FU) | 0x50U);
    bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3FU) | 0x80U);
    const std::string digits = hex(bytes);
    return Value::string(digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" +
                         digits.substr(12, 4) + "-" + digits.substr(16, 4) + "-" +
                         digits.substr(20));
}

constexpr std::array table{
    Function{"md5", 1, 1, digest<md5>},       Function{"sha1", 1, 1, digest<sha1>},
    Function{"sha256", 1, 1, digest<sha256>}, Function{"sha512", 1, 1, digest<sha512>},
    Function{"uuidv4", 0, 0, uuidv4},         Function{"uuidv5", 2, 2, uuidv5},
};

}  // namespace

std::span<const Function> hash_functions() { return table; }

}  // namespace drover::hcl
