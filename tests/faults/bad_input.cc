/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad input to every call: a code, one line that names the call, and nothing is changed. A row is a call with
 * arguments of which one is bad, made by all ranks alike. bad_input --calls prints the names in the table, and
 * bad_input --errors each with a code, for the script that compares them with api/calls.def.
 *
 * Arguments are numbers or addresses of every bad kind: null, misaligned, foreign (memory that is not
 * symmetric), freed, out of range, and such that a sum or product of them overflows. */
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "config.h"
#include "pmx_atomics.h"
#include "pmx_device.h"
#include "pmx_gpu.h"
#include "pmx_job.h"
#include "pmx_rma.h"
#include "pmx_team.h"
#if HAVE_OPENBLAS
#include "pmx_moe.h"
#endif

namespace {

struct Row {
    const char* call;
    const char* what;
    int code;
    std::function<int()> make;
};

/* What calls are given. Filled after pmx_init. */
struct World {
    char* heap = nullptr;
    size_t heap_bytes = 0;
    uint64_t* word = nullptr; /* symmetric, 4096 bytes */
    void* freed = nullptr;
    pmx_ctx_t gone_ctx = nullptr;
    pmx_group_t gone_group = nullptr;
    pmx_team_t gone_team = nullptr, world = nullptr;
    uint64_t foreign[8] = {};
    uint64_t* odd = nullptr;    /* misaligned, in the heap */
    char* before = nullptr;     /* one byte before the heap */
    uint64_t* beyond = nullptr; /* just past the heap */
    uint64_t* last = nullptr;   /* the last 8 bytes of the heap */
    void* untouched = nullptr;  /* for out-arguments; equal to mark when a call has not written */
} w;
char mark;

pmx_ctx_t wild_ctx() { return reinterpret_cast<pmx_ctx_t>(uintptr_t{0x10}); }
constexpr pmx_sigop_t kBadOp = static_cast<pmx_sigop_t>(2);
constexpr pmx_cmp_t kBadCmp = static_cast<pmx_cmp_t>(-1);
constexpr pmx_ctx_t kCtx = PMX_CTX_DEFAULT;
constexpr uint64_t kNow = 1; /* ns */
uint64_t seen;
int hit;

template <typename Struct>
Struct* sized(size_t n_bytes)
{
    static Struct s;
    std::memset(static_cast<void*>(&s), 0, sizeof s);
    s.size_bytes = n_bytes;
    return &s;
}

template <typename Query, typename Struct>
void struct_rows(std::vector<Row>& rows, const char* call, Query query, Struct*)
{
    rows.push_back({call, "NULL", PMX_ERR_ARGUMENT, [=] { return query(static_cast<Struct*>(nullptr)); }});
    rows.push_back({call, "size_bytes 0", PMX_ERR_ARGUMENT, [=] { return query(sized<Struct>(0)); }});
    rows.push_back({call, "size_bytes 4", PMX_ERR_ARGUMENT, [=] { return query(sized<Struct>(4)); }});
}

/* For a call on a context: one that never was, and one that was freed. */
void ctx_rows(std::vector<Row>& rows, const char* call, std::function<int(pmx_ctx_t)> with)
{
    rows.push_back({call, "foreign ctx", PMX_ERR_ARGUMENT, [=] { return with(wild_ctx()); }});
    rows.push_back({call, "freed ctx", PMX_ERR_ARGUMENT, [=] { return with(w.gone_ctx); }});
}
void rank_rows(std::vector<Row>& rows, const char* call, std::function<int(int)> with,
               bool any_allowed = false)
{
    int size = 0;
    pmx_size(&size);
    for (int rank : {any_allowed ? -2 : -1, size, INT32_MAX, INT32_MIN})
        rows.push_back({call, "no such rank", PMX_ERR_RANK, [=] { return with(rank); }});
}
/* A range of the heap: an address and a number of bytes from there. */
void range_rows(std::vector<Row>& rows, const char* call, std::function<int(void*, size_t)> with)
{
    const std::pair<void*, size_t> bad[] = {
        {nullptr, 8},       {w.foreign, 8},         {w.beyond, 1},  {w.last, 9}, {w.heap, w.heap_bytes + 1},
        {w.heap, SIZE_MAX}, {w.word, SIZE_MAX - 7}, {w.before, 8}};
    for (auto [p, n] : bad)
        rows.push_back({call, "not in the heap", PMX_ERR_ADDRESS, [=] { return with(p, n); }});
}
void signal_rows(std::vector<Row>& rows, const char* call, std::function<int(uint64_t*)> with)
{
    for (uint64_t* bad : {static_cast<uint64_t*>(nullptr), w.foreign, w.odd, w.beyond})
        rows.push_back({call, "no signal", PMX_ERR_ADDRESS, [=] { return with(bad); }});
}

void general(std::vector<Row>& rows)
{
    rows.push_back({"pmx_version", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_version(nullptr); }});
    rows.push_back({"pmx_abi_version", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_abi_version(nullptr); }});
    rows.push_back({"pmx_error_class", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_error_class(0, nullptr); }});
    rows.push_back(
        {"pmx_error_class", "no such code", PMX_ERR_ARGUMENT, [] { return pmx_error_class(1, &hit); }});
    rows.push_back({"pmx_error_class", "no such code", PMX_ERR_ARGUMENT,
                    [] { return pmx_error_class(INT32_MIN, &hit); }});
    rows.push_back({"pmx_initialized", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_initialized(nullptr); }});
    rows.push_back({"pmx_init", "twice", PMX_ERR_STATE, [] { return pmx_init(); }});
    rows.push_back({"pmx_param_set", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_param_set(nullptr, "1"); }});
    rows.push_back(
        {"pmx_param_set", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_param_set("QUEUES", nullptr); }});
    rows.push_back({"pmx_param_set", "while up", PMX_ERR_STATE, [] { return pmx_param_set("QUEUES", "2"); }});
    rows.push_back({"pmx_param_get", "NULL", PMX_ERR_ARGUMENT, [] {
                        char t[8];
                        return pmx_param_get(nullptr, t, 8);
                    }});
    rows.push_back(
        {"pmx_param_get", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_param_get("QUEUES", nullptr, 8); }});
    rows.push_back({"pmx_param_get", "no room", PMX_ERR_ARGUMENT, [] {
                        char t[1];
                        return pmx_param_get("QUEUES", t, 0);
                    }});
    rows.push_back({"pmx_param_get", "no such name", PMX_ERR_PARAM, [] {
                        char t[8];
                        return pmx_param_get("", t, 8);
                    }});
    rows.push_back({"pmx_param_list", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_param_list(0, nullptr); }});
    for (int index : {-1, 1000, INT32_MAX, INT32_MIN})
        rows.push_back({"pmx_param_list", "no such index", PMX_ERR_ARGUMENT, [=] {
                            return pmx_param_list(index, sized<pmx_param_info_t>(sizeof(pmx_param_info_t)));
                        }});
    rows.push_back({"pmx_rank", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_rank(nullptr); }});
    rows.push_back({"pmx_size", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_size(nullptr); }});
    rows.push_back({"pmx_node_rank", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_node_rank(nullptr); }});
    rows.push_back({"pmx_node_size", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_node_size(nullptr); }});
    struct_rows(rows, "pmx_topology_query", pmx_topology_query, static_cast<pmx_topology_t*>(nullptr));
    struct_rows(rows, "pmx_transport_query", pmx_transport_query,
                static_cast<pmx_transport_info_t*>(nullptr));
    struct_rows(rows, "pmx_heap_query", pmx_heap_query, static_cast<pmx_heap_info_t*>(nullptr));
}

