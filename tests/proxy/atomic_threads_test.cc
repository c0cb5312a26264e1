/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ranks of one process, each with an engine in a thread of its own and four threads that ask the other
 * rank for atomic operations while its own threads make them at once: each takes place once, and each answer
 * goes to who asked. The same for slots through which the threads send. Built a second time under
 * ThreadSanitizer. */
#include <algorithm>
#include <cstring>
#include <thread>

#include "atomic_server.h"
#include "runtime/atomics.h"
#include "runtime/bounce.h"
#include "tests/cmocka_cxx.h"

namespace {

constexpr int kThreads = 4, kRounds = 400;
constexpr uint64_t kWordsOff = 0, kDataOff = 4096, kAreaOff = 1 << 16;

/* Does at once what it is given, in the memory of the other rank, as a network card would. */
class LoopTransport final : public pmx::Transport {
public:
    const pmx::TransportCaps& caps() const override { return caps_; }
    std::vector<std::byte> address() const override { return {}; }
    pmx::Status connect(std::span<const std::vector<std::byte>>) override { return {}; }
    int post(int dst_rank, std::span<const pmx::Op> ops) override
    {
        for (const pmx::Op& op : ops) {
            char* dst = heaps[dst_rank] + op.dst_off;
            if (op.kind == pmx::OpKind::put)
                std::memcpy(dst, op.src, op.n_bytes);
            else if (op.kind == pmx::OpKind::signal_add)
                pmx::detail::fetch_add_release(reinterpret_cast<uint64_t*>(dst), op.value);
            else
                pmx::detail::store_release(reinterpret_cast<uint64_t*>(dst), op.value);
            done_.push_back({op.cookie, PMX_SUCCESS});
        }
        return static_cast<int>(ops.size());
    }
    int poll(std::span<pmx::Completion> out) override
    {
        size_t n = std::min(out.size(), done_.size());
        std::copy_n(done_.begin(), n, out.begin());
        done_.erase(done_.begin(), done_.begin() + static_cast<long>(n));
        return static_cast<int>(n);
    }
    void fail_peer(int) override {}

    char* heaps[2] = {};

private:
    pmx::TransportCaps caps_ = [] {
        pmx::TransportCaps caps;
        caps.orders_set = caps.orders_add = caps.orders_put = true;
        return caps;
    }();
    std::vector<pmx::Completion> done_;
};

/* An engine context with a view, as the runtime makes it. */
struct Context {
    Context(pmx::Engine& engine, pmx::Faults& faults, char* const* peer_base, int rank, uint64_t heap_bytes,
            uint16_t stream)
        : context(2, PMX_ORDER_ORDERED, PMX_SIGNALS_GROUPED, stream)
    {
        context.queues.push_back(std::make_unique<pmx::CommandQueue>(engine.next_queue_id(), 64));
        view = context.queues[0]->device_view();
        device.size_bytes = sizeof device;
        device.rank = rank;
        device.size = 2;
        device.n_queues = 1;
        device.queues = &view;
        device.heap_base = peer_base[rank];
        device.heap_bytes = heap_bytes;
        device.peer_base = peer_base;
        device.fault = faults.job_word();
        device.peer_failed = faults.peer_words();
        device.n_failed = faults.count_word();
        device.timeout_ns = 60000000000;
    }
    pmx::EngineContext context;
    pmx_device_queue_t view;
    pmx_device_ctx_t device{};
};

constexpr uint64_t heap_bytes() { return kAreaOff + pmx::Bounce::kBytes + 65536; }

struct Rank {
    explicit Rank(int number)
        : rank(number),
          memory(heap_bytes() / sizeof(Line)),
          base(reinterpret_cast<char*>(memory.data())),
          area(base + kAreaOff + pmx::Bounce::kBytes, 2),
          bounce(base, base + kAreaOff),
          atomics(area),
          server(area, base, kAreaOff, 2),
          peer_base{number == 0 ? base : nullptr, number == 1 ? base : nullptr},
          engine({2, {base, heap_bytes()}, 32, 60000000000, 1000000000, {}}, &transport, clock, faults,
                 nullptr),
          user(engine, faults, peer_base, number, kAreaOff, 1),
          answers(engine, faults, peer_base, number, kAreaOff, 2)
    {
        server.answer_through(answers.device);
        answers.context.work = &server;
    }
    void start()
    {
        proxy = std::thread([this] {
            for (unsigned idle = 0; !stop.load(std::memory_order_acquire); idle++) {
                if (engine.step()) idle = 0;
                pmx::detail::relax(idle);
            }
        });
        engine.add(user.context);
        engine.add(answers.context);
    }

