/* SPDX-License-Identifier: BSD-3-Clause */
/* What each rank of bootstrap.test does: bootstrap_ranks CASE. Exit 0 when all that was promised held, 1 with
 * a line on stderr when not, 99 for an unknown case. */
#include <sys/mman.h>
#include <unistd.h>

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "runtime/bootstrap.h"

using pmx::Bootstrap;
using pmx::fail;
using pmx::Status;

namespace {

#define REQUIRE(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                               \
        }                                                                           \
    } while (0)

std::unique_ptr<Bootstrap> open_world()
{
    std::unique_ptr<Bootstrap> bootstrap;
    const Status status = pmx::bootstrap_open(nullptr, bootstrap);
    if (!status.ok()) fprintf(stderr, "bootstrap_open: %s\n", status.detail().c_str());
    return bootstrap;
}

/* Rank r gives r * 1000 bytes of value r in round 0 (rank 0 none), and the reverse in round 1. */
int gather_different_sizes()
{
    const auto bootstrap = open_world();
    REQUIRE(bootstrap != nullptr);
    const int size = bootstrap->size();
    for (int round = 0; round < 2; ++round) {
        const auto n_bytes_of = [&](int r) { return size_t(round == 0 ? r : size - 1 - r) * 1000; };
        const int rank = bootstrap->rank();
        const std::vector<std::byte> mine(n_bytes_of(rank), std::byte(rank));
        std::vector<std::vector<std::byte>> all(3); /* what was in it does not matter */
        REQUIRE(bootstrap->allgather(mine, all).ok());
        REQUIRE(all.size() == size_t(size));
        for (int r = 0; r < size; ++r) {
            REQUIRE(all[r] == std::vector<std::byte>(n_bytes_of(r), std::byte(r)));
        }
    }
    REQUIRE(bootstrap->barrier().ok());
    return 0;
}

/* More than an int counts: refused alike on all ranks, and the next call works. The pages are never read. */
int refuse_too_many_bytes()
{
    const auto bootstrap = open_world();
    REQUIRE(bootstrap != nullptr);
    const size_t n_bytes = size_t{INT_MAX} / bootstrap->size() + 1;
    void* pages = mmap(nullptr, n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    std::vector<std::vector<std::byte>> all(3);
    const Status status = bootstrap->allgather({static_cast<std::byte*>(pages), n_bytes}, all);
    REQUIRE(status.code() == PMX_ERR_BOOTSTRAP);
    REQUIRE(status.detail().find("must be at most 2147483647") != std::string::npos);
    REQUIRE(all.size() == 3);
    REQUIRE(bootstrap->allgather({}, all).ok());
    REQUIRE(all.size() == size_t(bootstrap->size()));
    return 0;
}

int agree_on_the_lowest_failure()
{
    const auto bootstrap = open_world();
    REQUIRE(bootstrap != nullptr);
    int failed_rank = 7;
    REQUIRE(pmx::bootstrap_agree(*bootstrap, Status(), &failed_rank).ok());
    REQUIRE(failed_rank == -1);
    const bool bad = bootstrap->rank() >= 2; /* 2 and 3 fail */
    const Status mine = bad ? fail(PMX_ERR_PARAM, "rank {} says no", bootstrap->rank()) : Status();
    const Status agreed = pmx::bootstrap_agree(*bootstrap, mine, &failed_rank);
    REQUIRE(agreed.code() == PMX_ERR_PARAM);
    REQUIRE(agreed.detail() == "rank 2 says no");
    REQUIRE(failed_rank == 2);
    REQUIRE(pmx::bootstrap_agree(*bootstrap, Status(), nullptr).ok());
    return 0;
}

/* Rank 1 ends the job; the others wait in a barrier that never ends. */
int abort_ends_all_ranks()
{
    const auto bootstrap = open_world();
    REQUIRE(bootstrap != nullptr);
    REQUIRE(bootstrap->barrier().ok());
    if (bootstrap->rank() == 1) bootstrap->abort(42);
    (void)bootstrap->barrier();
    return 1;
}

int refuse_communicator_before_init()
{
    const MPI_Comm world = MPI_COMM_WORLD;
    std::unique_ptr<Bootstrap> bootstrap;
    const Status status = pmx::bootstrap_open(&world, bootstrap);
    REQUIRE(status.code() == PMX_ERR_BOOTSTRAP);
    REQUIRE(bootstrap == nullptr);
    int initialized = 1;
    MPI_Initialized(&initialized);
    REQUIRE(!initialized);
    return 0;
}

int refuse_bad_communicators()
{
    MPI_Init(nullptr, nullptr);
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm half = MPI_COMM_NULL, inter = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - rank % 2, 0, &inter);
    const MPI_Comm null = MPI_COMM_NULL;
    std::unique_ptr<Bootstrap> bootstrap;
    REQUIRE(pmx::bootstrap_open(&inter, bootstrap).code() == PMX_ERR_BOOTSTRAP);
    REQUIRE(pmx::bootstrap_open(&null, bootstrap).code() == PMX_ERR_BOOTSTRAP);
    REQUIRE(bootstrap == nullptr);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&half);
    MPI_Finalize();
    return 0;
}

