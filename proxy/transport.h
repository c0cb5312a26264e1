/* SPDX-License-Identifier: BSD-3-Clause */
/* transport.h: one way to move bytes between ranks, as the engine sees it.
 *
 * Life: construct, address(), [addresses exchanged by the caller], connect(), then post() and poll()
 * by the proxy thread alone (one thread at a time: proxy_thread.h), then destruct. address() and connect() are called
 * by the thread that constructs, before the proxy thread starts; prepare_stream() and connect_stream() by one that makes
 * a context, while it runs. No entry throws or blocks, except connect() and connect_stream(). The answer to what arrived
 * may wait for the second poll() after the one that brought it, not longer: three come before the end. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "status.h"

namespace pmx {

enum class OpKind : uint8_t { put, signal_set, signal_add, get };

/* Op::flags. What the engine asks of one operation; each only where caps() has promised it. All that is said here and
 * in TransportCaps of operations posted earlier or later is of those to the same rank in the same stream.
 * kOpFence     it is not seen at the target before all operations posted to this rank earlier, and no
 *              operation posted later is seen before it (caps().fence).
 * kOpOrdered   a signal that is not seen before the puts posted to this rank earlier, nor before signals posted earlier
 *              to the same word (caps().orders_set and orders_add). A transport that always keeps the order need not look at it.
 * kOpCounted   the operation has a number in a stream, see Op::seq (caps().counted). */
inline constexpr uint8_t kOpFence = 1;
inline constexpr uint8_t kOpOrdered = 2;
inline constexpr uint8_t kOpCounted = 4;

/* Streams of operations from one rank to another; one for each context. */
inline constexpr uint32_t kMaxStreams = 256;

/* One operation. The heap is that of host memory, and of GPU memory where caps().gpu is.
 * put: n_bytes >= 1 from src, memory of the local heap, to dst_off of the target's heap.
 * signal_*: value into the 8-byte aligned word at dst_off, as one 8-byte access; src is unused.
 * get: n_bytes >= 1 from dst_off of the target's heap to src, memory of the local heap; never counted. */
struct Op {
    OpKind kind;
    uint8_t flags;
    const void* src;
    uint64_t dst_off;
    uint64_t n_bytes;
    uint64_t value;
    uint64_t cookie; /* returned by poll(), chosen by the caller; operations of one post() that share it keep no
                      * order among themselves, so a transport may send them as one */
    /* kOpCounted: 0, 1, 2, ... for the operations of this stream to this rank, in the order of posting. The
     * transport tells the target of each put that has landed; the target's Arrivals (arrivals.h) apply a
     * signal when everything with a lower number has arrived, whatever order the network brings them in. */
    uint64_t seq = 0;
    uint16_t stream = 0; /* 0..kMaxStreams-1 */
};

struct Completion {
    uint64_t cookie;
    pmx_err_t err; /* PMX_SUCCESS: the operation is visible at the target */
};

/* What a transport promises, found by asking the provider, never assumed. Constant after connect(). */
struct TransportCaps {
    std::string name;     /* "ofi", ... */
    std::string provider; /* "tcp;ofi_rxm", ...; "" without one */
    /* A signal posted after puts to the same rank is never seen before their data. */
    bool orders_set = false;
    bool orders_add = false;
    /* A put posted after puts to the same rank is never seen before their data. */
    bool orders_put = false;
    bool fence = false;   /* kOpFence works */
    bool counted = false; /* kOpCounted works: the target learns of each put that has landed */
    bool gpu = false;     /* operations may touch memory of GPUs: TransportConfig::gpu, here and at the target */
    std::string why_no_gpu = "it reaches host memory only";
    uint64_t max_put_bytes = UINT64_MAX; /* a longer put is refused by post(); the engine cuts it */
};

/* The part of the heap that is memory of a GPU, from offset PMX_CMD_GPU_HEAP on. */
struct GpuMemory {
    char* base = nullptr; /* an address of this process that its processor may not use; null: there is none */
    size_t n_bytes = 0;
    int dmabuf = -1; /* what other drivers know it by, open until the transport is made; -1: by its address, if at all */
    uint64_t dmabuf_off = 0;
};

/* The local heap, the ranks, and where to find the parameters of a transport. */
struct TransportConfig {
    int rank = 0;
    int size = 1;
    void* heap_base = nullptr;
    size_t heap_bytes = 0;
    uint64_t timeout_ns = 0; /* bound of connect() */
    /* Told on the proxy thread, in one line, when something has happened to the network that no operation reports, such
     * as a link that went down or came back. May be empty. */
    std::function<void(const std::string&)> tell = nullptr;
    GpuMemory gpu = {};
    /* Threads that wait call poll(), too, and may answer what it brings by an operation of their own. */
    bool visited = false;
};

class Transport {
  public:
    virtual ~Transport() = default;

    virtual const TransportCaps& caps() const = 0;

    /* Before connect(): takes back the promises that are not in `kept`, because another rank could not make them.
     * By default nothing, for a transport whose promises are the same on all ranks. */
    virtual void withhold(const TransportCaps& kept) { (void)kept; }

    /* Bytes that the other ranks need to reach this one (endpoint name, heap key and base). The size may
     * differ between ranks. */
    virtual std::vector<std::byte> address() const = 0;

    /* addresses[r] is what address() gave on rank r. Ends within timeout_ns. Does not need the other
     * side to be in connect() at the same time. */
    virtual Status connect(std::span<const std::vector<std::byte>> addresses) = 0;

    /* A channel of its own for a stream, on which it does not wait for room behind what other streams send. Three steps that
     * all ranks take, each after all have ended the one before; before the first operation of the stream, or between two
     * when none is under way.
     *
     * Bytes that the other ranks need, of the same number on all. None: the stream shares a channel, or has its own already,
     * and nothing follows; so it is by default, and for all ranks when one has none or fails. */
    virtual Status prepare_stream(uint16_t stream, std::vector<std::byte>& address_out)
    {
        (void)stream;
        address_out.clear();
        return {};
    }
    /* addresses[r] is what prepare_stream() gave on rank r. Ends within timeout_ns. When it fails on one rank, no rank
     * takes the last step. */
    virtual Status connect_stream(std::span<const std::vector<std::byte>> addresses)
    {
        (void)addresses;
        return {};
    }
    /* By the proxy thread: operations of the stream take this channel from here on. */
    virtual void begin_stream(uint16_t stream) { (void)stream; }

    /* Posts ops to dst_rank, in order, as one chain with one doorbell. Returns how many were taken, from
     * the front: fewer than ops.size() means no room now (poll, then post the rest). A negative PMX_ERR_*:
     * the rank cannot be reached; nothing of this call was taken. src must stay unchanged until the
     * operation completes. Each operation taken is reported by poll() exactly once. */
    virtual int post(int dst_rank, std::span<const Op> ops) = 0;

    /* Moves data, in and out: a target must call it even when it has posted nothing. Writes up to
     * out.size() completions and returns how many, or a negative PMX_ERR_* when the transport is broken
     * as a whole (then nothing more completes). */
    virtual int poll(std::span<Completion> out) = 0;

    /* Gives up on a rank: posts to it fail from now on; what is outstanding completes with
     * PMX_ERR_PEER_FAILED by poll(), now or later, or never (the engine does not count on it). */
    virtual void fail_peer(int dst_rank) = 0;
};

}  // namespace pmx
