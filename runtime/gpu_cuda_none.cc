/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands in for gpu_cuda.cc in a build without CUDA. */
#include "runtime/gpu.h"

namespace pmx {

Status gpu_open_cuda(size_t, std::unique_ptr<Gpu>&)
{
    return fail(PMX_ERR_UNSUPPORTED, "PMX_GPU=cuda: this pmx was built without CUDA; allowed off and soft");
}

}  // namespace pmx
