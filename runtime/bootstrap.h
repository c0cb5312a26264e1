/* SPDX-License-Identifier: BSD-3-Clause */
/* bootstrap.h: how ranks find each other before pmx can talk. All entries are collective and are made by
 * the thread that calls pmx_init and pmx_finalize. Used at start and end only: never on a data path. */
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "status.h"

namespace pmx {

class Bootstrap {
  public:
    virtual ~Bootstrap() = default; /* collective */
    virtual int rank() const = 0;
    virtual int size() const = 0;
    /* Blobs of any size, also different ones; all_out[r] is what rank r gave. */
    virtual Status allgather(std::span<const std::byte> mine,
                             std::vector<std::vector<std::byte>>& all_out) = 0;
    /* lost: asked again and again while ranks are waited for, null for never. When it goes on to answer with a failure,
     * the wait ends with that, as after abandon(). */
    virtual Status barrier(const std::function<Status()>& lost = nullptr) = 0;
    /* A rank is lost: from here on nothing is called that would wait for it, the destructor included. */
    virtual void abandon() = 0;
    /* Ends all ranks; does not return. Not collective. Any thread. */
    [[noreturn]] virtual void abort(int exit_status) = 0;
};

/* comm: a pointer to an MPI_Comm, or nullptr for all ranks of the job (MPI is initialised when it is not
 * yet; a build without MPI gives one rank). */
Status bootstrap_open(const void* comm, std::unique_ptr<Bootstrap>& bootstrap_out);

/* comm_out: the MPI_Comm behind the integer that Fortran has for it; null before MPI is initialised. */
void bootstrap_fortran_comm(int fortran_comm, void* comm_out);

/* Agreement on a local result: every rank returns ok, or every rank returns the failure of the lowest
 * failing rank (its code and its detail). failed_rank_out: that rank, or -1. */
Status bootstrap_agree(Bootstrap& bootstrap, const Status& mine, int* failed_rank_out);

}  // namespace pmx
