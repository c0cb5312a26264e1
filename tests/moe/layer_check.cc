/* SPDX-License-Identifier: BSD-3-Clause */
/* layer_check: one job of ranks runs small layers in all order and signal modes. Fails unless results are
 * near the oracle, the same bits in all modes and calls, and the counters equal their formula. Prints for
 * each case a hash of all results of all ranks, for the script to compare between jobs.
 *
 *   layer_check [blocks=N] [flip] [env]
 *     blocks=N   host blocks of the kernels (0: the default)
 *     flip       one weight of rank 0 is changed: the check must fail
 *     env        only the mode that the environment sets */
#include <cstdio>
#include <cstdlib>
#include <string>

#include "moe/layer.h"
#include "tests/moe/model.h"

namespace {

int rank, size, n_network;
int n_bad = 0;
unsigned n_blocks = 0;
bool flip = false, from_env = false;

void must(int err, const char* what)
{
    if (!err) return;
    fprintf(stderr, "rank %d: %s: %d %s\n", rank, what, err, pmx_last_error_detail());
    exit(1);
}

void bad(const char* name, const std::string& mode, const char* what, double seen, double expected)
{
    fprintf(stderr, "rank %d: %s, %s: %s is %g, expected %g\n", rank, name, mode.c_str(), what, seen,
            expected);
    n_bad++;
}

struct Case {
    const char* name;
    int hidden, intermediate, experts, top_k;
    pmx_moe_dtype_t dtype;
    int tile_rows;
    int (*n_tokens)(int rank);
    bool one_expert;     /* all tokens go to the last expert; else the router decides */
    uint64_t first_call; /* number of the call before the first */
    void (*features)(pmx_moe_config_t&) = [](pmx_moe_config_t&) {};
    bool masked = false; /* the routing is given, with a third of the choices masked */
    bool copies = false; /* experts have copies, and places are empty: places_of */

    bool routed() const { return one_expert || masked; }
};

constexpr int kMaxTokens = 50;
constexpr int kCalls = 3; /* of each layer: the same input, the same bits; the second in steps */

const Case cases[] = {
    {"equal counts", 64, 48, 24, 4, PMX_MOE_FP32, 0, [](int) { return 33; }, false, 0},
    {"different counts", 128, 64, 24, 3, PMX_MOE_BF16, 8, [](int r) { return (r * 11 + 5) % 40; }, false, 0},
    {"ranks without tokens", 64, 48, 24, 2, PMX_MOE_FP32, 5, [](int r) { return r % 2 ? 17 : 0; }, false, 0},
    {"all to one expert", 256, 80, 24, 1, PMX_MOE_BF16, 16, [](int r) { return 50 - r; }, true, 0},
    {"k = E, past the last tag", 64, 64, 24, 24, PMX_MOE_FP32, 3, [](int r) { return 4 + r % 2; }, false,
     65532},
    {"no tokens at all", 16, 16, 24, 1, PMX_MOE_BF16, 1, [](int) { return 0; }, false, 0},
    {"as GPT-OSS", 80, 80, 24, 4, PMX_MOE_BF16, 8, [](int r) { return 40 - 9 * (r % 4); }, false, 0,
     [](auto& c) { c.activation = PMX_MOE_SWIGLU_CLAMPED, c.scores = PMX_MOE_SOFTMAX_CHOSEN; }},
    {"as DeepSeek-V3", 64, 32, 24, 4, PMX_MOE_FP32, 8, [](int r) { return 13 * (r % 3); }, false, 0,
     [](auto& c) { c.scores = PMX_MOE_SIGMOID, c.groups = 6, c.groups_kept = 3, c.scale = 2.5f; }},
    {"as Llama 4", 64, 48, 24, 1, PMX_MOE_BF16, 16, [](int r) { return 21 + r; }, false, 0,
     [](auto& c) { c.scores = PMX_MOE_SIGMOID, c.weight_on_input = 1, c.renormalise = 0; }},
    {"masked, no gate", 64, 48, 24, 3, PMX_MOE_FP32, 8, [](int r) { return 18 - r; }, false, 0,
     [](auto& c) { c.activation = PMX_MOE_GELU; }, true},
    {"shared expert", 64, 48, 24, 2, PMX_MOE_BF16, 8, [](int r) { return 6 * r + 1; }, false, 0,
     [](auto& c) { c.shared_intermediate = 96; }},
    {"capacity", 64, 48, 24, 4, PMX_MOE_FP32, 4, [](int r) { return 40 - r; }, false, 0,
     [](auto& c) { c.capacity = 5; }},
    {"copies of experts", 64, 48, 22, 4, PMX_MOE_FP32, 8, [](int r) { return 30 - r; }, false, 0,
     [](auto& c) { c.physical_experts = 48, c.capacity = 7, c.drop = PMX_MOE_DROP_LATEST; }, false, true},
};

struct Mode {
    pmx_order_t order;
    int signals;
    std::string name;
};

std::vector<Mode> modes()
{
    if (from_env) return {{PMX_ORDER_AUTO, -1, "mode of the environment"}};
    std::vector<Mode> all;
    const char* orders[] = {"", "stall-all", "stall-rank", "deferred", "fence", "ordered", "counted"};
    for (int order = PMX_ORDER_STALL_ALL; order <= PMX_ORDER_COUNTED; order++)
        for (int signals : {PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED})
            all.push_back(
                {(pmx_order_t)order, signals,
                 std::string(orders[order]) + (signals == PMX_SIGNALS_COUPLED ? " coupled" : " grouped")});
    return all;
}

/* 48 places for 22 experts: 0 has three, 1 to 20 have two, 21 has one, and the rest are empty. */
std::vector<int32_t> places_of(const Case& c)
{
    std::vector<int32_t> map(48, -1);
    for (int p = 0; p < 44; p++) map[(size_t)(7 * p % 48)] = p == 43 ? 0 : p % c.experts;
    return map;
}

/* What one rank holds of a case. */
struct Input {
    Input(const Case& c, const pmx_moe_config_t& config)
        : model(config),
          used(config),
          n_tokens(c.n_tokens(rank)),
          x(model.tokens(rank, n_tokens)),
          expected((size_t)n_tokens * (size_t)c.hidden)
    {
        if (flip && rank == 0) used.down[0][c.dtype == PMX_MOE_BF16 ? 1 : 3] ^= 0x40;
        const size_t n_choices = (size_t)(n_tokens * c.top_k);
        if (c.routed()) weights.assign(n_choices, 0.75f);
        if (c.one_expert) ids.assign(n_choices, c.experts - 1);
        /* The first group of tokens of rank 0 has no choice at all. */
        for (size_t i = 0; c.masked && i < n_choices; i++)
            ids.push_back(
                (i + (size_t)rank) % 3 == 0 || (rank == 0 && i < 48) ? -1 : (int)(7 * i + 1) % c.experts);
        must(model.reference(x, n_tokens, c.routed() ? ids.data() : nullptr,
                             c.routed() ? weights.data() : nullptr, expected.data()),
             "the oracle");
    }

