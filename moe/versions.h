/* SPDX-License-Identifier: BSD-3-Clause */
/* versions.h: structs of callers that were compiled with an older or a newer pmx_moe.h. */
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "moe/error.h"
#include "pmx_moe.h"

namespace pmx::moe {

/* sizeof of each struct in its first version. */
inline constexpr size_t kFirstConfigBytes = offsetof(pmx_moe_config_t, activation);
inline constexpr size_t kFirstWeightsBytes = offsetof(pmx_moe_weights_t, choice_bias);
inline constexpr size_t kFirstCountersBytes = offsetof(pmx_moe_counters_t, dropped);

/* Fields that the caller does not know are 0 in out. A caller may know fields that this library does not, as long as
 * they are 0. name: of the struct. */
template <typename Struct>
int read_struct(const char* name, const Struct* given, size_t first_bytes, Struct* out)
{
    const size_t n_bytes = given->size_bytes;
    if (n_bytes < first_bytes)
        return fail(PMX_ERR_ARGUMENT, "size_bytes of {} is {}: must be {}", name, n_bytes, sizeof(Struct));
    for (size_t i = sizeof(Struct); i < n_bytes; i++)
        if (((const unsigned char*)given)[i] != 0)
            return fail(PMX_ERR_ARGUMENT, "size_bytes of {} is {}: this library knows the first {}, byte {} must be 0",
                        name, n_bytes, sizeof(Struct), i);
    *out = Struct{};
    memcpy(out, given, std::min(n_bytes, sizeof(Struct)));
    out->size_bytes = sizeof(Struct);
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
