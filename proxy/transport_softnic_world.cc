/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport_softnic_world.h"

#include <algorithm>
#include <cstring>

#include "pmx_atomic.h"

namespace pmx {

/* One rank: its NIC as the engine sees it, its port, and what came for its proxy. */
struct SoftNicWorld::Port final : Transport {
    Port(SoftNicWorld& w, const SoftNicConfig& nic_config, size_t heap_bytes)
        : world(w), profile(nic_config.profile), nic(nic_config, w.events_, w), arrivals(nic_config.size),
          heap(heap_bytes / 8)
    {
    }

    const TransportCaps& caps() const override { return nic.caps(); }
    std::vector<std::byte> address() const override { return {}; }
    Status connect(std::span<const std::vector<std::byte>>) override { return {}; }

    int post(int dst_rank, std::span<const Op> ops) override
    {
        int n = nic.post(dst_rank, ops, clock.now_ns());
        clock.time_ns += profile.doorbell_ns + (n > 0 ? n * profile.post_ns : 0);
        return n;
    }

    int poll(std::span<Completion> out) override
    {
        clock.time_ns += profile.poll_ns;
        for (; !notices.empty(); notices.pop_front()) {
            clock.time_ns += profile.arrival_ns;
            take_notice(notices.front().first, notices.front().second);
        }
        int n = nic.reap(out);
        clock.time_ns += n * profile.reap_ns;
        return n;
    }

    void fail_peer(int dst_rank) override { nic.fail_peer(dst_rank, clock.now_ns()); }

    void take_notice(int src_rank, const SoftNicNotice& notice)
    {
        ArrivalStream& stream = arrivals.stream(src_rank, notice.stream);
        if (notice.kind == OpKind::put)
            stream.put(notice.seq, 64);
        else
            stream.signal({notice.seq, notice.dst_off, notice.value, notice.id, notice.kind == OpKind::signal_add});
        for (ArrivedSignal signal; stream.next(signal);) {
            land_signal(signal.dst_off, signal.value, signal.add, clock.now_ns());
            world.port(src_rank).nic.acknowledge(static_cast<uint32_t>(signal.id), clock.now_ns());
        }
    }

    void land_signal(uint64_t dst_off, uint64_t value, bool add, uint64_t time_ns)
    {
        if (!heap.empty()) {
            uint64_t& word = heap[dst_off / 8];
            word = add ? word + value : value;
        }
        if (world.on_signal) world.on_signal(rank, dst_off, value, time_ns);
    }

    SoftNicWorld& world;
    const SoftNicProfile profile;
    VirtualClock clock;
    SoftNic nic;
    Arrivals arrivals;
    std::deque<std::pair<int, SoftNicNotice>> notices;
    std::vector<uint64_t> heap;
    uint64_t free_ns = 0; /* of the port */
    int rank = 0;
};

SoftNicWorld::SoftNicWorld(const SoftNicWorldConfig& config) : config_(config)
{
    for (int rank = 0; rank < config.size; rank++) {
        SoftNicConfig nic = {rank, config.size, config.profile, config.seed, config.reorder, config.faults,
                             config.piece_bytes};
        ports_.push_back(std::make_unique<Port>(*this, nic, config.heap_bytes));
        ports_.back()->rank = rank;
    }
}

SoftNicWorld::~SoftNicWorld() = default;

Transport& SoftNicWorld::transport(int rank) { return port(rank); }

VirtualClock& SoftNicWorld::clock(int rank) { return port(rank).clock; }

char* SoftNicWorld::heap(int rank)
{
    return config_.heap_bytes == 0 ? nullptr : reinterpret_cast<char*>(port(rank).heap.data());
}

void SoftNicWorld::schedule(int rank, uint64_t time_ns, uint32_t tag)
{
    events_.push({.time_ns = std::max(time_ns, now_ns_), .serial = 0, .nic = static_cast<uint32_t>(rank),
                  .generation = tag, .slot = 0, .kind = SoftNicEvent::Kind::user, .piece = 0});
}

bool SoftNicWorld::run_next()
{
    if (events_.empty()) return false;
    SoftNicEvent event = events_.pop();
    now_ns_ = std::max(now_ns_, event.time_ns);
    int rank = static_cast<int>(event.nic);
    if (event.kind != SoftNicEvent::Kind::user)
        port(rank).nic.on_event(event);
    else if (on_user)
        on_user(rank, event.generation);
    return true;
}

void SoftNicWorld::copy_in(int dst_rank, uint64_t dst_off, const void* src, uint64_t n_bytes)
{
    if (char* to = heap(dst_rank)) std::memcpy(to + dst_off, src, n_bytes);
    if (on_put) on_put(dst_rank, dst_off, n_bytes);
}

void SoftNicWorld::copy_out(int dst_rank, uint64_t src_off, void* dst, uint64_t n_bytes)
{
    if (const char* from = heap(dst_rank)) std::memcpy(dst, from + src_off, n_bytes);
}

void SoftNicWorld::signal(int dst_rank, const Op& op)
{
    port(dst_rank).land_signal(op.dst_off, op.value, op.kind == OpKind::signal_add, now_ns_);
}

uint64_t SoftNicWorld::pass_port(int dst_rank, uint64_t now_ns, double busy_ns)
{
    uint64_t& free_ns = port(dst_rank).free_ns;
    free_ns = std::max(now_ns, free_ns + static_cast<uint64_t>(busy_ns));
    return free_ns;
}

bool SoftNicWorld::notify(int dst_rank, int src_rank, const SoftNicNotice& notice, uint64_t now_ns)
{
    port(dst_rank).notices.emplace_back(src_rank, notice);
    if (on_wake) on_wake(dst_rank, now_ns);
    return true;
}

void SoftNicWorld::ready(int src_rank, uint64_t now_ns)
{
    if (on_wake) on_wake(src_rank, now_ns);
}

}  // namespace pmx
