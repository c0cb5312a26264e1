/* SPDX-License-Identifier: BSD-3-Clause */
/* A job without MPI, of processes that this one forks:
 *   uid_ranks SIZE              forms it, twice in the same processes, and exchanges data
 *   uid_ranks hostile SIZE      the same, while others send to its port what they like
 *   uid_ranks late SIZE         rank SIZE - 1 never comes: the others end with PMX_ERR_TIMEOUT
 *   uid_ranks twice             two ranks say that they are rank 1
 *   uid_ranks wrong             the uids are not those of a job
 *   uid_ranks failure SIZE      rank SIZE - 1 ends at once: the others are told */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "pmx_job.h"

namespace {

std::string new_uid()
{
    char uid[PMX_UID_BYTES];
    CHECK_OK(pmx_uid_create(uid, sizeof uid));
    return uid;
}

/* Runs body(rank) in processes of their own; whether all ended with 0. */
bool in_processes(int n, const std::function<void(int)>& body)
{
    std::vector<pid_t> pids;
    for (int r = 0; r < n; r++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            body(r);
            std::fflush(nullptr);
            _exit(0);
        }
        pids.push_back(pid);
    }
    bool good = true;
    for (pid_t pid : pids) {
        int status = 1;
        CHECK(waitpid(pid, &status, 0) == pid);
        good = good && status == 0;
    }
    return good;
}

void one_job(const std::string& uid, int r, int n)
{
    CHECK_OK(pmx_init_uid(uid.c_str(), r, n));
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    CHECK(rank == r && size == n);
    int* box = sym<int>(static_cast<size_t>(n));
    for (int to = 0; to < n; to++) CHECK_OK(pmx_put(PMX_CTX_DEFAULT, &box[r], &r, sizeof r, to));
    CHECK_OK(pmx_barrier());
    for (int from = 0; from < n; from++) CHECK(box[from] == from);
    CHECK_OK(pmx_free(box));
    CHECK_OK(pmx_finalize());
}

bool two_jobs(int n)
{
    const std::string first = new_uid(), second = new_uid();
    return in_processes(n, [&](int r) {
        one_job(first, r, n);
        one_job(second, n - 1 - r == 0 ? 0 : (r == 0 ? n - 1 : r), n); /* rank 0 is another process */
    });
}

int connect_to(const std::string& uid)
{
    size_t a = uid.find(':') + 1, b = uid.find(':', a);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<uint16_t>(std::stoi(uid.substr(b + 1))));
    CHECK(inet_pton(AF_INET, uid.substr(a, b - a).c_str(), &name.sin_addr) == 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
    return fd;
}