void memory(std::vector<Row>& rows)
{
    void** out = &w.untouched;
    rows.push_back({"pmx_malloc", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_malloc(8, nullptr); }});
    for (size_t n : {w.heap_bytes + 1, SIZE_MAX, SIZE_MAX - 63, SIZE_MAX / 2 + 1})
        rows.push_back({"pmx_malloc", "too much", PMX_ERR_MEMORY, [=] { return pmx_malloc(n, out); }});
    rows.push_back({"pmx_calloc", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_calloc(1, 8, nullptr); }});
    rows.push_back(
        {"pmx_calloc", "product overflows", PMX_ERR_MEMORY, [=] { return pmx_calloc(SIZE_MAX, 16, out); }});
    rows.push_back({"pmx_calloc", "product overflows", PMX_ERR_MEMORY,
                    [=] { return pmx_calloc(size_t{1} << 32, size_t{1} << 32, out); }});
    rows.push_back(
        {"pmx_aligned_alloc", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_aligned_alloc(64, 8, nullptr); }});
    for (size_t alignment : {size_t{0}, size_t{3}, size_t{8192}, SIZE_MAX})
        rows.push_back({"pmx_aligned_alloc", "alignment", PMX_ERR_ARGUMENT,
                        [=] { return pmx_aligned_alloc(alignment, 8, out); }});
    for (void* p : {static_cast<void*>(w.foreign), w.freed, static_cast<void*>(w.word + 1),
                    static_cast<void*>(w.beyond)})
        rows.push_back({"pmx_free", "not from pmx_malloc", PMX_ERR_ADDRESS, [=] { return pmx_free(p); }});
    rows.push_back({"pmx_ptr", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_ptr(w.word, 0, nullptr); }});
    rows.push_back({"pmx_ptr", "foreign", PMX_ERR_ADDRESS, [=] { return pmx_ptr(w.foreign, 0, out); }});
    rows.push_back(
        {"pmx_ptr", "beyond", PMX_ERR_ADDRESS, [=] { return pmx_ptr(w.heap + w.heap_bytes + 64, 0, out); }});
    rank_rows(rows, "pmx_ptr", [=](int rank) { return pmx_ptr(w.word, rank, out); });
}

