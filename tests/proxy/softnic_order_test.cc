/* SPDX-License-Identifier: BSD-3-Clause */
/* Engines over the software NIC: random kernels on all ranks, in every order and signal mode, over every profile
 * that can keep it. A signal is never seen before the data it announces, every operation takes place exactly once,
 * and only the baselines stall. The mode that orders nothing is caught, which proves the test. */
#include <rapidcheck.h>

#include <cstdio>
#include <cstring>
#include <random>

#include "softnic_rig.h"

namespace {

constexpr int kRanks = 4;
constexpr uint64_t kRegionBytes = 32768;                /* what one rank writes on each of the others */
constexpr uint64_t kWordsOff = kRanks * kRegionBytes;   /* by sender: a SET word and an ADD word */
constexpr uint64_t kOwnOff = kWordsOff + kRanks * 64;   /* what a rank sends from, and gets into */
constexpr uint64_t kHeapBytes = kOwnOff + 65536;

struct Case {
    pmx_order_t order;
    int signals;
    const char* profile;
    const char* faults;
    unsigned queue_ops;
    uint64_t max_put_bytes;
    int n_ops;
    uint32_t seed;
};

/* What one rank has sent to one other. Byte i of what it wrote is 1 + i % 251, and a SET value v promises the first
 * n_bytes_of_value[v] of them. */
struct Stream {
    uint64_t n_bytes = 0;
    std::vector<uint64_t> n_bytes_of_value{0};
    uint64_t added = 0;
};

struct Job {
    explicit Job(const Case& c) : rig(config_of(c), c.order, c.signals), random(c.seed)
    {
        rig.world.on_signal = [this](int dst, uint64_t off, uint64_t value, uint64_t) { check(dst, off, value); };
        for (int r = 0; r < kRanks; r++)
            for (uint64_t i = 0; i < 65536; i++) rig.rank(r).at(kOwnOff)[i] = static_cast<char>(1 + i % 251);
    }

    static pmx::SoftNicWorldConfig config_of(const Case& c)
    {
        pmx::SoftNicWorldConfig config;
        config.size = kRanks;
        (void)pmx::softnic_profile(c.profile, config.profile);
        (void)pmx::softnic_parse_faults(c.faults, config.faults);
        config.profile.queue_ops = c.queue_ops;
        config.profile.max_put_bytes = c.max_put_bytes;
        config.seed = c.seed;
        config.piece_bytes = 64;
        config.heap_bytes = kHeapBytes;
        return config;
    }

    void check(int dst, uint64_t off, uint64_t value)
    {
        int src = static_cast<int>((off - kWordsOff) / 64);
        if (off % 64 != 0) return; /* an ADD */
        n_signals++;
        const char* data = rig.rank(dst).at(static_cast<uint64_t>(src) * kRegionBytes);
        uint64_t promised = streams[src][dst].n_bytes_of_value[value];
        for (uint64_t i = 0; i < promised; i++)
            if (data[i] != static_cast<char>(1 + i % 251)) {
                n_early++;
                return;
            }
    }

    /* One call of the kernel of src. */
    void call(int src)
    {
        SoftNicRig::Rank& rank = rig.rank(src);
        int dst = static_cast<int>(random() % (kRanks - 1));
        if (dst >= src) dst++;
        Stream& stream = streams[src][dst];
        uint64_t words = kWordsOff + static_cast<uint64_t>(src) * 64;
        uint64_t n_bytes = random() % 8 == 0 ? 0 : 1 + random() % 700;
        if (stream.n_bytes + n_bytes > kRegionBytes) return;
        const char* from = rank.at(kOwnOff + stream.n_bytes);
        char* to = rank.at(static_cast<uint64_t>(src) * kRegionBytes + stream.n_bytes);
        switch (random() % 6) {
        case 0:
            pmx::put(pmx::thread, rank.device, to, from, n_bytes, dst);
            stream.n_bytes += n_bytes;
            return;
        case 1:
            pmx::signal_add(pmx::thread, rank.device, rank.word_at(words + 8), stream.n_bytes, dst);
            stream.added += stream.n_bytes;
            return;
        case 2: pmx::fence(pmx::thread, rank.device, dst); return;
        default:
            stream.n_bytes += n_bytes;
            stream.n_bytes_of_value.push_back(stream.n_bytes);
            n_sets++;
            pmx::put_signal(pmx::thread, rank.device, to, from, n_bytes, rank.word_at(words),
                            stream.n_bytes_of_value.size() - 1, PMX_SIGNAL_SET, dst);
        }
    }

