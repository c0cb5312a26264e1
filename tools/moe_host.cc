/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_host.cc: the layer of host blocks. */
#include <chrono>

#include "launcher.h"
#include "moe_device.h"

namespace pmx::tools {

namespace {

class Host final : public MoeDevice {
public:
    Status heap_bytes(const pmx_moe_config_t& config, int n_ranks, size_t& host_out, size_t& gpu_out) override
    {
        gpu_out = 0;
        return from_pmx(pmx_moe_heap_bytes(&config, n_ranks, &host_out));
    }
    Status create(const pmx_moe_config_t& config) override
    {
        config_ = config;
        return from_pmx(pmx_moe_create(&config, &moe_));
    }
    Status set_weights(const pmx_moe_weights_t& weights) override { return from_pmx(pmx_moe_set_weights(moe_, &weights)); }
    Status route(OwnTokens& own) override
    {
        const size_t n = static_cast<size_t>(own.n_tokens) * static_cast<size_t>(config_.top_k);
        own.ids.resize(n);
        own.weights.resize(n);
        return from_pmx(pmx_moe_route(moe_, own.x.data(), own.n_tokens, own.ids.data(), own.weights.data()));
    }
    Status set_tokens(const OwnTokens& own) override
    {
        own_ = &own;
        y_.resize(own.x.size());
        return {};
    }
    Status forward(uint64_t& ns_out) override
    {
        const auto begin = std::chrono::steady_clock::now();
        const Status status = from_pmx(call());
        const auto spent = std::chrono::steady_clock::now() - begin;
        ns_out = static_cast<uint64_t>(std::chrono::nanoseconds(spent).count());
        return status;
    }
    Status result(std::vector<std::byte>& y_out) override
    {
        y_out = y_;
        return {};
    }
    Status phases(MoePhases& phases_out) override
    {
        phases_out = {};
        return {};
    }
    Status counters(pmx_moe_counters_t& counters_out) override
    {
        counters_out = {};
        counters_out.size_bytes = sizeof counters_out;
        return from_pmx(pmx_moe_counters_get(moe_, &counters_out));
    }
    Status reset_counters() override { return from_pmx(pmx_moe_counters_reset(moe_)); }
    Status free() override
    {
        const int err = pmx_moe_free(moe_);
        moe_ = nullptr;
        return from_pmx(err);
    }

private:
    int call()
    {
        if (own_->routed)
            return pmx_moe_forward_routed(moe_, own_->x.data(), own_->n_tokens, own_->ids.data(), own_->weights.data(),
                                          y_.data());
        return pmx_moe_forward(moe_, own_->x.data(), own_->n_tokens, y_.data());
    }

    pmx_moe_config_t config_ = {};
    pmx_moe_t moe_ = nullptr;
    const OwnTokens* own_ = nullptr;
    std::vector<std::byte> y_;
};

}  // namespace

std::unique_ptr<MoeDevice> moe_host() { return std::make_unique<Host>(); }

}  // namespace pmx::tools
