/* SPDX-License-Identifier: BSD-3-Clause */
/* signal.h: puts that announce themselves. */
#pragma once

#include "shmem/rma.h"

namespace pmx::shmem::api {

/* Who sees the signal sees the data of this put; source may change on return. */
void putmem_signal(Call call, void* dest, const void* source, size_t n_bytes, uint64_t* sig_addr, uint64_t signal,
                   int sig_op, int pe);
/* source may change after quiet. */
void putmem_signal_nbi(Call call, void* dest, const void* source, size_t n_bytes, uint64_t* sig_addr, uint64_t signal,
                       int sig_op, int pe);
uint64_t signal_fetch(Call call, const uint64_t* sig_addr);
uint64_t signal_wait_until(Call call, uint64_t* sig_addr, int cmp, uint64_t value);

template <typename T>
void put_signal(Call call, void* dest, const void* source, size_t n_elems, uint64_t* sig_addr, uint64_t signal, int sig_op,
                int pe)
{
    putmem_signal(call, dest, source, times(n_elems, sizeof(T)), sig_addr, signal, sig_op, pe);
}

template <typename T>
void put_signal_nbi(Call call, void* dest, const void* source, size_t n_elems, uint64_t* sig_addr, uint64_t signal,
                    int sig_op, int pe)
{
    putmem_signal_nbi(call, dest, source, times(n_elems, sizeof(T)), sig_addr, signal, sig_op, pe);
}

/* A lock is a word of all PEs; see lock.cc. */
void set_lock(Call call, long* lock);
int test_lock(Call call, long* lock);
void clear_lock(Call call, long* lock);

}  // namespace pmx::shmem::api
