/* SPDX-License-Identifier: BSD-3-Clause */
#include <cuda_runtime_api.h>

#include <array>
#include <cstring>
#include <utility>

#include "device/stream.h"
#include "runtime/gpu_memory.h"

namespace pmx {

namespace {

/* What a rank tells of its heap. */
struct Address {
    cudaIpcMemHandle_t memory;
    uint64_t n_bytes;
};

/* Makes a GPU current in this thread, and afterwards that which was. */
class Current {
  public:
    explicit Current(int device)
    {
        if (cudaGetDevice(&before_) != cudaSuccess) before_ = device;
        cudaSetDevice(device);
    }
    ~Current() { cudaSetDevice(before_); }
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

  private:
    int before_ = 0;
};

/* By the copy engines of the GPU, which work while kernels hold all SMs. A stream of its own, and an event behind each
 * run of copies, so that nothing waits for the rest of the program. What is asked for between two fences begins as one
 * batch where CUDA has that: with several ranks on a GPU ten times as fast as one by one. */
class CudaCopyEngine final : public CopyEngine {
  public:
    explicit CudaCopyEngine(int device) : device_(device) {}
    ~CudaCopyEngine() override
    {
        Current current(device_);
        if (stream_) cudaStreamSynchronize(stream_);
        for (Mark& mark : marks_)
            if (mark.event) cudaEventDestroy(mark.event);
        if (stream_) cudaStreamDestroy(stream_);
    }
    Status open()
    {
        Current current(device_);
        int lowest = 0, highest = 0;
        PMX_TRY(gpu_check(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "cudaDeviceGetStreamPriorityRange"));
        PMX_TRY(gpu_check(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, highest), "cudaStreamCreate"));
        for (Mark& mark : marks_)
            PMX_TRY(gpu_check(cudaEventCreateWithFlags(&mark.event, cudaEventDisableTiming), "cudaEventCreate"));
        return {};
    }

    Status copy(void* dst, const void* src, uint64_t n_bytes) override
    {
        if (n_waiting_ == kBatch) PMX_TRY(flush());
        to_[n_waiting_] = dst;
        from_[n_waiting_] = src;
        n_bytes_[n_waiting_] = n_bytes;
        n_waiting_++;
        n_begun_++;
        return {};
    }
    Status fence() override { return flush(); }

    Status flush() override
    {
        const size_t n = std::exchange(n_waiting_, 0);
        if (n > 1 && batches_ && begin_batch(n)) return {};
        for (size_t i = 0; i < n; i++) {
            cudaError_t err = cudaMemcpyAsync(to_[i], from_[i], n_bytes_[i], cudaMemcpyDefault, stream_);
            if (err != cudaSuccess) return gpu_check(err, "cudaMemcpyAsync", n_bytes_[i]);
        }
        return {};
    }

    Status n_finished(uint64_t& n_out) override
    {
        PMX_TRY(flush());
        for (; first_ != end_; first_++) {
            Mark& mark = marks_[first_ % marks_.size()];
            cudaError_t err = cudaEventQuery(mark.event);
            if (err == cudaErrorNotReady) break;
            if (err != cudaSuccess) return gpu_check(err, "a copy of the proxy");
            n_finished_ = mark.n_begun;
        }
        if (n_begun_ != n_marked_ && end_ - first_ < marks_.size()) {
            Mark& mark = marks_[end_ % marks_.size()];
            cudaError_t err = cudaEventRecord(mark.event, stream_);
            if (err != cudaSuccess) return gpu_check(err, "cudaEventRecord");
            mark.n_begun = n_marked_ = n_begun_;
            end_++;
        }
        n_out = n_finished_;
        return {};
    }

  private:
    static constexpr size_t kBatch = 128;

    /* False: this CUDA or this driver begins no batches, and nothing has begun. */
    bool begin_batch([[maybe_unused]] size_t n)
    {
#if CUDART_VERSION >= 13000
        cudaMemcpyAttributes attributes{};
        attributes.srcAccessOrder = cudaMemcpySrcAccessOrderStream;
        size_t first = 0;
        cudaError_t err = cudaMemcpyBatchAsync(to_.data(), from_.data(), n_bytes_.data(), n, &attributes, &first, 1, stream_);
        if (err == cudaSuccess) return true;
        (void)cudaGetLastError();
#endif
        batches_ = false;
        return false;
    }

    struct Mark {
        cudaEvent_t event = nullptr; /* behind the first n_begun copies */
        uint64_t n_begun = 0;
    };

    const int device_;
    cudaStream_t stream_ = nullptr;
    std::array<Mark, 16> marks_;
    size_t first_ = 0, end_ = 0; /* of the marks that are under way; grow for ever */
    uint64_t n_begun_ = 0, n_marked_ = 0, n_finished_ = 0;
    bool batches_ = true;
    /* What waits to begin. */
    size_t n_waiting_ = 0;
    std::array<void*, kBatch> to_{};
    std::array<const void*, kBatch> from_{};
    std::array<size_t, kBatch> n_bytes_{};
};

class CudaGpu final : public Gpu {
  public:
    ~CudaGpu() override
    {
        if (facts_.device < 0) return;
        Current current(facts_.device);
        for (char* peer : peers_) cudaIpcCloseMemHandle(peer);
        for (void* base : shared_) cudaHostUnregister(base);
        heap_.reset();
    }

