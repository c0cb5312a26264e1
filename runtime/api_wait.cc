/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits for several signals, and for conditions of the caller. */
#include "runtime/api_checks.h"

namespace pmx {

namespace {

using Device = const pmx_device_ctx_t&;

/* Own words, of which some are looked at. */
struct Words {
    const uint64_t* first;
    size_t n;
    const int* skip;
    pmx_cmp_t cmp;
    uint64_t value;

    Status check(Device device, bool has_out) const
    {
        if (!has_out) return fail(PMX_ERR_ARGUMENT, "an out-argument is NULL");
        if (n) PMX_TRY(check_signal(device, first));
        if (n > device.heap_bytes / 8 || !detail::in_heap(device, first, 8 * n))
            return fail(PMX_ERR_ADDRESS, "{} words from sig_sym {} on are not in the symmetric heap", n,
                        static_cast<const void*>(first));
        return check_choice("cmp", cmp, PMX_CMP_LE);
    }
    bool skipped(size_t i) const { return skip && skip[i]; }
    bool hit(size_t i) const { return signal_test(first + i, cmp, value); }
    bool none() const
    {
        for (size_t i = 0; i < n; i++)
            if (!skipped(i)) return false;
        return true;
    }
    bool all() const
    {
        for (size_t i = 0; i < n; i++)
            if (!skipped(i) && !hit(i)) return false;
        return true;
    }
    /* The lowest that hits, or SIZE_MAX. */
    size_t any() const
    {
        for (size_t i = 0; i < n; i++)
            if (!skipped(i) && hit(i)) return i;
        return SIZE_MAX;
    }
    size_t some(size_t* indices_out) const
    {
        size_t n_hits = 0;
        for (size_t i = 0; i < n; i++)
            if (!skipped(i) && hit(i)) indices_out[n_hits++] = i;
        return n_hits;
    }
};

template <typename Go>
int on_words(const char* name, pmx_ctx_t ctx, const Words& words, bool has_out, Go go)
{
    return call(name, ctx, [&](Device device) { return words.check(device, has_out); }, go);
}

}  // namespace

}  // namespace pmx

using namespace pmx;

extern "C" int pmx_signal_fetch(pmx_ctx_t ctx, const uint64_t* sig_sym, uint64_t* value_out)
{
    return on_words("signal_fetch", ctx, {sig_sym, 1, nullptr, PMX_CMP_EQ, 0}, value_out, [=](Device) {
        *value_out = detail::load_acquire(sig_sym);
        return 0;
    });
}

extern "C" int pmx_signal_wait_all(pmx_ctx_t ctx, const uint64_t* sig_sym, size_t n, const int* skip, pmx_cmp_t cmp,
                                   uint64_t value, uint64_t timeout_ns)
{
    const Words words = {sig_sym, n, skip, cmp, value};
    return on_words("signal_wait_all", ctx, words, true, [&](Device device) {
        return detail::wait_until(device, PMX_RANK_ANY, timeout_ns, [&] { return words.all(); });
    });
}

extern "C" int pmx_signal_wait_any(pmx_ctx_t ctx, const uint64_t* sig_sym, size_t n, const int* skip, pmx_cmp_t cmp,
                                   uint64_t value, uint64_t timeout_ns, size_t* index_out)
{
    const Words words = {sig_sym, n, skip, cmp, value};
    return on_words("signal_wait_any", ctx, words, index_out, [&](Device device) {
        size_t index = SIZE_MAX;
        bool none = words.none();
        int err = detail::wait_until(device, PMX_RANK_ANY, timeout_ns,
                                     [&] { return none || (index = words.any()) != SIZE_MAX; });
        if (!err) *index_out = index;
        return err;
    });
}

extern "C" int pmx_signal_wait_some(pmx_ctx_t ctx, const uint64_t* sig_sym, size_t n, const int* skip, pmx_cmp_t cmp,
                                    uint64_t value, uint64_t timeout_ns, size_t* indices_out, size_t* n_out)
{
    const Words words = {sig_sym, n, skip, cmp, value};
    return on_words("signal_wait_some", ctx, words, indices_out && n_out, [&](Device device) {
        size_t n_hits = 0;
        bool none = words.none();
        int err = detail::wait_until(device, PMX_RANK_ANY, timeout_ns,
                                     [&] { return none || (n_hits = words.some(indices_out)) != 0; });
        if (!err) *n_out = n_hits;
        return err;
    });
}

extern "C" int pmx_signal_test_all(pmx_ctx_t ctx, const uint64_t* sig_sym, size_t n, const int* skip, pmx_cmp_t cmp,
                                   uint64_t value, int* hit_out)
{
    const Words words = {sig_sym, n, skip, cmp, value};
    return on_words("signal_test_all", ctx, words, hit_out, [&](Device) {
        *hit_out = words.all();
        return 0;
    });
}

extern "C" int pmx_signal_test_any(pmx_ctx_t ctx, const uint64_t* sig_sym, size_t n, const int* skip, pmx_cmp_t cmp,
                                   uint64_t value, size_t* index_out)
{
    const Words words = {sig_sym, n, skip, cmp, value};
    return on_words("signal_test_any", ctx, words, index_out, [&](Device) {
        *index_out = words.any();
        return 0;
    });
}

extern "C" int pmx_signal_test_some(pmx_ctx_t ctx, const uint64_t* sig_sym, size_t n, const int* skip, pmx_cmp_t cmp,
                                    uint64_t value, size_t* indices_out, size_t* n_out)
{
    const Words words = {sig_sym, n, skip, cmp, value};
    return on_words("signal_test_some", ctx, words, indices_out && n_out, [&](Device) {
        *n_out = words.some(indices_out);
        return 0;
    });
}

extern "C" int pmx_wait_until(pmx_ctx_t ctx, pmx_ready_fn ready, void* arg, int from_rank, uint64_t timeout_ns)
{
    return call(
        "wait_until", ctx,
        [=](Device device) {
            if (!ready) return fail(PMX_ERR_ARGUMENT, "ready is NULL");
            return from_rank == PMX_RANK_ANY ? Status() : check_rank(device, "from_rank", from_rank);
        },
        [=](Device device) {
            return detail::wait_until(device, from_rank, timeout_ns, [=] { return ready(arg) != 0; });
        });
}
