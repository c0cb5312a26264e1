/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/agree.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "moe/error.h"
#include "moe/versions.h"

namespace pmx::moe {

namespace {

constexpr const char* kNames[] = {
    "hidden",   "intermediate", "experts",          "top_k",           "max_tokens",
    "dtype",    "renormalise",  "tile_rows",        "n_blocks",        "activation",
    "scores",   "groups",       "groups_kept",      "weight_on_input", "shared_intermediate",
    "capacity", "drop",         "physical_experts", "scale",           "status"};
constexpr int kNumWords = (int)(sizeof kNames / sizeof *kNames);
constexpr int kStatus = kNumWords - 1;
constexpr int kScale = kNumWords - 2;            /* the bits of a float, the others are integers */
constexpr uint64_t kPresent = UINT64_C(1) << 63; /* a word that has come is never 0 */

using Words = std::array<uint64_t, kNumWords>;

Words words_of(const pmx_moe_config_t* given, int own_err)
{
    Words words{};
    pmx_moe_config_t c;
    if (given && !read_struct("pmx_moe_config_t", given, kFirstConfigBytes, &c)) {
        const int fields[] = {
            c.hidden,   c.intermediate, c.experts,         c.top_k,           c.max_tokens,
            c.dtype,    c.renormalise,  c.tile_rows,       (int)c.n_blocks,   c.activation,
            c.scores,   c.groups,       c.groups_kept,     c.weight_on_input, c.shared_intermediate,
            c.capacity, c.drop,         c.physical_experts};
        static_assert(sizeof fields / sizeof *fields == kScale);
        std::transform(std::begin(fields), std::end(fields), words.begin(),
                       [](int field) { return (uint32_t)field; });
        words[kScale] = std::bit_cast<uint32_t>(c.scale);
    }
    words[kStatus] = (uint64_t)-own_err;
    for (uint64_t& word : words) word |= kPresent;
    return words;
}

std::string text_of(int field, uint64_t word)
{
    if (field == kScale) return fmt::format("{}", std::bit_cast<float>((uint32_t)word));
    return fmt::format("{}", (int32_t)word);
}

/* What rank differs in from this rank; 0 when in nothing. */
int compare(const Words& own, const uint64_t* theirs, int rank)
{
    for (int i = 0; i < kStatus; i++)
        if (theirs[i] != own[(size_t)i])
            return fail(PMX_ERR_MISMATCH,
                        "{} is {} here and {} on rank {}: all ranks must pass the same config", kNames[i],
                        text_of(i, own[(size_t)i]), text_of(i, theirs[i]), rank);
    if (theirs[kStatus] == kPresent) return PMX_SUCCESS;
    pmx_err_t err = (pmx_err_t) - (int)(theirs[kStatus] & ~kPresent);
    return fail(err, "rank {} cannot create the layer: {}", rank, pmx_error_string(err));
}

int exchange(const Words& own, uint64_t* words_sym, int rank, int size)
{
    for (int i = 1; i <= size; i++) {
        int dst = (rank + i) % size;
        for (int w = 0; w < kNumWords; w++)
            PMX_MOE_TRY(
                pmx_signal_set(PMX_CTX_DEFAULT, words_sym + rank * kNumWords + w, own[(size_t)w], dst));
    }
    for (int src = 0; src < size; src++)
        for (int w = 0; w < kNumWords; w++)
            PMX_MOE_TRY(pmx_signal_wait(PMX_CTX_DEFAULT, words_sym + src * kNumWords + w, PMX_CMP_NE, 0, src,
                                        0, nullptr));
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
