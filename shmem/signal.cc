/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/signal.h"

#include <string>

#include "shmem/context.h"
#include "shmem/wait.h"

namespace pmx::shmem {

void check_cmp(const Call& call, int cmp)
{
    if (cmp >= SHMEM_CMP_EQ && cmp <= SHMEM_CMP_LE) return;
    std::string line = "cmp is " + std::to_string(cmp) + ", allowed " + std::to_string(SHMEM_CMP_EQ) + ".." +
                       std::to_string(SHMEM_CMP_LE);
    end_job(call.name, line.c_str());
}

void wait_for(const Call& call, pmx_ready_fn ready, void* arg)
{
    must(call.name, pmx_wait_until(PMX_CTX_DEFAULT, ready, arg, PMX_RANK_ANY, 0));
}

namespace api {

void putmem_signal(Call call, void* dest, const void* source, size_t n_bytes, uint64_t* sig_addr, uint64_t signal,
                   int sig_op, int pe)
{
    const Target at = target(call, pe);
    must(call.name,
         pmx_put_signal(at.ctx, symmetric(dest), own(source, n_bytes), n_bytes, symmetric(sig_addr), signal,
                        static_cast<pmx_sigop_t>(sig_op), at.rank),
         in_heap(symmetric(dest)) ? sig_addr : dest);
}

void putmem_signal_nbi(Call call, void* dest, const void* source, size_t n_bytes, uint64_t* sig_addr, uint64_t signal,
                       int sig_op, int pe)
{
    const void* from = own(source, n_bytes);
    if (!in_heap(from)) return putmem_signal(call, dest, source, n_bytes, sig_addr, signal, sig_op, pe);
    const Target at = target(call, pe);
    must(call.name,
         pmx_put_signal_nbi(at.ctx, symmetric(dest), from, n_bytes, symmetric(sig_addr), signal,
                            static_cast<pmx_sigop_t>(sig_op), at.rank),
         in_heap(symmetric(dest)) ? sig_addr : dest);
}

uint64_t signal_fetch(Call call, const uint64_t* sig_addr)
{
    uint64_t value = 0;
    must(call.name, pmx_signal_fetch(PMX_CTX_DEFAULT, symmetric(sig_addr), &value), sig_addr);
    return value;
}

uint64_t signal_wait_until(Call call, uint64_t* sig_addr, int cmp, uint64_t value)
{
    uint64_t seen = 0;
    check_cmp(call, cmp);
    must(call.name,
         pmx_signal_wait(PMX_CTX_DEFAULT, symmetric(sig_addr), static_cast<pmx_cmp_t>(cmp), value, PMX_RANK_ANY, 0, &seen),
         sig_addr);
    return seen;
}

}  // namespace api

}  // namespace pmx::shmem
