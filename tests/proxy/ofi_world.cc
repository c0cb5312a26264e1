/* SPDX-License-Identifier: BSD-3-Clause */
/* ofi_world.cc: starts the ranks of a case and collects them. */
#include "ofi_world.h"

#include "transport_ofi_impl.h"

namespace pmx_test {

namespace {

void* share(size_t n_bytes)
{
    const int fd = memfd_create("pmx-test", MFD_CLOEXEC);
    void* at = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, off_t(n_bytes)) == 0)
        at = mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (at == MAP_FAILED) {
        perror("shared memory");
        exit(99);
    }
    return at;
}

/* The addresses of all ranks, in the order of ranks; fewer when one does not come. */
std::vector<std::vector<std::byte>> read_addresses(const Rank& rank)
{
    std::vector<std::vector<std::byte>> all;
    const uint64_t deadline_ns = pmx::detail::now_ns() + kStepNs;
    for (int r = 0; r < rank.size; r++) {
        while (rank.board->n_address_bytes[r] == 0) {
            if (pmx::detail::now_ns() > deadline_ns) return all;
            sched_yield();
        }
        const std::byte* at = rank.board->address[r];
        all.emplace_back(at, at + rank.board->n_address_bytes[r]);
    }
    return all;
}

pmx::Status open(Rank& rank)
{
    if (!rank.change) return pmx::ofi_open(rank.provider, rank.config(), rank.transport);
    pmx::ofi_set_environment();
    pmx::OfiRow row = pmx::ofi_row(rank.provider);
    rank.change(row);
    std::unique_ptr<pmx::OfiTransport> transport;
    PMX_TRY(pmx::OfiTransport::open(row, true, rank.config(), transport));
    rank.transport = std::move(transport);
    return {};
}

/* The last thing a rank does is to go on polling until all have finished, so that nobody waits for it. */
int run_rank(Rank& rank, Case body)
{
    alarm(kCaseSeconds);
    int ret = join(rank);
    if (ret == 0) ret = body(rank);
    rank.board->at_barrier[rank.rank] = UINT64_MAX;
    if (rank.transport && (ret == 0 || ret == kNotPromised))
        rank.until([&] {
            for (int r = 0; r < rank.size; r++)
                if (rank.board->at_barrier[r] != UINT64_MAX) return false;
            return true;
        });
    rank.transport.reset();
    return ret;
}

}  // namespace

int join(Rank& rank)
{
    pmx::Status status = open(rank);
    REQUIRE(status.ok(), "open: %s", status.detail().c_str());
    const std::vector<std::byte> mine = rank.transport->address();
    REQUIRE(!mine.empty() && mine.size() <= kMaxAddress, "address of %zu bytes", mine.size());
    memcpy(rank.board->address[rank.rank], mine.data(), mine.size());
    rank.board->n_address_bytes[rank.rank] = uint32_t(mine.size());
    const std::vector<std::vector<std::byte>> all = read_addresses(rank);
    REQUIRE(all.size() == size_t(rank.size), "no address of rank %zu", all.size());
    status = rank.transport->connect(all);
    REQUIRE(status.ok(), "connect: %s", status.detail().c_str());
    return 0;
}

int run_case(const char* name, const std::string& provider, int n_ranks, Case body, CaseOptions options)
{
    Rank rank;
    rank.size = n_ranks;
    rank.provider = provider;
    rank.change = options.change;
    rank.board = new (share(sizeof(Board))) Board();
    for (int r = 0; r < n_ranks; r++) rank.heap[r] = static_cast<unsigned char*>(share(kHeapBytes));
    fflush(nullptr);

    const uint64_t begin_ns = pmx::detail::now_ns();
    pid_t pids[kMaxRanks];
    for (int r = 0; r < n_ranks; r++) {
        pids[r] = fork();
        if (pids[r] < 0) {
            perror("fork");
            exit(99);
        }
        if (pids[r]) continue;
        rank.rank = r;
        const int ret = run_rank(rank, body);
        fflush(nullptr);
        _exit(ret);
    }
    int failures = 0, n_not_promised = 0;
    for (int n = 0; n < n_ranks; n++) {
        int status = 0;
        const pid_t pid = wait(&status);
        int r = 0;
        while (r < n_ranks && pids[r] != pid) r++;
        if (r == n_ranks) continue;
        rank.board->at_barrier[r] = UINT64_MAX;
        if (WIFEXITED(status) && WEXITSTATUS(status) == kNotPromised && ++n_not_promised) continue;
        const bool well = r == options.killed_rank ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                                   : WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (well) continue;
        failures++;
        fprintf(stderr, "%s: rank %d: %s %d\n", name, r, WIFEXITED(status) ? "exit" : "signal",
                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
    if (n_not_promised && n_not_promised < n_ranks) failures++;
    for (int r = 0; r < n_ranks; r++) munmap(rank.heap[r], kHeapBytes);
    munmap(rank.board, sizeof(Board));
    const double seconds = double(pmx::detail::now_ns() - begin_ns) * 1e-9;
    const char* result = failures ? "not ok" : n_not_promised ? "not promised:" : "ok";
    printf("%s %s%s (%.1f s)\n", result, name, options.change ? ", other path" : "", seconds);
    return failures != 0;
}

}  // namespace pmx_test
