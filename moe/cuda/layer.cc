/* SPDX-License-Identifier: BSD-3-Clause */
/* layer.cc: the calls of pmx_moe_gpu.h. */
#include "moe/cuda/layer.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <numbers>
#include <numeric>
#include <vector>

#include "moe/create.h"
#include "moe/cuda/kernel.h"
#include "moe/cuda/maps.h"
#include "moe/cuda/places.h"
#include "moe/cuda/plan.h"
#include "moe/error.h"
#include "moe/versions.h"

using pmx::moe::fail;
using pmx::moe::make_layout;
using pmx::moe::n_even_tiles;
using pmx::moe::Shape;
using namespace pmx::moe::gpu;

pmx_moe_gpu::pmx_moe_gpu(const Shape& shape)
{
    const size_t n_places = (size_t)shape.places, n_ranks = (size_t)shape.n_ranks;
    const size_t n_slices = (size_t)((shape.shared_intermediate + shape.intermediate - 1) / shape.intermediate);
    const size_t n_shared_tiles = n_slices * n_even_tiles((size_t)shape.max_tokens, kTileRows);
    const size_t n_tiles = n_ranks * shape.region_tiles + n_shared_tiles, max_tokens = (size_t)shape.max_tokens;
    const size_t n_local = (size_t)shape.local_experts + n_slices;
    layer.shape = shape;
    layer.n_most_tiles = (uint32_t)n_tiles;
    auto queue = [&](QueueName name, size_t capacity, int n_units) {
        layer.queues[name].capacity = (uint32_t)capacity;
        layer.queues[name].n_units = (uint32_t)n_units;
        memory.want(&layer.queues[name].entries, capacity);
    };
    auto n_units = [](int n_rows, int n_unit_rows) { return (n_rows + n_unit_rows - 1) / n_unit_rows; };
    const int n_gate_up = n_units(shape.intermediate, shape.gated ? kPair * kUnitRows / 2 : kPair * kUnitRows);
    queue(kRemoteTiles, n_tiles, n_gate_up);
    queue(kOwnTiles, n_tiles, n_gate_up);
    queue(kResults, n_tiles, n_units(shape.hidden, kPair * kUnitRows));
    queue(kTokens, (size_t)shape.max_tokens, 1);
    memory.want(&layer.act, (n_ranks * shape.region_rows + n_slices * max_tokens) * (size_t)shape.intermediate * 2);
    memory.want(&layer.work, 1);
    memory.want(&layer.tiles, n_tiles);
    memory.want(&layer.units_done, 2 * n_tiles);
    memory.want(&layer.groups, n_ranks);
    memory.want(&layer.call, 1);
    memory.want(&maps, 2 * n_local);
    memory.want(&up_first, n_local);
    memory.want(&biases, 3 * n_local);
    layer.shared.n_slices = (int)n_slices;
    layer.shared.max_rows = (uint32_t)max_tokens;
    if (n_slices > 0) {
        memory.want(&layer.shared.out, n_slices * max_tokens * shape.row_bytes);
        memory.want(&layer.shared.signals, n_shared_tiles);
        memory.want(&layer.shared.gate, max_tokens);
        memory.want(&zeros, (size_t)std::max(shape.hidden, shape.intermediate));
    }
    Plan& plan = layer.plan;
    memory.want(&plan.first_row, n_places + 1);
    memory.want(&plan.first_job, n_places + 1);
    memory.want(&plan.first_tile, n_places + 1);
    memory.want(&plan.row_token, shape.max_rows() + (n_slices > 0 ? max_tokens : 0));
    if (shape.weight_on_input) memory.want(&plan.row_weight, shape.max_rows());
    memory.want(&plan.choice_row, shape.max_rows());
    memory.want(&plan.rows_packed, n_places);
    memory.want(&plan.missing, (size_t)shape.max_tokens);
    memory.want(&plan.awaited, n_tiles);
    memory.want(&plan.counts, (size_t)most_chunks(shape) * n_places);
}

pmx_moe_gpu::~pmx_moe_gpu() { cudaFreeHost(layer.error_host); }

