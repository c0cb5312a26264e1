/* SPDX-License-Identifier: BSD-3-Clause */
/* forward.cc: one call of the layer. A rank whose input is bad still takes part in the call, with no
 * tokens, since the others need its experts and its signals; it returns its error after. Only a rank that
 * has no weights, or whose layer broke before, does not: the others end by their time limit. */
#include <cblas.h>

#include <mutex>
#include <string>

#include "moe/error.h"
#include "moe/layer.h"

using pmx::moe::fail;

namespace {

/* Blocks call OpenBLAS side by side, so each product runs in its caller; while any layer of the process
 * is in a call. */
class OneBlasThread {
public:
    OneBlasThread()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (n_users_++ > 0) return;
        n_threads_before_ = openblas_get_num_threads();
        openblas_set_num_threads(1);
    }
    ~OneBlasThread()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (--n_users_ == 0) openblas_set_num_threads(n_threads_before_);
    }
    OneBlasThread(const OneBlasThread&) = delete;
    OneBlasThread& operator=(const OneBlasThread&) = delete;

private:
    static inline std::mutex mutex_;
    static inline int n_users_ = 0;
    static inline int n_threads_before_ = 1;
};

void kernel_body(void* arg)
{
    pmx_moe* moe = (pmx_moe*)arg;
    unsigned block = pmx_block_get().index;
    if (block == 0)
        moe->scheduler.run(moe->kernel);
    else
        run_processor(moe->kernel, moe->kernel.scratch[block - 1]);
}

int check_usable(const pmx_moe* moe)
{
    if (!moe) return fail(PMX_ERR_ARGUMENT, "moe is NULL");
    if (moe->broken)
        return fail((pmx_err_t)moe->broken,
                    "the layer failed in an earlier call: free it, and create another");
    if (!moe->set.size_bytes)
        return fail(PMX_ERR_STATE, "the layer has no weights: call pmx_moe_set_weights");
    return PMX_SUCCESS;
}

const char* name_of(uint32_t phase)
{
    return phase == pmx::moe::kReceive   ? "pmx_moe_dispatch_end"
           : phase == pmx::moe::kCompute ? "pmx_moe_combine_begin"
                                         : "pmx_moe_combine_end";
}

/* The layer can go on with this phase; 0: it can begin a call. */
int check_phase(const pmx_moe* moe, uint32_t phase)
{
    PMX_MOE_TRY(check_usable(moe));
    if (moe->next_phase == phase) return PMX_SUCCESS;
    if (!moe->next_phase)
        return fail(PMX_ERR_STATE, "{}: pmx_moe_dispatch_begin must begin the call", name_of(phase));
    return fail(PMX_ERR_STATE, "a call of the layer is not over: {} must be next", name_of(moe->next_phase));
}

int check_tokens(const pmx_moe* moe, const void* x, int n_tokens, const void* y)
{
    if (n_tokens < 0 || n_tokens > moe->shape.max_tokens)
        return fail(PMX_ERR_ARGUMENT, "n_tokens is {}: must be 0 to max_tokens, {}", n_tokens,
                    moe->shape.max_tokens);
    if (n_tokens > 0 && (!x || !y)) return fail(PMX_ERR_ARGUMENT, "{} is NULL", x ? "the output" : "x");
    return PMX_SUCCESS;
}

int check_router(const pmx_moe* moe)
{
    if (!moe->set.router)
        return fail(PMX_ERR_STATE, "the layer has no router: set weights.router, or give the routing");
    return PMX_SUCCESS;
}

pmx::moe::RouterWeights router_of(const pmx_moe* moe)
{
    return {moe->set.router, moe->set.router_bias, moe->set.choice_bias};
}

struct Input {
    const void* x;
    int n_tokens;
    const int32_t* ids;
    const float* weights;
    void* y;
};

void begin_call(pmx_moe* moe, const Input& input)
{
    moe->kernel.plan.make(moe->shape, moe->kernel.map, moe->kernel.rank,
                          {input.ids, input.weights, input.n_tokens});
    moe->kernel.reset(++moe->call, input.x, input.weights);
}

int launch(pmx_moe* moe, uint32_t phases, void* y)
{
    moe->kernel.begin_phases(phases, y);
    OneBlasThread one;
    int err = pmx_launch(kernel_body, moe->n_blocks, 1, moe);
    if (err) return moe->broken = err;
    moe->broken = moe->kernel.error;
    if (moe->broken)
        return fail((pmx_err_t)moe->broken, "call {} of the layer: {}: {}", moe->call,
                    pmx_error_string(moe->broken), moe->scheduler.describe(moe->kernel));
    if (!(phases & pmx::moe::kCombine)) return PMX_SUCCESS;
    moe->forwards++;
    moe->tiles += moe->kernel.tiles_done;
    moe->dropped += moe->kernel.plan.n_dropped;
    for (size_t i = 0; i < moe->load.size(); i++) moe->load[i] += moe->kernel.load[i];
    return PMX_SUCCESS;
}

