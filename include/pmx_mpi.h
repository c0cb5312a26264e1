/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_mpi.h: bring pmx up over a communicator of the caller. */
#ifndef PMX_MPI_H
#define PMX_MPI_H

#include <mpi.h>

#include "pmx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Collective over comm, an intra-communicator. As pmx_init, but the job is the ranks of comm. comm is
 * duplicated; MPI stays the caller's. MPI_THREAD_FUNNELED is enough: only the thread that calls
 * pmx_init_comm and pmx_finalize enters MPI. PMX_ERR_BOOTSTRAP: MPI is not initialised, or comm is
 * null or an inter-communicator. PMX_ERR_UNSUPPORTED: pmx was built without MPI. */
PMX_API int pmx_init_comm(MPI_Comm comm);
/* The same for a communicator of Fortran. */
PMX_API int pmx_init_fcomm(MPI_Fint comm);

#ifdef __cplusplus
}
#endif
#endif /* PMX_MPI_H */