    Status open(size_t n_bytes)
    {
        int device = 0;
        PMX_TRY(gpu_check(cudaGetDevice(&device), "cudaGetDevice"));
        cudaDeviceProp prop;
        PMX_TRY(gpu_check(cudaGetDeviceProperties(&prop, device), "cudaGetDeviceProperties"));
        if (!prop.unifiedAddressing || !prop.canMapHostMemory)
            return fail(PMX_ERR_UNSUPPORTED, "PMX_GPU=cuda: {} has no addresses in common with the host", prop.name);
        char pci[32] = "";
        PMX_TRY(gpu_check(cudaDeviceGetPCIBusId(pci, sizeof pci, device), "cudaDeviceGetPCIBusId"));
        int mps = 0;
        if (cudaDeviceGetAttribute(&mps, cudaDevAttrMpsEnabled, device) != cudaSuccess) (void)cudaGetLastError();
        facts_ = {"cuda", prop.name, pci, std::string(prop.uuid.bytes, sizeof prop.uuid.bytes), device, mps != 0};
        PMX_TRY(gpu_local_memory(n_bytes, heap_));
        address_.n_bytes = n_bytes;
        if (const char* why = stream_load())
            return fail(PMX_ERR_UNSUPPORTED, "PMX_GPU=cuda: this pmx has no kernels for {}: {}", prop.name, why);
        return gpu_check(cudaIpcGetMemHandle(&address_.memory, heap_.get()), "cudaIpcGetMemHandle", n_bytes);
    }

    const GpuFacts& facts() const override { return facts_; }
    char* heap() const override { return static_cast<char*>(heap_.get()); }

    std::vector<std::byte> address() const override
    {
        std::vector<std::byte> blob(sizeof address_);
        std::memcpy(blob.data(), &address_, sizeof address_);
        return blob;
    }

    Status attach(std::span<const std::byte> blob, char*& base_out) override
    {
        Address theirs;
        if (blob.size() != sizeof theirs)
            return fail(PMX_ERR_INTERNAL, "GPU heap address of {} bytes, must be {}", blob.size(), sizeof theirs);
        std::memcpy(&theirs, blob.data(), sizeof theirs);
        Current current(facts_.device);
        void* base = nullptr;
        PMX_TRY(gpu_check(cudaIpcOpenMemHandle(&base, theirs.memory, cudaIpcMemLazyEnablePeerAccess),
                          "cudaIpcOpenMemHandle", theirs.n_bytes));
        base_out = static_cast<char*>(base);
        peers_.push_back(base_out);
        return {};
    }

    Status share(void* base, size_t n_bytes) override
    {
        Current current(facts_.device);
        PMX_TRY(gpu_check(cudaHostRegister(base, n_bytes, cudaHostRegisterMapped | cudaHostRegisterPortable),
                          "cudaHostRegister", n_bytes));
        shared_.push_back(base);
        void* seen = nullptr;
        PMX_TRY(gpu_check(cudaHostGetDevicePointer(&seen, base, 0), "cudaHostGetDevicePointer", n_bytes));
        if (seen == base) return {};
        return fail(PMX_ERR_UNSUPPORTED, "{} knows the host memory at {} as {}", facts_.name, base, seen);
    }

    Status shared_memory(size_t n_bytes, std::shared_ptr<void>& memory_out) override
    {
        Current current(facts_.device);
        return gpu_pinned_memory(n_bytes, memory_out);
    }

    Status queue_memory(uint64_t capacity, QueueMemory& memory_out) override
    {
        Current current(facts_.device);
        return gpu_queue_memory(capacity, memory_out);
    }

    Status view(const pmx_device_ctx_t& host, GpuView& view_out) override
    {
        Current current(facts_.device);
        return gpu_view(host, view_out);
    }

    Status dmabuf(GpuDmabuf& heap_out) const override
    {
        Current current(facts_.device);
        return gpu_dmabuf(facts_.device, heap_.get(), address_.n_bytes, heap_out);
    }

    Status copy_engine(std::unique_ptr<CopyEngine>& engine_out) override
    {
        auto engine = std::make_unique<CudaCopyEngine>(facts_.device);
        PMX_TRY(engine->open());
        engine_out = std::move(engine);
        return {};
    }

  private:
    GpuFacts facts_;
    std::shared_ptr<void> heap_;
    Address address_{};
    std::vector<char*> peers_;
    std::vector<void*> shared_;
};

}  // namespace

Status gpu_open_cuda(size_t n_bytes, std::unique_ptr<Gpu>& gpu_out)
{
    int n = 0;
    Status found = gpu_check(cudaGetDeviceCount(&n), "cudaGetDeviceCount");
    if (!found.ok() || n == 0)
        return fail(PMX_ERR_SYSTEM, "PMX_GPU=cuda: there is no GPU: {}", n == 0 && found.ok() ? "none found" : found.detail());
    auto gpu = std::make_unique<CudaGpu>();
    PMX_TRY(gpu->open(n_bytes));
    gpu_out = std::move(gpu);
    return {};
}

}  // namespace pmx
