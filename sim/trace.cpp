#include "sim/trace.hpp"

#include <bit>

namespace drover::sim {
namespace {

constexpr std::uint64_t fnv_prime = 0x100000001b3ULL;

void write_json_text(std::ostream& out, std::string_view text) {
    out << '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out << '\\' << c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out << ' ';
        } else {
            out << c;
        }
    }
    out << '"';
}

}  // namespace

std::uint64_t fingerprint(std::string_view bytes) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * fnv_prime;
    return hash;
}

void Trace::fold(std::uint64_t word) {
    hash_ = std::rotl((hash_ ^ word) * fnv_prime, 29) ^ (word >> 32);
}

void Trace::event(Instant at, std::string_view kind, std::uint32_t whom, std::uint64_t first,
                  std::uint64_t second, std::string_view detail) {
    ++count_;
    fold(static_cast<std::uint64_t>(at.time_since_epoch().count()));
    fold(fingerprint(kind));
    fold(whom);
    fold(first);
    fold(second);
    if (lines_ == nullptr) return;
    *lines_ << R"({"at_ns":)" << at.time_since_epoch().count() << R"(,"kind":)";
    write_json_text(*lines_, kind);
    *lines_ << R"(,"whom":)" << whom << R"(,"first":)" << first << R"(,"second":)" << second;
    if (!detail.empty()) {
        *lines_ << R"(,"detail":)";
        write_json_text(*lines_, detail);
    }
    *lines_ << "}\n";
}

}  // namespace drover::sim
