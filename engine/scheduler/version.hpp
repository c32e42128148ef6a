// Versions as constraints compare them: a lenient reading ("version": 1.2, v1.2.3beta1) and the
// strict one of Semantic Versioning 2 ("semver"). Text that is no version satisfies nothing.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::scheduler {

enum class VersionStyle : std::uint8_t { lenient, semver };

struct Version {
    std::vector<std::uint64_t> segments;  // at least three: missing ones are 0
    std::size_t given{};                  // how many of them were written
    std::string prerelease;
};

[[nodiscard]] std::optional<Version> parse_version(std::string_view text, VersionStyle style);

// By segments, then by prerelease: a version without one is the greater. Build metadata is ignored.
[[nodiscard]] std::strong_ordering compare(const Version& left, const Version& right);

// A list such as ">= 1.2, < 2". All must hold. Lenient constraints know `~>` (all written segments
// but the last stay as they are) and let a prerelease pass only where the constraint names a
// prerelease of the same segments; semver constraints order prereleases like any version.
class VersionConstraints {
public:
    [[nodiscard]] static std::optional<VersionConstraints> parse(std::string_view text,
                                                                 VersionStyle style);
    [[nodiscard]] bool allow(const Version& version) const;

private:
    enum class Operator : std::uint8_t {
        equal,
        not_equal,
        less,
        less_equal,
        greater,
        greater_equal,
        pessimistic
    };
    struct One {
        Operator operation{};
        Version version;
    };
    static std::optional<One> parse_one(std::string_view text, VersionStyle style);
    [[nodiscard]] bool allows(const One& one, const Version& version) const;

    VersionStyle style_{};
    std::vector<One> all_;
};

}  // namespace drover::scheduler
