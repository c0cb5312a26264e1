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
        return fail((pmx_err_t)moe->broken, "the layer failed in an earlier call: free it, and create another");
    if (!moe->set.size_bytes) return fail(PMX_ERR_STATE, "the layer has no weights: call pmx_moe_set_weights");
    return PMX_SUCCESS;
}

int check_tokens(const pmx_moe* moe, const void* x, int n_tokens, const void* y)
{
    if (n_tokens < 0 || n_tokens > moe->shape.max_tokens)
        return fail(PMX_ERR_ARGUMENT, "n_tokens is {}: must be 0 to max_tokens, {}", n_tokens, moe->shape.max_tokens);
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

int launch(pmx_moe* moe, const Input& input)
{
    moe->kernel.plan.make(moe->shape, moe->kernel.map, moe->kernel.rank, {input.ids, input.weights, input.n_tokens});
    moe->kernel.reset(++moe->call, input.x, input.weights, input.y);
    OneBlasThread one;
    int err = pmx_launch(kernel_body, moe->n_blocks, 1, moe);
    if (err) return moe->broken = err;
    moe->broken = moe->kernel.error;
    if (moe->broken)
        return fail((pmx_err_t)moe->broken, "call {} of the layer: {}: {}", moe->call, pmx_error_string(moe->broken),
                    moe->scheduler.describe(moe->kernel));
    moe->forwards++;
    moe->tiles += moe->kernel.tiles_done;
    moe->dropped += moe->kernel.plan.n_dropped;
    for (size_t i = 0; i < moe->load.size(); i++) moe->load[i] += moe->kernel.load[i];
    return PMX_SUCCESS;
}

int run(pmx_moe* moe, const Input& input, int input_err)
{
    if (!input_err) return launch(moe, input);
    const std::string detail = pmx_last_error_detail();
    PMX_MOE_TRY(launch(moe, Input{nullptr, 0, nullptr, nullptr, nullptr}));
    return pmx_error_report(input_err, detail.c_str());
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
    PMX_MOE_TRY(check_usable(moe));
    int err = check_router(moe);
    if (!err) err = check_tokens(moe, x, n_tokens, y_out);
    if (!err) moe->router.route(router_of(moe), x, n_tokens, moe->ids.data(), moe->weights.data());
    return run(moe, Input{x, n_tokens, moe->ids.data(), moe->weights.data(), y_out}, err);
}

int pmx_moe_forward_routed(pmx_moe_t moe, const void* x, int n_tokens, const int32_t* ids, const float* weights,
                           void* y_out)
{
    PMX_MOE_TRY(check_usable(moe));
    int err = check_tokens(moe, x, n_tokens, y_out);
    if (!err && n_tokens > 0 && (!ids || !weights))
        err = fail(PMX_ERR_ARGUMENT, "{} is NULL", ids ? "weights" : "ids");
    if (!err) err = pmx::moe::check_ids(moe->shape, ids, n_tokens);
    return run(moe, Input{x, n_tokens, ids, weights, y_out}, err);
}

}  // extern "C"
