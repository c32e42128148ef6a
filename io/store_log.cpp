// See store_log.hpp.
#include "io/store_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <system_error>

namespace drover::io {
namespace {

constexpr std::uintmax_t size_max = 1 << 20;  // begun anew when it is larger at the start
// "... /data/store/000012.log: dropping 109 bytes; Corruption: checksum mismatch".
constexpr std::string_view damage_told = ".log: dropping ";

std::string time_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    std::array<char, 32> text{};
    ::gmtime_r(&now, &parts);
    return {text.data(), std::strftime(text.data(), text.size(), "%FT%TZ ", &parts)};
}

}  // namespace

StoreLog::StoreLog(const std::filesystem::path& file) : StoreLog{} {
    std::error_code error;
    const bool large = std::filesystem::file_size(file, error) > size_max && !error;
    file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (large ? O_TRUNC : 0),
                   0644);
}

StoreLog::~StoreLog() {
    if (file_ >= 0) ::close(file_);
}

void StoreLog::Logv(const char* format, va_list arguments) {
    std::array<char, 2048> buffer{};
    const int size = std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
    if (size <= 0) return;
    const std::string_view told{buffer.data(),
                                std::min(static_cast<std::size_t>(size), buffer.size() - 1)};
    const std::string line = time_now() + std::string{told} + "\n";
    const std::lock_guard lock{mutex_};
    if (const auto at = told.find(damage_told); at != std::string_view::npos) {
        const auto begin = told.rfind('/', at) + 1;
        damaged_ = std::string{told.substr(begin, at - begin)} + ".log";
    }
    // It is for people, and can be missed: on a full disk there are worse things to report.
    if (file_ >= 0) (void)!::write(file_, line.data(), line.size());
}

std::string StoreLog::damaged_file() const {
    const std::lock_guard lock{mutex_};
    return damaged_.empty() ? "" : " in " + damaged_;
}

}  // namespace drover::io
