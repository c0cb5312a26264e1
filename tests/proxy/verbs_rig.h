/* SPDX-License-Identifier: BSD-3-Clause */
/* verbs_rig.h: ranks of the verbs transport as objects of one process, on the devices of this machine in turn. */
#pragma once

#include <cstdlib>
#include <cstring>

#include "heap_map.h"
#include "pmx_atomic.h"
#include "transport_verbs_impl.h"
#include "tests/cmocka_cxx.h"

namespace verbs_rig {

using namespace pmx;

inline constexpr size_t kHeapBytes = 1 << 20, kWordOff = 0, kFromOff = 4096, kToOff = 1 << 19;
inline constexpr size_t kGpuOff = kHeapBytes / 2;
inline constexpr uint64_t kLimitNs = 20'000'000'000;

/* The devices that work; the tests below take turns on them. */
inline const std::vector<std::string>& devices()
{
    static const std::vector<std::string> names = [] {
        std::vector<std::string> found;
        for (const VerbsDevice& device : verbs_probe({}))
            if (device.usable) found.push_back(device.name);
        return found;
    }();
    return names;
}

struct World {
    std::vector<std::unique_ptr<std::byte, decltype(&std::free)>> heaps;
    std::vector<std::unique_ptr<VerbsTransport>> ranks;
    std::vector<std::vector<Completion>> done;
    std::vector<std::string> told; /* by rank 0 */

    /* n_gpu_bytes of the heap from kGpuOff on, and not more, play memory of a GPU. */
    World(int size, VerbsConfig verbs = {}, size_t n_gpu_bytes = 0)
    {
        verbs.ack_timeout_ns = 2'000'000;
        verbs.retries = 5;
        std::vector<std::vector<std::byte>> addresses;
        for (int r = 0; r < size; r++) {
            heaps.emplace_back(static_cast<std::byte*>(std::aligned_alloc(4096, kHeapBytes)), &std::free);
            std::memset(heaps.back().get(), 0, kHeapBytes);
            TransportConfig config{r, size, heaps.back().get(), kHeapBytes, kLimitNs};
            if (n_gpu_bytes) {
                config.heap_bytes = kGpuOff;
                config.gpu = {reinterpret_cast<char*>(at(r, kGpuOff)), n_gpu_bytes, -1, 0};
            }
            if (r == 0) config.tell = [this](const std::string& text) { told.push_back(text); };
            const Status opened =
                VerbsTransport::open(verbs, devices()[size_t(r) % devices().size()], config, ranks.emplace_back());
            if (!opened.ok()) print_message("%s\n", opened.detail().c_str());
            assert_true(opened.ok());
            addresses.push_back(ranks.back()->address());
        }
        for (auto& rank : ranks) {
            const Status connected = rank->connect(addresses);
            if (!connected.ok()) print_message("%s\n", connected.detail().c_str());
            assert_true(connected.ok());
        }
        done.resize(size_t(size));
    }
    void open_stream(uint16_t stream)
    {
        std::vector<std::vector<std::byte>> addresses(ranks.size());
        for (size_t r = 0; r < ranks.size(); r++) assert_true(ranks[r]->prepare_stream(stream, addresses[r]).ok());
        for (auto& rank : ranks) assert_true(rank->connect_stream(addresses).ok());
        for (auto& rank : ranks) rank->begin_stream(stream);
    }
    std::byte* at(int rank, uint64_t off)
    {
        return heaps[size_t(rank)].get() + (HeapMap::is_gpu(off) ? kGpuOff + (off - PMX_CMD_GPU_HEAP) : off);
    }
    uint64_t word(int rank, uint64_t off)
    {
        return detail::load_acquire(reinterpret_cast<const uint64_t*>(at(rank, off)));
    }
    void poll()
    {
        for (size_t r = 0; r < ranks.size(); r++) {
            if (!ranks[r]) continue;
            Completion some[32];
            const int n = ranks[r]->poll(some);
            assert_true(n >= 0);
            done[r].insert(done[r].end(), some, some + n);
        }
    }
    template <typename Condition>
    void until(Condition condition)
    {
        const uint64_t end_ns = detail::now_ns() + kLimitNs;
        while (!condition()) {
            poll();
            assert_true(detail::now_ns() < end_ns);
        }
    }
    /* Posts all of them, polling for room. */
    void post(int from, int to, const std::vector<Op>& ops)
    {
        for (size_t n = 0; n < ops.size(); poll()) {
            const int taken = ranks[size_t(from)]->post(to, std::span(ops).subspan(n));
            assert_true(taken >= 0);
            n += size_t(taken);
        }
    }
};

inline Op op_of(OpKind kind, const void* src, uint64_t dst_off, uint64_t n_bytes, uint64_t value, uint64_t cookie)
{
    Op op{};
    op.kind = kind;
    op.src = src;
    op.dst_off = dst_off;
    op.n_bytes = n_bytes;
    op.value = value;
    op.cookie = cookie;
    return op;
}

inline std::vector<Op> puts(World& world, int from, size_t n, size_t n_bytes)
{
    std::vector<Op> ops;
    for (size_t i = 0; i < n; i++)
        ops.push_back(op_of(OpKind::put, world.at(from, kFromOff + i * n_bytes), kToOff + i * n_bytes, n_bytes, 0, i));
    return ops;
}

inline bool no_device()
{
    if (!devices().empty()) return false;
    if (std::getenv("PMX_TEST_IN_VM")) assert_true(false);
    return true;
}
#define NEED_DEVICE() \
    if (no_device()) skip()

/* Posts without a look at completions. */
inline size_t fill(World& world, const std::vector<Op>& ops)
{
    size_t n = 0;
    for (int taken; (taken = world.ranks[0]->post(1, ops)) > 0; n += size_t(taken)) assert_true(n < 10'000);
    return n;
}

inline std::vector<Op> in_stream(std::vector<Op> ops, uint16_t stream, uint64_t first_cookie)
{
    for (Op& op : ops) {
        op.stream = stream;
        op.cookie += first_cookie;
    }
    return ops;
}

inline size_t count(const std::vector<Completion>& done, uint64_t first_cookie, pmx_err_t err)
{
    size_t n = 0;
    for (const Completion& one : done) n += one.cookie >= first_cookie && one.cookie < first_cookie + 100 && one.err == err;
    return n;
}

}  // namespace verbs_rig
