/* SPDX-License-Identifier: BSD-3-Clause */
/* fake_nic.h: a transport for tests. Targets are buffers of this process, its own or given ones. What is posted is delivered later,
 * in an order drawn from a seed: any order, or first-in first-out for each destination when it claims to keep
 * order. It refuses posts at random, and fails on demand. Used by one thread, the engine's. */
#pragma once

#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "pmx_atomic.h"
#include "transport.h"

struct FakeNicConfig {
    int size = 2;
    size_t heap_bytes = 1 << 16;
    uint32_t seed = 1;
    bool claims_order = false; /* caps().orders_* */
    bool keeps_order = false;  /* what it really does: a liar claims and does not keep */
    bool orders_add = true;    /* with claims_order: ADD keeps order, too */
    size_t queue_depth = 64;   /* operations under way; more are refused */
    int refuse_percent = 0;
    uint64_t max_put_bytes = UINT64_MAX;
    std::vector<char*> heaps; /* [size], or empty */
};

class FakeNic final : public pmx::Transport {
  public:
    explicit FakeNic(const FakeNicConfig& config) : config_(config), random_(config.seed)
    {
        caps_.name = "fake";
        caps_.orders_set = caps_.orders_put = config.claims_order;
        caps_.orders_add = config.claims_order && config.orders_add;
        caps_.max_put_bytes = config.max_put_bytes;
        if (!config.heaps.empty()) return;
        own_heaps_.resize(config.size);
        for (auto& heap : own_heaps_) {
            heap.resize(config.heap_bytes / 8);
            config_.heaps.push_back(reinterpret_cast<char*>(heap.data()));
        }
    }

    /* Called when an operation lands, before memory is written. */
    std::function<void(int dst_rank, const pmx::Op& op)> on_deliver;
    /* Called when a post comes. */
    std::function<void(int dst_rank, std::span<const pmx::Op> ops)> on_post;
    /* Operations to this rank complete with an error from now on. */
    void break_peer(int rank) { broken_ = rank; }
    /* Nothing is delivered to this rank while it is frozen. */
    int frozen = -1;
    /* poll() returns this when negative. */
    int broken_as_a_whole = 0;
    int failed_peer() const { return failed_; }
    char* heap(int rank) { return config_.heaps[rank]; }
    uint64_t word(int rank, uint64_t off)
    {
        return pmx::detail::load_acquire(reinterpret_cast<uint64_t*>(heap(rank) + off));
    }
    size_t under_way() const { return flying_.size(); }

    const pmx::TransportCaps& caps() const override { return caps_; }
    std::vector<std::byte> address() const override { return {}; }
    pmx::Status connect(std::span<const std::vector<std::byte>>) override { return {}; }

    int post(int dst_rank, std::span<const pmx::Op> ops) override
    {
        if (dst_rank == failed_) return PMX_ERR_PEER_FAILED;
        if (on_post) on_post(dst_rank, ops);
        int taken = 0;
        for (const pmx::Op& op : ops) {
            if (flying_.size() >= config_.queue_depth || percent(config_.refuse_percent)) break;
            flying_.push_back({op, dst_rank, false});
            taken++;
        }
        return taken;
    }

    int poll(std::span<pmx::Completion> out) override
    {
        if (broken_as_a_whole < 0) return broken_as_a_whole;
        int n = 0;
        /* Some deliver and some complete in one poll; the two are apart, as on a real NIC. */
        for (size_t tries = 0; tries < 8 && !flying_.empty(); tries++) {
            if (n == static_cast<int>(out.size())) break;
            size_t i = random_() % flying_.size();
            if (flying_[i].delivered && percent(50)) {
                out[n++] = {flying_[i].op.cookie, PMX_SUCCESS};
                flying_.erase(flying_.begin() + static_cast<long>(i));
            } else if (flying_[i].dst_rank == broken_) {
                out[n++] = {flying_[i].op.cookie, PMX_ERR_PEER_FAILED};
                flying_.erase(flying_.begin() + static_cast<long>(i));
            } else if (!flying_[i].delivered && may_deliver(i)) {
                deliver(flying_[i]);
            }
        }
        return n;
    }

    void fail_peer(int dst_rank) override { failed_ = dst_rank; }

  private:
    struct Flying {
        pmx::Op op;
        int dst_rank;
        bool delivered;
    };

    bool percent(int p) { return static_cast<int>(random_() % 100) < p; }

    bool may_deliver(size_t i)
    {
        if (flying_[i].dst_rank == frozen) return false;
        if (!config_.keeps_order) return true;
        for (size_t j = 0; j < i; j++)
            if (flying_[j].dst_rank == flying_[i].dst_rank && !flying_[j].delivered) return false;
        return true;
    }

    void deliver(Flying& f)
    {
        f.delivered = true;
        if (on_deliver) on_deliver(f.dst_rank, f.op);
        char* to = heap(f.dst_rank) + f.op.dst_off;
        if (f.op.kind == pmx::OpKind::put) {
            std::memcpy(to, f.op.src, f.op.n_bytes);
            return;
        }
        if (f.op.kind == pmx::OpKind::get) {
            std::memcpy(const_cast<void*>(f.op.src), to, f.op.n_bytes);
            return;
        }
        uint64_t* word = reinterpret_cast<uint64_t*>(to);
        if (f.op.kind == pmx::OpKind::signal_add)
            pmx::detail::fetch_add_release(word, f.op.value);
        else
            pmx::detail::store_release(word, f.op.value);
    }

    FakeNicConfig config_;
    pmx::TransportCaps caps_;
    std::mt19937 random_;
    std::vector<std::vector<uint64_t>> own_heaps_;
    std::vector<Flying> flying_; /* in the order of posting */
    int broken_ = -1;
    int failed_ = -1;
};