    model::Model model, used;
    int n_tokens;
    model::Bytes x;
    std::vector<int32_t> ids;
    std::vector<float> weights;
    std::vector<double> expected;
};

/* Rows of one call of this rank that are more than the capacity of their expert. */
uint64_t over_capacity(pmx_moe_t moe, const Input& in)
{
    const size_t n = (size_t)(in.n_tokens * moe->shape.top_k);
    std::vector<int32_t> ids(n);
    std::vector<float> weights(n);
    must(pmx_moe_route(moe, in.x.data(), in.n_tokens, ids.data(), weights.data()), "pmx_moe_route");
    std::vector<uint64_t> rows((size_t)moe->shape.experts);
    uint64_t over = 0;
    for (int32_t id : ids) over += ++rows[(size_t)id] > (uint64_t)moe->shape.capacity;
    return over;
}

/* Per call and rank: a put and a signal for each expert of another rank, and an order point for each
 * of them (coupled) or for each other rank (grouped). */
void check_counters(const Case& c, const Mode& mode, pmx_moe_t moe, const Input& in)
{
    pmx_moe_counters_t n{};
    n.size_bytes = sizeof n;
    must(pmx_moe_counters_get(moe, &n), "counters");
    pmx_ctx_attr_t attr{};
    attr.size_bytes = sizeof attr;
    must(pmx_ctx_query(moe->contexts.dispatch, &attr), "attributes");
    const uint64_t sent = (uint64_t)(kCalls * n_network * (moe->shape.places / size));
    const uint64_t points = attr.signals == PMX_SIGNALS_COUPLED ? sent : (uint64_t)(kCalls * n_network);
    const bool never_stalls = attr.order >= PMX_ORDER_DEFERRED;
    auto equal = [&](const char* what, uint64_t seen, uint64_t expected) {
        if (seen != expected) bad(c.name, mode.name, what, (double)seen, (double)expected);
    };
    equal("forwards", n.forwards, kCalls);
    equal("dispatch puts", n.dispatch.puts, sent);
    equal("dispatch signals", n.dispatch.signals, sent);
    equal("dispatch order points", n.dispatch.order_points, points);
    equal("combine puts less combine signals", n.combine.puts - n.combine.signals, 0);
    equal("errors", n.dispatch.errors + n.combine.errors, 0);
    if (never_stalls) equal("stalls", n.dispatch.stalls + n.combine.stalls, 0);
    if (!c.routed()) equal("dropped rows", n.dropped, kCalls * over_capacity(moe, in));
}

/* y: x, then the results. split: in four steps. */
int call(const Case& c, pmx_moe_t moe, const Input& in, bool split, model::Bytes& y)
{
    const int32_t* ids = c.routed() ? in.ids.data() : nullptr;
    const float* weights = c.routed() ? in.weights.data() : nullptr;
    if (!split)
        return c.routed() ? pmx_moe_forward_routed(moe, y.data(), in.n_tokens, ids, weights, y.data())
                          : pmx_moe_forward(moe, y.data(), in.n_tokens, y.data());
    int err = pmx_moe_dispatch_begin(moe, y.data(), in.n_tokens, ids, weights);
    if (!err) err = pmx_moe_dispatch_end(moe);
    if (!err) err = pmx_moe_combine_begin(moe);
    return err ? err : pmx_moe_combine_end(moe, y.data());
}

/* The hash of the results of this rank; 0 when the transport does not know the mode. */
uint64_t run_mode(const Case& c, const pmx_moe_config_t& config, const Mode& mode, Input& in)
{
    pmx_ctx_attr_t attr{sizeof attr, mode.order, mode.signals, 0};
    pmx_moe_t moe = nullptr;
    int err = pmx::moe::create(&config, from_env ? nullptr : &attr, &moe);
    if (err == PMX_ERR_UNSUPPORTED) return 0;
    must(err, "pmx_moe_create");
    const std::vector<int32_t> map = c.copies ? places_of(c) : std::vector<int32_t>();
    const int n_places = moe->shape.local_experts;
    pmx_moe_weights_t weights = in.used.weights(rank * n_places, n_places, c.copies ? map.data() : nullptr);
    must(pmx_moe_set_weights(moe, &weights), "pmx_moe_set_weights");
    moe->call = c.first_call;
    uint64_t first = 0;
    for (int i = 0; i < kCalls; i++) {
        model::Bytes y = in.x;
        must(call(c, moe, in, i == 1, y), (std::string(c.name) + ", " + mode.name).c_str());
        const uint64_t hash = model::hash(y) | 1;
        if (i == 0) first = hash;
        if (hash != first) bad(c.name, mode.name, "same bits as in the first call", 0, 1);
        const double limit = c.dtype == PMX_MOE_BF16 ? 1e-2 : 1e-5;
        const double error = model::relative_error(y, in.expected, (size_t)c.hidden, c.dtype == PMX_MOE_BF16);
        if (!(error < limit)) bad(c.name, mode.name, "relative error", error, limit);
    }
    check_counters(c, mode, moe, in);
    must(pmx_moe_free(moe), "pmx_moe_free");
    return first;
}

/* Rank 0 gets the hashes of all ranks in words_sym and prints one of them all. */
void print_hash(const Case& c, uint64_t own, uint64_t* words_sym, int n_modes)
{
    must(pmx_signal_set(PMX_CTX_DEFAULT, words_sym + rank, own, 0), "pmx_signal_set");
    if (rank != 0) return;
    uint64_t all = 0;
    for (int r = 0; r < size; r++) {
        uint64_t word;
        must(pmx_signal_wait(PMX_CTX_DEFAULT, words_sym + r, PMX_CMP_NE, 0, r, 0, &word), "pmx_signal_wait");
        all = all * UINT64_C(0x100000001b3) + word;
    }
    printf("%s: %016llx in %d modes\n", c.name, (unsigned long long)all, n_modes);
}

void run_case(const Case& c, uint64_t* words_sym)
{
    pmx_moe_config_t config =
        model::config(c.hidden, c.intermediate, c.experts, c.top_k, kMaxTokens, c.dtype);
    config.tile_rows = c.tile_rows;
    config.n_blocks = n_blocks;
    c.features(config);
    Input in(c, config);
    uint64_t first = 0;
    int n_modes = 0;
    for (const Mode& mode : modes()) {
        const uint64_t hash = run_mode(c, config, mode, in);
        if (!hash) continue;
        n_modes++;
        if (!first) first = hash;
        if (hash != first) bad(c.name, mode.name, "same bits as in the first mode", 0, 1);
    }
    print_hash(c, first, words_sym, n_modes);
}

}  // namespace

