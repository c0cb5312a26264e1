/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of safetensors: each tensor that it gives out lies in the file. */
#include <sys/mman.h>
#include <unistd.h>

#include <numeric>

#include "expect.h"
#include "tools/safetensors.h"

using namespace pmx::tools;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes)
{
    static const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    EXPECT(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, n_bytes, 0) == static_cast<ssize_t>(n_bytes));
    Safetensors file;
    pmx::Status status = Safetensors::open("/proc/self/fd/" + std::to_string(fd), file);
    if (!status.ok()) {
        EXPECT(!status.detail().empty() && status.detail().find('\n') == std::string::npos);
        return 0;
    }
    for (const char* name : {"a", "b", "none"}) {
        const Tensor* tensor = file.find(name);
        if (!tensor) continue;
        volatile unsigned sum = 0;
        for (size_t i = 0; i < tensor->n_bytes; i++) sum = sum + static_cast<unsigned>(tensor->data[i]);
        EXPECT(tensor->n_bytes <= n_bytes);
    }
    return 0;
}
