/* SPDX-License-Identifier: BSD-3-Clause */
/* layer_none.cc: the calls of pmx_moe_gpu.h in a build without nvcc. */
#include "moe/error.h"
#include "pmx_moe_gpu.h"

namespace {

int refuse() { return pmx::moe::fail(PMX_ERR_UNSUPPORTED, "the layer on a GPU: this build has no CUDA (configure says why)"); }

}  // namespace

extern "C" {

int pmx_moe_gpu_create(const pmx_moe_config_t*, const pmx_ctx_attr_t*, pmx_moe_gpu_t*) { return refuse(); }
int pmx_moe_gpu_bytes(const pmx_moe_config_t*, int, size_t*, size_t*) { return refuse(); }
int pmx_moe_gpu_set_weights(pmx_moe_gpu_t, const pmx_moe_weights_t*) { return refuse(); }
int pmx_moe_gpu_forward_routed(pmx_moe_gpu_t, const void*, int, const int32_t*, const float*, void*, CUstream_st*)
{
    return refuse();
}
int pmx_moe_gpu_status(pmx_moe_gpu_t) { return refuse(); }
int pmx_moe_gpu_counters_get(pmx_moe_gpu_t, pmx_moe_counters_t*) { return refuse(); }
int pmx_moe_gpu_counters_reset(pmx_moe_gpu_t) { return refuse(); }
int pmx_moe_gpu_times_get(pmx_moe_gpu_t, pmx_moe_gpu_times_t*) { return refuse(); }
int pmx_moe_gpu_free(pmx_moe_gpu_t moe) { return moe ? refuse() : PMX_SUCCESS; }

}  // extern "C"
