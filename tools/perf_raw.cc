/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_raw.cc: transfers posted on libfabric by the tool: no command, no queue, no proxy thread, no order
 * point. */
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "launcher.h"
#include "perf_path.h"
#include "pmx_atomic.h"
#include "transport_ofi_endpoint.h"

namespace pmx::tools {

namespace {

constexpr uint64_t kPatienceNs = 60'000'000'000u;
constexpr uint64_t kDrainNs = 100'000'000u;
/* pmx numbers the regions of its own endpoint; this one is of another endpoint. */
constexpr uint64_t kRegionKey = 1;

class RawPath final : public PerfPath {
public:
    RawPath(char* base, const PerfLayout& layout, uint64_t& n_barriers)
        : base_(base), layout_(layout), n_barriers_(n_barriers)
    {
    }
    ~RawPath() override;

    Status open(Gather& gather, const char* provider);

    int barrier() override;
    int put(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, int dst_rank) override
    {
        return n_bytes ? post(dst_off, src_off, n_bytes, dst_rank, false, 0) : PMX_SUCCESS;
    }
    int get(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, int src_rank) override
    {
        return post(src_off, dst_off, n_bytes, src_rank, true, 0);
    }
    int put_signal(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, uint64_t sig_off, uint64_t value,
                   int dst_rank) override
    {
        /* FI_MORE: the signal follows at once, one doorbell for both. */
        if (n_bytes)
            if (int err = post(dst_off, src_off, n_bytes, dst_rank, false, FI_MORE)) return err;
        return post_word(sig_off, value, dst_rank);
    }
    int group_put(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, uint32_t slot, uint64_t value,
                  int dst_rank) override
    {
        return put_signal(dst_off, src_off, n_bytes, layout_.signal(rank_, slot), value, dst_rank);
    }
    int wait_signal(uint64_t sig_off, uint64_t value, int) override
    {
        return progress_until([&] { return detail::load_acquire(word(sig_off)) >= value; });
    }
    int quiet() override
    {
        return progress_until([&] { return n_free_ == slots_.size(); });
    }
    bool counters(pmx_counters_t&) override { return false; }

private:
    struct Slot {
        fi_context2 fabric; /* first: the provider gives its address back */
        uint64_t value_off;
        Slot* next_free;
    };
    struct Peer {
        fi_addr_t addr = FI_ADDR_UNSPEC;
        uint64_t base = 0, key = 0;
    };

    uint64_t* word(uint64_t off) const { return reinterpret_cast<uint64_t*>(base_ + off); }
    Status meet(Gather& gather);
    int post(uint64_t remote_off, uint64_t local_off, uint64_t n_bytes, int rank, bool read, uint64_t flags);
    int post_word(uint64_t off, uint64_t value, int rank);
    int take(Slot*& slot_out);
    int post_slot(Slot& slot, uint64_t remote_off, void* local, uint64_t n_bytes, int rank, bool read,
                  uint64_t flags);
    int progress();
    template <typename Done>
    int progress_until(Done done);

