/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_check.h: compares the result of this rank with the oracle. */
#pragma once

#include <functional>

#include "moe_device.h"
#include "moe_inputs.h"

namespace pmx::tools {

struct CheckResult {
    /* Largest |y - oracle| / |oracle| of a token in the 2-norm; infinite for a result that is not finite. */
    double max_rel_err = 0;
    /* Tokens where the oracle chose another expert that is as good: see near_tie() in moe_check.cc. */
    int near_ties = 0;
};

/* Below this a result is right. */
double error_limit(pmx_moe_dtype_t dtype);

/* n of the tokens, evenly spread; all when there are no more. */
OwnTokens sample_tokens(const OwnTokens& own, int n, const pmx_moe_config_t& config);

/* progress: called with the number of experts that the oracle has gone through. */
Status check_tokens(const MoeInputs& inputs, const pmx_moe_config_t& config, const OwnTokens& own,
                    const std::function<void(int n_done, int n_all)>& progress, CheckResult& result_out);

}  // namespace pmx::tools
