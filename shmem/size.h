/* SPDX-License-Identifier: BSD-3-Clause */
/* size.h: sizes as the specification has them in SHMEM_SYMMETRIC_SIZE. */
#pragma once

#include <cstdint>

namespace pmx::shmem {

/* A positive decimal number, which may have a fraction, and one of k, m, g, t in either case; rounded up to bytes. False:
 * the text is none. */
bool parse_size(const char* text, uint64_t& n_bytes_out);

}  // namespace pmx::shmem
