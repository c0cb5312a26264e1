/* SPDX-License-Identifier: BSD-3-Clause */
/* Init, finalize, the end of the process; who and what there is. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "shmem/api.h"
#include "shmem/context.h"
#include "shmem/size.h"
#include "shmem/team.h"

namespace pmx::shmem {

namespace {

/* The heap of pmx also has room for the global variables. Executables that differ a little want the same, since all ranks
 * must. */
constexpr uint64_t kHeapStep = uint64_t{4} << 20;

/* Bytes for the program: as the specification says, else as pmx does. False with the bad text in text_out. */
bool program_bytes(uint64_t& n_bytes_out, std::string& text_out)
{
    static uint64_t of_pmx = 0; /* before this library has raised it */
    if (const char* text = std::getenv("SHMEM_SYMMETRIC_SIZE")) {
        text_out = text;
        return parse_size(text, n_bytes_out);
    }
    char text[64] = "";
    if (of_pmx == 0 && (pmx_param_get("HEAP_SIZE", text, sizeof text) || !parse_size(text, of_pmx))) {
        text_out = text;
        return false;
    }
    n_bytes_out = of_pmx;
    return true;
}

/* Says why it failed. */
int set_heap_size(const char* call)
{
    uint64_t n_bytes = 0;
    std::string text;
    if (!program_bytes(n_bytes, text)) {
        std::string why = std::string(call) + ": SHMEM_SYMMETRIC_SIZE is '" + text +
                          "', must be a number above 0, with k, m, g or t behind it or nothing";
        return pmx_error_report(PMX_ERR_PARAM, why.c_str());
    }
    n_bytes += (job.globals.n_bytes() + kHeapStep - 1) / kHeapStep * kHeapStep + kHeapStep;
    return pmx_param_set("HEAP_SIZE", std::to_string(n_bytes).c_str());
}

/* Collective: whether all ranks run executables of one layout. */
int agree_on_layout(bool& same_out)
{
    void* memory = nullptr;
    if (int err = pmx_malloc(4 * sizeof(uint64_t), &memory)) return err;
    uint64_t* words = static_cast<uint64_t*>(memory);
    words[0] = job.globals.layout();
    words[1] = ~job.globals.layout();
    int err = pmx_allreduce(job.world, words + 2, words, 2, PMX_UINT64, PMX_OP_MAX);
    same_out = words[2] == ~words[3];
    int freed = pmx_free(memory);
    return err ? err : freed;
}

int learn_job()
{
    pmx_heap_info_t heap = {};
    heap.size_bytes = sizeof heap;
    int err = pmx_rank(&job.pe);
    if (!err) err = pmx_size(&job.n_pes);
    if (!err) err = pmx_team_world(&job.world);
    if (!err) err = pmx_heap_query(&heap);
    job.heap = static_cast<char*>(heap.base_sym);
    job.heap_bytes = heap.heap_bytes;
    return err;
}

int share_globals()
{
    bool same = false;
    if (int err = agree_on_layout(same)) return err;
    if (same)
        job.globals.register_all();
    else
        job.globals.refuse("its PEs run executables that differ");
    return PMX_SUCCESS;
}

void say_at_start()
{
    if (job.pe != 0) return;
    const char* version = nullptr;
    (void)pmx_version(&version);
    if (std::getenv("SHMEM_VERSION") || std::getenv("SHMEM_INFO"))
        std::printf("OpenSHMEM %d.%d by pmx %s\n", SHMEM_MAJOR_VERSION, SHMEM_MINOR_VERSION, version);
    if (std::getenv("SHMEM_INFO"))
        std::printf("SHMEM_VERSION         any   print the version at the start\n"
                    "SHMEM_INFO            any   print this text\n"
                    "SHMEM_SYMMETRIC_SIZE  SIZE  bytes of symmetric memory for the program; k, m, g, t\n"
                    "pmx_info --params lists those of pmx\n");
    std::fflush(stdout);
}

/* Leaving main without finalize is one; leaving with a failure ends the others. */
void leave(int status)
{
    if (!job.up || job.over) return;
    if (status != 0) pmx_abort(status, "exit without shmem_finalize");
    api::finalize({"exit", SHMEM_CTX_DEFAULT});
}

void watch_exit()
{
    static bool watched = false;
    if (watched) return;
    watched = true;
#ifdef __GLIBC__
    on_exit([](int status, void*) { leave(status); }, nullptr);
#else
    std::atexit([] { leave(0); });
#endif
}

/* 0, or an error of pmx; then nothing is up. */
int begin(const char* call, int required)
{
    if (job.up) return PMX_SUCCESS;
    int theirs = 0;
    (void)pmx_initialized(&theirs);
    job.globals.find();
    if (!theirs) {
        if (int err = set_heap_size(call)) return err;
        if (int err = pmx_init_thread(static_cast<pmx_thread_level_t>(required), &job.thread_level)) return err;
    } else {
        job.thread_level = SHMEM_THREAD_MULTIPLE;
    }
    job.owns_pmx = !theirs;
    int err = learn_job();
    if (!err) err = share_globals();
    if (!err) err = teams.open();
    if (!err) err = contexts.open();
    if (err) {
        std::string why = pmx_last_error_detail();
        if (job.owns_pmx) (void)pmx_finalize();
        return pmx_error_report(err, why.c_str());
    }
    job.up = true;
    job.over = false;
    watch_exit();
    say_at_start();
    return PMX_SUCCESS;
}

}  // namespace

namespace api {

void init(Call call) { must(call.name, begin(call.name, SHMEM_THREAD_SINGLE)); }

int init_thread(Call call, int requested, int* provided)
{
    if (int err = begin(call.name, requested)) {
        std::fprintf(stderr, "%s: %s\n", call.name, pmx_last_error_detail());
        return err;
    }
    if (provided) *provided = job.thread_level;
    return 0;
}

void query_thread(Call, int* provided) { *provided = job.thread_level; }

void finalize(Call call)
{
    if (!job.up || job.over) return;
    job.over = true;
    must(call.name, pmx_barrier());
    contexts.close();
    teams.close();
    job.globals.deregister_all();
    job.up = false;
    job.allocations.clear();
    if (job.owns_pmx) must(call.name, pmx_finalize());
}

void global_exit(Call call, int status)
{
    std::fflush(nullptr);
    job.over = true;
    pmx_abort(status, call.name);
    __builtin_unreachable();
}

int my_pe(Call) { return job.pe; }
int n_pes(Call) { return job.n_pes; }
int pe_accessible(Call, int pe) { return pe >= 0 && pe < job.n_pes; }

int addr_accessible(Call, const void* addr, int pe)
{
    return job.up && pe >= 0 && pe < job.n_pes && in_heap(symmetric(addr));
}

void* ptr(Call, const void* dest, int pe)
{
    const void* sym = symmetric(dest);
    void* direct = nullptr;
    if (!job.up || !in_heap(sym)) return nullptr;
    if (pe == job.pe) return const_cast<void*>(dest);
    return pmx_ptr(sym, pe, &direct) ? nullptr : direct;
}

void info_get_version(Call, int* major, int* minor)
{
    *major = SHMEM_MAJOR_VERSION;
    *minor = SHMEM_MINOR_VERSION;
}

void info_get_name(Call, char* name) { std::memcpy(name, SHMEM_VENDOR_STRING, sizeof SHMEM_VENDOR_STRING); }

/* For tools that have one of their own. */
void pcontrol(Call, int) {}

}  // namespace api

}  // namespace pmx::shmem
