/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_null_transport.h: takes every operation and completes it at the next poll. It moves no byte: what is
 * left is the cost of the engine. One thread. */
#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "transport.h"

namespace pmx::tools {

class NullTransport final : public Transport {
public:
    /* room: operations that may be under way, at least all that the queues of the engine hold. */
    explicit NullTransport(size_t room) : cookies_(std::bit_ceil(room))
    {
        caps_.name = "null";
        caps_.orders_set = caps_.orders_add = caps_.orders_put = caps_.fence = caps_.counted = true;
    }

    const TransportCaps& caps() const override { return caps_; }
    std::vector<std::byte> address() const override { return {}; }
    Status connect(std::span<const std::vector<std::byte>>) override { return {}; }

    int post(int, std::span<const Op> ops) override
    {
        const size_t n = std::min<size_t>(ops.size(), cookies_.size() - (posted_ - reported_));
        for (size_t i = 0; i < n; i++) cookies_[posted_++ & (cookies_.size() - 1)] = ops[i].cookie;
        return static_cast<int>(n);
    }

    int poll(std::span<Completion> out) override
    {
        const size_t n = std::min<size_t>(out.size(), posted_ - reported_);
        for (size_t i = 0; i < n; i++) out[i] = {cookies_[reported_++ & (cookies_.size() - 1)], PMX_SUCCESS};
        return static_cast<int>(n);
    }

    void fail_peer(int) override {}

private:
    TransportCaps caps_;
    std::vector<uint64_t> cookies_; /* a ring */
    uint64_t posted_ = 0, reported_ = 0;
};

}  // namespace pmx::tools