    char* const base_;
    const PerfLayout layout_;
    uint64_t& n_barriers_; /* the flags in the memory say how many barriers there were */
    std::vector<Slot> slots_;
    Slot* free_ = nullptr;
    size_t n_free_ = 0;
    std::vector<Peer> peers_;
    int rank_ = 0;
    fid_mr* region_ = nullptr;
    void* desc_ = nullptr;
    std::unique_ptr<OfiEndpoint> endpoint_;
};

Status RawPath::open(Gather& gather, const char* provider)
{
    int size = 1;
    PMX_TRY(from_pmx(pmx_rank(&rank_)));
    PMX_TRY(from_pmx(pmx_size(&size)));
    peers_.resize(static_cast<size_t>(size));
    Status opened = OfiEndpoint::open(ofi_row(provider), false, peers_.size(), endpoint_);
    if (opened.ok())
        opened = endpoint_->register_memory(base_, layout_.n_bytes,
                                            FI_READ | FI_WRITE | FI_REMOTE_READ | FI_REMOTE_WRITE, kRegionKey,
                                            &region_);
    if (opened.ok()) {
        desc_ = fi_mr_desc(region_);
        slots_.resize(std::min<size_t>(endpoint_->n_ops(), PerfLayout::kValues));
        n_free_ = slots_.size();
        for (size_t i = 0; i < slots_.size(); i++) {
            slots_[i].value_off = layout_.values_off + 8 * i;
            slots_[i].next_free = i + 1 < slots_.size() ? &slots_[i + 1] : nullptr;
        }
        free_ = slots_.data();
    } else {
        endpoint_.reset();
    }
    const Status met = meet(gather);
    return opened.ok() ? met : opened;
}

/* Collective, also when this rank has no endpoint: then all fail. */
Status RawPath::meet(Gather& gather)
{
    std::array<uint64_t, Gather::kMaxWords> mine = {};
    size_t n_name = (mine.size() - 3) * sizeof(uint64_t);
    if (endpoint_ && fi_getname(&endpoint_->ep()->fid, &mine[3], &n_name) == 0)
        mine = [&] {
            auto words = mine;
            words[0] = n_name;
            words[1] = endpoint_->rma_base(base_);
            words[2] = fi_mr_key(region_);
            return words;
        }();
    std::vector<std::vector<uint64_t>> all;
    PMX_TRY(gather.all(mine, all));
    for (size_t rank = 0; rank < all.size(); rank++)
        if (all[rank][0] == 0)
            return fail(PMX_ERR_TRANSPORT, "--raw: rank {} could not open its endpoint", rank);
    for (size_t rank = 0; rank < all.size(); rank++) {
        Peer& peer = peers_[rank];
        peer.base = all[rank][1];
        peer.key = all[rank][2];
        if (fi_av_insert(endpoint_->av(), &all[rank][3], 1, &peer.addr, 0, nullptr) != 1)
            return fail(PMX_ERR_TRANSPORT, "--raw: the address of rank {} was not taken", rank);
    }
    return {};
}

/* Some completions. One by one, since the entries of all formats of a queue begin alike and differ in size.
 */
int RawPath::progress()
{
    for (int i = 0; i < 32; i++) {
        fi_cq_tagged_entry entry; /* the largest */
        const long n = fi_cq_read(endpoint_->cq(), &entry, 1);
        if (n == -FI_EAGAIN || n == -FI_EINTR || n == 0) return PMX_SUCCESS;
        if (n < 0) return PMX_ERR_TRANSPORT;
        if (!entry.op_context) continue;
        auto* slot = static_cast<Slot*>(entry.op_context);
        slot->next_free = free_;
        free_ = slot;
        n_free_++;
    }
    return PMX_SUCCESS;
}

template <typename Done>
int RawPath::progress_until(Done done)
{
    uint64_t begin = 0;
    for (unsigned turns = 0; !done(); turns++) {
        if (int err = progress()) return err;
        if (turns < 64) continue;
        sched_yield(); /* the other ranks may need this core */
        if (turns % 64 != 0) continue;
        const uint64_t now = detail::now_ns();
        if (begin == 0) begin = now;
        if (now - begin > kPatienceNs) return PMX_ERR_TIMEOUT;
    }
    return PMX_SUCCESS;
}

int RawPath::take(Slot*& slot_out)
{
    if (int err = progress_until([&] { return free_ != nullptr; })) return err;
    slot_out = free_;
    free_ = free_->next_free;
    n_free_--;
    return PMX_SUCCESS;
}

int RawPath::post(uint64_t remote_off, uint64_t local_off, uint64_t n_bytes, int rank, bool read,
                  uint64_t flags)
{
    Slot* slot = nullptr;
    if (int err = take(slot)) return err;
    return post_slot(*slot, remote_off, base_ + local_off, n_bytes, rank, read, flags);
}

int RawPath::post_word(uint64_t off, uint64_t value, int rank)
{
    Slot* slot = nullptr;
    if (int err = take(slot)) return err;
    *word(slot->value_off) = value; /* stays until the slot is free again */
    return post_slot(*slot, off, word(slot->value_off), 8, rank, false, 0);
}

int RawPath::post_slot(Slot& slot, uint64_t remote_off, void* local, uint64_t n_bytes, int rank, bool read,
                       uint64_t flags)
{
    const Peer& peer = peers_[static_cast<size_t>(rank)];
    iovec from{local, n_bytes};
    fi_rma_iov to{peer.base + remote_off, n_bytes, peer.key};
    fi_msg_rma msg{};
    msg.msg_iov = &from;
    msg.desc = &desc_;
    msg.iov_count = 1;
    msg.addr = peer.addr;
    msg.rma_iov = &to;
    msg.rma_iov_count = 1;
    msg.context = &slot.fabric;
    long ret = -FI_EAGAIN;
    int broken = PMX_SUCCESS;
    const int err = progress_until([&] {
        ret = read ? fi_readmsg(endpoint_->ep(), &msg, FI_COMPLETION)
                   : fi_writemsg(endpoint_->ep(), &msg, FI_COMPLETION | FI_DELIVERY_COMPLETE | flags);
        if (ret != 0 && ret != -FI_EAGAIN) broken = ofi_peer_error(static_cast<int>(-ret));
        return ret != -FI_EAGAIN;
    });
    return err ? err : broken;
}

/* The flags of the last barrier may still be on their way out. Their completion may never come, when the
 * others are gone already, so the wait for it is short. */
RawPath::~RawPath()
{
    const uint64_t begin = detail::now_ns();
    if (endpoint_)
        (void)progress_until([&] { return n_free_ == slots_.size() || detail::now_ns() - begin > kDrainNs; });
    endpoint_.reset(); /* before the contexts of what it still holds */
}

/* A flag to each rank, and one from each. Does not wait for the completion of its own: the others may have
 * gone on. */
int RawPath::barrier()
{
    if (int err = quiet()) return err;
    n_barriers_++;
    const int size = static_cast<int>(peers_.size());
    const auto flag = [&](int from) { return layout_.flags_off + 8 * static_cast<uint64_t>(from); };
    for (int step = 1; step < size; step++)
        if (int err = post_word(flag(rank_), n_barriers_, (rank_ + step) % size)) return err;
    for (int step = 1; step < size; step++)
        if (int err = wait_signal(flag((rank_ + step) % size), n_barriers_, 0)) return err;
    return PMX_SUCCESS;
}

}  // namespace

Status open_raw_path(Gather& gather, const char* provider, void* base, const PerfLayout& layout,
                     uint64_t& n_barriers, std::unique_ptr<PerfPath>& path_out)
{
    auto path = std::make_unique<RawPath>(static_cast<char*>(base), layout, n_barriers);
    PMX_TRY(path->open(gather, provider));
    path_out = std::move(path);
    return {};
}

}  // namespace pmx::tools
