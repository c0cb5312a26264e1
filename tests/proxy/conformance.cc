/* SPDX-License-Identifier: BSD-3-Clause */
/* conformance [none] [first] [ops=N]: runs the promises of conformance.h in every order and signal mode that the
 * transport of this job has, and prints a line for each. none: instead, a mode that orders nothing, which the first
 * promise must find out. first: that promise only. Exit: 0 all kept, 1 one was broken, 2 a call failed. */
#include <cstring>
#include <string>

#include "order.h"
#include "runtime/runtime.h"
#include "tests/proxy/conformance.h"

using namespace conformance;

namespace {

struct Promise {
    const char* name;
    int (*check)(const Job& job);
};

const Promise kPromises[] = {
    {"signal after data", signal_is_never_seen_before_its_data},
    {"large data", large_data_are_whole_too},
    {"group", any_signal_of_a_group_implies_all_its_puts},
    {"device group", any_signal_of_a_device_group_implies_all_its_puts},
    {"fence", fence_orders_what_follows},
    {"quiet", quiet_means_visible_at_the_target},
    {"add once", adds_happen_exactly_once},
    {"zero length, self", zero_length_and_self_puts_work},
    {"storm", a_storm_of_operations_completes},
    {"contexts", contexts_do_not_disturb_each_other},
    {"get", gets_bring_what_is_there},
};

void open_view(Job& job)
{
    job.device.size_bytes = sizeof job.device;
    MUST(pmx_device_handle(job.ctx, &job.device));
}

int check_all(Job& job, pmx_order_t order, int signals, bool first_only)
{
    int broken = 0;
    for (const Promise& promise : kPromises) {
        if (first_only && &promise != kPromises) break;
        int n = promise.check(job);
        if (n) std::fprintf(stderr, "rank %d: %s %s: broken: %s (%d times)\n", job.rank, pmx::order_name(order),
                            pmx::signals_name(signals), promise.name, n);
        broken += n;
    }
    pmx_counters_t counters{};
    counters.size_bytes = sizeof counters;
    MUST(pmx_counters_get(job.ctx, &counters));
    if (!pmx::stalls(order) && counters.stalls != 0) {
        std::fprintf(stderr, "rank %d: %s stalled\n", job.rank, pmx::order_name(order));
        broken++;
    }
    return broken;
}

int check_modes(Job& job, bool first_only)
{
    int broken = 0;
    for (int order = PMX_ORDER_STALL_ALL; order <= PMX_ORDER_COUNTED; order++)
        for (int signals : {PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED}) {
            pmx_ctx_attr_t attr = {sizeof attr, static_cast<pmx_order_t>(order), signals, 0};
            const char* mode = pmx::order_name(attr.order);
            int err = pmx_ctx_create(&attr, &job.ctx);
            if (err == PMX_ERR_UNSUPPORTED) {
                if (job.rank == 0) std::printf("%s %s: refused\n", mode, pmx::signals_name(signals));
                continue;
            }
            must(job, "pmx_ctx_create", err);
            open_view(job);
            int n = check_all(job, attr.order, signals, first_only);
            if (job.rank == 0) std::printf("%s %s: %s\n", mode, pmx::signals_name(signals), n ? "broken" : "kept");
            std::fflush(stdout);
            broken += n;
            MUST(pmx_ctx_free(job.ctx));
        }
    return broken;
}

/* A suite that does not see this one proves nothing. */
int check_none(Job& job)
{
    pmx::Status made = pmx::runtime()->add_context(pmx::kOrderNone, PMX_SIGNALS_COUPLED, 1, job.ctx);
    must(job, "add_context", made.code());
    open_view(job);
    int n = signal_is_never_seen_before_its_data(job);
    MUST(pmx_ctx_free(job.ctx));
    return n;
}

}  // namespace

int main(int argc, char** argv)
{
    Job job;
    bool none = false, first = false;
    for (int i = 1; i < argc; i++) {
        if (std::strcmp(argv[i], "none") == 0) none = true;
        if (std::strcmp(argv[i], "first") == 0) first = true;
        if (std::strncmp(argv[i], "ops=", 4) == 0) job.n_ops = std::atoi(argv[i] + 4);
    }
    MUST(pmx_init());
    MUST(pmx_rank(&job.rank));
    MUST(pmx_size(&job.size));
    int broken = none ? check_none(job) : check_modes(job, first);
    MUST(pmx_finalize());
    return broken != 0;
}
