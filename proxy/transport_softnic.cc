/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport_softnic.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "arrivals.h"
#include "pmx_atomic.h"

namespace pmx {

namespace {

constexpr uint64_t kNotices = 256;
static_assert(std::atomic_ref<uint64_t>::is_always_lock_free);

struct alignas(64) SharedWord {
    uint64_t value;
};

/* From one sender to one target, in the segment of the target. Indices grow for ever. */
struct Mailbox {
    /* Writer: the sender's proxy, release, after the notice. Reader: the target's proxy, acquire. */
    SharedWord n_sent;
    /* Writer: the target's proxy, release, after it has read the notice. Reader: the sender's, acquire. */
    SharedWord n_read;
    /* Writer: the target's proxy, release, after the id. Reader: the sender's, acquire. Its reader needs no index of
     * its own here: no more than kSoftNicMaxOps signals are not acknowledged. */
    SharedWord n_applied;
    SoftNicNotice notices[kNotices];
    uint32_t applied[kSoftNicMaxOps];
};

/* The segment of a rank: its port, then a mailbox for each sender. */
struct Shared {
    /* When the port of this rank is free, ns of the monotonic clock. Writers: the proxies of all senders, by
     * compare and swap, relaxed: it orders nothing. */
    SharedWord port_free_ns;
};

constexpr size_t kMailboxOff = sizeof(Shared);

class SoftNicTransport final : public Transport, private SoftNicFabric {
  public:
    SoftNicTransport(const SoftNicConfig& nic, const TransportConfig& config, const ShmSegment& heap)
        : config_(config), heap_(heap), nic_(nic, events_, *this), arrivals_(config.size),
          ways_(static_cast<size_t>(config.size))
    {
        /* Twice: events of operations that were given up stay until they are due. */
        events_.reserve(2 * SoftNic::max_events(nic.profile));
    }

    Status create()
    {
        return ShmSegment::create(kMailboxOff + static_cast<size_t>(config_.size) * sizeof(Mailbox), shared_);
    }

    const TransportCaps& caps() const override { return nic_.caps(); }

    std::vector<std::byte> address() const override
    {
        std::vector<std::byte> blob = heap_.address(), more = shared_.address();
        blob.insert(blob.end(), more.begin(), more.end());
        return blob;
    }

    Status connect(std::span<const std::vector<std::byte>> addresses) override
    {
        for (size_t r = 0; r < addresses.size(); r++) {
            std::span<const std::byte> blob = addresses[r];
            Way& way = ways_[r];
            Status attached = ShmSegment::attach(blob.first(blob.size() / 2), way.heap);
            if (attached.ok()) attached = ShmSegment::attach(blob.subspan(blob.size() / 2), way.shared);
            if (!attached.ok())
                return fail(PMX_ERR_UNSUPPORTED, "PMX_TRANSPORT=softnic: rank {} does not share memory with rank {}: {}",
                            r, config_.rank, attached.detail());
            way.mine = mailbox(shared_, static_cast<int>(r));
            way.theirs = mailbox(way.shared, config_.rank);
        }
        return {};
    }

    int post(int dst_rank, std::span<const Op> ops) override { return nic_.post(dst_rank, ops, detail::now_ns()); }

    int poll(std::span<Completion> out) override
    {
        uint64_t now_ns = detail::now_ns();
        /* Bounded, so that a proxy that was away does not stay here for long. */
        for (size_t n = 0; n < kEventsOfAPoll && !events_.empty() && events_.next_ns() <= now_ns; n++)
            nic_.on_event(events_.pop());
        for (size_t r = 0; r < ways_.size(); r++) {
            take_notices(static_cast<int>(r));
            take_acknowledgements(ways_[r], now_ns);
        }
        return nic_.reap(out);
    }

    void fail_peer(int dst_rank) override { nic_.fail_peer(dst_rank, detail::now_ns()); }

  private:
    static constexpr size_t kEventsOfAPoll = 256;

    /* To and from one rank. */
    struct Way {
        ShmSegment heap, shared;
        Mailbox* mine = nullptr;   /* from it to this rank */
        Mailbox* theirs = nullptr; /* from this rank to it */
        uint64_t n_acknowledged = 0;
    };

