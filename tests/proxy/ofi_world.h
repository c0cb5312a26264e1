/* SPDX-License-Identifier: BSD-3-Clause */
/* ofi_world.h: a few ranks for tests of the libfabric transport, without MPI: forked processes whose heaps
 * are shared memory made before the fork, so that a rank can look into the heap of another at the very
 * moment of a completion. The parent never calls libfabric (its threads would not survive a fork). */
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "pmx_atomic.h"
#include "transport_ofi.h"
#include "transport_ofi_table.h"

namespace pmx_test {

inline constexpr int kMaxRanks = 3;
inline constexpr size_t kMaxAddress = 2048;
inline constexpr size_t kHeapBytes = 4 << 20;
inline constexpr uint64_t kStepNs = 15'000'000'000; /* no single wait takes longer */
inline constexpr unsigned kCaseSeconds = 45;        /* nor a whole case */

/* What the ranks share beside their heaps. */
struct Board {
    std::atomic<uint32_t> n_address_bytes[kMaxRanks]; /* 0 until the address is there */
    std::byte address[kMaxRanks][kMaxAddress];
    std::atomic<uint64_t> at_barrier[kMaxRanks]; /* barriers entered; UINT64_MAX: the rank has ended */
    std::atomic<uint64_t> word[8];               /* for the case: counts, steps */
};

#define REQUIRE(cond, ...)                                                      \
    do {                                                                        \
        if (!(cond)) {                                                          \
            fprintf(stderr, "%s:%d: rank %d: ", __FILE__, __LINE__, rank.rank); \
            fprintf(stderr, __VA_ARGS__);                                       \
            fputc('\n', stderr);                                                \
            return 1;                                                           \
        }                                                                       \
    } while (0)

/* What a rank of a case works with. */
struct Rank {
    int rank = 0;
    int size = 0;
    std::string provider;
    void (*change)(pmx::OfiRow&) = nullptr;
    unsigned char* heap[kMaxRanks] = {};
    Board* board = nullptr;
    std::unique_ptr<pmx::Transport> transport;
    std::vector<pmx::Completion> done; /* all completions so far */
    size_t n_failed = 0;               /* of them, with an error */
    int poll_error = 0;
    uint64_t n_barriers = 0;

    unsigned char* own() const { return heap[rank]; }
    uint64_t word(int of_rank, uint64_t off) const
    {
        return pmx::detail::load_acquire(reinterpret_cast<const uint64_t*>(heap[of_rank] + off));
    }

    pmx::TransportConfig config() const
    {
        pmx::TransportConfig config;
        config.rank = rank;
        config.size = size;
        config.heap_base = own();
        config.heap_bytes = kHeapBytes;
        config.timeout_ns = 5'000'000'000;
        return config;
    }

    void poll()
    {
        pmx::Completion some[16];
        const int n = transport->poll(some);
        if (n < 0) poll_error = n;
        for (int i = 0; i < n; i++) {
            done.push_back(some[i]);
            if (some[i].err) n_failed++;
        }
    }

    /* Polls until the condition holds; false when it does not within limit_ns. */
    bool until(const std::function<bool()>& condition, uint64_t limit_ns = kStepNs)
    {
        const uint64_t deadline_ns = pmx::detail::now_ns() + limit_ns;
        while (!condition()) {
            if (poll_error || pmx::detail::now_ns() > deadline_ns) return false;
            poll();
            sched_yield();
        }
        return true;
    }

    /* Posts all of ops, polling where there is no room; false on an error or too long a wait. */
    bool post_all(int dst_rank, std::span<const pmx::Op> ops)
    {
        size_t n_posted = 0;
        return until([&] {
            const int n = transport->post(dst_rank, ops.subspan(n_posted));
            if (n < 0) poll_error = n;
            if (n > 0) n_posted += size_t(n);
            return n_posted == ops.size();
        });
    }

    bool barrier()
    {
        board->at_barrier[rank] = ++n_barriers;
        return until([&] {
            for (int r = 0; r < size; r++)
                if (board->at_barrier[r] < n_barriers) return false;
            return true;
        });
    }
};

/* Opens the transport of this rank, exchanges addresses, connects; 0 when it went well. */
int join(Rank& rank);

using Case = int (*)(Rank&);

/* What a case returns, on all ranks, when the provider has not promised what it checks. */
inline constexpr int kNotPromised = 77;

struct CaseOptions {
    int killed_rank = -1; /* the case kills it */
    void (*change)(pmx::OfiRow&) =
        nullptr; /* opens the provider by a changed row of the table, without a probe */
};

/* Runs one case on n ranks; 0 when all ranks but one that the case kills return 0. */
int run_case(const char* name, const std::string& provider, int n_ranks, Case body, CaseOptions options = {});

}  // namespace pmx_test
