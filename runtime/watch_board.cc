/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/watch_board.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/runtime.h"

namespace pmx {

namespace {

size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

/* On the proxy thread, between whose visits contexts go away: what it finds here lives until it returns. */
pmx_counters_t sum_of(Runtime& rt)
{
    pmx_counters_t sum{};
    sum.size_bytes = sizeof sum;
    auto add = [&](const pmx_ctx* ctx) {
        if (!ctx) return;
        ctx->engine.counters.add_to(sum);
        if (ctx->kernel_engine) ctx->kernel_engine->counters.add_to(sum);
    };
    add(rt.default_context.get());
    for (auto& each : rt.contexts) add(each.load(std::memory_order_acquire));
    return sum;
}

}  // namespace

void watch_board_write(Runtime& rt)
{
    const size_t page = page_bytes();
    char* at = rt.heap.base() + (rt.heap.n_bytes() + page - 1) / page * page + WatchBoard::kOff;
    WatchBoard& board = *reinterpret_cast<WatchBoard*>(at);
    WatchState state{};
    state.written_ns = detail::now_ns();
    state.rank = rt.rank();
    state.size = rt.size();
    state.n_failed = detail::load_relaxed(rt.faults.count_word());
    const std::string path =
        rt.transport ? rt.transport->caps().name + " " + rt.transport->caps().provider : "none";
    std::memcpy(state.path, path.data(), std::min(path.size(), sizeof state.path - 1));
    state.counters = sum_of(rt);
    detail::store_relaxed(&board.n_changes, board.n_changes + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    board.state = state;
    board.state_bytes = sizeof state;
    std::memcpy(board.magic, WatchBoard::kMagic, sizeof board.magic);
    detail::store_release(&board.n_changes, board.n_changes + 1);
}

WatchedProcess::~WatchedProcess()
{
    if (page_) munmap(page_, page_bytes());
}

Status WatchedProcess::open(pid_t pid)
{
    pid_ = pid;
    const std::string folder = fmt::format("/proc/{}/fd", pid);
    DIR* files = opendir(folder.c_str());
    if (!files) return fail(PMX_ERR_ARGUMENT, "--watch {}: {}: {}", pid, folder, std::strerror(errno));
    while (const dirent* entry = page_ ? nullptr : readdir(files)) {
        const std::string path = folder + "/" + entry->d_name;
        char target[64] = {};
        if (readlink(path.c_str(), target, sizeof target - 1) < 0 ||
            std::strncmp(target, "/memfd:pmx-heap", 15) != 0)
            continue;
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat file = {};
        if (fd >= 0 && fstat(fd, &file) == 0 && file.st_size >= static_cast<off_t>(page_bytes())) {
            void* page = mmap(nullptr, page_bytes(), PROT_READ, MAP_SHARED, fd,
                              file.st_size - static_cast<off_t>(page_bytes()));
            if (page != MAP_FAILED) page_ = page;
        }
        if (fd >= 0) close(fd);
    }
    closedir(files);
    WatchState state;
    if (page_ && read(state)) return {};
    return fail(PMX_ERR_ARGUMENT, "--watch {}: that process is no rank with a proxy of this version of pmx",
                pid);
}

bool WatchedProcess::read(WatchState& state_out) const
{
    static_assert(WatchBoard::kOff + sizeof(WatchBoard) <= 4096);
    const WatchBoard& board =
        *reinterpret_cast<const WatchBoard*>(static_cast<const char*>(page_) + WatchBoard::kOff);
    for (int tries = 0; tries < 1000 && kill(pid_, 0) == 0; tries++) {
        const uint64_t before = detail::load_acquire(&board.n_changes);
        if (before % 2 == 0 && before != 0) {
            if (std::memcmp(board.magic, WatchBoard::kMagic, sizeof board.magic) != 0 ||
                board.state_bytes != sizeof state_out)
                return false;
            state_out = board.state;
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (detail::load_relaxed(&board.n_changes) == before) return true;
        }
        usleep(1000);
    }
    return false;
}

}  // namespace pmx