void jobs(std::vector<Row>& rows)
{
    for (int level : {-1, 4, INT32_MAX})
        rows.push_back({"pmx_init_thread", "no such level", PMX_ERR_ARGUMENT,
                        [=] { return pmx_init_thread(static_cast<pmx_thread_level_t>(level), &hit); }});
    static char room[PMX_UID_BYTES];
    rows.push_back(
        {"pmx_uid_create", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_uid_create(nullptr, sizeof room); }});
    rows.push_back({"pmx_uid_create", "no room", PMX_ERR_ARGUMENT,
                    [] { return pmx_uid_create(room, sizeof room - 1); }});
    static const char good[] = "pmx1:127.0.0.1:1:00112233445566778899aabbccddeeff";
    static const std::string endless(100000, ':');
    for (const char* uid : {static_cast<const char*>(nullptr), "", "pmx1:::", "pmx1:127.0.0.1:70000:0",
                            good + 1, "pmx1:127.0.0.1:0:00112233445566778899aabbccddeeff",
                            "pmx1:127.0.0.1:1:00112233445566778899aabbccddeefg", endless.c_str()})
        rows.push_back({"pmx_init_uid", "no uid", PMX_ERR_ARGUMENT, [=] { return pmx_init_uid(uid, 0, 1); }});
    for (int size : {0, -1, INT32_MIN, INT32_MAX})
        rows.push_back(
            {"pmx_init_uid", "size", PMX_ERR_ARGUMENT, [=] { return pmx_init_uid(good, 0, size); }});
    for (int rank : {-1, 2, INT32_MAX, INT32_MIN})
        rows.push_back(
            {"pmx_init_uid", "no such rank", PMX_ERR_RANK, [=] { return pmx_init_uid(good, rank, 2); }});
    alignas(65536) static char pages[65536];
    static void* const shared =
        mmap(nullptr, sizeof pages, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static void* const sealed = mmap(nullptr, sizeof pages, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void** out = &w.untouched;
    rows.push_back({"pmx_register", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_register(pages, sizeof pages, nullptr); }});
    const std::pair<void*, size_t> bad[] = {{nullptr, sizeof pages},
                                            {pages, 0},
                                            {pages, 100},
                                            {pages + 8, sizeof pages},
                                            {pages, SIZE_MAX - 65535},
                                            {shared, sizeof pages},
                                            {sealed, sizeof pages},
                                            {w.heap, sizeof pages},
                                            {w.heap, size_t{1} << 46}};
    for (auto [p, n] : bad)
        rows.push_back(
            {"pmx_register", "not private pages", PMX_ERR_ADDRESS, [=] { return pmx_register(p, n, out); }});
    for (void* p : {static_cast<void*>(nullptr), static_cast<void*>(pages), static_cast<void*>(w.heap)})
        rows.push_back(
            {"pmx_deregister", "not registered", PMX_ERR_ADDRESS, [=] { return pmx_deregister(p); }});
    rows.push_back(
        {"pmx_async_error", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_async_error(nullptr, &hit); }});
}

void contexts(std::vector<Row>& rows)
{
    static pmx_ctx_t ctx_out = nullptr;
    rows.push_back(
        {"pmx_ctx_create", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_ctx_create(nullptr, nullptr); }});
    const pmx_ctx_attr_t bad[] = {{0, PMX_ORDER_AUTO, -1, 0},
                                  {sizeof(pmx_ctx_attr_t), static_cast<pmx_order_t>(-1), -1, 0},
                                  {sizeof(pmx_ctx_attr_t), static_cast<pmx_order_t>(7), -1, 0},
                                  {sizeof(pmx_ctx_attr_t), PMX_ORDER_AUTO, 2, 0},
                                  {sizeof(pmx_ctx_attr_t), PMX_ORDER_AUTO, -2, 0},
                                  {sizeof(pmx_ctx_attr_t), PMX_ORDER_AUTO, -1, 65}};
    for (const pmx_ctx_attr_t& attr : bad)
        rows.push_back({"pmx_ctx_create", "attribute", PMX_ERR_ARGUMENT,
                        [=] { return pmx_ctx_create(&attr, &ctx_out); }});
    ctx_rows(rows, "pmx_ctx_free", [](pmx_ctx_t ctx) { return pmx_ctx_free(ctx); });
    rows.push_back({"pmx_ctx_free", "the default", PMX_ERR_ARGUMENT, [] { return pmx_ctx_free(kCtx); }});
    ctx_rows(rows, "pmx_ctx_query",
             [](pmx_ctx_t ctx) { return pmx_ctx_query(ctx, sized<pmx_ctx_attr_t>(sizeof(pmx_ctx_attr_t))); });
    struct_rows(
        rows, "pmx_ctx_query", [](pmx_ctx_attr_t* out) { return pmx_ctx_query(kCtx, out); },
        static_cast<pmx_ctx_attr_t*>(nullptr));
    ctx_rows(rows, "pmx_device_handle", [](pmx_ctx_t ctx) {
        return pmx_device_handle(ctx, sized<pmx_device_ctx_t>(sizeof(pmx_device_ctx_t)));
    });
    struct_rows(
        rows, "pmx_device_handle", [](pmx_device_ctx_t* out) { return pmx_device_handle(kCtx, out); },
        static_cast<pmx_device_ctx_t*>(nullptr));
    ctx_rows(rows, "pmx_counters_get", [](pmx_ctx_t ctx) {
        return pmx_counters_get(ctx, sized<pmx_counters_t>(sizeof(pmx_counters_t)));
    });
    struct_rows(
        rows, "pmx_counters_get", [](pmx_counters_t* out) { return pmx_counters_get(kCtx, out); },
        static_cast<pmx_counters_t*>(nullptr));
    ctx_rows(rows, "pmx_counters_reset", pmx_counters_reset);
    rows.push_back({"pmx_dump", "fd", PMX_ERR_ARGUMENT, [] { return pmx_dump(-1); }});
    rows.push_back({"pmx_dump", "closed fd", PMX_ERR_SYSTEM, [] { return pmx_dump(1000000); }});
    rows.push_back({"pmx_launch", "fn", PMX_ERR_ARGUMENT, [] { return pmx_launch(nullptr, 1, 1, nullptr); }});
    static pmx_block_fn nothing = [](void*) {};
    for (auto [blocks, threads] : {std::pair(0u, 1u), std::pair(1u, 0u), std::pair(1025u, 1u),
                                   std::pair(1u, 257u), std::pair(~0u, ~0u)})
        rows.push_back({"pmx_launch", "number", PMX_ERR_ARGUMENT,
                        [=] { return pmx_launch(nothing, blocks, threads, nullptr); }});
}

int is_ready(void*) { return 1; }

