/* SPDX-License-Identifier: BSD-3-Clause */
/* Bringing a rank up and taking it down. What each rank finds out for itself is agreed on before the next
 * step, so that all ranks get the same result and nobody waits for one that has given up. */
#include "runtime/runtime.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "device/stream.h"
#include "order.h"
#include "runtime/errors.h"
#include "runtime/failures.h"
#include "runtime/log.h"
#include "runtime/network.h"
#include "runtime/registrations.h"

namespace pmx {

namespace {

/* Parameters by which ranks may differ; all others must be the same everywhere. */
constexpr const char* kLocalParams[] = {"PROXY_BIND", "LOG", "DUMP_SIGNAL", "UID_ADDRESS"};

std::string shared_params(const Params& params)
{
    std::string text;
    for (int i = 0; const ParamInfo* info = param_info(i); i++) {
        if (std::any_of(std::begin(kLocalParams), std::end(kLocalParams),
                        [&](const char* name) { return std::strcmp(name, info->name) == 0; }))
            continue;
        text += fmt::format("PMX_{}={}\n", info->name, param_text(info->name, params));
    }
    return text;
}

/* The first line in which two texts of the same lines differ. */
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b)
{
    size_t at = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
    size_t begin = at == 0 ? 0 : a.rfind('\n', at - 1) + 1;
    return {a.substr(begin, a.find('\n', begin) - begin), b.substr(begin, b.find('\n', begin) - begin)};
}

void append_part(std::vector<std::byte>& blob, std::span<const std::byte> part)
{
    uint32_t n_bytes = static_cast<uint32_t>(part.size());
    const std::byte* length = reinterpret_cast<const std::byte*>(&n_bytes);
    blob.insert(blob.end(), length, length + sizeof n_bytes);
    blob.insert(blob.end(), part.begin(), part.end());
}

Status take_part(std::span<const std::byte>& blob, std::vector<std::byte>& part_out)
{
    uint32_t n_bytes = 0;
    if (blob.size() < sizeof n_bytes) return fail(PMX_ERR_BOOTSTRAP, "a rank sent {} bytes too few", sizeof n_bytes);
    std::memcpy(&n_bytes, blob.data(), sizeof n_bytes);
    blob = blob.subspan(sizeof n_bytes);
    if (blob.size() < n_bytes) return fail(PMX_ERR_BOOTSTRAP, "a rank sent {} of {} bytes", blob.size(), n_bytes);
    part_out.assign(blob.begin(), blob.begin() + n_bytes);
    blob = blob.subspan(n_bytes);
    return {};
}

}  // namespace

Status Runtime::bring_up(const OpenBootstrap& open, std::unique_ptr<Runtime>& runtime_out)
{
    auto rt = std::make_unique<Runtime>();
    PMX_TRY(open(rt->bootstrap));
    PMX_TRY(bootstrap_agree(*rt->bootstrap, rt->prepare(), nullptr));
    std::vector<Peer> all;
    PMX_TRY(bootstrap_agree(*rt->bootstrap, rt->exchange(all), nullptr));
    PMX_TRY(bootstrap_agree(*rt->bootstrap, rt->attach_peers(all), nullptr));
    PMX_TRY(bootstrap_agree(*rt->bootstrap, rt->attach_gpus(all), nullptr));
    PMX_TRY(rt->open_network());
    PMX_TRY(bootstrap_agree(*rt->bootstrap, rt->start_proxy(), nullptr));
    PMX_TRY(bootstrap_agree(*rt->bootstrap, rt->make_contexts(), nullptr));
    PMX_TRY(bootstrap_agree(*rt->bootstrap, rt->open_streams(*rt->default_context), nullptr));
    runtime_out = std::move(rt);
    return {};
}

