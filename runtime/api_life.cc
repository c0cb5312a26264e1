/* SPDX-License-Identifier: BSD-3-Clause */
/* Init, finalize, abort, versions. */
#include <cstdio>
#include <cstdlib>

#include "config.h"
#include "runtime/errors.h"
#include "runtime/runtime.h"

#if HAVE_MPI
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include "pmx_mpi.h"
#endif

using namespace pmx;

#define PMX_TEXT_(x) #x
#define PMX_TEXT(x) PMX_TEXT_(x)

extern "C" int pmx_version(const char** version_out)
{
    if (!version_out) return pmx_error_report(PMX_ERR_ARGUMENT, "version: version_out is NULL");
    *version_out = PMX_TEXT(PMX_VERSION_MAJOR) "." PMX_TEXT(PMX_VERSION_MINOR) "." PMX_TEXT(PMX_VERSION_PATCH);
    return PMX_SUCCESS;
}

extern "C" int pmx_abi_version(int* abi_version_out)
{
    if (!abi_version_out) return pmx_error_report(PMX_ERR_ARGUMENT, "abi_version: abi_version_out is NULL");
    *abi_version_out = PMX_ABI_VERSION;
    return PMX_SUCCESS;
}

static int init(const void* comm)
try {
    return report(runtime_init([comm](std::unique_ptr<Bootstrap>& out) { return bootstrap_open(comm, out); }));
} catch (const std::bad_alloc&) {
    return pmx_error_report(PMX_ERR_MEMORY, "init: out of memory");
}

extern "C" int pmx_init(void) { return init(nullptr); }

#if HAVE_MPI
extern "C" int pmx_init_comm(MPI_Comm comm) { return init(&comm); }

extern "C" int pmx_init_fcomm(MPI_Fint comm)
{
    MPI_Comm c_comm;
    bootstrap_fortran_comm(comm, &c_comm);
    return init(&c_comm);
}
#endif

extern "C" int pmx_finalize(void)
{
    if (!runtime_or_report("pmx_finalize")) return PMX_ERR_STATE;
    return report(runtime_finalize());
}

extern "C" int pmx_initialized(int* initialized_out)
{
    if (!initialized_out) return pmx_error_report(PMX_ERR_ARGUMENT, "initialized: initialized_out is NULL");
    *initialized_out = runtime_is_up();
    return PMX_SUCCESS;
}

extern "C" void pmx_abort(int exit_status, const char* reason)
{
    Runtime* rt = runtime();
    std::fprintf(stderr, "pmx[%d]: abort with status %d: %s\n", rt ? rt->rank() : 0, exit_status,
                 reason ? reason : "no reason given");
    std::fflush(stderr);
    if (!rt) std::_Exit(exit_status);
    rt->faults.fail_job(PMX_ERR_ABORTED);
    rt->bootstrap->abort(exit_status);
}