/* Those that take or give memory of any kind, and those that are complete when they return. */
void more_operations(std::vector<Row>& rows)
{
    static uint64_t any[8];
    static size_t n;
    auto one_side = [&](const char* call, std::function<int(pmx_ctx_t, void*, size_t, int)> make) {
        ctx_rows(rows, call, [=](pmx_ctx_t ctx) { return make(ctx, w.word, 8, 0); });
        range_rows(rows, call, [=](void* p, size_t n_bytes) { return make(kCtx, p, n_bytes, 0); });
        rank_rows(rows, call, [=](int rank) { return make(kCtx, w.word, 8, rank); });
    };
    one_side("pmx_put", [](pmx_ctx_t c, void* p, size_t b, int r) { return pmx_put(c, p, any, b, r); });
    one_side("pmx_get", [](pmx_ctx_t c, void* p, size_t b, int r) { return pmx_get(c, any, p, b, r); });
    one_side("pmx_put_signal", [](pmx_ctx_t c, void* p, size_t b, int r) {
        return pmx_put_signal(c, p, any, b, w.word, 1, PMX_SIGNAL_SET, r);
    });
    signal_rows(rows, "pmx_put_signal", [](uint64_t* sig) {
        return pmx_put_signal(kCtx, w.word, any, 8, sig, 1, PMX_SIGNAL_SET, 0);
    });
    rows.push_back({"pmx_put_signal", "op", PMX_ERR_ARGUMENT,
                    [] { return pmx_put_signal(kCtx, w.word, any, 8, w.word, 1, kBadOp, 0); }});
    one_side("pmx_iput",
             [](pmx_ctx_t c, void* p, size_t b, int r) { return pmx_iput(c, p, any, 1, 1, 1, b, r); });
    one_side("pmx_iget",
             [](pmx_ctx_t c, void* p, size_t b, int r) { return pmx_iget(c, any, p, 1, 1, 1, b, r); });
    for (auto [stride, elem, elems] :
         {std::tuple(SIZE_MAX, size_t{8}, size_t{2}), std::tuple(size_t{1}, SIZE_MAX / 2, size_t{4}),
          std::tuple(size_t{1} << 62, size_t{4}, size_t{3})}) {
        rows.push_back({"pmx_iput", "product overflows", PMX_ERR_ADDRESS,
                        [=] { return pmx_iput(kCtx, w.word, any, stride, 1, elem, elems, 0); }});
        rows.push_back({"pmx_iget", "product overflows", PMX_ERR_ADDRESS,
                        [=] { return pmx_iget(kCtx, any, w.word, 1, stride, elem, elems, 0); }});
    }
    auto word_of = [&](const char* call, std::function<int(pmx_ctx_t, uint64_t*, int)> make) {
        ctx_rows(rows, call, [=](pmx_ctx_t ctx) { return make(ctx, w.word, 0); });
        signal_rows(rows, call, [=](uint64_t* word) { return make(kCtx, word, 0); });
        rank_rows(rows, call, [=](int rank) { return make(kCtx, w.word, rank); });
    };
    word_of("pmx_put_value_64", [](pmx_ctx_t c, uint64_t* p, int r) { return pmx_put_value_64(c, p, 1, r); });
    word_of("pmx_get_value_64",
            [](pmx_ctx_t c, uint64_t* p, int r) { return pmx_get_value_64(c, p, r, &seen); });
    word_of("pmx_atomic_op", [](pmx_ctx_t c, uint64_t* p, int r) {
        return pmx_atomic_op(c, p, PMX_UINT64, PMX_ATOMIC_ADD, any, r);
    });
    word_of("pmx_atomic_fetch_op", [](pmx_ctx_t c, uint64_t* p, int r) {
        return pmx_atomic_fetch_op(c, p, PMX_UINT64, PMX_ATOMIC_ADD, any, r, &seen);
    });
    word_of("pmx_atomic_cswap", [](pmx_ctx_t c, uint64_t* p, int r) {
        return pmx_atomic_cswap(c, p, PMX_UINT64, any, any, r, &seen);
    });
    word_of("pmx_atomic_fetch",
            [](pmx_ctx_t c, uint64_t* p, int r) { return pmx_atomic_fetch(c, p, PMX_UINT64, r, &seen); });
    rows.push_back({"pmx_atomic_op", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_atomic_op(kCtx, w.word, PMX_UINT64, PMX_ATOMIC_ADD, nullptr, 0); }});
    rows.push_back({"pmx_atomic_op", "op", PMX_ERR_ARGUMENT, [] {
                        return pmx_atomic_op(kCtx, w.word, PMX_UINT64, static_cast<pmx_atomic_t>(9), any, 0);
                    }});
    rows.push_back(
        {"pmx_atomic_op", "type", PMX_ERR_ARGUMENT,
         [] { return pmx_atomic_op(kCtx, w.word, static_cast<pmx_type_t>(99), PMX_ATOMIC_ADD, any, 0); }});
    rows.push_back({"pmx_atomic_fetch_op", "NULL", PMX_ERR_ARGUMENT, [] {
                        return pmx_atomic_fetch_op(kCtx, w.word, PMX_UINT64, PMX_ATOMIC_ADD, any, 0, nullptr);
                    }});
    rows.push_back({"pmx_atomic_cswap", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_atomic_cswap(kCtx, w.word, PMX_UINT64, nullptr, any, 0, &seen); }});
    rows.push_back({"pmx_atomic_fetch", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_atomic_fetch(kCtx, w.word, PMX_UINT64, 0, nullptr); }});
    rows.push_back({"pmx_get_value_64", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_get_value_64(kCtx, w.word, 0, nullptr); }});
    ctx_rows(rows, "pmx_quiet_rank", [](pmx_ctx_t c) { return pmx_quiet_rank(c, 0); });
    rank_rows(rows, "pmx_quiet_rank", [](int r) { return pmx_quiet_rank(kCtx, r); });
    ctx_rows(rows, "pmx_signal_fetch", [](pmx_ctx_t c) { return pmx_signal_fetch(c, w.word, &seen); });
    signal_rows(rows, "pmx_signal_fetch", [](uint64_t* s) { return pmx_signal_fetch(kCtx, s, &seen); });
    rows.push_back({"pmx_signal_fetch", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_signal_fetch(kCtx, w.word, nullptr); }});

    auto of_words = [&](const char* call, std::function<int(pmx_ctx_t, uint64_t*, size_t, pmx_cmp_t)> make) {
        ctx_rows(rows, call, [=](pmx_ctx_t ctx) { return make(ctx, w.word, 1, PMX_CMP_EQ); });
        signal_rows(rows, call, [=](uint64_t* s) { return make(kCtx, s, 1, PMX_CMP_EQ); });
        rows.push_back({call, "cmp", PMX_ERR_ARGUMENT, [=] { return make(kCtx, w.word, 1, kBadCmp); }});
        for (size_t many : {w.heap_bytes / 8 + 1, SIZE_MAX / 8 + 1, SIZE_MAX})
            rows.push_back(
                {call, "n", PMX_ERR_ADDRESS, [=] { return make(kCtx, w.word, many, PMX_CMP_EQ); }});
    };
    of_words("pmx_signal_wait_all", [](pmx_ctx_t c, uint64_t* s, size_t k, pmx_cmp_t cmp) {
        return pmx_signal_wait_all(c, s, k, nullptr, cmp, 0, kNow);
    });
    of_words("pmx_signal_wait_any", [](pmx_ctx_t c, uint64_t* s, size_t k, pmx_cmp_t cmp) {
        return pmx_signal_wait_any(c, s, k, nullptr, cmp, 0, kNow, &n);
    });
    of_words("pmx_signal_wait_some", [](pmx_ctx_t c, uint64_t* s, size_t k, pmx_cmp_t cmp) {
        return pmx_signal_wait_some(c, s, k, nullptr, cmp, 0, kNow, &n, &n);
    });
    of_words("pmx_signal_test_all", [](pmx_ctx_t c, uint64_t* s, size_t k, pmx_cmp_t cmp) {
        return pmx_signal_test_all(c, s, k, nullptr, cmp, 0, &hit);
    });
    of_words("pmx_signal_test_any", [](pmx_ctx_t c, uint64_t* s, size_t k, pmx_cmp_t cmp) {
        return pmx_signal_test_any(c, s, k, nullptr, cmp, 0, &n);
    });
    of_words("pmx_signal_test_some", [](pmx_ctx_t c, uint64_t* s, size_t k, pmx_cmp_t cmp) {
        return pmx_signal_test_some(c, s, k, nullptr, cmp, 0, &n, &n);
    });
    ctx_rows(rows, "pmx_wait_until",
             [](pmx_ctx_t c) { return pmx_wait_until(c, is_ready, nullptr, 0, kNow); });
    rows.push_back({"pmx_wait_until", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_wait_until(kCtx, nullptr, nullptr, 0, kNow); }});
    rank_rows(
        rows, "pmx_wait_until", [](int r) { return pmx_wait_until(kCtx, is_ready, nullptr, r, kNow); }, true);
}

