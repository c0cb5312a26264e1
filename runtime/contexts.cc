/* SPDX-License-Identifier: BSD-3-Clause */
/* Making, finding and freeing contexts. */
#include <algorithm>

#include "order.h"
#include "runtime/failures.h"
#include "runtime/log.h"
#include "runtime/runtime.h"
#include "runtime/team_collectives.h"

namespace pmx {

Status Runtime::make_context(pmx_order_t order, int signals, unsigned n_queues, uint16_t stream,
                             std::unique_ptr<pmx_ctx>& ctx_out, AtomicServer* server)
{
    auto ctx = std::make_unique<pmx_ctx>(size(), order, signals, stream);
    if (transport) {
        for (unsigned i = 0; i < n_queues; i++) {
            ctx->engine.queues.push_back(std::make_unique<CommandQueue>(engine->next_queue_id(), params.queue_depth));
            ctx->queue_views.push_back(ctx->engine.queues.back()->device_view());
        }
    }
    pmx_device_ctx_t& device = ctx->device;
    device.size_bytes = sizeof device;
    device.rank = rank();
    device.size = size();
    device.signals = signals;
    device.n_queues = static_cast<unsigned>(ctx->queue_views.size());
    device.queues = ctx->queue_views.data();
    device.heap_base = heap.base();
    device.heap_bytes = params.heap_bytes;
    device.peer_base = peer_base.data();
    device.fault = faults.job_word();
    device.peer_failed = faults.peer_words();
    device.n_failed = faults.count_word();
    device.timeout_ns = params.timeout_ns;
    if (transport && threads_move_data() && !server) {
        device.progress = [](void* arg) { return static_cast<int>(static_cast<ProxyThread*>(arg)->visit()); };
        device.progress_arg = proxy.get();
    }
    if (server) {
        server->answer_through(device);
        ctx->engine.work = server;
    } else if (transport && params.check && stream != kInternalStream) {
        ctx->checked = checked_of(stream);
        ctx->engine.work = ctx->checked;
    }
    if (gpu && stream != kInternalStream && stream != kAnswerStream) PMX_TRY(make_kernel_part(*ctx, n_queues));
    if (transport) engine->add(ctx->engine);
    if (ctx->kernel_engine) engine->add(*ctx->kernel_engine);
    ctx_out = std::move(ctx);
    return {};
}

/* Copies of a GPU belong to one thread. */
bool Runtime::threads_move_data() const
{
    if (gpu) return false;
    if (params.progress == ProgressChoice::automatic) return !topology.cores_for_proxies;
    return params.progress == ProgressChoice::callers;
}

/* Behind the areas of make_contexts(), on a line of its own. */
Checked* Runtime::checked_of(uint16_t stream)
{
    checked.resize(kFirstUserStream + kUserStreams);
    if (!checked[stream]) {
        uint64_t first_off = (Teams::n_bytes(size()) + Bounce::kBytes + AtomicArea::n_bytes(size()) + 63) & ~uint64_t{63};
        char* area = heap.base() + work_off + first_off + stream * Checked::n_bytes(size());
        checked[stream] = std::make_unique<Checked>(area, heap.base(), params.heap_bytes, answer_context->device,
                                                    [this](const std::string& what) {
                                                        log_error("{}", what);
                                                        faults.fail_job(PMX_ERR_INTEGRITY);
                                                    });
    }
    return checked[stream].get();
}

namespace {

Status check_attr(const pmx_ctx_attr_t& attr)
{
    if (attr.size_bytes != sizeof attr)
        return fail(PMX_ERR_ARGUMENT, "ctx_create: size_bytes is {}, must be {}", attr.size_bytes, sizeof attr);
    if (attr.order < PMX_ORDER_AUTO || attr.order > PMX_ORDER_COUNTED)
        return fail(PMX_ERR_ARGUMENT, "ctx_create: order is {}, allowed {}..{}", static_cast<int>(attr.order),
                    static_cast<int>(PMX_ORDER_AUTO), static_cast<int>(PMX_ORDER_COUNTED));
    if (attr.signals < -1 || attr.signals > PMX_SIGNALS_GROUPED)
        return fail(PMX_ERR_ARGUMENT, "ctx_create: signals is {}, allowed -1..1", attr.signals);
    if (attr.n_queues > 64) return fail(PMX_ERR_ARGUMENT, "ctx_create: n_queues is {}, allowed 0..64", attr.n_queues);
    return {};
}

}  // namespace

Status Runtime::create_context(const pmx_ctx_attr_t* attr, pmx_ctx_t& ctx_out)
{
    pmx_ctx_attr_t asked = {sizeof asked, PMX_ORDER_AUTO, -1, 0};
    Status checked = attr ? check_attr(*attr) : Status();
    if (attr && checked.ok()) asked = *attr;
    if (asked.order == PMX_ORDER_AUTO) asked.order = params.order;
    if (asked.signals < 0) asked.signals = params.signals;
    if (asked.n_queues == 0) asked.n_queues = params.n_queues;
    pmx_order_t order = asked.order;
    if (checked.ok() && transport) checked = resolve_order(asked.order, transport->caps(), order);
    if (order == PMX_ORDER_AUTO) order = PMX_ORDER_DEFERRED; /* nobody is beyond direct reach */

    /* A rank that refuses must not leave the others waiting: all meet here, whatever they found. */
    uint64_t value = checked.ok() ? uint64_t{1} << 32 | static_cast<uint64_t>(order) << 16 |
                                        static_cast<uint64_t>(asked.signals) << 8 | asked.n_queues
                                  : static_cast<uint64_t>(-checked.code());
    Status same = collectives->same(value, "ctx_create: the attributes");
    if (!checked.ok()) return checked;
    PMX_TRY(same);

    /* A rank may be short of memory; then none has the context. */
    pmx_ctx_t ctx = nullptr;
    Status made = add_context(order, asked.signals, asked.n_queues, ctx);
    same = collectives->same(static_cast<uint64_t>(-made.code()), "ctx_create: the outcome");
    if (!made.ok()) return made;
    if (!same.ok()) {
        drop_context(ctx);
        return same;
    }
    const Status opened = open_streams(*ctx);
    if (!opened.ok()) {
        drop_context(ctx);
        return opened;
    }
    ctx_out = ctx;
    return {};
}

namespace {

/* In pieces that a team has room for. mine: of the same size on all ranks. */
Status gather_addresses(Team& team, const std::vector<std::byte>& mine, std::vector<std::vector<std::byte>>& all_out)
{
    const size_t size = static_cast<size_t>(team.size());
    const size_t piece = std::max<size_t>(TeamPart::kBytes / size, 1);
    all_out.assign(size, {});
    std::vector<std::byte> pieces;
    for (size_t at = 0; at < mine.size(); at += piece) {
        const size_t n = std::min(piece, mine.size() - at);
        pieces.resize(n * size);
        PMX_TRY(team_allgather_small(team, pieces.data(), mine.data() + at, n));
        for (size_t r = 0; r < size; r++)
            all_out[r].insert(all_out[r].end(), pieces.begin() + static_cast<std::ptrdiff_t>(r * n),
                              pieces.begin() + static_cast<std::ptrdiff_t>((r + 1) * n));
    }
    return {};
}

}  // namespace

/* Those of host blocks and of kernels. */
Status Runtime::open_streams(const pmx_ctx& ctx)
{
    PMX_TRY(open_stream(ctx.engine.stream));
    return ctx.kernel_engine ? open_stream(ctx.kernel_engine->stream) : Status();
}

/* Collective. Where a rank has no room for one more channel, the stream shares one on all ranks: slower, not wrong. */
Status Runtime::open_stream(uint16_t stream)
{
    if (!transport) return {};
    std::vector<std::byte> mine;
    const Status prepared = transport->prepare_stream(stream, mine);
    if (!prepared.ok()) log_info("stream {} has no channel of its own: {}", stream, prepared.detail());
    uint64_t least = 0, most = 0;
    PMX_TRY(collectives->min_max(prepared.ok() ? mine.size() : 0, least, most));
    if (least == 0 || least != most) return {};
    std::vector<std::vector<std::byte>> all;
    PMX_TRY(gather_addresses(*teams->world(), mine, all));
    const Status connected = transport->connect_stream(all);
    if (!connected.ok()) log_info("stream {} has no channel of its own: {}", stream, connected.detail());
    PMX_TRY(collectives->min_max(connected.ok(), least, most));
    if (least) engine->between_visits([&] { transport->begin_stream(stream); });
    return collectives->barrier(); /* before the first operation arrives, all know the channel */
}

Status Runtime::add_context(pmx_order_t order, int signals, unsigned n_queues, pmx_ctx_t& ctx_out)
{
    auto slot = std::find_if(contexts.begin(), contexts.end(), [](auto& each) { return each.load() == nullptr; });
    if (slot == contexts.end())
        return fail(PMX_ERR_MEMORY, "ctx_create: {} contexts are in use, allowed {}", contexts.size(), contexts.size());
    std::unique_ptr<pmx_ctx> ctx;
    uint16_t stream = static_cast<uint16_t>(kFirstUserStream + (slot - contexts.begin()));
    PMX_TRY(make_context(order, signals, n_queues, stream, ctx));
    ctx_out = ctx.get();
    slot->store(ctx.release());
    return {};
}

/* The proxy thread may be reading the counters of what it found in a slot (watch_board.cc). */
void Runtime::drop_context(pmx_ctx_t ctx)
{
    auto slot = std::find_if(contexts.begin(), contexts.end(), [&](auto& each) { return each.load() == ctx; });
    const auto clear = [&] { slot->store(nullptr); };
    if (engine)
        engine->between_visits(clear);
    else
        clear();
    bounce->forget(ctx->device);
    if (transport) engine->remove(ctx->engine);
    if (ctx->kernel_engine) engine->remove(*ctx->kernel_engine);
    delete ctx;
}

Status Runtime::free_context(pmx_ctx_t ctx)
{
    if (ctx == PMX_CTX_DEFAULT || find_context(ctx) == nullptr)
        return fail(PMX_ERR_ARGUMENT, "ctx_free: not a context of pmx_ctx_create");
    int err = quiet(thread, ctx->device);
    err = ctx->complete_checked(PMX_RANK_ANY, err);
    Status kernels = complete_kernels(*ctx);
    Status met = collectives->barrier();
    drop_context(ctx);
    if (!err) return kernels.ok() ? met : kernels;
    return device_failure(ctx->device, "ctx_free: operations were not completed", err);
}

pmx_ctx_t Runtime::find_context(pmx_ctx_t handle)
{
    if (handle == PMX_CTX_DEFAULT) return default_context.get();
    for (auto& each : contexts)
        if (each.load(std::memory_order_acquire) == handle) return handle;
    return nullptr;
}

}  // namespace pmx
