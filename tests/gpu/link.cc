/* SPDX-License-Identifier: BSD-3-Clause */
/* Links a library of kernels with g++ and calls it. Without a GPU the launch must fail with a text. With one it is not
 * made: it would wait for ranks that are not there. */
#include <cuda_runtime_api.h>

#include <cstdio>

#include "library.h"

int main()
{
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess && n > 0) return 0;
    const char* text = library_launch(pmx_device_ctx_t{});
    std::printf("launch: %s\n", text);
    return !*text;
}