int main(int argc, char** argv)
{
    for (int i = 1; i < argc; i++) {
        const std::string word = argv[i];
        if (word == "flip") flip = true;
        if (word == "env") from_env = true;
        if (word.rfind("blocks=", 0) == 0) n_blocks = (unsigned)atoi(argv[i] + 7);
    }
    must(pmx_init(), "pmx_init");
    must(pmx_rank(&rank), "pmx_rank");
    must(pmx_size(&size), "pmx_size");
    pmx_transport_info_t transport{};
    transport.size_bytes = sizeof transport;
    must(pmx_transport_query(&transport), "pmx_transport_query");
    n_network = transport.n_network_ranks;
    if (rank == 0)
        fprintf(stderr, "%d ranks, transport %s %s\n", size, transport.transport, transport.provider);
    const size_t n_cases = sizeof cases / sizeof *cases;
    void* words_sym;
    must(pmx_calloc(n_cases * (size_t)size, sizeof(uint64_t), &words_sym), "pmx_calloc");
    for (size_t i = 0; i < n_cases; i++) run_case(cases[i], (uint64_t*)words_sym + i * (size_t)size);
    must(pmx_free(words_sym), "pmx_free");
    must(pmx_finalize(), "pmx_finalize");
    return n_bad != 0;
}
