/* SPDX-License-Identifier: BSD-3-Clause */
/* From jobs to operations of the inner transport. */
#include "staging_sender.h"

namespace pmx {

Op StagingSender::inner_op(OpKind kind, uint64_t number, const void* src, uint64_t dst_off,
                           uint64_t n_bytes) const
{
    return {.kind = kind,
            .flags = 0,
            .src = src,
            .dst_off = dst_off,
            .n_bytes = n_bytes,
            .value = 0,
            .cookie = StagingCookie::make(dst_rank_, static_cast<unsigned>(number % jobs_.size()))};
}

/* Behind the piece and all that was posted to this rank before, where the inner transport keeps that order.
 */
Op StagingSender::valid_op(uint64_t number)
{
    const Job& job = this->job(number);
    Op op = inner_op(OpKind::signal_set, number, nullptr, far_slot(job), 8);
    op.value = core_.area.valid_value(job.number);
    if (core_.ordered) op.flags = kOpOrdered;
    return op;
}

/* What the job has not posted in this phase; false when something is left. */
bool StagingSender::post_all(uint64_t number, std::span<const Op> ops)
{
    Job& job = this->job(number);
    if (job.step == ops.size()) return true;
    if (err_ != PMX_SUCCESS) return false;
    int n = core_.inner->post(dst_rank_, ops.subspan(job.step));
    if (n < 0) {
        fail(static_cast<pmx_err_t>(n));
        return false;
    }
    job.step = static_cast<uint8_t>(job.step + n);
    job.n_open += static_cast<unsigned>(n);
    return job.step == ops.size();
}

/* The turn of this job has come; false when it has to wait. */
bool StagingSender::post(uint64_t number)
{
    Job& job = this->job(number);
    if (job.kind == Kind::piece || job.kind == Kind::get_gpu) return post_piece(number);
    Op op;
    if (job.kind == Kind::late_add) {
        if (number != head_) return false;
        op = inner_op(OpKind::signal_add, number, nullptr, job.off, 8);
        op.value = job.value;
        op.flags = kOpOrdered;
    } else {
        op = inner_op(OpKind::put, number, slot(number).payload(), job.off, job.n_bytes);
    }
    if (!post_all(number, {&op, 1})) return false;
    job.phase = Phase::drain;
    return true;
}

/* Records, entry and payload are one put, unless the payload lies in the heap. */
bool StagingSender::post_piece(uint64_t number)
{
    Job& job = this->job(number);
    StagingSlot from = slot(number);
    bool get = job.kind == Kind::get_gpu;
    uint64_t begin = StagingSlot::begin(job.n_signals), far = far_slot(job);
    uint64_t with_entry = !get && job.in_slot ? job.n_bytes : 0, apart = get ? 0 : job.n_bytes - with_entry;
    from.entry() = {get ? StagingEntry::kGet : StagingEntry::kPut, job.n_signals, job.off, job.n_bytes};
    std::array<Op, 3> ops;
    size_t n = 0;
    ops[n++] = inner_op(OpKind::put, number, from.base + begin, far + begin,
                        StagingSlot::kPayload - begin + with_entry);
    if (apart != 0) ops[n++] = inner_op(OpKind::put, number, job.local, far + StagingSlot::kPayload, apart);
    if (core_.ordered) ops[n++] = valid_op(number);
    if (!post_all(number, {ops.data(), n})) return false;
    job.phase = core_.ordered ? Phase::ack : Phase::seal;
    job.step = 0;
    return true;
}

bool StagingSender::post_seal(uint64_t number)
{
    Op op = valid_op(number);
    return post_all(number, {&op, 1});
}

/* From the slot into which the target has copied, or from host memory. */
bool StagingSender::post_fetch(uint64_t number)
{
    Job& job = this->job(number);
    uint64_t from = job.kind == Kind::get_gpu ? far_slot(job) + StagingSlot::kPayload : job.off;
    Op op =
        inner_op(OpKind::get, number, job.in_slot ? slot(number).payload() : job.local, from, job.n_bytes);
    return post_all(number, {&op, 1});
}

}  // namespace pmx
