// Address arithmetic on IPv4 and IPv6 prefixes.
#include <algorithm>
#include <array>
#include <charconv>

#include "engine/jobspec/hcl/function.hpp"

namespace drover::hcl {
namespace {

struct Address {
    std::array<std::uint8_t, 16> bytes{};
    std::size_t size = 4;  // 4 or 16

    [[nodiscard]] std::int64_t bits() const { return static_cast<std::int64_t>(size) * 8; }
};

struct Prefix {
    Address address;
    std::int64_t length = 0;
};

std::optional<Address> parse_v4(std::string_view text) {
    Address address;
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint8_t byte = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), byte);
        if (read.ec != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
        address.bytes[i] = byte;
        if (i == 3) break;
        if (!text.starts_with('.')) return std::nullopt;
        text.remove_prefix(1);
    }
    if (!text.empty()) return std::nullopt;
    return address;
}

// Groups of hexadecimal digits between colons; none if one is malformed.
std::optional<std::vector<std::uint16_t>> groups(std::string_view text) {
    std::vector<std::uint16_t> result;
    while (!text.empty()) {
        std::uint16_t group = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), group, 16);
        const auto used = static_cast<std::size_t>(read.ptr - text.data());
        if (read.ec != std::errc{} || used > 4 || result.size() == 8) return std::nullopt;
        result.push_back(group);
        text.remove_prefix(used);
        if (text.empty()) break;
        if (!text.starts_with(':') || text.size() == 1) return std::nullopt;
        text.remove_prefix(1);
    }
    return result;
}

std::optional<Address> parse_v6(std::string_view text) {
    const std::size_t gap = text.find("::");
    const auto head = groups(text.substr(0, gap));
    const auto tail =
        gap == std::string_view::npos ? std::vector<std::uint16_t>{} : groups(text.substr(gap + 2));
    if (!head || !tail) return std::nullopt;
    const std::size_t count = head->size() + tail->size();
    if (gap == std::string_view::npos ? count != 8 : count > 7) return std::nullopt;
    Address address;
    address.size = 16;
    const auto put = [&](std::size_t at, std::uint16_t group) {
        address.bytes[at * 2] = static_cast<std::uint8_t>(group >> 8U);
        address.bytes[at * 2 + 1] = static_cast<std::uint8_t>(group & 0xFFU);
    };
    for (std::size_t i = 0; i < head->size(); ++i) put(i, (*head)[i]);
    for (std::size_t i = 0; i < tail->size(); ++i) put(8 - tail->size() + i, (*tail)[i]);
    return address;
}

std::optional<Prefix> parse_prefix(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const bool v6 = text.find(':') != std::string_view::npos;
    const auto address = v6 ? parse_v6(text.substr(0, slash)) : parse_v4(text.substr(0, slash));
    const std::optional<Number> length = Number::parse(text.substr(slash + 1));
    if (!address || !length || !length->is_integer()) return std::nullopt;
    const Prefix prefix{*address, *length->as_int64()};
    if (prefix.length < 0 || prefix.length > address->bits()) return std::nullopt;
    return prefix;
}

void set_bit(Address& address, std::int64_t bit, bool value) {
    auto& byte = address.bytes[static_cast<std::size_t>(bit / 8)];
    const auto mask = static_cast<std::uint8_t>(0x80U >> static_cast<unsigned>(bit % 8));
    byte = static_cast<std::uint8_t>(value ? byte | mask : byte & ~mask);
}

Address network_of(const Prefix& prefix) {
    Address address = prefix.address;
    for (std::int64_t bit = prefix.length; bit < address.bits(); ++bit)
        set_bit(address, bit, false);
    return address;
}

// Writes `number` into the bits [from, to).
void put_number(Address& address, std::int64_t from, std::int64_t to, std::uint64_t number) {
    for (std::int64_t bit = to - 1; bit >= from; --bit, number >>= 1U) {
        set_bit(address, bit, (number & 1U) != 0);
    }
}

bool fits(std::uint64_t number, std::int64_t bits) { return bits >= 64 || number >> bits == 0; }

std::string v6_text(const Address& address) {
    std::array<unsigned, 8> all{};
    for (std::size_t i = 0; i < 8; ++i)
        all[i] = address.bytes[2 * i] * 256U + address.bytes[2 * i + 1];
    std::size_t gap = 8;  // the longest run of at least two zero groups is left out
    std::size_t gap_size = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t size = 0;
        while (i + size < 8 && all[i + size] == 0) ++size;
        if (size > gap_size) {
            gap = i;
            gap_size = size;
        }
    }
    std::string text;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == gap) {
            text += "::";
            i += gap_size - 1;
            continue;
        }
        if (!text.empty() && !text.ends_with(':')) text += ':';
        std::array<char, 8> digits{};
        text.append(digits.data(),
                    std::to_chars(digits.data(), digits.data() + digits.size(), all[i], 16).ptr);
    }
    return text;
}

