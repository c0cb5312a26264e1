/* SPDX-License-Identifier: BSD-3-Clause */
/* bootstrap_mpi.cc: the only file that calls MPI.
 *
 * Collectives are started non-blocking and then tested: a rank that waits gives its core away, and the wait
 * ends after kWaitLimit. What MPI still owns then is left to it for good, and MPI is not entered again.
 * MPI_Init and MPI_Finalize cannot be bounded from here: the launcher ends the job when a rank dies in them.
 *
 * Started without a launcher, Open MPI makes a job of one rank. It would start a daemon for that, which needs
 * ssh to be there and ends the process when it is not; only MPI_Comm_spawn needs the daemon, so it is
 * switched off where pmx brings MPI up. */
#include <sched.h>
#include <unistd.h>

#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <chrono>
#include <climits>
#include <cstdlib>

#include "runtime/bootstrap.h"

namespace pmx {
namespace {

/* Ranks may come late, after reading their input; more than this is taken for a rank that never comes. */
constexpr std::chrono::seconds kWaitLimit{600};
/* A rank may end when it has done its part, before this one has seen that. */
constexpr std::chrono::seconds kGrace{2};

Status mpi_failure(const char* call, int mpi_err)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length = 0;
    if (MPI_Error_string(mpi_err, text, &length) != MPI_SUCCESS) length = 0;
    return fail(PMX_ERR_BOOTSTRAP, "{}: {}", call, length > 0 ? text : "unknown error");
}

#define PMX_TRY_MPI(call, ...)                                            \
    do {                                                                  \
        const int mpi_err_ = call(__VA_ARGS__);                           \
        if (mpi_err_ != MPI_SUCCESS) return mpi_failure(#call, mpi_err_); \
    } while (0)

using Lost = std::function<Status()>;

/* Yields between the tests. PMX_ERR_TIMEOUT, or what lost answers: request is still running. */
Status wait_for(MPI_Request& request, const char* call, const Lost& lost)
{
    const auto deadline = std::chrono::steady_clock::now() + kWaitLimit;
    auto given_up = deadline;
    for (;;) {
        int done = 0;
        const int mpi_err = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (mpi_err != MPI_SUCCESS) return mpi_failure(call, mpi_err);
        if (done) return {};
        const auto now = std::chrono::steady_clock::now();
        Status why = lost ? lost() : Status();
        if (why.ok())
            given_up = deadline;
        else if (given_up == deadline)
            given_up = now + kGrace;
        else if (now > given_up)
            return why;
        if (now > deadline) {
            return fail(PMX_ERR_TIMEOUT, "{}: a rank did not come within {} s", call, kWaitLimit.count());
        }
        sched_yield();
    }
}

/* Ending MPI waits for all ranks. So it is left out after a job of this process that has lost one, and in one
 * that has not been brought down: the launcher then ends the others. */
bool lost_rank = false;
int n_open = 0;

/* The buffers of one allgather. On the heap, because after a time-out MPI may still write into them. */
struct Gather {
    uint64_t my_bytes = 0;
    std::vector<std::byte> mine;
    std::vector<uint64_t> n_bytes;
    std::vector<int> counts, offsets;
    std::vector<std::byte> all;
};

class MpiBootstrap final : public Bootstrap {
public:
    MpiBootstrap() { n_open++; }
    ~MpiBootstrap() override;
    Status connect(MPI_Comm comm);

    int rank() const override { return rank_; }
    int size() const override { return size_; }
    Status allgather(std::span<const std::byte> mine, std::vector<std::vector<std::byte>>& all_out) override;
    Status barrier(const Lost& lost) override;
    void abandon() override { broken_ = true; }
    [[noreturn]] void abort(int exit_status) override;

private:
    Status complete(MPI_Request& request, const char* call, const Lost& lost = nullptr);
    Status gather_sizes(Gather& gather);
    Status gather_bytes(Gather& gather, std::span<const std::byte> mine);

    MPI_Comm comm_ = MPI_COMM_NULL;
    int rank_ = 0;
    int size_ = 1;
    bool broken_ = false; /* a collective never ended: MPI calls could wait for ever */
};

MpiBootstrap::~MpiBootstrap()
{
    int finalized = 0;
    MPI_Finalized(&finalized);
    lost_rank = lost_rank || broken_;
    n_open--;
    if (finalized || broken_) return;
    if (comm_ != MPI_COMM_NULL) MPI_Comm_free(&comm_);
}

Status MpiBootstrap::complete(MPI_Request& request, const char* call, const Lost& lost)
{
    Status status = wait_for(request, call, lost);
    if (!status.ok()) broken_ = true;
    return status;
}

Status MpiBootstrap::connect(MPI_Comm comm)
{
    if (comm == MPI_COMM_NULL) return fail(PMX_ERR_BOOTSTRAP, "the communicator is MPI_COMM_NULL");
    int inter = 0;
    PMX_TRY_MPI(MPI_Comm_test_inter, comm, &inter);
    if (inter)
        return fail(PMX_ERR_BOOTSTRAP, "the communicator is an inter-communicator, must be an intra-one");
    MPI_Request request = MPI_REQUEST_NULL;
    PMX_TRY_MPI(MPI_Comm_idup, comm, &comm_, &request);
    PMX_TRY(complete(request, "MPI_Comm_idup"));
    PMX_TRY_MPI(MPI_Comm_set_errhandler, comm_, MPI_ERRORS_RETURN);
    PMX_TRY_MPI(MPI_Comm_rank, comm_, &rank_);
    PMX_TRY_MPI(MPI_Comm_size, comm_, &size_);
    return {};
}

/* Every rank sees all sizes, so all refuse alike what MPI cannot address with an int. */
Status MpiBootstrap::gather_sizes(Gather& gather)
{
    gather.n_bytes.resize(size_);
    MPI_Request request = MPI_REQUEST_NULL;
    PMX_TRY_MPI(MPI_Iallgather, &gather.my_bytes, 1, MPI_UINT64_T, gather.n_bytes.data(), 1, MPI_UINT64_T,
                comm_, &request);
    PMX_TRY(complete(request, "MPI_Iallgather"));
    uint64_t total = 0;
    for (const uint64_t n_bytes : gather.n_bytes) {
        if (n_bytes > INT_MAX || total + n_bytes > INT_MAX) {
            return fail(PMX_ERR_BOOTSTRAP, "the ranks give {} bytes or more, must be at most {} in all",
                        total + n_bytes, INT_MAX);
        }
        gather.counts.push_back(static_cast<int>(n_bytes));
        gather.offsets.push_back(static_cast<int>(total));
        total += n_bytes;
    }
    gather.all.resize(total);
    return {};
}

Status MpiBootstrap::gather_bytes(Gather& gather, std::span<const std::byte> mine)
{
    gather.mine.assign(mine.begin(), mine.end());
    MPI_Request request = MPI_REQUEST_NULL;
    PMX_TRY_MPI(MPI_Iallgatherv, gather.mine.data(), gather.counts[rank_], MPI_BYTE, gather.all.data(),
                gather.counts.data(), gather.offsets.data(), MPI_BYTE, comm_, &request);
    return complete(request, "MPI_Iallgatherv");
}

Status MpiBootstrap::allgather(std::span<const std::byte> mine, std::vector<std::vector<std::byte>>& all_out)
{
    auto gather = std::make_unique<Gather>();
    gather->my_bytes = mine.size();
    Status status = gather_sizes(*gather);
    if (status.ok()) status = gather_bytes(*gather, mine);
    if (!status.ok()) {
        if (broken_) (void)gather.release();
        return status;
    }
    all_out.clear();
    for (int r = 0; r < size_; ++r) {
        const auto begin = gather->all.begin() + gather->offsets[r];
        all_out.emplace_back(begin, begin + gather->counts[r]);
    }
    return {};
}

Status MpiBootstrap::barrier(const Lost& lost)
{
    int finalized = 0;
    PMX_TRY_MPI(MPI_Finalized, &finalized);
    if (finalized) return fail(PMX_ERR_BOOTSTRAP, "MPI was finalized before pmx: pmx_finalize must come first");
    MPI_Request request = MPI_REQUEST_NULL;
    PMX_TRY_MPI(MPI_Ibarrier, comm_, &request);
    return complete(request, "MPI_Ibarrier", lost);
}

/* Also ends the ranks outside comm_: MPI offers no less. */
void MpiBootstrap::abort(int exit_status)
{
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized) MPI_Abort(comm_, exit_status);
    _exit(exit_status);
}

pid_t begun_by = 0; /* the process in which pmx began MPI */

/* MPI that pmx began ends with the process, since it could not begin again for the next job. A child of fork inherits
 * the handler of exit, but is no rank of MPI. */
void end_mpi()
{
    if (getpid() != begun_by) return;
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized && !lost_rank && n_open == 0) MPI_Finalize();
}

