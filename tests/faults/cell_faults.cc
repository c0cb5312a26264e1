/* SPDX-License-Identifier: BSD-3-Clause */
/* The faults of the matrix: how each begins, and how one that passes ends. Faults of the network are those of
 * the software NIC, switched by the file of PMX_SOFTNIC_SWITCH, or what the commands PMX_TEST_NETWORK_FAULT and
 * PMX_TEST_NETWORK_MEND do. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "cell.h"
#include "config.h"
#if HAVE_MPI
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#endif

namespace cell {

namespace {

std::vector<pid_t> pids; /* by rank */
volatile char* network_switch = nullptr;
std::thread background;
volatile sig_atomic_t n_handled = 0;

pid_t victim() { return pids[kVictim]; }

/* Milliseconds from the caller, for faults that pass by themselves. */
std::chrono::milliseconds duration()
{
    const char* text = std::getenv("PMX_TEST_FAULT_MS");
    return std::chrono::milliseconds(text ? std::atoi(text) : 300);
}

void flip(char to)
{
    if (network_switch) {
        *network_switch = to;
        return;
    }
    const char* command = std::getenv(to == '1' ? "PMX_TEST_NETWORK_FAULT" : "PMX_TEST_NETWORK_MEND");
    note_data("network to fail", command && std::system(command) == 0);
}
template <typename Undo>
void and_later(Undo undo)
{
    background = std::thread([undo] {
        std::this_thread::sleep_for(duration());
        undo();
    });
}

void network_on() { flip('1'); }
void network_flap()
{
    flip('1');
    and_later([] { flip('0'); });
}
void end_victim() { kill(victim(), SIGKILL); }
void stop_victim()
{
    kill(victim(), SIGSTOP);
    and_later([] { kill(victim(), SIGCONT); });
}
/* Without pmx_finalize. */
[[noreturn]] void leave() { std::exit(0); }

void exhaust_heap()
{
    void* out = nullptr;
    pmx_heap_info_t heap{};
    heap.size_bytes = sizeof heap;
    note("heap_query", pmx_heap_query(&heap));
    note_data("PMX_ERR_MEMORY of a heap that is exhausted",
              pmx_malloc(heap.largest_free_bytes + 1, &out) == PMX_ERR_MEMORY);
}
void limit(int resource, rlim_t to)
{
    rlimit now{};
    getrlimit(static_cast<__rlimit_resource>(resource), &now);
    now.rlim_cur = to;
    note_data("setrlimit", setrlimit(static_cast<__rlimit_resource>(resource), &now) == 0);
}
/* Those that are open stay so. */
void no_more_files()
{
    int next = dup(0);
    close(next);
    limit(RLIMIT_NOFILE, static_cast<rlim_t>(next));
}
void no_locked_memory() { limit(RLIMIT_MEMLOCK, 0); }

/* The caller has put a small file system of its own there. */
void fill_dev_shm()
{
    char name[64];
    std::snprintf(name, sizeof name, "/dev/shm/fill.%d", static_cast<int>(getpid()));
    int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    static const char block[4096] = {};
    while (fd >= 0 && write(fd, block, sizeof block) > 0) {
    }
    if (fd >= 0) close(fd);
}

void count_signal(int) { n_handled = n_handled + 1; }
void other_handler()
{
    struct sigaction action = {};
    action.sa_handler = count_signal;
    for (int each : {SIGUSR1, SIGUSR2, SIGTERM, SIGPIPE}) sigaction(each, &action, nullptr);
    int before = n_handled;
    raise(SIGUSR1);
    note_data("the handler of the program", n_handled == before + 1);
}

/* The child is a process without pmx, and ends as any other. */
void fork_and_go_on()
{
    pid_t child = fork();
    if (child == 0) {
        int up = 1, err = pmx_quiet(PMX_CTX_DEFAULT);
        pmx_initialized(&up);
        std::exit(up == 0 && err == PMX_ERR_STATE ? 7 : 8);
    }
    int status = 0;
    note_data("the end of a child",
              waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

void finalize_mpi()
{
#if HAVE_MPI
    int done = 0;
    MPI_Finalized(&done);
    if (!done) MPI_Finalize();
#endif
}

const Fault kFaults[] = {
    {"kill", Kind::fatal, false, false, end_victim},
    {"exit", Kind::fatal, true, true, leave},
    {"cut", Kind::fatal, false, false, network_on},
    {"error", Kind::fatal, false, false, network_on},
    {"stop", Kind::passing, false, false, stop_victim},
    {"flap", Kind::passing, false, false, network_flap},
    {"full", Kind::passing, false, false, network_flap},
    {"loss1", Kind::passing, false, false, network_on},
    {"loss10", Kind::passing, false, false, network_on},
    {"storm", Kind::passing, false, false, network_on},
    {"heap", Kind::local, false, true, exhaust_heap},
    {"files", Kind::local, false, false, no_more_files},
    {"memlock", Kind::local, false, false, no_locked_memory},
    {"shm", Kind::local, false, false, fill_dev_shm},
    {"handler", Kind::local, false, true, other_handler},
    {"fork", Kind::local, false, false, fork_and_go_on},
    {"mpi", Kind::local, false, true, finalize_mpi},
};

}  // namespace

const Fault* find_fault(const std::string& name)
{
    for (const Fault& fault : kFaults)
        if (name == fault.name) return &fault;
    return nullptr;
}

void prepare_faults(const std::string& name)
{
#if HAVE_MPI
    if (name == "mpi") MPI_Init(nullptr, nullptr);
#endif
    (void)name;
    const char* path = std::getenv("PMX_SOFTNIC_SWITCH");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void* at = mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) network_switch = static_cast<volatile char*>(at);
}

void exchange_pids()
{
    uint64_t* words = static_cast<uint64_t*>(sym(static_cast<size_t>(state.size) * sizeof(uint64_t)));
    for (int to = 0; to < state.size; to++)
        note("signal_set",
             pmx_signal_set(PMX_CTX_DEFAULT, &words[state.rank], static_cast<uint64_t>(getpid()), to));
    for (int from = 0; from < state.size; from++) {
        note("signal_wait", pmx_signal_wait(PMX_CTX_DEFAULT, &words[from], PMX_CMP_NE, 0, from, 0, nullptr));
        pids.push_back(static_cast<pid_t>(words[from]));
    }
}

void end_faults()
{
    if (background.joinable()) background.join();
}

}  // namespace cell
