/* SPDX-License-Identifier: BSD-3-Clause */
#include "machine.h"

#include <cstring>

#include "command_queue.h"

void machine_open() {}

std::shared_ptr<void> shared_memory(size_t n_bytes)
{
    constexpr std::align_val_t align{64};
    void* p = ::operator new(n_bytes, align);
    std::memset(p, 0, n_bytes);
    return std::shared_ptr<void>(p, [](void* q) { ::operator delete(q, align); });
}

std::shared_ptr<void> near_memory(size_t n_bytes) { return shared_memory(n_bytes); }

pmx::QueueMemory queue_memory(uint64_t capacity) { return pmx::host_queue_memory(capacity); }

pmx_device_ctx_t kernel_view(const pmx_device_ctx_t& host, std::shared_ptr<void>&) { return host; }

void copy_near(void* to, const void* from, size_t n_bytes) { std::memcpy(to, from, n_bytes); }