/* Brings MPI up. It ends the process when it cannot, and says so itself. */
Status begin_mpi()
{
    static constexpr char kIsolated[] = "OMPI_MCA_ess_singleton_isolated";
    const bool set_here = std::getenv(kIsolated) == nullptr;
    if (set_here) setenv(kIsolated, "1", 1);
    int level = MPI_THREAD_SINGLE;
    const int mpi_err = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level);
    if (set_here) unsetenv(kIsolated);
    if (mpi_err != MPI_SUCCESS) return mpi_failure("MPI_Init_thread", mpi_err);
    if (level >= MPI_THREAD_FUNNELED) {
        begun_by = getpid();
        std::atexit(end_mpi);
        return {};
    }
    MPI_Finalize();
    return fail(PMX_ERR_BOOTSTRAP, "this MPI gives thread level {}, must be MPI_THREAD_FUNNELED ({})", level,
                MPI_THREAD_FUNNELED);
}

}  // namespace

void bootstrap_fortran_comm(int fortran_comm, void* comm_out)
{
    auto& comm = *static_cast<MPI_Comm*>(comm_out);
    int initialized = 0;
    const bool usable = MPI_Initialized(&initialized) == MPI_SUCCESS && initialized;
    comm = usable ? MPI_Comm_f2c(fortran_comm) : MPI_COMM_NULL;
}

/* A program that initialised MPI with MPI_THREAD_SINGLE is let through: the threads of pmx never enter MPI.
 */
Status bootstrap_open(const void* comm, std::unique_ptr<Bootstrap>& bootstrap_out)
{
    int initialized = 0, finalized = 0;
    PMX_TRY_MPI(MPI_Initialized, &initialized);
    PMX_TRY_MPI(MPI_Finalized, &finalized);
    if (finalized) return fail(PMX_ERR_BOOTSTRAP, "MPI is finalised already and cannot start again");
    if (!initialized) {
        if (comm != nullptr)
            return fail(PMX_ERR_BOOTSTRAP, "a communicator is given but MPI is not initialised");
        PMX_TRY(begin_mpi());
    }
    auto bootstrap = std::make_unique<MpiBootstrap>();
    PMX_TRY(bootstrap->connect(comm != nullptr ? *static_cast<const MPI_Comm*>(comm) : MPI_COMM_WORLD));
    bootstrap_out = std::move(bootstrap);
    return {};
}

}  // namespace pmx
