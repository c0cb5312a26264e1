/* SPDX-License-Identifier: BSD-3-Clause */
/* A tool that stands between a program and pmx: counts put_signal and says so at the end. Linked into the program, or
 * preloaded. */
#include <pmx.h>
#include <pmx_profile.h>
#include <stdio.h>

static unsigned n_puts;

int pmx_put_signal_nbi(pmx_ctx_t ctx, void *dst_sym, const void *src_sym, size_t n_bytes, uint64_t *sig_sym,
                       uint64_t value, pmx_sigop_t op, int dst_rank)
{
    n_puts++;
    return ppmx_put_signal_nbi(ctx, dst_sym, src_sym, n_bytes, sig_sym, value, op, dst_rank);
}

int pmx_finalize(void)
{
    printf("profile: %u put_signals\n", n_puts);
    return ppmx_finalize();
}
