/* SPDX-License-Identifier: BSD-3-Clause */
/* layer.cc: the calls of pmx_moe.h that make, ask and free a layer. forward.cc runs it. */
#include "moe/layer.h"

#include <algorithm>
#include <utility>

#include "moe/create.h"
#include "moe/error.h"
#include "moe/versions.h"

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
    *moe_out = std::make_unique<pmx_moe>(shape, config->n_blocks ? config->n_blocks : default_blocks());
    return PMX_SUCCESS;
}

int make_shared(const pmx_ctx_attr_t* attr, pmx_moe* moe)
{
    const CellHeap heap = {"symmetric heap", "PMX_HEAP_SIZE", pmx_heap_query,
                           [](size_t n_bytes, void** memory_sym_out) {
                               return pmx_aligned_alloc(4096, n_bytes, memory_sym_out);
                           }};
    Kernel& kernel = moe->kernel;
    PMX_MOE_TRY(allocate_cells(moe->shape, heap, &moe->memory_sym, &kernel.cells));
    kernel.cells.zero_signals();
    PMX_MOE_TRY(pmx_barrier());
    PMX_MOE_TRY(pmx_rank(&kernel.rank));
    return make_contexts(attr, pmx_device_handle, &moe->contexts, &kernel.dispatch, &kernel.combine);
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
    return create_layer<pmx_moe>(
        config, [&](int n_ranks, std::unique_ptr<pmx_moe>* made) { return make_local(config, n_ranks, made); },
        [&](pmx_moe* moe) { return make_shared(attr, moe); }, free_shared, moe_out);
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
