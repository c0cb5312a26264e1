/* SPDX-License-Identifier: BSD-3-Clause */
/* Random kernels over a NIC that reorders: a signal is never seen before the data it announces, in any order
 * and signal mode; every operation takes place exactly once; a NIC that lies about its order is caught. */
#include <rapidcheck.h>

#include <cstdio>
#include <ostream>

#include "engine_rig.h"
#include "order.h"

namespace {

constexpr uint64_t kCellBytes = 64;
constexpr uint64_t kSignalOff = 0;     /* SET word of the target */
constexpr uint64_t kAddOff = 8;        /* ADD word of the target */
constexpr uint64_t kRunOff = 16;       /* two words of the target, 24 bytes apart */
constexpr uint64_t kCellsOff = 4096;
constexpr uint64_t kValuesOff = 48 * 1024; /* of runs, in the own heap; behind the cells */
constexpr int kRanks = 5;

struct Case {
    pmx_order_t order;
    int signals;
    bool lies;
    FakeNicConfig nic;
    unsigned batch;
    int n_ops;
    uint32_t seed;
};

/* How a falsified case is printed. */
void showValue(const Case& c, std::ostream& os)
{
    os << pmx::order_name(c.order) << ' ' << pmx::signals_name(c.signals) << " depth " << c.nic.queue_depth << " refuse "
       << c.nic.refuse_percent << "% max_put " << c.nic.max_put_bytes << " orders_add " << c.nic.orders_add << " batch "
       << c.batch << " ops " << c.n_ops << " seeds " << c.nic.seed << ' ' << c.seed;
}

/* What was sent to one target so far: cells in order, and what each SET value promises. */
struct Target {
    int n_cells = 0;
    std::vector<int> cells_of_value{0}; /* SET value v promises all cells below this */
    uint64_t added = 0;
};

/* Runs the case; returns how many signals were seen before their data, or -1 when it did not end. */
int violations(const Case& c, pmx_counters_t* counters_out)
{
    EngineRig rig(c.nic, c.order, c.signals, 2, 4096, c.batch);
    std::mt19937 random(c.seed);
    std::vector<Target> targets(kRanks);
    int wrong = 0;
    rig.nic.on_deliver = [&](int dst, const pmx::Op& op) {
        if (op.kind != pmx::OpKind::signal_set) return;
        for (int cell = 0; cell < targets[dst].cells_of_value[op.value]; cell++)
            if (rig.nic.heap(dst)[kCellsOff + cell * kCellBytes] != static_cast<char>(cell % 100 + 1)) {
                wrong++;
                break;
            }
    };
    for (int i = 0; i < c.n_ops; i++) {
        int dst = 1 + static_cast<int>(random() % (kRanks - 1));
        Target& target = targets[dst];
        uint64_t off = kCellsOff + target.n_cells * kCellBytes;
        std::memset(rig.at(off), target.n_cells % 100 + 1, kCellBytes);
        switch (random() % 6) {
        case 0:
            pmx::put(pmx::thread, rig.device, rig.at(off), rig.at(off), kCellBytes, dst);
            target.n_cells++;
            break;
        case 1:
            pmx::signal_add(pmx::thread, rig.device, rig.word_at(kAddOff), i, dst);
            target.added += static_cast<uint64_t>(i);
            break;
        case 2:
            pmx::fence(pmx::thread, rig.device, dst);
            break;
        case 3: {
            /* Two puts and two words of a run; the values are never written again. */
            pmx::Group group = {dst, 2, rig.word_at(kRunOff), 24, rig.word_at(kValuesOff + 16 * static_cast<uint64_t>(i)), 0};
            for (uint32_t k = 0; k < 2; k++, target.n_cells++) {
                uint64_t at = kCellsOff + target.n_cells * kCellBytes;
                std::memset(rig.at(at), target.n_cells % 100 + 1, kCellBytes);
                pmx::put(pmx::thread, rig.device, rig.at(at), rig.at(at), kCellBytes, dst);
            }
            target.cells_of_value.push_back(target.n_cells);
            for (uint32_t k = 0; k < 2; k++)
                wrong += 0 != pmx::group_arrive(pmx::thread, rig.device, group, k, target.cells_of_value.size() - 1);
            break;
        }
        default: {
            target.n_cells++;
            target.cells_of_value.push_back(target.n_cells);
            pmx::put_signal(pmx::thread, rig.device, rig.at(off), rig.at(off), kCellBytes, rig.word_at(kSignalOff),
                            target.cells_of_value.size() - 1, PMX_SIGNAL_SET, dst);
        }
        }
        if (random() % 4 == 0) rig.engine.step();
    }
    if (!rig.run()) return -1;
    for (int dst = 1; dst < kRanks; dst++) {
        for (int cell = 0; cell < targets[dst].n_cells; cell++)
            if (rig.nic.heap(dst)[kCellsOff + cell * kCellBytes] != static_cast<char>(cell % 100 + 1)) return -1;
        if (rig.nic.word(dst, kAddOff) != targets[dst].added) return -1;
    }
    if (counters_out) *counters_out = rig.counters();
    return wrong;
}

rc::Gen<Case> cases(bool lies)
{
    return rc::gen::exec([lies] {
        Case c{};
        c.lies = lies;
        c.order = lies ? PMX_ORDER_ORDERED
                       : *rc::gen::element(PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED,
                                           PMX_ORDER_ORDERED);
        c.signals = *rc::gen::inRange(0, 2);
        c.nic.size = kRanks;
        c.nic.seed = *rc::gen::arbitrary<uint32_t>();
        c.nic.claims_order = c.order == PMX_ORDER_ORDERED;
        c.nic.keeps_order = c.nic.claims_order && !lies;
        c.nic.orders_add = *rc::gen::arbitrary<bool>();
        c.nic.queue_depth = *rc::gen::element<size_t>(1, 3, 16, 64, 1000);
        c.nic.refuse_percent = *rc::gen::element(0, 10, 70);
        c.nic.max_put_bytes = *rc::gen::element<uint64_t>(UINT64_MAX, 64, 17);
        c.batch = *rc::gen::inRange(1u, 33u);
        c.n_ops = *rc::gen::inRange(1, 300);
        c.seed = *rc::gen::arbitrary<uint32_t>();
        return c;
    });
}

bool no_signal_before_its_data()
{
    return rc::check("no signal is seen before its data, everything happens once, only stalling modes stall", [] {
        Case c = *cases(false);
        pmx_counters_t counters{};
        RC_ASSERT(violations(c, &counters) == 0);
        bool stalling = c.order == PMX_ORDER_STALL_ALL || c.order == PMX_ORDER_STALL_RANK;
        if (!stalling) RC_ASSERT(counters.stalls == 0u);
        RC_ASSERT(counters.order_points <= counters.order_points_requested);
        if (c.signals == PMX_SIGNALS_COUPLED) RC_ASSERT(counters.order_points == counters.order_points_requested);
        RC_ASSERT(counters.errors == 0u);
    });
}

/* The proof of the suite: the same check over a NIC that claims an order which it does not keep. */
bool a_lying_nic_is_caught()
{
    int caught = 0;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        Case c{PMX_ORDER_ORDERED, PMX_SIGNALS_COUPLED, true, {}, 32, 200, seed};
        c.nic.size = kRanks;
        c.nic.seed = seed;
        c.nic.claims_order = true;
        caught += violations(c, nullptr) > 0;
    }
    std::printf("a lying NIC is caught: %d of 20 runs\n", caught);
    return caught == 20;
}

}  // namespace

int main() { return no_signal_before_its_data() && a_lying_nic_is_caught() ? 0 : 1; }