namespace pmx::moe::gpu {

namespace {

/* sigmoid(z) is 1 / (1 + 2^-(log2(e) z)). Of GEGLU_TANH: (1 + tanh(z)) / 2 is
 * sigmoid(2 z), z being sqrt(2 / pi) (g + 0.044715 g^3). */
Activation make_activation(pmx_moe_activation_t activation)
{
    constexpr float infinite = std::numeric_limits<float>::infinity();
    constexpr float log2_e = std::numbers::log2e_v<float>, tanh_scale = log2_e * 1.5957691f;
    constexpr float tanh_cube = tanh_scale * 0.044715f;
    switch (activation) {
        case PMX_MOE_SWIGLU:
            return {Share::kSigmoid, true, infinite, log2_e, 0.0f, 0.0f, true};
        case PMX_MOE_SWIGLU_CLAMPED:
            return {Share::kSigmoid, true, 7.0f, log2_e * 1.702f, 0.0f, 1.0f, false};
        case PMX_MOE_GEGLU:
            return {Share::kNormal, true, infinite, 0.0f, 0.0f, 0.0f, false};
        case PMX_MOE_GEGLU_TANH:
            return {Share::kSigmoid, true, infinite, tanh_scale, tanh_cube, 0.0f, false};
        case PMX_MOE_SILU:
            return {Share::kSigmoid, false, 0.0f, log2_e, 0.0f, 0.0f, false};
        case PMX_MOE_GELU:
            return {Share::kNormal, false, 0.0f, 0.0f, 0.0f, 0.0f, false};
        case PMX_MOE_GELU_TANH:
            return {Share::kSigmoid, false, 0.0f, tanh_scale, tanh_cube, 0.0f, false};
        case PMX_MOE_RELU:
            return {Share::kStep, false, 0.0f, 0.0f, 0.0f, 0.0f, false};
    }
    return {};
}

int check_gpu_config(const pmx_moe_config_t* config, int n_ranks, Shape* shape_out)
{
    if (!config) return fail(PMX_ERR_ARGUMENT, "config is NULL");
    pmx_moe_config_t used;
    PMX_MOE_TRY(read_struct("pmx_moe_config_t", config, kFirstConfigBytes, &used));
    used.tile_rows = kTileRows;
    PMX_MOE_TRY(check_config(&used, n_ranks, shape_out));
    if (!shape_out->bf16) return fail(PMX_ERR_UNSUPPORTED, "dtype is not PMX_MOE_BF16: the GPU has no other");
    const int most_slices = kMostTerms - used.top_k; /* of the shared expert, by what a token sums up */
    if (used.shared_intermediate > most_slices * used.intermediate)
        return fail(PMX_ERR_UNSUPPORTED, "shared_intermediate is {}: the GPU has 0 to {}, {} times intermediate",
                    used.shared_intermediate, most_slices * used.intermediate, most_slices);
    if (shape_out->places > kMostPlaces)
        return fail(PMX_ERR_UNSUPPORTED, "{} is {}: the GPU has 1..{}", used.physical_experts ? "physical_experts" : "experts",
                    shape_out->places, kMostPlaces);
    return PMX_SUCCESS;
}

int make_object(const Shape& shape, std::unique_ptr<pmx_moe_gpu>* moe_out)
{
    auto moe = std::make_unique<pmx_moe_gpu>(shape);
    PMX_MOE_TRY(pmx_cuda_report("the size of sorting", want_placing(shape, moe->memory, &moe->placing)));
    *moe_out = std::move(moe);
    return PMX_SUCCESS;
}

/* The part of row_token that does not change. */
int number_tokens(const Layer& layer)
{
    if (layer.shared.n_slices == 0) return PMX_SUCCESS;
    std::vector<uint32_t> numbers(layer.shared.max_rows);
    std::iota(numbers.begin(), numbers.end(), 0u);
    return pmx_cuda_report("cudaMemcpy", cudaMemcpy(layer.plan.row_token + layer.shape.max_rows(), numbers.data(),
                                                    numbers.size() * sizeof numbers[0], cudaMemcpyHostToDevice));
}

int make_local(const pmx_moe_config_t* config, int n_ranks, std::unique_ptr<pmx_moe_gpu>* moe_out)
{
    Shape shape;
    PMX_MOE_TRY(check_gpu_config(config, n_ranks, &shape));
    pmx_gpu_info_t gpu{};
    gpu.size_bytes = sizeof gpu;
    PMX_MOE_TRY(pmx_gpu_query(&gpu));
    if (gpu.device < 0) return fail(PMX_ERR_UNSUPPORTED, "PMX_GPU is {}: the kernel needs cuda", gpu.kind);
    int device = 0, major = 0, n_fit = 0;
    PMX_MOE_TRY(pmx_cuda_report("cudaGetDevice", cudaGetDevice(&device)));
    PMX_MOE_TRY(pmx_cuda_report("cudaDeviceGetAttribute",
                                cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device)));
    if (major != 9)
        return fail(PMX_ERR_UNSUPPORTED, "the GPU has compute capability {}.x: the kernel is for 9.0", major);
    PMX_MOE_TRY(fit_forward(&n_fit));
    if (config->n_blocks > (unsigned)n_fit || n_fit < kLeastBlocks)
        return fail(PMX_ERR_ARGUMENT, "n_blocks is {}: {} run at the same time, and {} are the least", config->n_blocks,
                    n_fit, kLeastBlocks);
    std::unique_ptr<pmx_moe_gpu> moe;
    PMX_MOE_TRY(make_object(shape, &moe));
    moe->layer.activation = make_activation(shape.activation);
    moe->n_blocks = std::max(config->n_blocks ? (int)config->n_blocks : n_fit, kLeastBlocks) / kPair * kPair;
    PMX_MOE_TRY(moe->memory.allocate());
    PMX_MOE_TRY(number_tokens(moe->layer));
    PMX_MOE_TRY(pmx_cuda_report("cudaHostAlloc", cudaHostAlloc((void**)&moe->layer.error_host, sizeof(int32_t),
                                                               cudaHostAllocMapped)));
    *moe->layer.error_host = PMX_SUCCESS;
    *moe_out = std::move(moe);
    return PMX_SUCCESS;
}

/* A map for each of the boxes that hold rows of a tile. */
int make_box_maps(const void* base, size_t n_rows, size_t n_columns, CUtensorMap (&maps)[kNumBoxes])
{
    for (int i = 0; i < kNumBoxes; i++)
        PMX_MOE_TRY(make_map(base, n_rows, n_columns, n_columns, (uint32_t)kLeastBoxRows << i, &maps[i]));
    return PMX_SUCCESS;
}

int make_cells(pmx_moe_gpu* moe)
{
    const CellHeap heap = {"the heap of GPU memory", "PMX_GPU_HEAP_SIZE", pmx_gpu_heap_query, pmx_gpu_malloc};
    Layer& layer = moe->layer;
    const Shape& shape = layer.shape;
    const size_t n_values = 2 * (size_t)shape.places;
    PMX_MOE_TRY(allocate_cells(shape, heap, &moe->cells_sym, &layer.cells));
    PMX_MOE_TRY(pmx_malloc(n_values * sizeof(uint64_t), &moe->values_sym));
    layer.values_sym = (uint64_t*)moe->values_sym;
    auto clear = [](uint64_t* signals, size_t n) {
        return pmx_cuda_report("cudaMemset", cudaMemset(signals, 0, n * sizeof(uint64_t)));
    };
    PMX_MOE_TRY(clear(layer.cells.dispatch_signal(0, 0, 0), n_values));
    PMX_MOE_TRY(clear(layer.cells.combine_signal(0, 0), (size_t)shape.n_ranks * shape.region_tiles));
    PMX_MOE_TRY(pmx_cuda_report("cudaDeviceSynchronize", cudaDeviceSynchronize()));
    const size_t n_rows = (size_t)shape.n_ranks * shape.region_rows;
    const size_t n_act_rows = n_rows + (size_t)layer.shared.n_slices * layer.shared.max_rows;
    PMX_MOE_TRY(make_box_maps(layer.cells.dispatch_recv(0, 0), n_rows, (size_t)shape.hidden, layer.received));
    return make_box_maps(layer.act, n_act_rows, (size_t)shape.intermediate, layer.hidden);
}

int make_shared(const pmx_ctx_attr_t* attr, pmx_moe_gpu* moe)
{
    Layer& layer = moe->layer;
    PMX_MOE_TRY(make_cells(moe));
    PMX_MOE_TRY(pmx_barrier());
    PMX_MOE_TRY(pmx_rank(&layer.rank));
    return make_contexts(attr, pmx_gpu_handle, &moe->contexts, &layer.dispatch, &layer.combine);
}

int free_shared(pmx_moe_gpu* moe)
{
    return free_symmetric(free_symmetric(free_contexts(moe->contexts), moe->values_sym), moe->cells_sym);
}

/* What the last call has queued is counted when the proxy has taken it up, which is after the call. */
int settle(const pmx_moe_gpu* moe)
{
    PMX_MOE_TRY(pmx_quiet_on_stream(moe->contexts.dispatch, nullptr, nullptr));
    PMX_MOE_TRY(pmx_quiet_on_stream(moe->contexts.combine, nullptr, nullptr));
    return pmx_cuda_report("cudaStreamSynchronize", cudaStreamSynchronize(nullptr));
}

int check_call(const pmx_moe_gpu* moe, const Call& call, const int32_t* ids)
{
    const int max_tokens = moe->layer.shape.max_tokens;
    if (!moe->has_weights) return fail(PMX_ERR_STATE, "the layer has no weights: call pmx_moe_gpu_set_weights");
    if (call.n_tokens < 0 || call.n_tokens > max_tokens)
        return fail(PMX_ERR_ARGUMENT, "n_tokens is {}: must be 0 to max_tokens, {}", call.n_tokens, max_tokens);
    if (call.n_tokens == 0) return PMX_SUCCESS;
    if (!call.x || !call.y || !ids || !call.weights)
        return fail(PMX_ERR_ARGUMENT, "{} is NULL",
                    !call.x ? "x" : !call.y ? "the output" : !ids ? "ids" : "weights");
    if ((uintptr_t)call.x % 16 != 0 || (uintptr_t)call.y % 16 != 0)
        return fail(PMX_ERR_ADDRESS, "x is {} and the output {}: must be aligned to 16 bytes", call.x,
                    (const void*)call.y);
    return PMX_SUCCESS;
}

}  // namespace

