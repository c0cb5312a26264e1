/* SPDX-License-Identifier: BSD-3-Clause */
/* dispatch.cc: the way of a token to its experts. One group for each destination with one put and one signal
 * for each of its experts, also for those that get no rows: so receivers know when all has come, and the
 * number of order points depends on the shape alone: (P - L) * E/P coupled, P - L grouped, L being the ranks
 * that plain stores reach; with copies of experts their places count as E. */
#include <cstring>

#include "moe/bf16.h"
#include "moe/kernel.h"

namespace pmx::moe {

namespace {

/* Coupled: each put has its signal at once, which is the baseline. A rank that plain stores reach gets each
 * signal at once, too, since it costs nothing. */
bool grouped(const Ctx& ctx, int dst) { return ctx.signals != PMX_SIGNALS_COUPLED && !ctx.peer_base[dst]; }

/* One row as its expert gets it: the token, or its product with the weight of the choice. */
void pack_row(Kernel& kernel, size_t row, float* values)
{
    const Shape& shape = kernel.shape;
    const size_t choice = kernel.plan.row_choice[row];
    const char* token = (const char*)kernel.x + choice / (size_t)shape.top_k * shape.row_bytes;
    char* to = kernel.cells.dispatch_send(row);
    if (!shape.weight_on_input) {
        memcpy(to, token, shape.row_bytes);
        return;
    }
    load_floats(values, token, (size_t)shape.hidden, shape.bf16);
    for (size_t i = 0; i < (size_t)shape.hidden; i++) values[i] *= kernel.weights[choice];
    store_floats(to, values, (size_t)shape.hidden, shape.bf16);
}

void send_rows(Kernel& kernel, int dst, int local_expert, float* values)
{
    const Shape& shape = kernel.shape;
    const Plan& plan = kernel.plan;
    const int place = dst * shape.local_experts + local_expert;
    const size_t first = plan.first_row[(size_t)place];
    const size_t n_rows = plan.n_rows(place);
    const size_t region_row = plan.region_row(shape, place);
    for (size_t row = first; row < first + n_rows; row++) pack_row(kernel, row, values);
    /* An expert without rows may stand behind the last row of its region: 0 bytes go to its begin. */
    void* to = kernel.cells.dispatch_recv(kernel.rank, n_rows ? region_row : 0);
    const void* from = kernel.cells.dispatch_send(n_rows ? first : 0);
    const uint64_t word = ArrivalWord::make(kernel.call, region_row, n_rows);
    int err;
    if (grouped(kernel.dispatch, dst)) {
        err = put(pmx::block, kernel.dispatch, to, from, n_rows * shape.row_bytes, dst);
        if (!err)
            err = group_arrive(pmx::block, kernel.dispatch, kernel.groups[(size_t)dst],
                               (uint32_t)local_expert, word);
    } else {
        err = put_signal(pmx::block, kernel.dispatch, to, from, n_rows * shape.row_bytes,
                         kernel.cells.dispatch_signal(kernel.call, kernel.rank, local_expert), word,
                         PMX_SIGNAL_SET, dst);
    }
    if (err) kernel.report(err);
}

}  // namespace

bool run_dispatch_job(Kernel& kernel, Scratch& scratch)
{
    const uint32_t n_local = (uint32_t)kernel.shape.local_experts;
    const uint32_t n_ranks = (uint32_t)kernel.shape.n_ranks;
    uint32_t job = detail::fetch_add_relaxed(&kernel.next_job, 1u);
    if (job >= n_ranks * n_local) return false;
    /* From the next rank on, so that the ranks do not all begin with the same one; the own is last. */
    uint32_t dst = ((uint32_t)kernel.rank + 1 + job / n_local) % n_ranks;
    send_rows(kernel, (int)dst, (int)(job % n_local), scratch.sum.data());
    detail::fetch_add_release(&kernel.jobs_done, 1u);
    return true;
}

}  // namespace pmx::moe