void operations(std::vector<Row>& rows)
{
    auto put_like = [&](const char* call, std::function<int(pmx_ctx_t, void*, void*, size_t, int)> make) {
        ctx_rows(rows, call, [=](pmx_ctx_t ctx) { return make(ctx, w.word, w.word, 8, 0); });
        range_rows(rows, call, [=](void* p, size_t n) { return make(kCtx, p, w.heap, n, 0); });
        range_rows(rows, call, [=](void* p, size_t n) { return make(kCtx, w.heap, p, n, 0); });
        rank_rows(rows, call, [=](int rank) { return make(kCtx, w.word, w.word, 8, rank); });
    };
    put_like("pmx_put_nbi",
             [](pmx_ctx_t c, void* d, void* s, size_t n, int r) { return pmx_put_nbi(c, d, s, n, r); });
    put_like("pmx_get_nbi",
             [](pmx_ctx_t c, void* d, void* s, size_t n, int r) { return pmx_get_nbi(c, d, s, n, r); });
    put_like("pmx_put_signal_nbi", [](pmx_ctx_t c, void* d, void* s, size_t n, int r) {
        return pmx_put_signal_nbi(c, d, s, n, w.word, 1, PMX_SIGNAL_ADD, r);
    });
    signal_rows(rows, "pmx_put_signal_nbi", [](uint64_t* sig) {
        return pmx_put_signal_nbi(kCtx, w.word, w.word, 8, sig, 1, PMX_SIGNAL_SET, 0);
    });
    rows.push_back({"pmx_put_signal_nbi", "op", PMX_ERR_ARGUMENT,
                    [] { return pmx_put_signal_nbi(kCtx, w.word, w.word, 8, w.word, 1, kBadOp, 0); }});

    auto signal_like = [&](const char* call, std::function<int(pmx_ctx_t, uint64_t*, int)> make) {
        ctx_rows(rows, call, [=](pmx_ctx_t ctx) { return make(ctx, w.word, 0); });
        signal_rows(rows, call, [=](uint64_t* sig) { return make(kCtx, sig, 0); });
        rank_rows(rows, call, [=](int rank) { return make(kCtx, w.word, rank); });
    };
    signal_like("pmx_signal_set", [](pmx_ctx_t c, uint64_t* s, int r) { return pmx_signal_set(c, s, 1, r); });
    signal_like("pmx_signal_add", [](pmx_ctx_t c, uint64_t* s, int r) { return pmx_signal_add(c, s, 1, r); });
    ctx_rows(rows, "pmx_signal_wait",
             [](pmx_ctx_t c) { return pmx_signal_wait(c, w.word, PMX_CMP_EQ, 0, 0, kNow, &seen); });
    signal_rows(rows, "pmx_signal_wait",
                [](uint64_t* s) { return pmx_signal_wait(kCtx, s, PMX_CMP_EQ, 0, 0, kNow, &seen); });
    rank_rows(
        rows, "pmx_signal_wait",
        [](int r) { return pmx_signal_wait(kCtx, w.word, PMX_CMP_EQ, 0, r, kNow, &seen); }, true);
    rows.push_back({"pmx_signal_wait", "cmp", PMX_ERR_ARGUMENT,
                    [] { return pmx_signal_wait(kCtx, w.word, kBadCmp, 0, 0, kNow, &seen); }});
    rows.push_back({"pmx_signal_wait", "time", PMX_ERR_TIMEOUT,
                    [] { return pmx_signal_wait(kCtx, w.word, PMX_CMP_EQ, 77, 0, kNow, &seen); }});
    ctx_rows(rows, "pmx_signal_test",
             [](pmx_ctx_t c) { return pmx_signal_test(c, w.word, PMX_CMP_EQ, 0, &hit); });
    signal_rows(rows, "pmx_signal_test",
                [](uint64_t* s) { return pmx_signal_test(kCtx, s, PMX_CMP_EQ, 0, &hit); });
    rows.push_back({"pmx_signal_test", "NULL", PMX_ERR_ARGUMENT,
                    [] { return pmx_signal_test(kCtx, w.word, PMX_CMP_EQ, 0, nullptr); }});
    rows.push_back({"pmx_signal_test", "cmp", PMX_ERR_ARGUMENT,
                    [] { return pmx_signal_test(kCtx, w.word, static_cast<pmx_cmp_t>(6), 0, &hit); }});

    static pmx_group_t group_out = nullptr;
    ctx_rows(rows, "pmx_group_begin", [](pmx_ctx_t c) { return pmx_group_begin(c, 0, &group_out); });
    rank_rows(rows, "pmx_group_begin", [](int r) { return pmx_group_begin(kCtx, r, &group_out); });
    rows.push_back(
        {"pmx_group_begin", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_group_begin(kCtx, 0, nullptr); }});
    for (pmx_group_t* bad : {&w.gone_group, static_cast<pmx_group_t*>(nullptr)}) {
        auto group = [bad] { return bad ? *bad : nullptr; };
        rows.push_back({"pmx_group_put", "group", PMX_ERR_ARGUMENT,
                        [=] { return pmx_group_put(group(), w.word, w.word, 8); }});
        rows.push_back({"pmx_group_signal", "group", PMX_ERR_ARGUMENT,
                        [=] { return pmx_group_signal(group(), w.word, 1, PMX_SIGNAL_SET); }});
        rows.push_back(
            {"pmx_group_commit", "group", PMX_ERR_ARGUMENT, [=] { return pmx_group_commit(group()); }});
    }
    more_operations(rows);
    ctx_rows(rows, "pmx_fence_rank", [](pmx_ctx_t c) { return pmx_fence_rank(c, 0); });
    rank_rows(rows, "pmx_fence_rank", [](int r) { return pmx_fence_rank(kCtx, r); });
    ctx_rows(rows, "pmx_fence", pmx_fence);
    ctx_rows(rows, "pmx_quiet", pmx_quiet);
}