    struct alignas(64) Line {
        char bytes[64];
    };
    int rank;
    std::vector<Line> memory;
    char* base;
    pmx::AtomicArea area;
    pmx::Bounce bounce;
    pmx::Atomics atomics;
    pmx::AtomicServer server;
    char* peer_base[2];
    LoopTransport transport;
    pmx::MonotonicClock clock;
    pmx::Faults faults{2};
    pmx::Engine engine;
    Context user, answers;
    std::atomic<bool> stop{false};
    std::thread proxy;
};

struct Pair {
    Pair()
    {
        for (Rank* each : {&ranks[0], &ranks[1]})
            for (int r = 0; r < 2; r++) each->transport.heaps[r] = ranks[r].base;
        for (Rank& each : ranks) each.start();
    }
    ~Pair()
    {
        for (Rank& each : ranks) each.stop.store(true, std::memory_order_release);
        for (Rank& each : ranks) each.proxy.join();
    }
    Rank ranks[2] = {Rank(0), Rank(1)};
};

const pmx::WordOperation kAddOne = {pmx::WordOp::add, pmx::WordType::u64, 1, 0};

void each_operation_takes_place_once(void**)
{
    Pair pair;
    std::atomic<int> n_errors{0};
    std::vector<std::thread> threads;
    for (int r = 0; r < 2; r++)
        for (int t = 0; t < kThreads; t++)
            threads.emplace_back([&, r] {
                Rank& me = pair.ranks[r];
                for (int i = 0; i < kRounds; i++) {
                    uint64_t before = 0;
                    if (i % 2)
                        (void)pmx::apply(me.base + kWordsOff, kAddOne);
                    else if (me.atomics.ask(me.user.device, 1 - r, {kWordsOff, kAddOne}, before))
                        n_errors++;
                }
            });
    for (auto& thread : threads) thread.join();
    assert_int_equal(n_errors.load(), 0);
    for (int r = 0; r < 2; r++) {
        uint64_t word = 0;
        std::memcpy(&word, pair.ranks[r].base + kWordsOff, sizeof word);
        assert_int_equal(word, kThreads * kRounds);
    }
}

void each_answer_goes_to_who_asked(void**)
{
    Pair pair;
    std::vector<uint64_t> seen[kThreads];
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; t++)
        threads.emplace_back([&, t] {
            Rank& me = pair.ranks[0];
            for (int i = 0; i < kRounds; i++) {
                uint64_t before = UINT64_MAX;
                (void)me.atomics.ask(me.user.device, 1, {kWordsOff + 8, kAddOne}, before);
                seen[t].push_back(before);
            }
        });
    for (auto& thread : threads) thread.join();
    std::vector<uint64_t> all;
    for (auto& each : seen) {
        assert_true(std::is_sorted(each.begin(), each.end()));
        all.insert(all.end(), each.begin(), each.end());
    }
    std::sort(all.begin(), all.end());
    for (uint64_t i = 0; i < all.size(); i++) assert_int_equal(all[i], i);
}

/* Each thread sends to a place of its own; what it sent last is there at the end, whole. */
void slots_are_not_shared(void**)
{
    Pair pair;
    constexpr size_t kBytes = 512;
    std::atomic<int> n_errors{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; t++)
        threads.emplace_back([&, t] {
            Rank& me = pair.ranks[0];
            for (int i = 0; i < kRounds; i++) {
                pmx::Bounce::Slot slot;
                if (me.bounce.take(me.user.device, slot)) n_errors++;
                std::memset(slot.bytes(), t * 16 + i % 16, kBytes);
                pmx_command_t put = pmx_command_make(PMX_CMD_PUT, 0, 1, slot.heap_off(), kBytes,
                                                     kDataOff + kBytes * static_cast<uint64_t>(t));
                if (pmx::detail::push(me.user.device, 1, &put, 1)) n_errors++;
                slot.read_by(me.user.view);
            }
            if (pmx::quiet(pmx::thread, me.user.device)) n_errors++;
        });
    for (auto& thread : threads) thread.join();
    assert_int_equal(n_errors.load(), 0);
    pair.ranks[0].bounce.forget(pair.ranks[0].user.device);
    for (int t = 0; t < kThreads; t++)
        for (size_t i = 0; i < kBytes; i++)
            assert_int_equal(static_cast<unsigned char>(
                                 pair.ranks[1].base[kDataOff + kBytes * static_cast<size_t>(t) + i]),
                             t * 16 + (kRounds - 1) % 16);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_takes_place_once),
        cmocka_unit_test(each_answer_goes_to_who_asked),
        cmocka_unit_test(slots_are_not_shared),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
