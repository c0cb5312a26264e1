/* SPDX-License-Identifier: BSD-3-Clause */
/* log.cc: one write() for each line, so that lines of several ranks and threads do not mix. */
#include "runtime/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

namespace pmx {
namespace detail {

std::atomic<LogLevel> log_level{LogLevel::warn};

void log_format(fmt::string_view format, fmt::format_args args) noexcept
{
    try {
        fmt::memory_buffer text;
        fmt::vformat_to(fmt::appender(text), format, args);
        log_write({text.data(), text.size()});
    } catch (const std::exception&) {
        log_write("out of memory while writing a message");
    }
}

}  // namespace detail

namespace {
std::atomic<int> log_rank{-1};
constexpr size_t kMaxLineBytes = 1024;
}  // namespace

void log_configure(LogLevel level, int rank)
{
    detail::log_level.store(level, std::memory_order_relaxed);
    log_rank.store(rank, std::memory_order_relaxed);
}

void log_write(fmt::string_view text) noexcept
{
    char line[kMaxLineBytes];
    const int rank = log_rank.load(std::memory_order_relaxed);
    const auto prefix = rank < 0 ? fmt::format_to_n(line, sizeof line, "pmx: ")
                                 : fmt::format_to_n(line, sizeof line, "pmx[{}]: ", rank);
    const size_t room = sizeof line - prefix.size - 1;
    char* end =
        std::replace_copy(text.begin(), text.begin() + std::min(text.size(), room), prefix.out, '\n', ' ');
    *end++ = '\n';
    /* Nothing is left to do for a message that cannot be written. */
    if (write(STDERR_FILENO, line, end - line) < 0) return;
}

std::string log_prefix()
{
    const int rank = log_rank.load(std::memory_order_relaxed);
    return rank < 0 ? "pmx: " : fmt::format("pmx[{}]: ", rank);
}

bool log_lines(const std::string& lines, int fd) noexcept
{
    for (size_t done = 0; done < lines.size();) {
        ssize_t n = write(fd, lines.data() + done, lines.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += static_cast<size_t>(n);
    }
    return true;
}

}  // namespace pmx