Status Runtime::prepare()
{
    log_configure(LogLevel::warn, rank());
    PMX_TRY(params_from_environment(params));
    log_configure(params.log_level, rank());
    if (params.gpu != GpuChoice::off) plan_staging();
    work_off = (params.heap_bytes + staging_bytes() + 4095) & ~uint64_t{4095};
    PMX_TRY(ShmSegment::create(work_off + work_bytes(), heap));
    allocator = std::make_unique<OffsetAllocator>(params.heap_bytes);
    PMX_TRY(open_gpu());
    if (!gpu) faults = Faults(size());
    return {};
}

uint64_t Runtime::work_bytes() const
{
    uint64_t checked_bytes = params.check ? 64 + (kFirstUserStream + kUserStreams) * Checked::n_bytes(size()) : 0;
    return checked_bytes + Teams::n_bytes(size()) + Bounce::kBytes + AtomicArea::n_bytes(size());
}

Status Runtime::exchange(std::vector<Peer>& peers_out)
{
    std::string params_text = shared_params(params);
    std::vector<std::byte> mine;
    append_part(mine, node_identity());
    append_part(mine, heap.address());
    append_part(mine, std::as_bytes(std::span(params_text)));
    append_part(mine, gpu ? std::as_bytes(std::span(gpu->facts().identity)) : std::span<const std::byte>());
    append_part(mine, gpu ? gpu->address() : std::vector<std::byte>());
    std::vector<std::vector<std::byte>> blobs;
    PMX_TRY(bootstrap->allgather(mine, blobs));
    for (int r = 0; r < size(); r++) {
        std::span<const std::byte> rest = blobs[r];
        Peer peer;
        PMX_TRY(take_part(rest, peer.node));
        PMX_TRY(take_part(rest, peer.segment));
        PMX_TRY(take_part(rest, peer.params));
        PMX_TRY(take_part(rest, peer.gpu));
        PMX_TRY(take_part(rest, peer.gpu_heap));
        std::string theirs(reinterpret_cast<const char*>(peer.params.data()), peer.params.size());
        if (theirs != params_text) {
            auto [here, there] = first_difference(params_text, theirs);
            return fail(PMX_ERR_MISMATCH, "rank {} has {}, rank {} has {}: it must be the same", rank(), here, r, there);
        }
        peers_out.push_back(std::move(peer));
    }
    return {};
}

/* Maps the heaps of this node's ranks, unless the network path is forced, and watches their processes. */
Status Runtime::attach_peers(const std::vector<Peer>& all)
{
    std::vector<std::vector<std::byte>> nodes;
    for (const Peer& peer : all) nodes.push_back(peer.node);
    PMX_TRY(topology_discover(params.proxy_bind, rank(), nodes, topology, gpu ? gpu->facts().pci : ""));
    peers.resize(size());
    peer_base.assign(size(), nullptr);
    peer_base[rank()] = heap.base();
    for (int r : topology.ranks_on_node) {
        if (r == rank()) continue;
        ShmSegment segment;
        Status attached = ShmSegment::attach(all[r].segment, segment);
        if (!attached.ok()) {
            log_warn("rank {} of this node is reached through the network: {}", r, attached.detail());
            continue;
        }
        Status watched = watch.add(r, segment.pid());
        if (!watched.ok()) log_warn("{}", watched.detail());
        if (params.transport != TransportChoice::any && params.transport != TransportChoice::shm) continue;
        peers[r] = std::move(segment);
        peer_base[r] = peers[r].base();
    }
    if (params.transport != TransportChoice::shm) return {};
    for (int r = 0; r < size(); r++)
        if (!direct(r))
            return fail(PMX_ERR_UNSUPPORTED, "PMX_TRANSPORT=shm: rank {} does not share memory with rank {}; use auto",
                        r, rank());
    return {};
}

