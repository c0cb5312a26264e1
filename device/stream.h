/* SPDX-License-Identifier: BSD-3-Clause */
/* stream.h: small kernels behind the calls of pmx_gpu.h that work in the order of a stream. view: that for
 * kernels. Each returns NULL, or why it could not be launched, a static text. */
#pragma once

#include <cstdint>

#include "pmx_device.h"

struct CUstream_st;

namespace pmx {

/* The barrier's words in the heap of GPU memory, zeroed at the start. */
struct BarrierCells {
    static constexpr int kRounds = 20; /* 2^20 ranks */
    /* Writer: rank - 2^r, release. Reader: this rank, acquire. The epoch; never goes back. */
    uint64_t in[kRounds];
    uint64_t epoch; /* Writer and reader: the kernel of this rank. */
};

/* Loads the kernels: a driver that loads them late waits for kernels that run, and these may wait for these. */
const char* stream_load();

const char* stream_put_signal(const pmx_device_ctx_t& view, void* dst_sym, const void* src_sym, uint64_t n_bytes,
                         void* direct, uint64_t* sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank,
                         int32_t* status, CUstream_st* stream);
const char* stream_signal_wait(const pmx_device_ctx_t& view, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value,
                          int from_rank, uint64_t timeout_ns, int32_t* status, CUstream_st* stream);
const char* stream_quiet(const pmx_device_ctx_t& view, int32_t* status, CUstream_st* stream);
/* cells_sym: in the heap of GPU memory, at the same offset on all ranks. */
const char* stream_barrier(const pmx_device_ctx_t& view, BarrierCells* cells_sym, int32_t* status, CUstream_st* stream);

}  // namespace pmx
