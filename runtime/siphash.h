/* SPDX-License-Identifier: BSD-3-Clause */
/* siphash.h: SipHash-2-4 (Aumasson and Bernstein 2012): a code of 64 bits that only who has the key can make.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pmx {

struct SipKey {
    uint64_t low, high;
};
uint64_t siphash(const SipKey& key, std::span<const std::byte> message);

}  // namespace pmx
