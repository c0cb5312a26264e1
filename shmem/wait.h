/* SPDX-License-Identifier: BSD-3-Clause */
/* wait.h: waits for, and looks at, words of this PE, of all types. */
#pragma once

#include <sched.h>

#include "shmem/job.h"

namespace pmx::shmem {

void check_cmp(const Call& call, int cmp);
/* Returns when ready(arg) is not 0; ends the job when a PE has died, or after PMX_TIMEOUT. */
void wait_for(const Call& call, pmx_ready_fn ready, void* arg);

template <typename T>
bool compares(const T* word, int cmp, T value)
{
    const T seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    switch (cmp) {
    case SHMEM_CMP_EQ: return seen == value;
    case SHMEM_CMP_NE: return seen != value;
    case SHMEM_CMP_GT: return seen > value;
    case SHMEM_CMP_GE: return seen >= value;
    case SHMEM_CMP_LT: return seen < value;
    default: return seen <= value;
    }
}

/* n words, each compared with a value of its own where step is 1, with the same where it is 0. Those whose status is not 0
 * are left out. */
template <typename T>
struct Words {
    const T* first;
    size_t n;
    const int* status;
    int cmp;
    const T* values;
    size_t step;

    bool counts(size_t i) const { return !status || !status[i]; }
    bool hit(size_t i) const { return compares(first + i, cmp, values[i * step]); }
    bool none() const
    {
        for (size_t i = 0; i < n; i++)
            if (counts(i)) return false;
        return true;
    }
    bool all() const
    {
        for (size_t i = 0; i < n; i++)
            if (counts(i) && !hit(i)) return false;
        return true;
    }
    /* Looks from another word on each time, so that none is passed over for ever. */
    size_t any() const
    {
        static thread_local size_t turn = 0;
        if (n == 0) return SIZE_MAX;
        const size_t begin = turn++ % n;
        for (size_t k = 0; k < n; k++) {
            const size_t i = begin + k < n ? begin + k : begin + k - n;
            if (counts(i) && hit(i)) return i;
        }
        return SIZE_MAX;
    }
    size_t some(size_t* indices) const
    {
        size_t n_hits = 0;
        for (size_t i = 0; i < n; i++)
            if (counts(i) && hit(i)) indices[n_hits++] = i;
        return n_hits;
    }
};

/* Waits until condition() is true. */
template <typename Condition>
void wait_until_true(const Call& call, Condition condition)
{
    wait_for(call, [](void* arg) -> int { return (*static_cast<Condition*>(arg))(); }, &condition);
}

/* Who asks again and again leaves the core to those that he waits for. */
inline bool asked(bool hit)
{
    if (!hit) sched_yield();
    return hit;
}

namespace api {

template <typename T>
void wait_until(Call call, T* ivar, int cmp, T value)
{
    check_cmp(call, cmp);
    wait_until_true(call, [&] { return compares(ivar, cmp, value); });
}

template <typename T>
int test(Call call, T* ivar, int cmp, T value)
{
    check_cmp(call, cmp);
    return asked(compares(ivar, cmp, value));
}

template <typename T>
void until_all(Call call, const Words<T>& words)
{
    check_cmp(call, words.cmp);
    wait_until_true(call, [&] { return words.all(); });
}
template <typename T>
size_t until_any(Call call, const Words<T>& words)
{
    size_t index = SIZE_MAX;
    check_cmp(call, words.cmp);
    if (!words.none()) wait_until_true(call, [&] { return (index = words.any()) != SIZE_MAX; });
    return index;
}
template <typename T>
size_t until_some(Call call, const Words<T>& words, size_t* indices)
{
    size_t n_hits = 0;
    check_cmp(call, words.cmp);
    if (!words.none()) wait_until_true(call, [&] { return (n_hits = words.some(indices)) != 0; });
    return n_hits;
}
template <typename T>
int now_all(Call call, const Words<T>& words)
{
    check_cmp(call, words.cmp);
    return asked(words.all());
}
template <typename T>
size_t now_any(Call call, const Words<T>& words)
{
    check_cmp(call, words.cmp);
    size_t index = words.any();
    asked(index != SIZE_MAX);
    return index;
}
template <typename T>
size_t now_some(Call call, const Words<T>& words, size_t* indices)
{
    check_cmp(call, words.cmp);
    size_t n_hits = words.some(indices);
    asked(n_hits != 0);
    return n_hits;
}

/* The forms with one value, and with one for each word. */
#define PMX_SHMEM_WORDS(NAME, RESULT, INNER)                                                               \
    template <typename T>                                                                                  \
    RESULT NAME(Call call, T* ivars, size_t n, const int* status, int cmp, T value)                        \
    {                                                                                                      \
        return INNER(call, Words<T>{ivars, n, status, cmp, &value, 0});                                    \
    }                                                                                                      \
    template <typename T>                                                                                  \
    RESULT NAME##_vector(Call call, T* ivars, size_t n, const int* status, int cmp, const T* values)       \
    {                                                                                                      \
        return INNER(call, Words<T>{ivars, n, status, cmp, values, 1});                                    \
    }
#define PMX_SHMEM_WORDS_SOME(NAME, INNER)                                                                  \
    template <typename T>                                                                                  \
    size_t NAME(Call call, T* ivars, size_t n, size_t* indices, const int* status, int cmp, T value)       \
    {                                                                                                      \
        return INNER(call, Words<T>{ivars, n, status, cmp, &value, 0}, indices);                           \
    }                                                                                                      \
    template <typename T>                                                                                  \
    size_t NAME##_vector(Call call, T* ivars, size_t n, size_t* indices, const int* status, int cmp,       \
                         const T* values)                                                                  \
    {                                                                                                      \
        return INNER(call, Words<T>{ivars, n, status, cmp, values, 1}, indices);                           \
    }
PMX_SHMEM_WORDS(wait_until_all, void, until_all)
PMX_SHMEM_WORDS(wait_until_any, size_t, until_any)
PMX_SHMEM_WORDS_SOME(wait_until_some, until_some)
PMX_SHMEM_WORDS(test_all, int, now_all)
PMX_SHMEM_WORDS(test_any, size_t, now_any)
PMX_SHMEM_WORDS_SOME(test_some, now_some)
#undef PMX_SHMEM_WORDS
#undef PMX_SHMEM_WORDS_SOME

}  // namespace api

}  // namespace pmx::shmem
