/* SPDX-License-Identifier: BSD-3-Clause */
/* A library with a kernel of all calls, as a user's would be: built position-independent, linked by g++. */
#include "library.h"

namespace {

struct Arguments {
    char *dst, *src;
    uint64_t* sig;
    pmx::Group* group;
};

template <typename Scope>
__device__ int all_calls(Scope scope, const pmx_device_ctx_t& ctx, const Arguments& a)
{
    int err = pmx::put(scope, ctx, a.dst, a.src, 64, 1);
    err |= pmx::get(scope, ctx, a.dst, a.src, 64, 1);
    err |= pmx::put_signal(scope, ctx, a.dst, a.src, 64, a.sig, 1, PMX_SIGNAL_SET, 1);
    err |= pmx::signal_set(scope, ctx, a.sig, 1, 1);
    err |= pmx::signal_add(scope, ctx, a.sig, 1, 1);
    err |= pmx::signal_wait(scope, ctx, a.sig, PMX_CMP_GE, 1);
    err |= pmx::fence(scope, ctx, 1);
    err |= pmx::group_arrive(scope, ctx, *a.group, 0, 1);
    err |= pmx::quiet(scope, ctx);
    return err | (pmx::ptr(ctx, a.dst, 1) != nullptr) | pmx::signal_test(a.sig, PMX_CMP_EQ, 1);
}

__global__ void kernel(pmx_device_ctx_t ctx, Arguments a, int* err_out)
{
    *err_out = all_calls(pmx::thread, ctx, a) | all_calls(pmx::warp, ctx, a) | all_calls(pmx::block, ctx, a);
}

}  // namespace

const char* library_launch(const pmx_device_ctx_t& ctx)
{
    kernel<<<1, 32>>>(ctx, {}, nullptr);
    return cudaGetErrorString(cudaDeviceSynchronize());
}
