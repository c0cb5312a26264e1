/* SPDX-License-Identifier: BSD-3-Clause */
/* layer.cc: the calls of pmx_moe.h that make, ask and free a layer. forward.cc runs it. */
#include "moe/layer.h"

#include <algorithm>
#include <new>
#include <utility>

#include "moe/agree.h"
#include "moe/error.h"
#include "moe/versions.h"

using pmx::moe::Cells;
using pmx::moe::check_config;
using pmx::moe::fail;
using pmx::moe::make_layout;
using pmx::moe::Shape;

pmx_moe::pmx_moe(const Shape& shape_given, unsigned n_blocks_given)
    : shape(shape_given),
      n_blocks(n_blocks_given),
      kernel(shape_given, n_blocks_given),
      scheduler(shape_given),
      router(shape_given),
      ids(shape_given.max_rows()),
      weights(shape_given.max_rows()),
      load((size_t)shape_given.local_experts)
{
}

namespace pmx::moe {

namespace {

int make_local(const pmx_moe_config_t* config, int n_ranks, std::unique_ptr<pmx_moe>* moe_out)
{
    Shape shape;
    PMX_MOE_TRY(check_config(config, n_ranks, &shape));
    try {
        *moe_out = std::make_unique<pmx_moe>(shape, config->n_blocks ? config->n_blocks : default_blocks());
    } catch (const std::bad_alloc&) {
        return fail(PMX_ERR_MEMORY, "the memory of this process does not hold the buffers of the layer");
    }
    return PMX_SUCCESS;
}

/* The heap looks the same on all ranks, so all come to the same answer. */
int make_cells(pmx_moe* moe)
{
    const size_t n_bytes = make_layout(moe->shape).total_bytes;
    pmx_heap_info_t heap{};
    heap.size_bytes = sizeof heap;
    PMX_MOE_TRY(pmx_heap_query(&heap));
    if (n_bytes > heap.largest_free_bytes)
        return fail(PMX_ERR_MEMORY,
                    "the layer needs {} bytes of symmetric heap, the largest free piece has {} of {}: "
                    "set PMX_HEAP_SIZE, or lower max_tokens",
                    n_bytes, heap.largest_free_bytes, heap.heap_bytes);
    PMX_MOE_TRY(pmx_aligned_alloc(4096, n_bytes, &moe->memory_sym));
    moe->kernel.cells = Cells(moe->shape, moe->memory_sym);
    moe->kernel.cells.zero_signals();
    return pmx_barrier();
}

int free_shared(pmx_moe* moe) { return free_symmetric(free_contexts(moe->contexts), moe->memory_sym); }

}  // namespace

unsigned default_blocks()
{
    pmx_topology_t topology{};
    topology.size_bytes = sizeof topology;
    int node_size = 1;
    if (pmx_topology_query(&topology) || pmx_node_size(&node_size)) return 2;
    return (unsigned)std::clamp(topology.n_cores_allowed / std::max(node_size, 1), 2, 16);
}

int create(const pmx_moe_config_t* config, const pmx_ctx_attr_t* attr, pmx_moe_t* moe_out)
{
    int n_ranks;
    PMX_MOE_TRY(pmx_size(&n_ranks));
    std::unique_ptr<pmx_moe> moe;
    int own_err = make_local(config, n_ranks, &moe);
    if (!own_err && !moe_out) own_err = fail(PMX_ERR_ARGUMENT, "moe_out is NULL");
    PMX_MOE_TRY(agree(config, own_err));
    int err = make_cells(moe.get());
    Kernel& kernel = moe->kernel;
    if (!err) err = pmx_rank(&kernel.rank);
    if (!err) err = make_contexts(attr, pmx_device_handle, &moe->contexts, &kernel.dispatch, &kernel.combine);
    if (err) {
        const std::string detail = pmx_last_error_detail();
        (void)free_shared(moe.get());
        return pmx_error_report(err, detail.c_str());
    }
    *moe_out = moe.release();
    return PMX_SUCCESS;
}

namespace {

/* What the last call has queued is counted when the proxy has taken it up, which is after the call. */
int settle(const pmx_moe* moe)
{
    PMX_MOE_TRY(pmx_quiet(moe->contexts.dispatch));
    return pmx_quiet(moe->contexts.combine);
}

}  // namespace

}  // namespace pmx::moe

