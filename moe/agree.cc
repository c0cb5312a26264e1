/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/agree.h"

#include <array>
#include <string>

#include "moe/error.h"

namespace pmx::moe {

namespace {

constexpr const char* kNames[] = {"hidden", "intermediate", "experts",     "top_k",     "max_tokens",
                                  "dtype",  "renormalise",  "tile_rows", "n_blocks", "status"};
constexpr int kNumWords = (int)(sizeof kNames / sizeof *kNames);
constexpr int kStatus = kNumWords - 1;
constexpr uint64_t kPresent = UINT64_C(1) << 63; /* a word that has come is never 0 */

using Words = std::array<uint64_t, kNumWords>;

Words words_of(const pmx_moe_config_t* config, int own_err)
{
    Words words{};
    if (config && config->size_bytes >= sizeof *config)
        words = {(uint32_t)config->hidden,      (uint32_t)config->intermediate, (uint32_t)config->experts,
                 (uint32_t)config->top_k,       (uint32_t)config->max_tokens,   (uint32_t)config->dtype,
                 (uint32_t)config->renormalise, (uint32_t)config->tile_rows,    config->n_blocks};
    words[kStatus] = (uint64_t)-own_err;
    for (uint64_t& word : words) word |= kPresent;
    return words;
}

/* What rank differs in from this rank; 0 when in nothing. */
int compare(const Words& own, const uint64_t* theirs, int rank)
{
    for (int i = 0; i < kStatus; i++)
        if (theirs[i] != own[(size_t)i])
            return fail(PMX_ERR_MISMATCH, "{} is {} here and {} on rank {}: all ranks must pass the same config",
                        kNames[i], (int32_t)own[(size_t)i], (int32_t)theirs[i], rank);
    if (theirs[kStatus] == kPresent) return PMX_SUCCESS;
    pmx_err_t err = (pmx_err_t)-(int)(theirs[kStatus] & ~kPresent);
    return fail(err, "rank {} cannot create the layer: {}", rank, pmx_error_string(err));
}

int exchange(const Words& own, uint64_t* words_sym, int rank, int size)
{
    for (int i = 1; i <= size; i++) {
        int dst = (rank + i) % size;
        for (int w = 0; w < kNumWords; w++)
            PMX_MOE_TRY(pmx_signal_set(PMX_CTX_DEFAULT, words_sym + rank * kNumWords + w, own[(size_t)w], dst));
    }
    for (int src = 0; src < size; src++)
        for (int w = 0; w < kNumWords; w++)
            PMX_MOE_TRY(pmx_signal_wait(PMX_CTX_DEFAULT, words_sym + src * kNumWords + w, PMX_CMP_NE, 0, src, 0,
                                        nullptr));
    return PMX_SUCCESS;
}

}  // namespace

int agree(const pmx_moe_config_t* config, int own_err)
{
    const std::string own_detail = pmx_last_error_detail();
    int rank, size;
    void* memory = nullptr;
    PMX_MOE_TRY(pmx_rank(&rank));
    PMX_MOE_TRY(pmx_size(&size));
    PMX_MOE_TRY(pmx_calloc((size_t)size * kNumWords, sizeof(uint64_t), &memory));
    uint64_t* words_sym = (uint64_t*)memory;
    const Words own = words_of(config, own_err);
    int err = exchange(own, words_sym, rank, size);
    if (!err && own_err) err = pmx_error_report(own_err, own_detail.c_str());
    for (int src = 0; src < size && !err; src++) err = compare(own, words_sym + src * kNumWords, src);
    const std::string detail = pmx_last_error_detail();
    int free_err = pmx_free(memory);
    return err ? pmx_error_report(err, detail.c_str()) : free_err;
}

}  // namespace pmx::moe
