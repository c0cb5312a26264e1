/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_gpu_none.cc: in builds without nvcc. */
#include "moe_device.h"

namespace pmx::tools {

std::unique_ptr<MoeDevice> moe_gpu(bool) { return nullptr; }

}  // namespace pmx::tools
