/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_selftest.cc: one rank, connected to itself. */
#include "transport_verbs_selftest.h"

#include <pmx_atomic.h>

#include <array>
#include <cstring>

namespace pmx {

namespace {

/* An operation of a self-test ends within this, or has failed. */
constexpr uint64_t kLimitNs = 2'000'000'000;

/* A heap of one rank: where data come from, where they go, and words for signals. */
constexpr size_t kPage = 4096, kBytes = 64 * kPage;
constexpr size_t kFromOff = 0, kToOff = 32 * kPage, kWordOff = 62 * kPage, kBackOff = 63 * kPage;
constexpr size_t kRounds = 64;     /* pairs of a put and what must stay behind it */
constexpr size_t kPutBytes = 1999; /* of one round */

struct Alone {
    std::unique_ptr<std::byte[], decltype(&std::free)> heap{nullptr, &std::free};
    std::unique_ptr<VerbsTransport> transport;
    uint64_t next_seq = 0;

    Status open(const VerbsConfig& verbs, const std::string& device)
    {
        transport.reset();
        next_seq = 0;
        if (!heap) heap.reset(static_cast<std::byte*>(std::aligned_alloc(kPage, kBytes)));
        if (!heap) return fail(PMX_ERR_MEMORY, "no memory for {} bytes of a self-test", kBytes);
        std::memset(heap.get(), 0, kBytes);
        TransportConfig config;
        config.heap_base = heap.get();
        config.heap_bytes = kBytes;
        config.timeout_ns = kLimitNs;
        PMX_TRY(VerbsTransport::open(verbs, device, config, transport));
        const std::array<std::vector<std::byte>, 1> addresses = {transport->address()};
        return transport->connect(addresses);
    }
    const uint64_t& word(size_t off) const { return *reinterpret_cast<const uint64_t*>(heap.get() + off); }