/* All ranks open the network path when one of them needs it. */
Status Runtime::open_network()
{
    auto beyond = [](const std::vector<char*>& base) { return std::count(base.begin(), base.end(), nullptr) != 0; };
    std::byte needed = std::byte(beyond(peer_base) || beyond(kernel_peer_base));
    std::vector<std::vector<std::byte>> all;
    PMX_TRY(bootstrap->allgather(std::span(&needed, 1), all));
    if (std::all_of(all.begin(), all.end(), [](auto& one) { return one.at(0) == std::byte(0); })) return {};
    const auto tell = [](const std::string& text) { log_warn("{}", text); };
    TransportConfig config = {rank(), size(), heap.base(), heap.n_bytes(), params.timeout_ns, tell, {}, threads_move_data()};
    GpuDmabuf dmabuf;
    if (gpu && params.gpu_direct != GpuDirect::off) {
        const Status exported = gpu->dmabuf(dmabuf);
        if (!exported.ok()) log_info("{}", exported.detail());
        config.gpu = {gpu->heap(), params.gpu_heap_bytes, dmabuf.fd, dmabuf.offset};
    }
    const Status opened = network_open(
        *bootstrap, params, config, heap, gpu ? gpu->facts().pci : "", [this](std::unique_ptr<Transport>& inner) { return stage(inner); }, transport);
    if (dmabuf.fd >= 0) ::close(dmabuf.fd);
    return opened;
}

Status Runtime::start_proxy()
{
    pmx_order_t order;
    if (transport) PMX_TRY(resolve_order(params.order, transport->caps(), order));
    if (size() == 1) return {};
    EngineConfig config = {size(), heaps(), params.batch, params.timeout_ns, params.peer_check_ns, {}};
    PMX_TRY(plan_heartbeat(config.heartbeat));
    engine = std::make_unique<Engine>(config, transport.get(), clock, faults, &watch);
    if (params.dump_signal) dump_signal = std::make_unique<DumpSignal>();
    proxy = std::make_unique<ProxyThread>(*engine);
    return proxy->start([this] {
        Status bound = topology.proxy_core < 0 ? Status() : bind_this_thread(topology.proxy_core);
        if (!bound.ok()) log_warn("{}", bound.detail());
    });
}

Status Runtime::plan_heartbeat(HeartbeatConfig& heartbeat_out)
{
    uint64_t words_off;
    if (!allocator->allocate(static_cast<uint64_t>(size()) * sizeof(uint64_t), 64, words_off))
        return fail(PMX_ERR_MEMORY, "PMX_HEAP_SIZE={}: too small for the heartbeat", params.heap_bytes);
    heartbeat_out = {rank(), size(), params.heartbeat_ns, params.timeout_ns, heap.base(), words_off, peer_base};
    return {};
}

Status Runtime::make_contexts()
{
    pmx_order_t best = PMX_ORDER_DEFERRED, asked = params.order;
    if (transport) {
        PMX_TRY(resolve_order(PMX_ORDER_AUTO, transport->caps(), best));
        PMX_TRY(resolve_order(params.order, transport->caps(), asked));
    }
    PMX_TRY(make_context(best, PMX_SIGNALS_GROUPED, 1, kInternalStream, internal_context));
    internal_context->device.heap_bytes = heap.n_bytes();
    char* area = heap.base() + work_off;
    teams = std::make_unique<Teams>(internal_context->device, area);
    area += Teams::n_bytes(size());
    bounce = std::make_unique<Bounce>(heap.base(), area);
    AtomicArea cells(area + Bounce::kBytes, size());
    atomics = std::make_unique<Atomics>(cells);
    if (transport) {
        atomic_server = std::make_unique<AtomicServer>(cells, heap.base(), params.heap_bytes, size());
        PMX_TRY(make_context(best, PMX_SIGNALS_GROUPED, 1, kAnswerStream, answer_context, atomic_server.get()));
    }
    PMX_TRY(make_context(asked, params.signals, params.n_queues, kDefaultStream, default_context));
    registrations = std::make_unique<Registrations>(*this);
    return reserve_cells();
}