/* For a call on a team: none, and one that was freed. */
void team_rows(std::vector<Row>& rows, const char* call, std::function<int(pmx_team_t)> with)
{
    rows.push_back({call, "foreign team", PMX_ERR_ARGUMENT,
                    [=] { return with(reinterpret_cast<pmx_team_t>(w.foreign)); }});
    rows.push_back({call, "freed team", PMX_ERR_ARGUMENT, [=] { return with(w.gone_team); }});
    rows.push_back({call, "NULL", PMX_ERR_ARGUMENT, [=] { return with(nullptr); }});
}

void teams(std::vector<Row>& rows)
{
    static pmx_team_t team_out = nullptr;
    static int n = 0;
    rows.push_back({"pmx_team_world", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_team_world(nullptr); }});
    team_rows(rows, "pmx_team_split_strided",
              [](pmx_team_t t) { return pmx_team_split_strided(t, 0, 1, 1, &team_out); });
    for (auto [first, stride, size] : {std::tuple(0, 1, 0), std::tuple(0, 1, INT32_MAX), std::tuple(0, 0, 2)})
        rows.push_back({"pmx_team_split_strided", "range", PMX_ERR_ARGUMENT,
                        [=] { return pmx_team_split_strided(w.world, first, stride, size, &team_out); }});
    rows.push_back({"pmx_team_split_strided", "first", PMX_ERR_RANK,
                    [] { return pmx_team_split_strided(w.world, -1, 1, 1, &team_out); }});
    team_rows(rows, "pmx_team_split_color",
              [](pmx_team_t t) { return pmx_team_split_color(t, 0, 0, &team_out); });
    team_rows(rows, "pmx_team_rank", [](pmx_team_t t) { return pmx_team_rank(t, &n); });
    rows.push_back(
        {"pmx_team_rank", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_team_rank(w.world, nullptr); }});
    team_rows(rows, "pmx_team_size", [](pmx_team_t t) { return pmx_team_size(t, &n); });
    rows.push_back(
        {"pmx_team_size", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_team_size(w.world, nullptr); }});
    team_rows(rows, "pmx_team_translate", [](pmx_team_t t) { return pmx_team_translate(t, 0, w.world, &n); });
    team_rows(rows, "pmx_team_translate", [](pmx_team_t t) { return pmx_team_translate(w.world, 0, t, &n); });
    rank_rows(rows, "pmx_team_translate", [](int r) { return pmx_team_translate(w.world, r, w.world, &n); });
    team_rows(rows, "pmx_team_shrink", [](pmx_team_t t) { return pmx_team_shrink(t, &team_out); });
    rows.push_back({"pmx_team_shrink", "NULL", PMX_ERR_ARGUMENT, [] { return pmx_team_shrink(w.world, nullptr); }});
    team_rows(rows, "pmx_team_free", pmx_team_free);
    rows.push_back({"pmx_team_free", "the world", PMX_ERR_ARGUMENT, [] { return pmx_team_free(w.world); }});
    team_rows(rows, "pmx_team_sync", pmx_team_sync);
    team_rows(rows, "pmx_team_barrier", pmx_team_barrier);

    auto moving = [&](const char* call, std::function<int(pmx_team_t, void*, void*, size_t)> make) {
        team_rows(rows, call, [=](pmx_team_t t) { return make(t, w.word, w.word + 64, 8); });
        for (void* bad :
             {static_cast<void*>(nullptr), static_cast<void*>(w.foreign), static_cast<void*>(w.beyond)}) {
            rows.push_back({call, "dst_sym", PMX_ERR_ADDRESS, [=] { return make(w.world, bad, w.word, 8); }});
            rows.push_back({call, "src_sym", PMX_ERR_ADDRESS, [=] { return make(w.world, w.word, bad, 8); }});
        }
        for (size_t n_bytes : {w.heap_bytes + 8, SIZE_MAX - 7, SIZE_MAX / 2 + 1})
            rows.push_back(
                {call, "n_bytes", PMX_ERR_ADDRESS, [=] { return make(w.world, w.heap, w.heap, n_bytes); }});
    };
    moving("pmx_broadcast",
           [](pmx_team_t t, void* d, void* s, size_t n) { return pmx_broadcast(t, d, s, n, 0); });
    rank_rows(rows, "pmx_broadcast", [](int r) { return pmx_broadcast(w.world, w.word, w.word, 8, r); });
    moving("pmx_allgather",
           [](pmx_team_t t, void* d, void* s, size_t n) { return pmx_allgather(t, d, s, n); });
    moving("pmx_allgatherv",
           [](pmx_team_t t, void* d, void* s, size_t n) { return pmx_allgatherv(t, d, s, n); });
    moving("pmx_alltoall", [](pmx_team_t t, void* d, void* s, size_t n) { return pmx_alltoall(t, d, s, n); });
    moving("pmx_allreduce", [](pmx_team_t t, void* d, void* s, size_t n) {
        return pmx_allreduce(t, d, s, n / 8 + (n > 8), PMX_INT64, PMX_OP_SUM);
    });
    for (auto [type, op] : {std::pair(-1, 0), std::pair(13, 0), std::pair(0, -1), std::pair(0, 7),
                            std::pair(8, 4), std::pair(11, 2)})
        rows.push_back({"pmx_allreduce", "type or op", PMX_ERR_ARGUMENT, [=] {
                            return pmx_allreduce(w.world, w.word, w.word, 1, static_cast<pmx_type_t>(type),
                                                 static_cast<pmx_op_t>(op));
                        }});
}

