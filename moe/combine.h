/* SPDX-License-Identifier: BSD-3-Clause */
/* combine.h: tokens are combined in groups, each when the last of its rows has come back. */
#pragma once

#include <cstddef>
#include <cstdint>

namespace pmx::moe {

inline constexpr uint32_t kTokensPerGroup = 16;

inline uint32_t n_token_groups(int n_tokens) { return ((uint32_t)n_tokens + kTokensPerGroup - 1) / kTokensPerGroup; }

}  // namespace pmx::moe
