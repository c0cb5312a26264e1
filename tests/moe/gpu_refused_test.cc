/* SPDX-License-Identifier: BSD-3-Clause */
/* Where there is no GPU for it, the layer of pmx_moe_gpu.h is refused with a reason, by each of its calls. */
#include <cstring>
#include <initializer_list>

#include "pmx_moe_gpu.h"
#include "tests/moe/unit.h"

namespace {

pmx_moe_config_t good()
{
    pmx_moe_config_t config{};
    config.size_bytes = sizeof config;
    config.hidden = 64;
    config.intermediate = 32;
    config.experts = 4;
    config.top_k = 2;
    config.max_tokens = 16;
    return config;
}

void a_layer_is_refused_with_the_reason(void**)
{
    pmx_moe_gpu_t moe = nullptr;
    const pmx_moe_config_t config = good();
    assert_int_equal(pmx_init(), PMX_SUCCESS);
    assert_int_equal(pmx_moe_gpu_create(&config, nullptr, &moe), PMX_ERR_UNSUPPORTED);
    assert_null(moe);
    assert_non_null(strstr(pmx_last_error_detail(), "GPU"));
    assert_int_equal(pmx_finalize(), PMX_SUCCESS);
}

/* Without CUDA in the build they say so; with it they ask for a layer. */
void calls_without_a_layer_are_refused(void**)
{
    pmx_moe_counters_t counters{};
    pmx_moe_gpu_times_t times{};
    pmx_moe_weights_t weights{};
    for (int err : {pmx_moe_gpu_set_weights(nullptr, &weights), pmx_moe_gpu_status(nullptr),
                    pmx_moe_gpu_forward_routed(nullptr, nullptr, 0, nullptr, nullptr, nullptr, nullptr),
                    pmx_moe_gpu_counters_get(nullptr, &counters), pmx_moe_gpu_counters_reset(nullptr),
                    pmx_moe_gpu_times_get(nullptr, &times)})
        assert_true(err == PMX_ERR_UNSUPPORTED || err == PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_moe_gpu_free(nullptr), PMX_SUCCESS);
}

void a_layer_that_the_kernel_does_not_compute_is_refused(void**)
{
    size_t heap_bytes = 0, local_bytes = 0;
    pmx_moe_config_t config = good();
    if (pmx_moe_gpu_bytes(&config, 2, &heap_bytes, &local_bytes) == PMX_ERR_UNSUPPORTED) skip();
    assert_true(heap_bytes > 0 && local_bytes > 0);
    config.dtype = PMX_MOE_FP32;
    assert_int_equal(pmx_moe_gpu_bytes(&config, 2, &heap_bytes, &local_bytes), PMX_ERR_UNSUPPORTED);
    config = good();
    config.shared_intermediate = 63 * config.intermediate;
    assert_int_equal(pmx_moe_gpu_bytes(&config, 2, &heap_bytes, &local_bytes), PMX_ERR_UNSUPPORTED);
    config = good();
    config.physical_experts = 1026;
    assert_int_equal(pmx_moe_gpu_bytes(&config, 2, &heap_bytes, &local_bytes), PMX_ERR_UNSUPPORTED);
    config = good();
    config.experts = 1026;
    assert_int_equal(pmx_moe_gpu_bytes(&config, 2, &heap_bytes, &local_bytes), PMX_ERR_UNSUPPORTED);
    config = good();
    config.hidden = 40;
    assert_int_equal(pmx_moe_gpu_bytes(&config, 2, &heap_bytes, &local_bytes), PMX_ERR_ARGUMENT);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_is_refused_with_the_reason),
        cmocka_unit_test(calls_without_a_layer_are_refused),
        cmocka_unit_test(a_layer_that_the_kernel_does_not_compute_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