/* What the collectives need of the heaps. */
Status Runtime::reserve_cells()
{
    uint64_t cells_off;
    if (!allocator->allocate(Collectives::kHeapBytes, 64, cells_off))
        return fail(PMX_ERR_MEMORY, "PMX_HEAP_SIZE={}: too small for the collectives", params.heap_bytes);
    collectives = std::make_unique<Collectives>(internal_context->device, heap.base() + cells_off);
    if (gpu && !gpu_allocator->allocate(sizeof(BarrierCells), 64, gpu_barrier_off))
        return fail(PMX_ERR_MEMORY, "PMX_GPU_HEAP_SIZE={}: too small for the barrier", params.gpu_heap_bytes);
    return {};
}

Status Runtime::close()
{
    Status first;
    auto keep = [&](Status status) {
        if (first.ok()) first = std::move(status);
    };
    auto complete = [&](const pmx_ctx& ctx) {
        int err = quiet(thread, ctx.device);
        err = ctx.complete_checked(PMX_RANK_ANY, err);
        if (err) keep(device_failure(ctx.device, "finalize: operations were not completed", err));
        keep(complete_kernels(ctx));
    };
    for (auto& each : contexts)
        if (pmx_ctx_t ctx = each.load()) complete(*ctx);
    complete(*default_context);
    if (first.ok()) keep(collectives->barrier());
    complete(*internal_context);
    if (answer_context) complete(*answer_context);
    /* Between these two barriers all proxies stop; before the second no process ends, so none looks dead. */
    const pmx_device_ctx_t& device = internal_context->device;
    auto failed = [&] {
        int err = detail::fault_of(device, PMX_RANK_ANY);
        return err ? device_failure(device, "finalize", err) : Status();
    };
    if (first.ok()) keep(bootstrap->barrier(failed));
    if (proxy) proxy->stop();
    auto ended = [&] {
        for (int rank; (rank = watch.next_dead()) >= 0;) faults.fail_peer(rank, PeerFault::dead);
        return failed();
    };
    if (first.ok()) keep(bootstrap->barrier(ended));
    if (!first.ok()) bootstrap->abandon();
    return first;
}

Runtime::Runtime() = default;

Runtime::~Runtime()
{
    if (proxy) proxy->stop();
    for (auto& each : contexts) delete each.load();
}

namespace {

/* A program that ends without pmx_finalize does not wait for the other ranks; they see that it has ended. */
struct Holder : std::unique_ptr<Runtime> {
    using unique_ptr::unique_ptr;
    ~Holder()
    {
        if (get()) get()->bootstrap->abandon();
    }
};

Holder the_runtime;
std::atomic<Runtime*> up{nullptr};

}  // namespace

Runtime* runtime() { return up.load(std::memory_order_acquire); }

bool runtime_is_up() { return runtime() != nullptr; }

const Params& runtime_params() { return runtime()->params; }

/* A child has neither the proxy nor a place among the ranks: it is a process without pmx, and what it inherits is left as
 * it is. */
static void forget_in_child()
{
    up.store(nullptr, std::memory_order_release);
    (void)the_runtime.release();
}

Status runtime_init(const OpenBootstrap& open)
{
    if (runtime()) return fail(PMX_ERR_STATE, "init: pmx is initialised already");
    static const int registered = pthread_atfork(nullptr, nullptr, forget_in_child);
    if (registered != 0) return fail(PMX_ERR_SYSTEM, "pthread_atfork: {}", std::strerror(registered));
    PMX_TRY(Runtime::bring_up(open, the_runtime));
    up.store(the_runtime.get(), std::memory_order_release);
    return {};
}

Status runtime_finalize()
{
    Status closed = the_runtime->close();
    up.store(nullptr, std::memory_order_release);
    the_runtime.reset();
    return closed;
}

Runtime* runtime_or_report(const char* call)
{
    Runtime* rt = runtime();
    if (!rt) (void)report(fail(PMX_ERR_STATE, "{}: pmx is not initialised", call));
    return rt;
}

}  // namespace pmx
