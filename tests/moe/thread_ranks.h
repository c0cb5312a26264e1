/* SPDX-License-Identifier: BSD-3-Clause */
/* thread_ranks.h: the part of libpmx that the layer uses, with ranks that are threads of one process and
 * reach each other by plain stores. Lets a test of the protocol run in no time, under ThreadSanitizer too,
 * and lets it fail a rank. Programs link this instead of libpmx. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace thread_ranks {

/* Runs body once in each of n_ranks threads, each being one rank with a heap of its own. Waits inside
 * end after timeout_ms. */
void run(int n_ranks, size_t heap_bytes, unsigned timeout_ms, const std::function<void(int rank)>& body);

/* Within run: makes all waits on rank end with PMX_ERR_PEER_FAILED, and barriers not wait any more. */
void fail_rank(int rank);

}  // namespace thread_ranks
