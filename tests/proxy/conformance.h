/* SPDX-License-Identifier: BSD-3-Clause */
/* conformance.h: the promises that every transport keeps in every order and signal mode. Each is a function that
 * all ranks of a job call together, on a context of the mode; it returns how often the promise was broken as far
 * as this rank saw, or ends the rank when a call fails. */
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "pmx_device.h"

namespace conformance {

struct Job {
    int rank = 0;
    int size = 1;
    int n_ops = 200; /* operations of one promise to each rank */
    pmx_ctx_t ctx = nullptr;
    pmx_device_ctx_t device{};
};

[[noreturn]] inline void give_up(const Job& job, const char* call, int err)
{
    std::fprintf(stderr, "rank %d: %s: %s: %s\n", job.rank, call, pmx_error_string(err), pmx_last_error_detail());
    std::fflush(stderr);
    std::_Exit(2);
}

inline void must(const Job& job, const char* call, int err)
{
    if (err) give_up(job, call, err);
}
#define MUST(call) ::conformance::must(job, #call, call)

/* Symmetric memory, zeroed, for the time of one promise; collective. */
template <typename T>
class Sym {
  public:
    Sym(const Job& job, size_t n) : job_(job)
    {
        void* memory = nullptr;
        must(job, "pmx_calloc", pmx_calloc(n, sizeof(T), &memory));
        data_ = static_cast<T*>(memory);
    }
    ~Sym()
    {
        must(job_, "pmx_barrier", pmx_barrier());
        must(job_, "pmx_free", pmx_free(data_));
    }
    Sym(const Sym&) = delete;
    Sym& operator=(const Sym&) = delete;
    T* operator+(size_t i) const { return data_ + i; }
    T& operator[](size_t i) const { return data_[i]; }

  private:
    const Job& job_;
    T* data_;
};

/* The byte at i of transfer number `number` from src to dst. */
inline unsigned char pattern(int src, int dst, uint64_t number, size_t i)
{
    return static_cast<unsigned char>(number * 131 + static_cast<uint64_t>(src * 31 + dst * 17) + i * 7 + 1);
}
inline void fill(unsigned char* at, size_t n, int src, int dst, uint64_t number)
{
    for (size_t i = 0; i < n; i++) at[i] = pattern(src, dst, number, i);
}
/* Whether all bytes are there; says which is not. */
bool arrived_whole(const unsigned char* at, size_t n, int src, int dst, uint64_t number, const char* promise);

/* conformance_order.cc */
int signal_is_never_seen_before_its_data(const Job& job, int n_slots, size_t max_bytes, int n_ops);
int signal_is_never_seen_before_its_data(const Job& job);
int large_data_are_whole_too(const Job& job);
int any_signal_of_a_group_implies_all_its_puts(const Job& job);
int any_signal_of_a_device_group_implies_all_its_puts(const Job& job);
int fence_orders_what_follows(const Job& job);

/* conformance_effect.cc */
int quiet_means_visible_at_the_target(const Job& job);
int adds_happen_exactly_once(const Job& job);
int zero_length_and_self_puts_work(const Job& job);
int a_storm_of_operations_completes(const Job& job);
int contexts_do_not_disturb_each_other(const Job& job);
int gets_bring_what_is_there(const Job& job);

}  // namespace conformance
