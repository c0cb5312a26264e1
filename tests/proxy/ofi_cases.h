/* SPDX-License-Identifier: BSD-3-Clause */
/* ofi_cases.h: what the cases of ofi_pair.cc, ofi_order.cc and ofi_counted.cc share. */
#pragma once

#include "ofi_world.h"

namespace pmx_test {

constexpr uint64_t kWords = kHeapBytes - 4096; /* signal words stand behind the data */

inline pmx::Op put(const void* src, uint64_t dst_off, uint64_t n_bytes, uint64_t cookie)
{
    return {pmx::OpKind::put, 0, src, dst_off, n_bytes, 0, cookie};
}
inline pmx::Op get(void* dst, uint64_t src_off, uint64_t n_bytes, uint64_t cookie)
{
    return {pmx::OpKind::get, 0, dst, src_off, n_bytes, 0, cookie};
}
inline pmx::Op signal(pmx::OpKind kind, uint64_t dst_off, uint64_t value, uint64_t cookie)
{
    return {kind, 0, nullptr, dst_off, 0, value, cookie};
}
inline pmx::Op counted(pmx::Op op, uint16_t stream, uint64_t seq)
{
    op.flags = pmx::kOpCounted;
    op.stream = stream;
    op.seq = seq;
    return op;
}

/* Every cookie of 0..n-1 exactly once, none with an error. */
inline int check_completions(Rank& rank, size_t n)
{
    REQUIRE(rank.done.size() == n, "%zu completions for %zu operations", rank.done.size(), n);
    std::vector<bool> seen(n);
    for (const pmx::Completion& one : rank.done) {
        REQUIRE(one.err == PMX_SUCCESS, "operation %zu ended with %d", size_t(one.cookie), one.err);
        REQUIRE(one.cookie < n && !seen[one.cookie], "operation %zu reported twice", size_t(one.cookie));
        seen[one.cookie] = true;
    }
    return 0;
}

/* Run the cases of ofi_order.cc and ofi_counted.cc; how many failed. */
int run_order_cases(const std::string& provider);
int run_counted_cases(const std::string& provider);

#define RUN(n_ranks, name, ...) run_case(#name, provider, n_ranks, name __VA_OPT__(, ) __VA_ARGS__)

}  // namespace pmx_test
