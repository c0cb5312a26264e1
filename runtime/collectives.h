/* SPDX-License-Identifier: BSD-3-Clause */
/* collectives.h: barrier by signals and agreement by put_signal, by dissemination: in round r each rank sends
 * what it knows to rank + 2^r, so ceil(log2 P) rounds make everyone know of everyone (Hensgen, Finkel and
 * Manber 1988). Minimum and maximum ride along: they may count a rank twice. */
#pragma once

#include <cstdint>

#include "pmx_device.h"
#include "status.h"

namespace pmx {

class Collectives {
public:
    /* Bytes of zeroed symmetric heap it needs. */
    static constexpr size_t kHeapBytes = 2 * 20 * 2 * 64;

    /* cells_sym: kHeapBytes, 64-byte aligned, the same offset on all ranks. ctx outlives this. */
    Collectives(const pmx_device_ctx_t& ctx, void* cells_sym);

    /* Collective. Returns after all ranks have entered. */
    Status barrier();
    /* Collective, a barrier too: the smallest and the largest of the values of all ranks. */
    Status min_max(uint64_t value, uint64_t& min_out, uint64_t& max_out);
    /* Collective, a barrier too. PMX_ERR_MISMATCH, on all ranks: the values differ; what names them. */
    Status same(uint64_t value, const char* what);

private:
    Status failed(int err, int from) const;
    /* One message. Two sets by parity of the epoch: a rank can be one epoch ahead of another, never two,
     * since it needs word from all of the one between. signal: the epoch; never 0, never reset. */
    struct alignas(64) Cell {
        uint64_t min;
        uint64_t max;
        uint64_t signal;
    };
    static constexpr int kRounds = 20; /* 2^20 ranks */
    struct Cells {
        Cell in[2][kRounds];  /* Writer: rank - 2^r. Reader: this rank, acquire on signal. */
        Cell out[2][kRounds]; /* Writer: this rank. */
    };
    static_assert(sizeof(Cells) == kHeapBytes);

    const pmx_device_ctx_t& ctx_;
    Cells* cells_sym_;
    uint64_t epoch_ = 0;
};

}  // namespace pmx
