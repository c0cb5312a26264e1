/* SPDX-License-Identifier: BSD-3-Clause */
#include "staging.h"

#include <algorithm>

#include "staging_adds.h"
#include "staging_receiver.h"
#include "staging_sender.h"

namespace pmx {

namespace {

class StagingTransport final : public Transport {
  public:
    StagingTransport(std::unique_ptr<Transport> inner, const StagingConfig& config,
                     std::unique_ptr<CopyEngine> out, std::unique_ptr<CopyEngine> in)
        : core_{.config = config,
                .area = StagingArea(config.size, config.n_slots, config.slot_bytes),
                .inner = std::move(inner),
                .out = StagingCopies(std::move(out)),
                .in = StagingCopies(std::move(in)),
                .sets = {}},
          adds_(core_)
    {
        peers_.reserve(static_cast<size_t>(config.size));
        for (int rank = 0; rank < config.size; rank++)
            peers_.push_back({StagingSender(core_, rank), StagingReceiver(core_, adds_, rank)});
        learn_caps();
    }

    const TransportCaps& caps() const override { return caps_; }
    void withhold(const TransportCaps& kept) override
    {
        core_.inner->withhold(kept);
        learn_caps();
    }
    std::vector<std::byte> address() const override { return core_.inner->address(); }
    Status connect(std::span<const std::vector<std::byte>> addresses) override
    {
        PMX_TRY(core_.inner->connect(addresses));
        learn_caps();
        if (caps_.max_put_bytes < kStagingMinPut)
            return pmx::fail(PMX_ERR_UNSUPPORTED,
                             "{} {}: puts of {} bytes at most, GPU memory needs {} or more", caps_.name,
                             caps_.provider, caps_.max_put_bytes, kStagingMinPut);
        return {};
    }

    int post(int dst_rank, std::span<const Op> ops) override;
    int poll(std::span<Completion> out) override;
    void fail_peer(int dst_rank) override
    {
        core_.inner->fail_peer(dst_rank);
        peer(dst_rank).sender.give_up();
        peer(dst_rank).receiver.give_up();
    }

  private:
    struct Peer {
        StagingSender sender;
        StagingReceiver receiver;
    };

    Peer& peer(int rank) { return peers_[static_cast<size_t>(rank)]; }
    void learn_caps();
    bool staged(const Op& op, const StagingSender& sender) const;
    size_t sort_out(std::span<Completion> completions);
    void on_own(const Completion& completion);
    void acknowledge(Peer& peer);

    StagingCore core_;
    StagingAdds adds_;
    TransportCaps caps_;
    std::vector<Peer> peers_;
    size_t first_peer_ = 0; /* served first: each in turn, so that none is left out */
};

void StagingTransport::learn_caps()
{
    caps_ = core_.inner->caps();
    caps_.orders_put = caps_.fence = caps_.counted = false;
    caps_.orders_add &= caps_.orders_set;
    core_.ordered = caps_.orders_set;
    core_.piece_bytes = std::min(core_.config.slot_bytes, caps_.max_put_bytes - StagingSlot::kPayload);
}

/* Whether it cannot go to the inner transport at once. */
bool StagingTransport::staged(const Op& op, const StagingSender& sender) const
{
    if (HeapMap::is_gpu(op.dst_off)) return true;
    if (op.kind == OpKind::put || op.kind == OpKind::get)
        return core_.config.heaps.in_gpu(op.src, op.n_bytes);
    return (op.flags & kOpOrdered) && !sender.idle();
}

/* In runs of what is staged and what is not, as they come. */
int StagingTransport::post(int dst_rank, std::span<const Op> ops)
{
    StagingSender& sender = peer(dst_rank).sender;
    if (sender.err() != PMX_SUCCESS) return sender.err();
    size_t i = 0;
    bool pushed = false;
    while (i < ops.size()) {
        size_t direct = i;
        while (direct < ops.size() && !staged(ops[direct], sender)) direct++;
        if (direct != i) {
            int n = core_.inner->post(dst_rank, ops.subspan(i, direct - i));
            if (n < 0 && i == 0) return n;
            i += n < 0 ? 0 : static_cast<size_t>(n);
            if (i != direct) break;
        } else {
            if (sender.full()) break;
            sender.push(ops[i++]);
            pushed = true;
        }
    }
    if (pushed) sender.send();
    return static_cast<int>(i);
}

int StagingTransport::poll(std::span<Completion> out)
{
    if (core_.err() != PMX_SUCCESS) return core_.err();
    int n_inner = core_.inner->poll(out);
    if (n_inner < 0) return n_inner;
    size_t n = sort_out(out.first(static_cast<size_t>(n_inner)));
    core_.out.look();
    core_.in.look();
    if (++first_peer_ == peers_.size()) first_peer_ = 0;
    std::span<Peer> all(peers_);
    for (std::span<Peer> part : {all.subspan(first_peer_), all.first(first_peer_)})
        for (Peer& each : part) each.receiver.take();
    for (std::span<Peer> part : {all.subspan(first_peer_), all.first(first_peer_)})
        for (Peer& each : part) each.receiver.apply();
    adds_.progress();
    for (Peer& each : peers_) acknowledge(each);
    for (std::span<Peer> part : {all.subspan(first_peer_), all.first(first_peer_)})
        for (Peer& each : part)
            if (!each.sender.idle()) n += each.sender.progress(out.subspan(n));
    core_.out.flush();
    core_.in.flush();
    return core_.err() != PMX_SUCCESS ? core_.err() : static_cast<int>(n);
}

/* Leaves those of the caller, and returns how many. */
size_t StagingTransport::sort_out(std::span<Completion> completions)
{
    size_t n = 0;
    for (const Completion& each : completions) {
        if (StagingCookie::is(each.cookie))
            on_own(each);
        else
            completions[n++] = each;
    }
    return n;
}

void StagingTransport::on_own(const Completion& completion)
{
    Peer& from = peer(StagingCookie::rank(completion.cookie));
    unsigned job = StagingCookie::job(completion.cookie);
    if (job != StagingCookie::kAck) {
        from.sender.on_inner_completion(job, completion.err);
        return;
    }
    from.receiver.on_acknowledged();
    if (completion.err != PMX_SUCCESS) from.sender.fail(completion.err);
}

void StagingTransport::acknowledge(Peer& each)
{
    pmx_err_t err = each.receiver.acknowledge();
    if (err == PMX_SUCCESS) return;
    each.sender.fail(err);
    each.receiver.give_up();
}

}  // namespace

uint64_t staging_area_bytes(int size, unsigned n_slots, uint64_t slot_bytes)
{
    return StagingArea(size, n_slots, slot_bytes).n_bytes();
}

std::unique_ptr<Transport> make_staging(std::unique_ptr<Transport> inner, const StagingConfig& config,
                                        std::unique_ptr<CopyEngine> out, std::unique_ptr<CopyEngine> in)
{
    return std::make_unique<StagingTransport>(std::move(inner), config, std::move(out), std::move(in));
}

}  // namespace pmx
