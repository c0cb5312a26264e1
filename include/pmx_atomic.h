/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_atomic.h: the only ways in which pmx_device.h touches a word that another thread, rank or the proxy
 * shares. Names say the memory order; all are of system scope (visible to CPU, GPU and NIC).
 * For the CPU they are builtins of the compiler, for the GPU those of pmx_ptx.h. */
#ifndef PMX_ATOMIC_H
#define PMX_ATOMIC_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "pmx.h"
#include "pmx_ptx.h"

namespace pmx {
namespace detail {

#ifdef __CUDACC__
/* The type by which pmx_ptx.h knows a word of n_bytes. */
template <unsigned n_bytes>
struct PtxWord;
template <>
struct PtxWord<4> {
    using Type = uint32_t;
};
template <>
struct PtxWord<8> {
    using Type = uint64_t;
};
template <typename T>
using Ptx = typename PtxWord<sizeof(T)>::Type;
#endif

template <typename T>
PMX_HOST_DEVICE inline T load_relaxed(const T* word)
{
#ifdef __CUDA_ARCH__
    return (T)ptx::load_relaxed((const Ptx<T>*)word);
#else
    return __atomic_load_n(word, __ATOMIC_RELAXED);
#endif
}

/* What the writer did before its release store of the value seen is visible after this load. */
template <typename T>
PMX_HOST_DEVICE inline T load_acquire(const T* word)
{
#ifdef __CUDA_ARCH__
    return (T)ptx::load_acquire((const Ptx<T>*)word);
#else
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
#endif
}

template <typename T>
PMX_HOST_DEVICE inline void store_relaxed(T* word, T value)
{
#ifdef __CUDA_ARCH__
    ptx::store_relaxed((Ptx<T>*)word, (Ptx<T>)value);
#else
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
#endif
}

/* Everything this thread did or has seen before is visible to who acquires the value. */
template <typename T>
PMX_HOST_DEVICE inline void store_release(T* word, T value)
{
#ifdef __CUDA_ARCH__
    ptx::store_release((Ptx<T>*)word, (Ptx<T>)value);
#else
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
#endif
}

/* Returns the value before. */
template <typename T>
PMX_HOST_DEVICE inline T fetch_add_relaxed(T* word, T value)
{
#ifdef __CUDA_ARCH__
    return (T)ptx::fetch_add_relaxed((Ptx<T>*)word, (Ptx<T>)value);
#else
    return __atomic_fetch_add(word, value, __ATOMIC_RELAXED);
#endif
}

/* Where `does`, else any value: among the producers of a queue, all of one GPU or all threads of a CPU; relaxed. */
PMX_HOST_DEVICE inline uint64_t fetch_add_producers(bool does, uint64_t* word, uint64_t value)
{
#ifdef __CUDA_ARCH__
    return ptx::fetch_add_relaxed_gpu_if(does, word, value);
#else
    return does ? __atomic_fetch_add(word, value, __ATOMIC_RELAXED) : 0;
#endif
}
/* What loads brought is looked at behind what stands before this, not sooner. */
PMX_HOST_DEVICE inline void look_now(uint64_t& one, uint64_t& other)
{
#ifdef __CUDA_ARCH__
    asm volatile("" : "+l"(one), "+l"(other)::"memory");
#else
    (void)one, (void)other;
#endif
}

template <typename T>
PMX_HOST_DEVICE inline T fetch_add_release(T* word, T value)
{
#ifdef __CUDA_ARCH__
    return (T)ptx::fetch_add_release((Ptx<T>*)word, (Ptx<T>)value);
#else
    return __atomic_fetch_add(word, value, __ATOMIC_RELEASE);
#endif
}

template <typename T>
PMX_HOST_DEVICE inline T fetch_add_acq_rel(T* word, T value)
{
#ifdef __CUDA_ARCH__
    return (T)ptx::fetch_add_acq_rel((Ptx<T>*)word, (Ptx<T>)value);
#else
    return __atomic_fetch_add(word, value, __ATOMIC_ACQ_REL);
#endif
}

PMX_HOST_DEVICE inline uint64_t exchange_acq_rel(uint64_t* word, uint64_t value)
{
#ifdef __CUDA_ARCH__
    return ptx::exchange_acq_rel(word, value);
#else
    return __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL);
#endif
}

/* Returns the value before; stores where that is expected. */
PMX_HOST_DEVICE inline uint64_t compare_swap_acq_rel(uint64_t* word, uint64_t expected, uint64_t value)
{
#ifdef __CUDA_ARCH__
    return ptx::compare_swap_acq_rel(word, expected, value);
#else
    __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return expected;
#endif
}

/* Stores before are visible to all before stores after. */
PMX_HOST_DEVICE inline void fence_release()
{
#if defined(__CUDA_ARCH__)
    ptx::fence_acq_rel();
#elif defined(__SANITIZE_THREAD__)
    /* ThreadSanitizer does not know fences; an atomic operation orders at least as much. */
    static uint32_t word;
    __atomic_fetch_add(&word, 0, __ATOMIC_ACQ_REL);
#else
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/* The halves of commands (pmx_command.h) are stored behind fence_halves(): together the two release what this
 * thread did or has seen before. On a CPU each half is a release store. On a GPU a release waits for what has
 * been written across PCIe, so there is one, before the first half. */
PMX_HOST_DEVICE inline void fence_halves()
{
#ifdef __CUDA_ARCH__
    ptx::fence_acq_rel();
#endif
}
/* half[0] becomes the word with the parity: who acquires it sees half[1]. */
PMX_HOST_DEVICE inline void store_half(uint64_t* half, uint64_t parity_word, uint64_t second_word)
{
#ifdef __CUDA_ARCH__
    ptx::store_relaxed_16(half, parity_word, second_word);
#else
    store_relaxed(&half[1], second_word);
    store_release(&half[0], parity_word);
#endif
}

/* Monotonic time. */
PMX_HOST_DEVICE inline uint64_t now_ns()
{
#ifdef __CUDA_ARCH__
    return ptx::global_timer_ns();
#else
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* One turn of a spin: pause first, then give the core away, since ranks, proxies and blocks often
 * outnumber the cores. spins counts the turns so far. */
PMX_HOST_DEVICE inline void relax(unsigned spins)
{
#if defined(__CUDA_ARCH__)
    if (spins >= 32) ptx::sleep_ns(64);
#else
    if (spins >= 32) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
#endif
}

}  // namespace detail
}  // namespace pmx

#endif /* PMX_ATOMIC_H */