    Status post(const Op& op)
    {
        const uint64_t end_ns = detail::now_ns() + kLimitNs;
        for (;;) {
            const int n = transport->post(0, std::span(&op, 1));
            if (n == 1) return {};
            if (n < 0) return fail(pmx_err_t(n), "posting failed");
            if (detail::now_ns() > end_ns)
                return fail(PMX_ERR_TIMEOUT, "no room within {} ms", kLimitNs / 1000000);
            std::array<Completion, 16> done;
            n_complete += size_t(std::max(0, transport->poll(done)));
        }
    }
    /* Polls until there were n completions, none with an error; looks() is asked after each poll. */
    template <typename Looks>
    Status wait(size_t n, Looks looks)
    {
        const uint64_t end_ns = detail::now_ns() + kLimitNs;
        for (;;) {
            std::array<Completion, 16> done;
            const int n_done = transport->poll(done);
            if (n_done < 0) return fail(PMX_ERR_TRANSPORT, "its completion queue is broken");
            for (int i = 0; i < n_done; i++)
                if (done[size_t(i)].err) return fail(PMX_ERR_TRANSPORT, "an operation ended with an error");
            n_complete += size_t(n_done);
            PMX_TRY(looks());
            if (n_complete >= n) break;
            if (detail::now_ns() > end_ns)
                return fail(PMX_ERR_TIMEOUT, "{} of {} operations ended within {} ms", n_complete, n,
                            kLimitNs / 1000000);
        }
        n_complete = 0;
        return {};
    }
    Status wait(size_t n)
    {
        return wait(n, [] { return Status(); });
    }
    size_t n_complete = 0;
};

Op operation(OpKind kind, const void* src, uint64_t dst_off, uint64_t n_bytes, uint64_t value)
{
    Op op{};
    op.kind = kind;
    op.src = src;
    op.dst_off = dst_off;
    op.n_bytes = n_bytes;
    op.value = value;
    return op;
}

Status try_operations(Alone& alone)
{
    std::byte* const heap = alone.heap.get();
    for (size_t i = 0; i < kPutBytes; i++) heap[kFromOff + i] = std::byte(i * 7 + 3);
    PMX_TRY(alone.post(operation(OpKind::put, heap + kFromOff, kToOff, kPutBytes, 0)));
    PMX_TRY(alone.wait(1));
    PMX_TRY(alone.post(operation(OpKind::get, heap + kBackOff, kToOff, kPutBytes, 0)));
    PMX_TRY(alone.wait(1));
    if (std::memcmp(heap + kFromOff, heap + kToOff, kPutBytes) != 0)
        return fail(PMX_ERR_TRANSPORT, "a put brings other data");
    if (std::memcmp(heap + kFromOff, heap + kBackOff, kPutBytes) != 0)
        return fail(PMX_ERR_TRANSPORT, "a get brings other data");
    PMX_TRY(alone.post(operation(OpKind::signal_set, nullptr, kWordOff, 8, 0x123456789abcdef0)));
    PMX_TRY(alone.wait(1));
    PMX_TRY(alone.post(operation(OpKind::signal_add, nullptr, kWordOff, 8, 0x0f0f)));
    PMX_TRY(alone.wait(1));
    if (detail::load_acquire(&alone.word(kWordOff)) != 0x123456789abcdef0 + 0x0f0f)
        return fail(PMX_ERR_TRANSPORT, "a set and an add give another value");
    return {};
}

/* A promise of TransportCaps, with the operation that must stay behind a put if it is kept. */
struct Promise {
    const char* name;
    bool TransportCaps::*cap;
    OpKind second;
    uint8_t flags; /* of the second; kOpCounted: of the put, too */
};
constexpr Promise kPromises[] = {
    {"put before signal set", &TransportCaps::orders_set, OpKind::signal_set, kOpOrdered},
    {"put before signal add", &TransportCaps::orders_add, OpKind::signal_add, kOpOrdered},
    {"put before put", &TransportCaps::orders_put, OpKind::put, 0},
    {"fence", &TransportCaps::fence, OpKind::signal_set, kOpFence},
    {"counted", &TransportCaps::counted, OpKind::signal_set, kOpCounted},
};

/* Pairs to places of their own, all under way together, with a look at the data of those whose word shows. */
Status try_promise(Alone& alone, const Promise& promise)
{
    std::byte* const heap = alone.heap.get();
    std::memset(heap + kToOff, 0, kWordOff - kToOff);
    std::memset(heap + kWordOff, 0, kRounds * 8);
    std::memset(heap + kFromOff, 0x5a, kPutBytes);
    auto* const one = reinterpret_cast<uint64_t*>(heap + kBackOff);
    *one = 1;
    const auto data_off = [](size_t round) { return kToOff + round % 32 * 2000; };
    const auto looks = [&](size_t from, size_t to) -> Status {
        for (size_t round = from; round < to; round++) {
            if (detail::load_acquire(&alone.word(kWordOff + round * 8)) == 0) continue;
            const std::byte* data = heap + data_off(round);
            for (size_t i = 0; i < kPutBytes; i++)
                if (data[i] != std::byte{0x5a})
                    return fail(PMX_ERR_TRANSPORT, "pair {} was out of order", round);
        }
        return {};
    };
    for (size_t from = 0; from < kRounds; from += 32) {
        std::memset(heap + kToOff, 0, kWordOff - kToOff);
        for (size_t round = from; round < from + 32; round++) {
            const bool counted = promise.flags & kOpCounted;
            Op put = operation(OpKind::put, heap + kFromOff, data_off(round), kPutBytes, 0);
            Op second = operation(promise.second, one, kWordOff + round * 8, 8, 1);
            put.flags = counted ? kOpCounted : 0;
            second.flags = promise.flags;
            if (counted) put.seq = alone.next_seq++, second.seq = alone.next_seq++;
            PMX_TRY(alone.post(put));
            PMX_TRY(alone.post(second));
        }
        PMX_TRY(alone.wait(64, [&] { return looks(from, from + 32); }));
        for (size_t round = from; round < from + 32; round++)
            if (detail::load_acquire(&alone.word(kWordOff + round * 8)) != 1)
                return fail(PMX_ERR_TRANSPORT, "the word of pair {} is wrong", round);
    }
    return {};
}

}  // namespace

Status verbs_self_test(const VerbsConfig& verbs, const std::string& device, TransportCaps& caps_out,
                       std::string& why_out)
{
    Alone alone;
    PMX_TRY(alone.open(verbs, device));
    TransportCaps caps = alone.transport->caps();
    std::string why = alone.transport->describe();
    const auto named = [&](const Status& status) {
        return fail(status.code(), "verbs device {}: self-test: {}", device, status.detail());
    };
    if (const Status done = try_operations(alone); !done.ok()) return named(done);
    for (const Promise& promise : kPromises) {
        if (!(caps.*promise.cap)) continue;
        const Status kept = try_promise(alone, promise);
        if (kept.ok()) continue;
        caps.*promise.cap = false;
        why += fmt::format("; not {}: {}", promise.name, kept.detail());
        /* The old one may have operations under way. */
        if (const Status again = alone.open(verbs, device); !again.ok()) return named(again);
    }
    caps_out = std::move(caps);
    why_out = std::move(why);
    return {};
}

}  // namespace pmx