    bool run(int n_ops)
    {
        for (int i = 0; i < n_ops; i++) {
            for (int src = 0; src < kRanks; src++) call(src);
            if (random() % 4 != 0) continue;
            rig.step_all();
            for (uint64_t n = random() % 20; n > 0 && rig.world.run_next(); n--) rig.step_all();
        }
        return rig.run();
    }

    /* Bytes and sums, when all is complete. */
    bool all_there()
    {
        for (int src = 0; src < kRanks; src++)
            for (int dst = 0; dst < kRanks; dst++) {
                const Stream& stream = streams[src][dst];
                const char* data = rig.rank(dst).at(static_cast<uint64_t>(src) * kRegionBytes);
                for (uint64_t i = 0; i < stream.n_bytes; i++)
                    if (data[i] != static_cast<char>(1 + i % 251)) return false;
                if (*rig.rank(dst).word_at(kWordsOff + static_cast<uint64_t>(src) * 64 + 8) != stream.added) return false;
            }
        return n_signals == n_sets;
    }

    SoftNicRig rig;
    std::mt19937 random;
    Stream streams[kRanks][kRanks];
    int n_early = 0;
    uint64_t n_signals = 0, n_sets = 0;
};

bool allowed(const Case& c)
{
    pmx::SoftNicProfile profile;
    pmx_order_t order;
    return pmx::softnic_profile(c.profile, profile).ok() &&
           pmx::resolve_order(c.order, pmx::softnic_caps(profile), order).ok();
}

/* What is wrong with a run of the case; nullptr: nothing. */
const char* verdict(const Case& c)
{
    Job job(c);
    if (!job.run(c.n_ops)) return "not everything completes";
    if (job.n_early != 0) return "a signal is seen before its data";
    if (!job.all_there()) return "not everything takes place exactly once";
    for (auto& rank : job.rig.ranks) {
        pmx_counters_t counters = rank->counters();
        if (counters.errors != 0) return "errors";
        if (!pmx::stalls(c.order) && counters.stalls != 0) return "a mode stalls that never should";
        if (c.signals == PMX_SIGNALS_COUPLED && counters.order_points != counters.order_points_requested)
            return "order points were merged in coupled mode";
    }
    return nullptr;
}

/* Each mode, with many operations, so that none is left out by chance. */
bool every_mode_holds()
{
    bool ok = true;
    for (int order = PMX_ORDER_STALL_ALL; order <= PMX_ORDER_COUNTED; order++)
        for (int signals : {PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED})
            for (uint32_t seed : {1u, 2u}) {
                const char* wrong = verdict({static_cast<pmx_order_t>(order), signals, "ideal", "none", 64, 300, 60, seed});
                if (!wrong) continue;
                std::printf("%s %s, seed %u: %s\n", pmx::order_name(static_cast<pmx_order_t>(order)),
                            pmx::signals_name(signals), seed, wrong);
                ok = false;
            }
    return ok;
}

/* Cases of the mode that orders nothing, until one is caught; how many it took, or -1. */
int tries_until_caught()
{
    for (int i = 1; i <= 100; i++) {
        Job job({pmx::kOrderNone, PMX_SIGNALS_COUPLED, "ideal", "none", 256, UINT64_MAX, 50, static_cast<uint32_t>(i)});
        if (job.run(50) && job.n_early != 0) return i;
    }
    return -1;
}

}  // namespace

int main()
{
    using namespace rc;
    bool ok = check("signals come after their data in every mode, over every profile", [] {
        Case c;
        c.order = *gen::element(PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED, PMX_ORDER_FENCE,
                                PMX_ORDER_ORDERED, PMX_ORDER_COUNTED);
        c.signals = *gen::element<int>(PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED);
        c.profile = *gen::element<const char*>("ideal", "ideal", "slingshot11", "cx7-ndr", "efa", "tcp");
        c.faults = *gen::element<const char*>("none", "none", "late=3:50", "again=10:20");
        c.queue_ops = *gen::element(1u, 3u, 16u, 256u);
        c.max_put_bytes = *gen::element<uint64_t>(64, 200, UINT64_MAX);
        c.n_ops = *gen::inRange(1, 60);
        c.seed = *gen::arbitrary<uint32_t>();
        const char* wrong = allowed(c) ? verdict(c) : nullptr;
        if (wrong) RC_FAIL(wrong);
    });
    int tries = tries_until_caught();
    std::printf("the mode that orders nothing: caught at try %d (-1: never)\n", tries);
    return every_mode_holds() && ok && tries > 0 ? 0 : 1;
}
