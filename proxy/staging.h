/* SPDX-License-Identifier: BSD-3-Clause */
/* staging.h: makes operations on GPU memory out of a transport that reaches host memory only. What touches GPU
 * memory, here or there, bounces through pinned host memory (the staging area), piece by piece, so that copies and
 * wire work at the same time. What is between two host heaps goes to the inner transport as it is.
 *
 * Into GPU memory: a piece goes into a slot of the target's area. The target's proxy takes the pieces of a sender
 * in order, copies them, applies the signals behind them, and acknowledges when the copies have finished; then the
 * operation is complete.
 *
 * From GPU memory to host memory: a copy into the own area, then a put of the inner transport.
 *
 * A get from GPU memory: the target copies a piece into the very slot in which it was asked for it, and there it is
 * got. It needs nothing but that slot, so ranks that get from each other never wait for each other in a ring.
 *
 * Promises: orders_set and orders_add are those of the inner transport. None of orders_put, fence and counted: these
 * need a NIC that writes GPU memory itself.
 *
 * Signals: the target's proxy applies those to words in GPU memory, and ordered SETs of words in host memory that follow
 * what is staged: behind the puts before them, and those to one word in order; to several words at the same time. An ordered ADD to host memory is always the inner transport's, whose ADDs need
 * not be atomic against those of a CPU: it waits until what is staged before it is done. ADDs to a word in GPU memory
 * are exact among all ranks, but not against kernels that change the word meanwhile.
 *
 * A broken copy engine ends the job: poll() returns its code. */
#pragma once

#include <memory>

#include "copy_engine.h"
#include "heap_map.h"
#include "transport.h"

namespace pmx {

struct StagingConfig {
    int rank = 0;
    int size = 1;
    HeapMap heaps; /* of this rank; the sizes are alike on all ranks */
    /* staging_area_bytes() of pinned host memory, 64-byte aligned, and where it lies in the heap of the inner
     * transport: a multiple of 64, alike on all ranks. */
    char* area = nullptr;
    uint64_t area_off = 0;
    /* Alike on all ranks. */
    unsigned n_slots = 8;        /* pieces under way to each rank, 2..65536 */
    uint64_t slot_bytes = 65536; /* longest piece, 64.. */
};

/* Of one rank. */
uint64_t staging_area_bytes(int size, unsigned n_slots, uint64_t slot_bytes);

/* Cookies from here on are the wrapper's own. */
inline constexpr uint64_t kStagingCookies = uint64_t{0xffff} << 48;
/* connect() refuses an inner transport whose max_put_bytes is less. */
inline constexpr uint64_t kStagingMinPut = 1024;

/* inner: not connected; its heap holds the host heap and the area. Zeroes the words of the area that other ranks
 * write, so it comes before address() is given to them.
 * out, in: two engines, for copies from and to GPU memory. They are destructed first, and end their copies before. */
std::unique_ptr<Transport> make_staging(std::unique_ptr<Transport> inner, const StagingConfig& config,
                                        std::unique_ptr<CopyEngine> out, std::unique_ptr<CopyEngine> in);

}  // namespace pmx
