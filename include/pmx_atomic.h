/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_atomic.h: the only ways in which pmx_device.h touches a word that another thread, rank or the proxy
 * shares. Names say the memory order; all are of system scope (visible to CPU, GPU and NIC). */
#ifndef PMX_ATOMIC_H
#define PMX_ATOMIC_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

namespace pmx {
namespace detail {

template <typename T>
inline T load_relaxed(const T* word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* What the writer did before its release store of the value seen is visible after this load. */
template <typename T>
inline T load_acquire(const T* word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

template <typename T>
inline void store_relaxed(T* word, T value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Everything this thread did or has seen before is visible to who acquires the value. */
template <typename T>
inline void store_release(T* word, T value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Returns the value before. */
template <typename T>
inline T fetch_add_relaxed(T* word, T value)
{
    return __atomic_fetch_add(word, value, __ATOMIC_RELAXED);
}

template <typename T>
inline T fetch_add_release(T* word, T value)
{
    return __atomic_fetch_add(word, value, __ATOMIC_RELEASE);
}

template <typename T>
inline T fetch_add_acq_rel(T* word, T value)
{
    return __atomic_fetch_add(word, value, __ATOMIC_ACQ_REL);
}

/* Stores before are visible to all before stores after. */
inline void fence_release()
{
#if defined(__SANITIZE_THREAD__)
    /* ThreadSanitizer does not know fences; an atomic operation orders at least as much. */
    static uint32_t word;
    __atomic_fetch_add(&word, 0, __ATOMIC_ACQ_REL);
#else
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/* Monotonic time. */
inline uint64_t now_ns()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One turn of a spin: pause first, then give the core away, since ranks, proxies and blocks often
 * outnumber the cores. spins counts the turns so far. */
inline void relax(unsigned spins)
{
    if (spins >= 32) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace detail
}  // namespace pmx

#endif /* PMX_ATOMIC_H */