/* Without PMX_GPU. */
void gpu(std::vector<Row>& rows)
{
    constexpr int none = PMX_ERR_UNSUPPORTED;
    rows.push_back({"pmx_gpu_query", "no GPU", none,
                    [] { return pmx_gpu_query(sized<pmx_gpu_info_t>(sizeof(pmx_gpu_info_t))); }});
    rows.push_back({"pmx_gpu_malloc", "no GPU", none, [] { return pmx_gpu_malloc(8, &w.untouched); }});
    rows.push_back({"pmx_gpu_heap_query", "no GPU", none,
                    [] { return pmx_gpu_heap_query(sized<pmx_heap_info_t>(sizeof(pmx_heap_info_t))); }});
    rows.push_back({"pmx_gpu_ptr", "no GPU", none, [] { return pmx_gpu_ptr(w.word, 0, &w.untouched); }});
    rows.push_back({"pmx_gpu_handle", "no GPU", none,
                    [] { return pmx_gpu_handle(kCtx, sized<pmx_device_ctx_t>(sizeof(pmx_device_ctx_t))); }});
    rows.push_back({"pmx_put_signal_on_stream", "no GPU", none, [] {
                        return pmx_put_signal_on_stream(kCtx, w.word, w.word, 8, w.word, 1, PMX_SIGNAL_SET, 0,
                                                        nullptr, nullptr);
                    }});
    rows.push_back({"pmx_signal_wait_on_stream", "no GPU", none, [] {
                        return pmx_signal_wait_on_stream(kCtx, w.word, PMX_CMP_EQ, 1, 0, 0, nullptr, nullptr);
                    }});
    rows.push_back(
        {"pmx_quiet_on_stream", "no GPU", none, [] { return pmx_quiet_on_stream(kCtx, nullptr, nullptr); }});
    rows.push_back(
        {"pmx_barrier_on_stream", "no GPU", none, [] { return pmx_barrier_on_stream(nullptr, nullptr); }});
}

