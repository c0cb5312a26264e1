/* SPDX-License-Identifier: BSD-3-Clause */
#include <cstring>

#include "runtime/gpu.h"
#include "transport_shm.h"

namespace pmx {

namespace {

/* Finishes a copy when it is asked for the second time, so that nobody can count on copies that take no time. */
class SoftCopyEngine final : public CopyEngine {
  public:
    Status copy(void* dst, const void* src, uint64_t n_bytes) override
    {
        std::memcpy(dst, src, n_bytes);
        n_begun_++;
        return {};
    }
    Status fence() override { return {}; }
    Status flush() override { return {}; }
    Status n_finished(uint64_t& n_out) override
    {
        n_out = n_seen_;
        n_seen_ = n_begun_;
        return {};
    }

  private:
    uint64_t n_begun_ = 0, n_seen_ = 0;
};

class SoftGpu final : public Gpu {
  public:
    Status open(size_t n_bytes)
    {
        facts_ = {"soft", "host memory that plays a GPU", "", "soft", -1, true};
        return ShmSegment::create(n_bytes, heap_);
    }

    const GpuFacts& facts() const override { return facts_; }
    char* heap() const override { return heap_.base(); }
    std::vector<std::byte> address() const override { return heap_.address(); }

    Status attach(std::span<const std::byte> address, char*& base_out) override
    {
        ShmSegment segment;
        PMX_TRY(ShmSegment::attach(address, segment));
        base_out = segment.base();
        peers_.push_back(std::move(segment));
        return {};
    }

    Status share(void*, size_t) override { return {}; }

    Status shared_memory(size_t n_bytes, std::shared_ptr<void>& memory_out) override
    {
        memory_out = std::shared_ptr<uint64_t[]>(new uint64_t[(n_bytes + 7) / 8]());
        return {};
    }

    Status queue_memory(uint64_t capacity, QueueMemory& memory_out) override
    {
        memory_out = host_queue_memory(capacity);
        return {};
    }

    Status view(const pmx_device_ctx_t& host, GpuView& view_out) override
    {
        view_out.ctx = host;
        return {};
    }

    Status dmabuf(GpuDmabuf&) const override
    {
        return fail(PMX_ERR_UNSUPPORTED, "PMX_GPU=soft: memory of the host that plays that of a GPU has no dma-buf");
    }
    Status copy_engine(std::unique_ptr<CopyEngine>& engine_out) override
    {
        engine_out = std::make_unique<SoftCopyEngine>();
        return {};
    }

  private:
    GpuFacts facts_;
    ShmSegment heap_;
    std::vector<ShmSegment> peers_;
};

}  // namespace

Status gpu_open_soft(size_t n_bytes, std::unique_ptr<Gpu>& gpu_out)
{
    auto gpu = std::make_unique<SoftGpu>();
    PMX_TRY(gpu->open(n_bytes));
    gpu_out = std::move(gpu);
    return {};
}

}  // namespace pmx
