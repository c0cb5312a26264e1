/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks, as a queue of those that wait: fair, and each looks at a word of its own.
 *
 * A lock is a long of each PE, 0 while nobody has it. Its lower half, on one PE that the address chooses, is the tail of the
 * queue: 1 + the PE that came last, 0 for none. The upper half, on each PE, is its place in the queue: kMust while it waits
 * for the one before it, and 1 + the PE behind it, once there is one. The place of a PE is written by itself before it is
 * in the queue and after it has left; meanwhile once by the PE before it, and once by the one behind it. */
#include "shmem/context.h"
#include "shmem/signal.h"
#include "shmem/wait.h"

namespace pmx::shmem {

namespace {

constexpr uint32_t kMust = uint32_t{1} << 31;

struct Lock {
    Call call;
    uint32_t* tail;  /* symmetric */
    uint32_t* place; /* symmetric, and here too */
    int home;

    Lock(const Call& c, long* lock) : call(c)
    {
        static_assert(sizeof(long) == 2 * sizeof(uint32_t) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
        char* sym = reinterpret_cast<char*>(symmetric(lock));
        if (!in_heap(sym)) must(call.name, pmx_error_report(PMX_ERR_ADDRESS, "the lock is not in symmetric memory"), lock);
        tail = reinterpret_cast<uint32_t*>(sym);
        place = tail + 1;
        home = static_cast<int>(static_cast<size_t>(sym - job.heap) / sizeof(long) % static_cast<size_t>(job.n_pes));
    }
    uint32_t me() const { return static_cast<uint32_t>(job.pe) + 1; }
    uint32_t my_place() const { return __atomic_load_n(place, __ATOMIC_ACQUIRE); }
    void set_place(uint32_t value) const { __atomic_store_n(place, value, __ATOMIC_RELEASE); }

    /* Puts this PE where the tail is the expected one; returns the tail as it was. */
    uint32_t tail_from(uint32_t expected, uint32_t value) const
    {
        uint32_t before = 0;
        must(call.name, pmx_atomic_cswap(PMX_CTX_DEFAULT, tail, PMX_UINT32, &expected, &value, home, &before));
        return before;
    }
    uint32_t swap_tail() const
    {
        uint32_t value = me(), before = 0;
        must(call.name, pmx_atomic_fetch_op(PMX_CTX_DEFAULT, tail, PMX_UINT32, PMX_ATOMIC_SET, &value, home, &before));
        return before;
    }
    void change_place(uint32_t pe, pmx_atomic_t op, uint32_t value) const
    {
        must(call.name, pmx_atomic_op(PMX_CTX_DEFAULT, place, PMX_UINT32, op, &value, static_cast<int>(pe) - 1));
    }
};

}  // namespace

namespace api {

void set_lock(Call call, long* word)
{
    const Lock lock(call, word);
    lock.set_place(kMust);
    if (uint32_t before = lock.swap_tail()) {
        lock.change_place(before, PMX_ATOMIC_OR, lock.me());
        wait_until_true(call, [&] { return (lock.my_place() & kMust) == 0; });
    }
}

int test_lock(Call call, long* word)
{
    const Lock lock(call, word);
    if (lock.tail_from(0, lock.me()) == 0) return 0;
    sched_yield();
    return 1;
}

void clear_lock(Call call, long* word)
{
    const Lock lock(call, word);
    must(call.name, pmx_quiet(PMX_CTX_DEFAULT));
    const uint32_t behind = ~kMust;
    if (!(lock.my_place() & behind) && lock.tail_from(lock.me(), 0) == lock.me()) {
        lock.set_place(0);
        return;
    }
    wait_until_true(call, [&] { return (lock.my_place() & behind) != 0; });
    const uint32_t next = lock.my_place() & behind;
    lock.set_place(0);
    lock.change_place(next, PMX_ATOMIC_AND, behind);
}

}  // namespace api

}  // namespace pmx::shmem
