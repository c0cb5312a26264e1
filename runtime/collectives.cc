/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/collectives.h"

#include <algorithm>

#include "runtime/failures.h"

namespace pmx {

Collectives::Collectives(const pmx_device_ctx_t& ctx, void* cells_sym)
    : ctx_(ctx), cells_sym_(static_cast<Cells*>(cells_sym))
{
}

Status Collectives::min_max(uint64_t value, uint64_t& min_out, uint64_t& max_out)
{
    uint64_t min = value, max = value;
    epoch_++;
    for (int round = 0; (1 << round) < ctx_.size; round++) {
        int to = (ctx_.rank + (1 << round)) % ctx_.size;
        int from = (ctx_.rank - (1 << round) + ctx_.size) % ctx_.size;
        Cell& in = cells_sym_->in[epoch_ & 1][round];
        Cell& out = cells_sym_->out[epoch_ & 1][round];
        out.min = min;
        out.max = max;
        int err = put_signal(thread, ctx_, &in, &out, offsetof(Cell, signal), &in.signal, epoch_,
                             PMX_SIGNAL_SET, to);
        if (!err) err = signal_wait(thread, ctx_, &in.signal, PMX_CMP_EQ, epoch_, PMX_RANK_ANY);
        if (err) return failed(err, from);
        min = std::min(min, in.min);
        max = std::max(max, in.max);
    }
    min_out = min;
    max_out = max;
    return {};
}

/* The rank that has failed may be another than the one whose word is missing. */
Status Collectives::failed(int err, int from) const
{
    if (err == PMX_ERR_PEER_FAILED) return device_failure(ctx_, "collective", err);
    return fail(static_cast<pmx_err_t>(err), "collective: no word from rank {}: {}", from,
                pmx_error_string(err));
}

Status Collectives::barrier()
{
    epoch_++;
    for (int round = 0; (1 << round) < ctx_.size; round++) {
        int from = (ctx_.rank - (1 << round) + ctx_.size) % ctx_.size;
        uint64_t* signal_sym = &cells_sym_->in[epoch_ & 1][round].signal;
        int err = signal_set(thread, ctx_, signal_sym, epoch_, (ctx_.rank + (1 << round)) % ctx_.size);
        if (!err) err = signal_wait(thread, ctx_, signal_sym, PMX_CMP_EQ, epoch_, PMX_RANK_ANY);
        if (err) return failed(err, from);
    }
    return {};
}

Status Collectives::same(uint64_t value, const char* what)
{
    uint64_t min, max;
    PMX_TRY(min_max(value, min, max));
    if (min == max) return {};
    return fail(PMX_ERR_MISMATCH, "{} differs between ranks: from {} to {}, here {}", what, min, max, value);
}

}  // namespace pmx