int check_usable(const pmx_moe_gpu* moe)
{
    if (!moe) return fail(PMX_ERR_ARGUMENT, "moe is NULL");
    if (int err = *(volatile int32_t*)moe->layer.error_host)
        return fail((pmx_err_t)err, "the layer failed in an earlier call, {}: free it, and create another",
                    pmx_error_string(err));
    return PMX_SUCCESS;
}

}  // namespace pmx::moe::gpu

extern "C" {

int pmx_moe_gpu_bytes(const pmx_moe_config_t* config, int n_ranks, size_t* heap_bytes_out, size_t* local_bytes_out)
try {
    Shape shape;
    PMX_MOE_TRY(check_gpu_config(config, n_ranks, &shape));
    if (!heap_bytes_out || !local_bytes_out)
        return fail(PMX_ERR_ARGUMENT, "{} is NULL", heap_bytes_out ? "local_bytes_out" : "heap_bytes_out");
    std::unique_ptr<pmx_moe_gpu> moe;
    PMX_MOE_TRY(make_object(shape, &moe));
    *heap_bytes_out = make_layout(shape).total_bytes;
    *local_bytes_out = moe->memory.n_bytes();
    return PMX_SUCCESS;
} catch (const std::bad_alloc&) {
    return fail(PMX_ERR_MEMORY, "out of memory");
}

int pmx_moe_gpu_create(const pmx_moe_config_t* config, const pmx_ctx_attr_t* attr, pmx_moe_gpu_t* moe_out)
{
    return pmx::moe::create_layer<pmx_moe_gpu>(
        config, [&](int n_ranks, std::unique_ptr<pmx_moe_gpu>* made) { return make_local(config, n_ranks, made); },
        [&](pmx_moe_gpu* moe) { return make_shared(attr, moe); }, free_shared, moe_out);
}

int pmx_moe_gpu_forward_routed(pmx_moe_gpu_t moe, const void* x, int n_tokens, const int32_t* ids,
                               const float* weights, void* y_out, CUstream_st* stream)
{
    Call call = {{}, x, nullptr, weights, y_out, n_tokens};
    PMX_MOE_TRY(check_usable(moe));
    PMX_MOE_TRY(check_call(moe, call, ids));
    if (moe->layer.shared.n_slices > 0 && n_tokens > 0)
        PMX_MOE_TRY(make_box_maps(x, (size_t)n_tokens, (size_t)moe->layer.shape.hidden, call.rows));
    PMX_MOE_TRY(pmx_cuda_report("the places of a call",
                                launch_placing(moe->layer.shape, moe->placing, moe->layer.rank, ids, weights, n_tokens,
                                               &call.places, stream)));
    PMX_MOE_TRY(pmx_cuda_report("the plan of a call", launch_plan(moe->layer, call, stream)));
    PMX_MOE_TRY(launch_forward(moe->layer, call, moe->n_blocks, stream));
    moe->forwards++;
    return PMX_SUCCESS;
}

int pmx_moe_gpu_status(pmx_moe_gpu_t moe) { return check_usable(moe); }

int pmx_moe_gpu_counters_get(pmx_moe_gpu_t moe, pmx_moe_counters_t* counters_out)
{
    if (!moe || !counters_out) return fail(PMX_ERR_ARGUMENT, "{} is NULL", moe ? "counters_out" : "moe");
    PMX_MOE_TRY(settle(moe));
    pmx_moe_counters_t own{};
    uint32_t n_tiles = 0, n_shared_tiles = 0;
    unsigned long long n_dropped = 0;
    auto get = [](auto* value_out, const auto* from) {
        return pmx_cuda_report("cudaMemcpy", cudaMemcpy(value_out, from, sizeof *value_out, cudaMemcpyDeviceToHost));
    };
    PMX_MOE_TRY(get(&n_tiles, &moe->layer.work->tiles_done));
    PMX_MOE_TRY(get(&n_shared_tiles, &moe->layer.work->n_shared_tiles));
    PMX_MOE_TRY(get(&n_dropped, moe->placing.n_dropped));
    own.forwards = moe->forwards;
    own.tiles = n_tiles - n_shared_tiles;
    own.dropped = n_dropped;
    return pmx::moe::read_counters(moe->contexts, own, counters_out);
}

int pmx_moe_gpu_counters_reset(pmx_moe_gpu_t moe)
{
    if (!moe) return fail(PMX_ERR_ARGUMENT, "moe is NULL");
    PMX_MOE_TRY(settle(moe));
    PMX_MOE_TRY(pmx::moe::reset_counters(moe->contexts));
    PMX_MOE_TRY(pmx_cuda_report("cudaMemset", cudaMemset(moe->placing.n_dropped, 0, sizeof *moe->placing.n_dropped)));
    moe->forwards = 0;
    return PMX_SUCCESS;
}

int pmx_moe_gpu_times_get(pmx_moe_gpu_t moe, pmx_moe_gpu_times_t* times_out)
{
    if (!moe || !times_out) return fail(PMX_ERR_ARGUMENT, "{} is NULL", moe ? "times_out" : "moe");
    if (times_out->size_bytes < sizeof *times_out)
        return fail(PMX_ERR_ARGUMENT, "size_bytes of pmx_moe_gpu_times_t is {}: must be {}", times_out->size_bytes,
                    sizeof *times_out);
    uint64_t ns[kNumMilestones];
    PMX_MOE_TRY(pmx_cuda_report("cudaMemcpy",
                                cudaMemcpy(ns, moe->layer.work->reached_ns, sizeof ns, cudaMemcpyDeviceToHost)));
    *times_out = {sizeof *times_out, ns[kBegun], ns[kPacked], ns[kMultiplied], ns[kCombined]};
    return PMX_SUCCESS;
}

int pmx_moe_gpu_free(pmx_moe_gpu_t moe)
{
    if (!moe) return PMX_SUCCESS;
    int err = free_shared(moe);
    delete moe;
    return err;
}

}  // extern "C"