/* Connections that say nothing, too little, too much, or nearly the right thing, before the ranks come. */
bool hostile(int n)
{
    const std::string uid = new_uid();
    std::vector<int> fds;
    for (int i = 0; i < 40; i++) {
        int fd = connect_to(uid);
        std::string text(static_cast<size_t>(i * 7), static_cast<char>('A' + i));
        if (i % 4 == 1) text = "pmxjoin1" + std::string(i % 8 == 1 ? 24 : 9, '\0');
        if (i % 4 == 2) text = std::string(100000, '\xff');
        if (i % 4 != 0) (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (i % 5 == 0)
            close(fd);
        else
            fds.push_back(fd);
    }
    bool good = in_processes(n, [&](int r) { one_job(uid, r, n); });
    for (int fd : fds) close(fd);
    return good;
}

bool late(int n)
{
    const std::string uid = new_uid();
    return in_processes(n - 1,
                        [&](int r) { CHECK(pmx_init_uid(uid.c_str(), r, n) == PMX_ERR_TIMEOUT || r != 0); });
}

bool twice()
{
    const std::string uid = new_uid();
    return in_processes(3, [&](int r) {
        int err = pmx_init_uid(uid.c_str(), r == 0 ? 0 : 1, 3);
        CHECK(r == 0 ? err == PMX_ERR_MISMATCH : err != PMX_SUCCESS);
        int up = 1;
        CHECK_OK(pmx_initialized(&up));
        CHECK(up == 0);
    });
}

bool wrong()
{
    std::string uid = new_uid(), other = new_uid();
    size_t key = uid.rfind(':') + 1;
    std::string forged = uid.substr(0, key) + other.substr(other.rfind(':') + 1);
    CHECK(pmx_init_uid("pmx1:127.0.0.1:1", 0, 1) == PMX_ERR_ARGUMENT);
    CHECK(pmx_init_uid("", 0, 1) == PMX_ERR_ARGUMENT);
    CHECK(pmx_init_uid(nullptr, 0, 1) == PMX_ERR_ARGUMENT);
    CHECK(pmx_init_uid((uid + "0").c_str(), 0, 1) == PMX_ERR_ARGUMENT);
    CHECK(pmx_init_uid(uid.c_str(), 2, 2) == PMX_ERR_RANK);
    CHECK(pmx_init_uid(uid.c_str(), 0, 0) == PMX_ERR_ARGUMENT);
    CHECK(pmx_init_uid(forged.c_str(), 0, 1) == PMX_ERR_STATE);
    char small[16];
    CHECK(pmx_uid_create(small, sizeof small) == PMX_ERR_ARGUMENT);
    /* Who has another key is not let in. */
    return in_processes(2, [&](int r) {
        int err = pmx_init_uid(r == 0 ? uid.c_str() : forged.c_str(), r, 2);
        CHECK(r == 0 ? err == PMX_ERR_TIMEOUT : err == PMX_ERR_BOOTSTRAP);
    });
}

std::atomic<int> n_told{0}, last_told{-1};

void handler(void* arg, int err, int failed)
{
    int seen = 0, first = -1;
    if (err != PMX_ERR_PEER_FAILED || pmx_async_error(&seen, &first) || seen != PMX_ERR_PEER_FAILED)
        std::_Exit(2);
    last_told.store(failed);
    static_cast<std::atomic<int>*>(arg)->fetch_add(1);
}

void lose_the_last(const std::string& uid, int r, int n)
{
    pmx_team_t world, few;
    CHECK_OK(pmx_init_uid(uid.c_str(), r, n));
    rank = r;
    CHECK_OK(pmx_error_handler_set(handler, &n_told));
    CHECK_OK(pmx_team_world(&world));
    CHECK_OK(pmx_team_split_color(world, r == n - 1, 0, &few));
    uint64_t *word = sym<uint64_t>(2), *ready = sym<uint64_t>(1);
    CHECK_OK(pmx_signal_add(PMX_CTX_DEFAULT, ready, 1, n - 1)); /* behind all that needs the last rank */
    if (r == n - 1) {
        CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, ready, PMX_CMP_EQ, static_cast<uint64_t>(n), PMX_RANK_ANY,
                                 0, nullptr));
        _exit(0);
    }
    auto told = [](void*) { return static_cast<int>(n_told.load() != 0); };
    int err = pmx_wait_until(PMX_CTX_DEFAULT, told, nullptr, r, 0); /* a wait on a rank that lives */
    CHECK_OK(err);
    CHECK(n_told.load() == 1 && last_told.load() == n - 1);
    int failed = -1;
    CHECK_OK(pmx_async_error(&err, &failed));
    CHECK(err == PMX_ERR_PEER_FAILED && failed == n - 1);
    CHECK(pmx_team_sync(world) == PMX_ERR_PEER_FAILED);
    CHECK(std::string(pmx_last_error_detail()).find(std::to_string(n - 1)) != std::string::npos);
    CHECK(pmx_broadcast(world, &word[1], word, 8, 0) == PMX_ERR_PEER_FAILED);
    uint64_t one = 1;
    CHECK(pmx_atomic_fetch_op(PMX_CTX_DEFAULT, word, PMX_UINT64, PMX_ATOMIC_ADD, &one, n - 1, &one) ==
          PMX_ERR_PEER_FAILED);
    /* Those that are left go on. */
    word[0] = static_cast<uint64_t>(r);
    CHECK_OK(pmx_allreduce(few, &word[1], word, 1, PMX_UINT64, PMX_OP_MAX));
    CHECK(word[1] == static_cast<uint64_t>(n - 2));
    CHECK(pmx_finalize() == PMX_ERR_PEER_FAILED);
}

bool failure(int n)
{
    const std::string uid = new_uid();
    return in_processes(n, [&](int r) { lose_the_last(uid, r, n); });
}

}  // namespace

int main(int argc, char** argv)
{
    std::string what = argc > 1 ? argv[1] : "";
    int n = argc > 2 ? std::atoi(argv[2]) : std::atoi(what.c_str());
    bool good = what == "hostile"   ? hostile(n)
                : what == "late"    ? late(n)
                : what == "failure" ? failure(n)
                : what == "twice"   ? twice()
                : what == "wrong"   ? wrong()
                                    : two_jobs(n);
    CHECK(good);
    std::printf("ok\n");
    return 0;
}
