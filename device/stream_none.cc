/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands in for stream.cu in a build without kernels. */
#include "stream.h"

namespace pmx {

namespace {

const char* none() { return "this pmx was built without CUDA"; }

}  // namespace

const char* stream_load() { return none(); }

const char* stream_put_signal(const pmx_device_ctx_t&, void*, const void*, uint64_t, void*, uint64_t*, uint64_t, pmx_sigop_t, int,
                         int32_t*, CUstream_st*)
{
    return none();
}

const char* stream_signal_wait(const pmx_device_ctx_t&, const uint64_t*, pmx_cmp_t, uint64_t, int, uint64_t, int32_t*,
                          CUstream_st*)
{
    return none();
}

const char* stream_quiet(const pmx_device_ctx_t&, int32_t*, CUstream_st*) { return none(); }

const char* stream_barrier(const pmx_device_ctx_t&, BarrierCells*, int32_t*, CUstream_st*) { return none(); }

}  // namespace pmx