/* Codes of calls that say nothing of their own, and those that cannot be wrong. */
const char* const kNoBadInput[] = {
    "pmx_error_string",
    "pmx_last_error_detail",
    "pmx_error_report", /* any value is right */
    "pmx_error_handler_set",
    "pmx_finalize",
    "pmx_barrier", /* no arguments: checked before init, below */
    "pmx_block_get",
    "pmx_block_sync", /* no arguments; outside of blocks they do nothing */
    "pmx_abort",      /* ends the job */
    "pmx_init_comm",
    "pmx_init_fcomm", /* tests/runtime/bootstrap.test */
};

/* All that a refused call must leave as it was. */
struct Snapshot {
    pmx_heap_info_t heap{};
    pmx_counters_t counters{};
    uint64_t words[512] = {};
    static Snapshot take()
    {
        Snapshot s;
        s.heap.size_bytes = sizeof s.heap;
        s.counters.size_bytes = sizeof s.counters;
        pmx_heap_query(&s.heap);
        pmx_counters_get(kCtx, &s.counters);
        std::memcpy(s.words, w.word, sizeof s.words);
        return s;
    }
    bool same(const Snapshot& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};

void set_up()
{
    pmx_heap_info_t heap{};
    heap.size_bytes = sizeof heap;
    bool well = !pmx_heap_query(&heap) && !pmx_calloc(512, 8, reinterpret_cast<void**>(&w.word)) &&
                !pmx_malloc(4096, &w.freed) && !pmx_free(w.freed) && !pmx_ctx_create(nullptr, &w.gone_ctx) &&
                !pmx_ctx_free(w.gone_ctx) && !pmx_group_begin(kCtx, 0, &w.gone_group) &&
                !pmx_group_commit(w.gone_group) && !pmx_team_world(&w.world) &&
                !pmx_team_split_color(w.world, 0, 0, &w.gone_team) && !pmx_team_free(w.gone_team);
    if (!well) pmx_abort(99, pmx_last_error_detail());
    w.heap = static_cast<char*>(heap.base_sym);
    w.heap_bytes = heap.heap_bytes;
    w.odd = reinterpret_cast<uint64_t*>(reinterpret_cast<char*>(w.word) + 4);
    w.before = w.heap - 1;
    w.beyond = reinterpret_cast<uint64_t*>(w.heap + w.heap_bytes);
    w.last = w.beyond - 1;
}

std::vector<Row> all_rows()
{
    std::vector<Row> rows;
    general(rows);
    memory(rows);
    jobs(rows);
    contexts(rows);
    operations(rows);
    teams(rows);
    gpu(rows);
    return rows;
}

const char* name_of(int code)
{
    switch (code) {
#define PMX_ERROR(name, error_class, text) \
    case name:                             \
        return #name;
#include "runtime/errors.def"
#undef PMX_ERROR
    }
    return "no code";
}

/* Everything that needs pmx_init says so without it. */
int refused_before_init()
{
    int n_bad = 0;
    for (const Row& row : all_rows()) {
        bool needs_none = !std::strncmp(row.call, "pmx_version", 11) ||
                          !std::strncmp(row.call, "pmx_abi", 7) || !std::strncmp(row.call, "pmx_error", 9) ||
                          !std::strncmp(row.call, "pmx_init", 8) || !std::strncmp(row.call, "pmx_uid", 7) ||
                          !std::strncmp(row.call, "pmx_param", 9) ||
                          !std::strncmp(row.call, "pmx_launch", 10);
        if (needs_none) continue;
        int code = row.make();
        if (code == PMX_ERR_STATE || (code == row.code && code != PMX_SUCCESS)) continue;
        std::fprintf(stderr, "before init: %s with %s gives %d\n", row.call, row.what, code);
        n_bad++;
    }
    if (pmx_finalize() != PMX_ERR_STATE || pmx_barrier() != PMX_ERR_STATE) n_bad++;
    return n_bad;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc == 2 && std::strcmp(argv[1], "--calls") == 0) {
        for (const Row& row : all_rows()) std::puts(row.call);
        for (const char* call : kNoBadInput) std::puts(call);
        return 0;
    }
    if (argc == 2 && std::strcmp(argv[1], "--errors") == 0) {
        for (const Row& row : all_rows())
            if (row.code != PMX_SUCCESS) std::printf("%s %s\n", row.call, name_of(row.code));
        return 0;
    }
    int n_bad = refused_before_init();
    if (pmx_init()) {
        std::fprintf(stderr, "%s\n", pmx_last_error_detail());
        return 99;
    }
    set_up();
    size_t n = 0;
    for (const Row& row : all_rows()) {
        Snapshot before = Snapshot::take();
        w.untouched = &mark;
        pmx_error_report(0, "");
        int code = row.make();
        const char* why = nullptr;
        std::string detail = pmx_last_error_detail();
        /* The detail names the call, with or without its prefix. */
        if (code != row.code)
            why = "another code";
        else if (w.untouched != &mark)
            why = "wrote its out-argument";
        else if (detail.find(row.call + 4) == std::string::npos &&
                 detail.find("PMX_") != 0) /* parameters: theirs */
            why = "the line does not name the call";
        else if (!before.same(Snapshot::take()))
            why = "changed something";
        n++;
        if (!why) continue;
        n_bad++;
        std::fprintf(stderr, "%s with %s: %d instead of %d: %s: %s\n", row.call, row.what, code, row.code,
                     why, detail.c_str());
    }
    if (pmx_finalize()) n_bad++;
    if (n_bad == 0) std::printf("%zu bad inputs refused\n", n);
    return n_bad ? 1 : 0;
}
