/* SPDX-License-Identifier: BSD-3-Clause */
/* api.h: what the entry points call, which are made of shmem/calls.def: api::x<TYPE>(Call, ...) for shmem_TYPENAME_x(...). A
 * failure that the call cannot return ends the job. */
#pragma once

#include "shmem/active.h"
#include "shmem/atomic.h"
#include "shmem/collective.h"
#include "shmem/job.h"
#include "shmem/old.h"
#include "shmem/rma.h"
#include "shmem/signal.h"
#include "shmem/team.h"
#include "shmem/wait.h"

namespace pmx::shmem::api {

void init(Call call);
int init_thread(Call call, int requested, int* provided);
void query_thread(Call call, int* provided);
void finalize(Call call);
[[noreturn]] void global_exit(Call call, int status);
int my_pe(Call call);
int n_pes(Call call);
int pe_accessible(Call call, int pe);
int addr_accessible(Call call, const void* addr, int pe);
void* ptr(Call call, const void* dest, int pe);
void info_get_version(Call call, int* major, int* minor);
void info_get_name(Call call, char* name);
void pcontrol(Call call, int level);

void* malloc(Call call, size_t n_bytes);
void* calloc(Call call, size_t count, size_t elem_bytes);
void* align(Call call, size_t alignment, size_t n_bytes);
void* realloc(Call call, void* p, size_t n_bytes);
void* malloc_with_hints(Call call, size_t n_bytes, long hints);
void free(Call call, void* p);

int ctx_create(Call call, long options, shmem_ctx_t* ctx);
void ctx_destroy(Call call, shmem_ctx_t ctx);
int ctx_get_team(Call call, shmem_ctx_t ctx, shmem_team_t* team);
void fence(Call call);
void quiet(Call call);
void barrier_all(Call call);
void sync_all(Call call);

}  // namespace pmx::shmem::api
