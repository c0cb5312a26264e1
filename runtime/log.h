/* SPDX-License-Identifier: BSD-3-Clause */
/* log.h: messages to stderr, a line each: "pmx[rank]: text", or "pmx: text" while the rank is not known.
 * PMX_LOG chooses the level. Any thread; never on a hot path. */
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <string>
#include <utility>

namespace pmx {

enum class LogLevel { error = 0, warn = 1, info = 2, debug = 3 }; /* the order of the choices of PMX_LOG */

/* rank: -1 while it is not known. */
void log_configure(LogLevel level, int rank);
/* Writes one line whatever the level; line breaks in text become blanks. */
void log_write(fmt::string_view text) noexcept;
/* What a line begins with. */
std::string log_prefix();
/* Writes lines that have their prefix already, in one piece, to a file descriptor. False: that failed, see errno. */
bool log_lines(const std::string& lines, int fd = 2) noexcept;

namespace detail {
extern std::atomic<LogLevel> log_level;
void log_format(fmt::string_view format, fmt::format_args args) noexcept;
}  // namespace detail

inline bool log_on(LogLevel level) { return level <= detail::log_level.load(std::memory_order_relaxed); }

template <typename... Args>
void log_at(LogLevel level, fmt::format_string<Args...> format, Args&&... args)
{
    if (log_on(level)) detail::log_format(format, fmt::make_format_args(args...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args)
{
    log_at(LogLevel::error, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args)
{
    log_at(LogLevel::warn, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args)
{
    log_at(LogLevel::info, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args)
{
    log_at(LogLevel::debug, format, std::forward<Args>(args)...);
}

}  // namespace pmx
