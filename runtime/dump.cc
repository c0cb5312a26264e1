/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/dump.h"

#include <signal.h>

#include <atomic>

#include "order.h"
#include "runtime/failures.h"
#include "runtime/log.h"
#include "runtime/runtime.h"

namespace pmx {

namespace {

constexpr uint64_t kBetweenRecordsNs = 10'000'000'000;

/* What the producers see of the queues of a context. */
void append_queues(const pmx_ctx& ctx, const char* name, std::string& text)
{
    for (size_t i = 0; i < ctx.queue_views.size(); i++) {
        const pmx_device_queue_t& queue = ctx.queue_views[i];
        uint64_t head = detail::load_relaxed(queue.head), consumed = detail::load_acquire(queue.consumed),
                 completed = detail::load_acquire(queue.completed);
        if (head == completed) continue;
        text += fmt::format("{}, queue {} of {}: {} queued, {} taken, {} complete, room for {}\n", name,
                            ctx.engine.queues[i]->id(), ctx.queue_views.size(), head, consumed, completed,
                            queue.capacity - (head - consumed));
    }
}

constexpr const char* kCompareText[] = {"==", "!=", ">", ">=", "<", "<="};

}  // namespace

std::string dump_text(Runtime& rt)
{
    std::string text =
        fmt::format("state of rank {} of {}: network path {}, order {}\n", rt.rank(), rt.size(),
                    rt.transport ? rt.transport->caps().name + " " + rt.transport->caps().provider : "none",
                    order_name(rt.default_context->engine.order));
    append_queues(*rt.internal_context, "collectives", text);
    append_queues(*rt.default_context, "default context", text);
    for (auto& each : rt.contexts)
        if (pmx_ctx_t ctx = each.load()) append_queues(*ctx, "context", text);
    if (rt.engine && !rt.engine->report(text)) text += "proxy: no answer\n";
    return with_prefix(text);
}

std::string with_prefix(const std::string& lines)
{
    std::string text;
    for (size_t begin = 0, end; (end = lines.find('\n', begin)) != std::string::npos; begin = end + 1)
        text += log_prefix() + lines.substr(begin, end - begin) + "\n";
    return text;
}

std::string wait_text(const pmx_device_ctx_t& ctx, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value,
                      int from_rank)
{
    std::string from = from_rank == PMX_RANK_ANY ? "any rank" : fmt::format("rank {}", from_rank);
    return fmt::format("no word from {}: the word at heap offset {} is {}, waited for {} {}", from,
                       detail::heap_off(ctx, sig_sym), detail::load_acquire(sig_sym), kCompareText[cmp],
                       value);
}

void record_timeout(Runtime& rt, const std::string& what)
{
    static std::atomic<uint64_t> last_ns{0};
    uint64_t now = detail::now_ns(), last = last_ns.load(std::memory_order_relaxed);
    if (last != 0 && now - last < kBetweenRecordsNs) return;
    if (!last_ns.compare_exchange_strong(last, now, std::memory_order_relaxed)) return;
    log_warn("{}", what);
    std::string text = dump_text(rt);
    if (log_on(LogLevel::warn)) log_lines(text);
}

namespace {

std::atomic<bool> dump_wanted{false};
static_assert(std::atomic<bool>::is_always_lock_free);
void want_dump(int) { dump_wanted.store(true, std::memory_order_relaxed); }

}  // namespace

DumpSignal::DumpSignal()
{
    struct sigaction now = {}, ours = {};
    if (sigaction(SIGUSR1, nullptr, &now) != 0 || (now.sa_flags & SA_SIGINFO) || now.sa_handler != SIG_DFL)
        return;
    ours.sa_handler = want_dump;
    ours.sa_flags = SA_RESTART;
    installed_ = sigaction(SIGUSR1, &ours, nullptr) == 0;
}

DumpSignal::~DumpSignal()
{
    struct sigaction now = {};
    if (!installed_ || sigaction(SIGUSR1, nullptr, &now) != 0 || now.sa_handler != want_dump) return;
    now.sa_handler = SIG_DFL;
    sigaction(SIGUSR1, &now, nullptr);
}

bool DumpSignal::came() { return dump_wanted.exchange(false, std::memory_order_relaxed); }

}  // namespace pmx
