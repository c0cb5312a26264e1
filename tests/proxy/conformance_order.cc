/* SPDX-License-Identifier: BSD-3-Clause */
/* The promises on order. Every payload carries who sent it, to whom, and its number; the receiver looks at all of it
 * at the moment when the signal shows. */
#include <algorithm>
#include <vector>

#include "tests/proxy/conformance.h"

namespace conformance {

bool arrived_whole(const unsigned char* at, size_t n, int src, int dst, uint64_t number, const char* promise)
{
    for (size_t i = 0; i < n; i++) {
        if (__atomic_load_n(&at[i], __ATOMIC_RELAXED) == pattern(src, dst, number, i)) continue;
        std::fprintf(stderr, "rank %d: %s: transfer %llu from rank %d: byte %zu of %zu is not there\n", dst, promise,
                     static_cast<unsigned long long>(number), src, i, n);
        return false;
    }
    return true;
}

namespace {

/* Sizes of every magnitude, zero included; sender and receiver compute the same. */
size_t size_of(int src, int dst, uint64_t number, size_t max_bytes)
{
    std::minstd_rand random(static_cast<unsigned>(number * 7919 + static_cast<uint64_t>(src * 101 + dst * 13) + 1));
    random.discard(3);
    if (random() % 16 == 0) return 0;
    unsigned n_bits = 1;
    while ((size_t{1} << n_bits) < max_bytes) n_bits++;
    size_t mask = (size_t{1} << (1 + random() % n_bits)) - 1;
    return std::min(max_bytes, (static_cast<size_t>(random()) << 16 ^ random()) & mask);
}

/* Slots in which transfers to and from each rank are under way: word [slot] of a pair is the number of the transfer
 * that it holds; the receiver answers with the same number when it has looked. */
struct Slots {
    Slots(const Job& j, int n, size_t bytes)
        : job(j),
          n_slots(n),
          slot_bytes((bytes + 63) & ~size_t{63}),
          in(j, static_cast<size_t>(j.size) * static_cast<size_t>(n) * slot_bytes),
          out(j, static_cast<size_t>(j.size) * static_cast<size_t>(n) * slot_bytes),
          arrived(j, static_cast<size_t>(j.size * n)),
          answered(j, static_cast<size_t>(j.size * n))
    {
    }
    size_t word(int other, uint64_t number) const
    {
        return static_cast<size_t>(other * n_slots) + number % static_cast<uint64_t>(n_slots);
    }
    bool free_for(int dst, uint64_t number) const
    {
        if (number <= static_cast<uint64_t>(n_slots)) return true;
        return pmx::signal_test(answered + word(dst, number), PMX_CMP_EQ, number - static_cast<uint64_t>(n_slots));
    }
    const Job& job;
    int n_slots;
    size_t slot_bytes;
    Sym<unsigned char> in, out;
    Sym<uint64_t> arrived, answered;
};

void send_one(Slots& s, int dst, uint64_t number, size_t n)
{
    const Job& job = s.job;
    unsigned char* out = s.out + s.word(dst, number) * s.slot_bytes;
    fill(out, n, job.rank, dst, number);
    MUST(pmx::put_signal(pmx::thread, job.device, s.in + s.word(job.rank, number) * s.slot_bytes, out, n,
                         s.arrived + s.word(job.rank, number), number, PMX_SIGNAL_SET, dst));
}

/* Whether something moved. */
bool check_one(Slots& s, int src, uint64_t number, size_t n, int& broken)
{
    const Job& job = s.job;
    if (!pmx::signal_test(s.arrived + s.word(src, number), PMX_CMP_EQ, number)) return false;
    broken += !arrived_whole(s.in + s.word(src, number) * s.slot_bytes, n, src, job.rank, number,
                             "a signal was seen before its data");
    MUST(pmx::signal_set(pmx::thread, job.device, s.answered + s.word(job.rank, number), number, src));
    return true;
}

}  // namespace

int signal_is_never_seen_before_its_data(const Job& job, int n_slots, size_t max_bytes, int n_ops)
{
    Slots s(job, n_slots, max_bytes);
    const uint64_t last = static_cast<uint64_t>(n_ops);
    std::vector<uint64_t> next(static_cast<size_t>(job.size), 1);
    /* [src][slot] the transfer awaited there next */
    std::vector<uint64_t> awaited;
    for (int src = 0; src < job.size; src++)
        for (int slot = 0; slot < n_slots; slot++)
            awaited.push_back(slot == 0 ? static_cast<uint64_t>(n_slots) : static_cast<uint64_t>(slot));
    uint64_t left = 2 * last * static_cast<uint64_t>(job.size);
    uint64_t deadline_ns = pmx::detail::now_ns() + job.device.timeout_ns;
    int broken = 0;
    for (unsigned idle = 0; left != 0; idle++) {
        for (int dst = 0; dst < job.size; dst++) {
            uint64_t& number = next[static_cast<size_t>(dst)];
            for (; number <= last && s.free_for(dst, number); number++, left--, idle = 0)
                send_one(s, dst, number, size_of(job.rank, dst, number, max_bytes));
        }
        for (size_t i = 0; i < awaited.size(); i++) {
            int src = static_cast<int>(i) / n_slots;
            if (awaited[i] > last ||
                !check_one(s, src, awaited[i], size_of(src, job.rank, awaited[i], max_bytes), broken))
                continue;
            awaited[i] += static_cast<uint64_t>(n_slots);
            left--;
            idle = 0;
        }
        pmx::detail::relax(idle);
        if (idle == 0) deadline_ns = pmx::detail::now_ns() + job.device.timeout_ns;
        if (idle % 1024 == 1023 && pmx::detail::now_ns() > deadline_ns) give_up(job, "signals", PMX_ERR_TIMEOUT);
    }
    MUST(pmx_quiet(job.ctx));
    return broken;
}

int signal_is_never_seen_before_its_data(const Job& job)
{
    return signal_is_never_seen_before_its_data(job, 32, 4000, job.n_ops);
}

int large_data_are_whole_too(const Job& job)
{
    size_t max_bytes = (size_t{4} << 20) / static_cast<size_t>(std::max(1, job.size / 4));
    return signal_is_never_seen_before_its_data(job, 2, max_bytes, std::min(job.n_ops, 8));
}

/* The receiver looks for the signals in another order each time, and at all puts as soon as one shows. */
int any_signal_of_a_group_implies_all_its_puts(const Job& job)
{
    constexpr int kPuts = 12, kSignals = 5;
    constexpr size_t kBytes = 3000;
    const size_t n = static_cast<size_t>(job.size);
    Sym<unsigned char> in(job, n * kPuts * kBytes), out(job, n * kPuts * kBytes);
    Sym<uint64_t> words(job, n * kSignals);
    int broken = 0;
    for (uint64_t round = 1; round <= 10; round++) {
        for (int dst = 0; dst < job.size; dst++) {
            pmx_group_t group = nullptr;
            MUST(pmx_group_begin(job.ctx, dst, &group));
            for (int i = 0; i < kPuts; i++) {
                unsigned char* from = out + (static_cast<size_t>(dst) * kPuts + static_cast<size_t>(i)) * kBytes;
                fill(from, kBytes, job.rank, dst, round * 100 + static_cast<uint64_t>(i));
                MUST(pmx_group_put(group,
                                   in + (static_cast<size_t>(job.rank) * kPuts + static_cast<size_t>(i)) * kBytes, from,
                                   kBytes));
            }
            for (int i = 0; i < kSignals; i++)
                MUST(pmx_group_signal(group, words + static_cast<size_t>(job.rank * kSignals + i), round,
                                      PMX_SIGNAL_SET));
            MUST(pmx_group_commit(group));
        }
        for (int src = 0; src < job.size; src++) {
            size_t first = static_cast<size_t>(src * kSignals) + round % kSignals;
            MUST(pmx_signal_wait(job.ctx, words + first, PMX_CMP_EQ, round, src, 0, nullptr));
            for (int i = 0; i < kPuts; i++)
                broken += !arrived_whole(in + (static_cast<size_t>(src) * kPuts + static_cast<size_t>(i)) * kBytes,
                                         kBytes, src, job.rank, round * 100 + static_cast<uint64_t>(i),
                                         "a signal of a group was seen before all its puts");
            for (int i = 0; i < kSignals; i++)
                MUST(pmx_signal_wait(job.ctx, words + static_cast<size_t>(src * kSignals + i), PMX_CMP_EQ, round, src,
                                     0, nullptr));
        }
        MUST(pmx_quiet(job.ctx));
        MUST(pmx_barrier());
    }
    return broken;
}

int any_signal_of_a_device_group_implies_all_its_puts(const Job& job)
{
    constexpr uint32_t kPuts = 7;
    constexpr size_t kBytes = 900, kStride = 24;
    const size_t n = static_cast<size_t>(job.size);
    Sym<unsigned char> in(job, n * kPuts * kBytes), out(job, n * kPuts * kBytes);
    Sym<uint64_t> words(job, n * kPuts * kStride / 8), values(job, n * kPuts);
    int broken = 0;
    auto word = [&](int src, uint32_t i) { return words + (static_cast<size_t>(src) * kPuts + i) * kStride / 8; };
    for (uint64_t round = 1; round <= 10; round++) {
        for (int dst = 0; dst < job.size; dst++) {
            pmx::Group group = {dst, kPuts, word(job.rank, 0), kStride, values + static_cast<size_t>(dst) * kPuts, 0};
            for (uint32_t i = 0; i < kPuts; i++) {
                unsigned char* from = out + (static_cast<size_t>(dst) * kPuts + i) * kBytes;
                fill(from, kBytes, job.rank, dst, round * 100 + i);
                MUST(pmx::put(pmx::thread, job.device, in + (static_cast<size_t>(job.rank) * kPuts + i) * kBytes, from,
                              kBytes, dst));
                MUST(pmx::group_arrive(pmx::thread, job.device, group, i, round * 10 + i));
            }
        }
        for (int src = 0; src < job.size; src++) {
            uint32_t first = static_cast<uint32_t>(round % kPuts);
            MUST(pmx_signal_wait(job.ctx, word(src, first), PMX_CMP_EQ, round * 10 + first, src, 0, nullptr));
            for (uint32_t i = 0; i < kPuts; i++)
                broken += !arrived_whole(in + (static_cast<size_t>(src) * kPuts + i) * kBytes, kBytes, src, job.rank,
                                         round * 100 + i, "a signal of a device group was seen before all its puts");
            for (uint32_t i = 0; i < kPuts; i++)
                MUST(pmx_signal_wait(job.ctx, word(src, i), PMX_CMP_EQ, round * 10 + i, src, 0, nullptr));
        }
        MUST(pmx_quiet(job.ctx));
        MUST(pmx_barrier());
    }
    return broken;
}

/* Puts, fence, then a plain signal, which alone would be ordered after nothing. */
int fence_orders_what_follows(const Job& job)
{
    constexpr int kPuts = 20;
    constexpr size_t kBytes = 500;
    const size_t n = static_cast<size_t>(job.size);
    Sym<unsigned char> in(job, n * kPuts * kBytes), out(job, n * kPuts * kBytes);
    Sym<uint64_t> words(job, n);
    int broken = 0;
    for (uint64_t round = 1; round <= 10; round++) {
        for (int dst = 0; dst < job.size; dst++) {
            unsigned char* from = out + static_cast<size_t>(dst) * kPuts * kBytes;
            fill(from, kPuts * kBytes, job.rank, dst, round);
            for (size_t i = 0; i < kPuts; i++)
                MUST(pmx_put_nbi(job.ctx, in + (static_cast<size_t>(job.rank) * kPuts + i) * kBytes, from + i * kBytes,
                                 kBytes, dst));
            MUST(round % 2 ? pmx_fence_rank(job.ctx, dst) : pmx_fence(job.ctx));
            MUST(pmx_signal_set(job.ctx, words + static_cast<size_t>(job.rank), round, dst));
        }
        for (int src = 0; src < job.size; src++) {
            MUST(pmx_signal_wait(job.ctx, words + static_cast<size_t>(src), PMX_CMP_EQ, round, src, 0, nullptr));
            broken += !arrived_whole(in + static_cast<size_t>(src) * kPuts * kBytes, kPuts * kBytes, src, job.rank,
                                     round, "what followed a fence was seen before what preceded it");
        }
        MUST(pmx_quiet(job.ctx));
        MUST(pmx_barrier());
    }
    return broken;
}

}  // namespace conformance