/* The job is the ranks of the communicator, in its order; MPI stays the caller's. */
int take_a_communicator()
{
    MPI_Init(nullptr, nullptr);
    int rank = 0, size = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm backwards = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, 0, -rank, &backwards);
    std::unique_ptr<Bootstrap> bootstrap;
    REQUIRE(pmx::bootstrap_open(&backwards, bootstrap).ok());
    REQUIRE(bootstrap->rank() == size - 1 - rank);
    REQUIRE(bootstrap->size() == size);
    MPI_Comm_free(&backwards);
    REQUIRE(bootstrap->barrier().ok());
    bootstrap.reset();
    int finalized = 1;
    MPI_Finalized(&finalized);
    REQUIRE(!finalized);
    MPI_Finalize();
    REQUIRE(pmx::bootstrap_open(nullptr, bootstrap).code() == PMX_ERR_BOOTSTRAP);
    return 0;
}

/* A rank that goes without bringing the job down does not wait for the others at its exit. */
int leave_while_up()
{
    auto bootstrap = open_world();
    REQUIRE(bootstrap != nullptr);
    if (bootstrap->rank() == 1) exit(3);
    for (;;) pause(); /* until the launcher ends it */
}

void require_finalized()
{
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized) _exit(1);
}

/* One rank, with or without a launcher, and one more time; MPI ends with the process. */
int be_one_rank()
{
    REQUIRE(atexit(require_finalized) == 0);
    for (int job = 0; job < 2; job++) {
        auto bootstrap = open_world();
        REQUIRE(bootstrap != nullptr);
        REQUIRE(bootstrap->rank() == 0);
        REQUIRE(bootstrap->size() == 1);
    }
    int finalized = 1;
    MPI_Finalized(&finalized);
    REQUIRE(!finalized);
    REQUIRE(getenv("OMPI_MCA_ess_singleton_isolated") == nullptr);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::map<std::string, int (*)()> cases = {
        {"gather-different-sizes", gather_different_sizes},
        {"refuse-too-many-bytes", refuse_too_many_bytes},
        {"agree-on-the-lowest-failure", agree_on_the_lowest_failure},
        {"abort-ends-all-ranks", abort_ends_all_ranks},
        {"refuse-communicator-before-init", refuse_communicator_before_init},
        {"refuse-bad-communicators", refuse_bad_communicators},
        {"take-a-communicator", take_a_communicator},
        {"be-one-rank", be_one_rank},
        {"leave-while-up", leave_while_up},
    };
    const auto hit = argc == 2 ? cases.find(argv[1]) : cases.end();
    if (hit == cases.end()) return 99;
    return hit->second();
}