/* A call from its begin on; with input_err it has no tokens. */
int run(pmx_moe* moe, const Input& input, int input_err, uint32_t phases)
{
    const std::string detail = input_err ? pmx_last_error_detail() : "";
    begin_call(moe, input_err ? Input{} : input);
    PMX_MOE_TRY(launch(moe, phases, input.y));
    return input_err ? pmx_error_report(input_err, detail.c_str()) : PMX_SUCCESS;
}

int route_own(pmx_moe* moe, const void* x, int n_tokens, const void* y)
{
    PMX_MOE_TRY(check_router(moe));
    PMX_MOE_TRY(check_tokens(moe, x, n_tokens, y));
    moe->router.route(router_of(moe), x, n_tokens, moe->ids.data(), moe->weights.data());
    return PMX_SUCCESS;
}

int check_given(const pmx_moe* moe, const Input& input, const void* y)
{
    PMX_MOE_TRY(check_tokens(moe, input.x, input.n_tokens, y));
    if (input.n_tokens > 0 && (!input.ids || !input.weights))
        return fail(PMX_ERR_ARGUMENT, "{} is NULL", input.ids ? "weights" : "ids");
    return pmx::moe::check_ids(moe->shape, input.ids, input.n_tokens);
}

/* The next part of a call that was begun; then comes after. */
int go_on(pmx_moe* moe, uint32_t phase, uint32_t after, void* y)
{
    PMX_MOE_TRY(launch(moe, phase, y));
    moe->next_phase = after;
    return PMX_SUCCESS;
}

}  // namespace

extern "C" {

int pmx_moe_route(pmx_moe_t moe, const void* x, int n_tokens, int32_t* ids_out, float* weights_out)
{
    PMX_MOE_TRY(check_usable(moe));
    PMX_MOE_TRY(check_router(moe));
    PMX_MOE_TRY(check_tokens(moe, x, n_tokens, ids_out));
    PMX_MOE_TRY(check_tokens(moe, x, n_tokens, weights_out));
    moe->router.route(router_of(moe), x, n_tokens, ids_out, weights_out);
    return PMX_SUCCESS;
}

int pmx_moe_forward(pmx_moe_t moe, const void* x, int n_tokens, void* y_out)
{
    PMX_MOE_TRY(check_phase(moe, 0));
    const int err = route_own(moe, x, n_tokens, y_out);
    return run(moe, Input{x, n_tokens, moe->ids.data(), moe->weights.data(), y_out}, err,
               pmx::moe::kAllPhases);
}

int pmx_moe_forward_routed(pmx_moe_t moe, const void* x, int n_tokens, const int32_t* ids,
                           const float* weights, void* y_out)
{
    PMX_MOE_TRY(check_phase(moe, 0));
    const Input input{x, n_tokens, ids, weights, y_out};
    return run(moe, input, check_given(moe, input, y_out), pmx::moe::kAllPhases);
}

int pmx_moe_dispatch_begin(pmx_moe_t moe, const void* x, int n_tokens, const int32_t* ids,
                           const float* weights)
{
    PMX_MOE_TRY(check_phase(moe, 0));
    const bool given = ids || weights;
    Input input{x, n_tokens, ids, weights, nullptr};
    const int err = given ? check_given(moe, input, x) : route_own(moe, x, n_tokens, x);
    if (!given) input = {x, n_tokens, moe->ids.data(), moe->weights.data(), nullptr};
    const int run_err = run(moe, input, err, pmx::moe::kSend);
    moe->n_tokens = err ? 0 : n_tokens;
    moe->next_phase = pmx::moe::kReceive;
    return run_err;
}

int pmx_moe_dispatch_end(pmx_moe_t moe)
{
    PMX_MOE_TRY(check_phase(moe, pmx::moe::kReceive));
    return go_on(moe, pmx::moe::kReceive, pmx::moe::kCompute, nullptr);
}

int pmx_moe_combine_begin(pmx_moe_t moe)
{
    PMX_MOE_TRY(check_phase(moe, pmx::moe::kCompute));
    return go_on(moe, pmx::moe::kCompute, pmx::moe::kCombine, nullptr);
}

int pmx_moe_combine_end(pmx_moe_t moe, void* y_out)
{
    PMX_MOE_TRY(check_phase(moe, pmx::moe::kCombine));
    if (moe->n_tokens > 0 && !y_out) return fail(PMX_ERR_ARGUMENT, "y_out is NULL");
    return go_on(moe, pmx::moe::kCombine, 0, y_out);
}

}  // extern "C"