    static Mailbox* mailbox(const ShmSegment& segment, int sender)
    {
        return reinterpret_cast<Mailbox*>(segment.base() + kMailboxOff) + sender;
    }
    Way& way(int rank) { return ways_[static_cast<size_t>(rank)]; }

    void copy_in(int dst_rank, uint64_t dst_off, const void* src, uint64_t n_bytes) override
    {
        std::memcpy(way(dst_rank).heap.base() + dst_off, src, n_bytes);
    }
    void copy_out(int dst_rank, uint64_t src_off, void* dst, uint64_t n_bytes) override
    {
        std::memcpy(dst, way(dst_rank).heap.base() + src_off, n_bytes);
    }
    void signal(int dst_rank, const Op& op) override
    {
        apply_signal(way(dst_rank).heap.base() + op.dst_off, op.value, op.kind == OpKind::signal_add);
    }

    uint64_t pass_port(int dst_rank, uint64_t now_ns, double busy_ns) override
    {
        Shared* shared = reinterpret_cast<Shared*>(way(dst_rank).shared.base());
        std::atomic_ref<uint64_t> free_ns(shared->port_free_ns.value);
        uint64_t seen = free_ns.load(std::memory_order_relaxed), passed_ns;
        do
            passed_ns = std::max(now_ns, seen + static_cast<uint64_t>(busy_ns));
        while (!free_ns.compare_exchange_weak(seen, passed_ns, std::memory_order_relaxed));
        return passed_ns;
    }

    bool notify(int dst_rank, int, const SoftNicNotice& notice, uint64_t) override
    {
        Mailbox& box = *way(dst_rank).theirs;
        uint64_t n = box.n_sent.value;
        if (n - detail::load_acquire(&box.n_read.value) == kNotices) return false;
        box.notices[n % kNotices] = notice;
        detail::store_release(&box.n_sent.value, n + 1);
        return true;
    }

    void ready(int, uint64_t) override {}

    void take_notices(int src_rank)
    {
        Mailbox& box = *way(src_rank).mine;
        uint64_t n = box.n_read.value, n_sent = detail::load_acquire(&box.n_sent.value);
        if (n == n_sent) return;
        for (; n != n_sent; n++) {
            const SoftNicNotice notice = box.notices[n % kNotices];
            ArrivalStream& stream = arrivals_.stream(src_rank, notice.stream);
            if (notice.kind == OpKind::put)
                stream.put(notice.seq, 64);
            else
                stream.signal({notice.seq, notice.dst_off, notice.value, notice.id,
                               notice.kind == OpKind::signal_add});
            apply_signals(stream, box);
        }
        detail::store_release(&box.n_read.value, n);
    }

    void apply_signals(ArrivalStream& stream, Mailbox& box)
    {
        for (ArrivedSignal signal; stream.next(signal);) {
            apply_signal(heap_.base() + signal.dst_off, signal.value, signal.add);
            uint64_t n = box.n_applied.value;
            box.applied[n % kSoftNicMaxOps] = static_cast<uint32_t>(signal.id);
            detail::store_release(&box.n_applied.value, n + 1);
        }
    }

    void take_acknowledgements(Way& way, uint64_t now_ns)
    {
        uint64_t n_applied = detail::load_acquire(&way.theirs->n_applied.value);
        for (; way.n_acknowledged != n_applied; way.n_acknowledged++)
            nic_.acknowledge(way.theirs->applied[way.n_acknowledged % kSoftNicMaxOps], now_ns);
    }

    const TransportConfig config_;
    const ShmSegment& heap_;
    SoftNicEvents events_;
    SoftNic nic_;
    Arrivals arrivals_;
    ShmSegment shared_;
    std::vector<Way> ways_;
};

}  // namespace

Status softnic_open(const SoftNicConfig& nic, const TransportConfig& config, const ShmSegment& heap,
                    std::unique_ptr<Transport>& transport_out)
{
    SoftNicConfig own = nic;
    own.rank = config.rank;
    own.size = config.size;
    auto transport = std::make_unique<SoftNicTransport>(own, config, heap);
    PMX_TRY(transport->create());
    transport_out = std::move(transport);
    return {};
}

}  // namespace pmx