extern "C" {

int pmx_moe_check(const pmx_moe_config_t* config, int n_ranks)
{
    Shape shape;
    return check_config(config, n_ranks, &shape);
}

int pmx_moe_heap_bytes(const pmx_moe_config_t* config, int n_ranks, size_t* n_bytes_out)
{
    Shape shape;
    PMX_MOE_TRY(check_config(config, n_ranks, &shape));
    if (!n_bytes_out) return fail(PMX_ERR_ARGUMENT, "n_bytes_out is NULL");
    *n_bytes_out = make_layout(shape).total_bytes;
    return PMX_SUCCESS;
}

int pmx_moe_create(const pmx_moe_config_t* config, pmx_moe_t* moe_out)
{
    return pmx::moe::create(config, nullptr, moe_out);
}

int pmx_moe_set_weights(pmx_moe_t moe, const pmx_moe_weights_t* weights)
{
    if (!moe || !weights) return fail(PMX_ERR_ARGUMENT, "{} is NULL", moe ? "weights" : "moe");
    if (moe->next_phase) return fail(PMX_ERR_STATE, "a call of the layer is not over: it needs its weights");
    pmx::moe::Kernel& kernel = moe->kernel;
    pmx::moe::ExpertMap map(moe->shape);
    pmx_moe_weights_t set;
    PMX_MOE_TRY(pmx::moe::read_placed_weights(moe->shape, kernel.rank, weights, &set, &map));
    moe->set = set;
    kernel.map = std::move(map);
    kernel.experts = {set.gate, set.up, set.down, set.gate_bias, set.up_bias, set.down_bias};
    kernel.shared = {set.shared_gate, set.shared_up, set.shared_down, nullptr, nullptr, nullptr};
    kernel.shared_router = set.shared_router;
    return PMX_SUCCESS;
}

int pmx_moe_counters_get(pmx_moe_t moe, pmx_moe_counters_t* counters_out)
{
    if (!moe || !counters_out) return fail(PMX_ERR_ARGUMENT, "{} is NULL", moe ? "counters_out" : "moe");
    PMX_MOE_TRY(pmx::moe::settle(moe));
    pmx_moe_counters_t own{};
    own.forwards = moe->forwards;
    own.tiles = moe->tiles;
    own.dropped = moe->dropped;
    return pmx::moe::read_counters(moe->contexts, own, counters_out);
}

int pmx_moe_load_get(pmx_moe_t moe, uint64_t* rows_out)
{
    if (!moe || !rows_out) return fail(PMX_ERR_ARGUMENT, "{} is NULL", moe ? "rows_out" : "moe");
    std::copy(moe->load.begin(), moe->load.end(), rows_out);
    return PMX_SUCCESS;
}

int pmx_moe_counters_reset(pmx_moe_t moe)
{
    if (!moe) return fail(PMX_ERR_ARGUMENT, "moe is NULL");
    PMX_MOE_TRY(pmx::moe::settle(moe));
    PMX_MOE_TRY(pmx::moe::reset_counters(moe->contexts));
    moe->forwards = moe->tiles = moe->dropped = 0;
    std::fill(moe->load.begin(), moe->load.end(), UINT64_C(0));
    return PMX_SUCCESS;
}

int pmx_moe_free(pmx_moe_t moe)
{
    if (!moe) return PMX_SUCCESS;
    int err = pmx::moe::free_shared(moe);
    delete moe;
    return err;
}

}  // extern "C"
