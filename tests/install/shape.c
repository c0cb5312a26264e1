/* SPDX-License-Identifier: BSD-3-Clause */
/* An installed pmx-moe from C: the checks of a shape need no job. */
#include <pmx_moe.h>
#include <stdio.h>

int main(void)
{
    pmx_moe_config_t config = {.size_bytes = sizeof config, .hidden = 64, .intermediate = 32, .experts = 8,
                               .top_k = 2, .max_tokens = 16, .dtype = PMX_MOE_BF16, .renormalise = 1};
    size_t n_bytes = 0;
    int good = pmx_moe_check(&config, 4);
    if (good == PMX_SUCCESS) good = pmx_moe_heap_bytes(&config, 4, &n_bytes);
    int bad = pmx_moe_check(&config, 3);
    printf("4 ranks %d, 3 ranks %d, heap %s\n", good, bad, n_bytes > 0 ? "some" : "none");
    return 0;
}