std::string text_of(const Address& address) {
    if (address.size == 16) return v6_text(address);
    std::string text;
    for (std::size_t i = 0; i < 4; ++i) {
        text += (i == 0 ? "" : ".") + std::to_string(static_cast<unsigned>(address.bytes[i]));
    }
    return text;
}

std::string text_of(const Prefix& prefix) {
    return text_of(network_of(prefix)) + "/" + std::to_string(prefix.length);
}

std::optional<Prefix> prefix_argument(Arguments& arguments) {
    const std::optional<Prefix> prefix = parse_prefix(arguments.text(0));
    if (!prefix) arguments.fail(0, "is no prefix such as \"10.0.0.0/8\"");
    return prefix;
}

Value cidrhost(Arguments& arguments) {
    const std::optional<Prefix> prefix = prefix_argument(arguments);
    const std::int64_t number = arguments.integer(1);
    if (!prefix || arguments.failed()) return Value{};
    const std::int64_t bits = prefix->address.bits() - prefix->length;
    // A negative number counts from the end: -1 is the last address.
    const std::uint64_t magnitude =
        number < 0 ? ~static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    if (!fits(magnitude, bits)) return arguments.fail(1, "is beyond the size of the prefix");
    Address address = network_of(*prefix);
    put_number(address, std::max(prefix->length, address.bits() - 64), address.bits(),
               static_cast<std::uint64_t>(number));
    for (std::int64_t bit = prefix->length; number < 0 && bit < address.bits() - 64; ++bit) {
        set_bit(address, bit, true);
    }
    return Value::string(text_of(address));
}

Value cidrnetmask(Arguments& arguments) {
    const std::optional<Prefix> prefix = prefix_argument(arguments);
    if (!prefix) return Value{};
    if (prefix->address.size == 16) return arguments.fail(0, "must be an IPv4 prefix");
    Address mask;
    for (std::int64_t bit = 0; bit < prefix->length; ++bit) set_bit(mask, bit, true);
    return Value::string(text_of(mask));
}

Value cidrsubnet(Arguments& arguments) {
    const std::optional<Prefix> prefix = prefix_argument(arguments);
    const std::int64_t more = arguments.integer(1);
    const std::int64_t number = arguments.integer(2);
    if (!prefix || arguments.failed()) return Value{};
    if (more < 0 || more > prefix->address.bits() - prefix->length) {
        return arguments.fail(1, "leaves no room in the prefix");
    }
    if (number < 0 || !fits(static_cast<std::uint64_t>(number), more)) {
        return arguments.fail(2, "does not fit in " + std::to_string(more) + " bits");
    }
    Prefix subnet{network_of(*prefix), prefix->length + more};
    put_number(subnet.address, std::max(prefix->length, subnet.length - 64), subnet.length,
               static_cast<std::uint64_t>(number));
    return Value::string(text_of(subnet));
}

// Adds one to the bits [0, length): the next prefix of that length. False after the last one.
bool advance(Address& address, std::int64_t length) {
    for (std::int64_t bit = length - 1; bit >= 0; --bit) {
        const auto byte = address.bytes[static_cast<std::size_t>(bit / 8)];
        const bool set = (byte & (0x80U >> static_cast<unsigned>(bit % 8))) != 0;
        set_bit(address, bit, !set);
        if (!set) return true;
    }
    return false;
}

Value cidrsubnets(Arguments& arguments) {
    const std::optional<Prefix> prefix = prefix_argument(arguments);
    if (!prefix) return Value{};
    List subnets;
    Prefix current{network_of(*prefix), prefix->length};
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::int64_t more = arguments.integer(i);
        const std::int64_t length = prefix->length + more;
        if (arguments.failed()) return Value{};
        if (more < 1 || length > prefix->address.bits()) {
            return arguments.fail(i, "leaves no room in the prefix");
        }
        if (i > 1) {  // the first address after the previous subnet that such a prefix can start at
            const Address aligned = network_of(Prefix{current.address, length});
            const bool fresh = aligned.bytes == current.address.bytes && length >= current.length;
            bool room =
                advance(current.address, fresh ? current.length : std::min(current.length, length));
            if (!fresh) current.address = network_of(Prefix{current.address, length});
            Prefix outer{current.address, prefix->length};
            room = room && network_of(outer).bytes == network_of(*prefix).bytes;
            if (!room) return arguments.fail(i, "does not fit after the subnets before it");
        }
        current.length = length;
        subnets.push_back(Value::string(text_of(current)));
    }
    return Value::list(std::move(subnets));
}

constexpr std::array table{
    Function{"cidrhost", 2, 2, cidrhost},
    Function{"cidrnetmask", 1, 1, cidrnetmask},
    Function{"cidrsubnet", 3, 3, cidrsubnet},
    Function{"cidrsubnets", 2, Function::any_count, cidrsubnets},
};

}  // namespace

std::span<const Function> network_functions() { return table; }

}  // namespace drover::hcl
