/* SPDX-License-Identifier: BSD-3-Clause */
/* Random kernels on all ranks whose memory is that of the host and that of GPUs, over a NIC that reaches the
 * host's only, in every order mode that the staging transport can keep. A signal in either memory is never
 * seen before the data it announces in either memory, every operation takes place exactly once, and a rank
 * that fails harms no other. */
#include <rapidcheck.h>

#include <cstdio>
#include <map>

#include "staging_rig.h"

namespace {

constexpr int kRanks = 3;
/* In both heaps alike. */
constexpr uint64_t kRegionBytes = 8192;               /* what one rank writes on each of the others */
constexpr uint64_t kWordsOff = kRanks * kRegionBytes; /* by sender: a SET word and an ADD word */
constexpr uint64_t kSumOff = kWordsOff + kRanks * 64; /* all add to it */
constexpr uint64_t kOwnOff = kSumOff + 64;            /* what a rank sends from, and what others get */
constexpr uint64_t kLandOff = kOwnOff + kRegionBytes; /* what it gets into */
constexpr uint64_t kLandBytes = 16384;

struct Case {
    StagingRigConfig rig;
    int n_calls;
    int failing; /* operations to this rank fail at some time; -1: none */
};

char byte_of(uint64_t i) { return static_cast<char>(1 + i % 251); }

/* What one rank has sent to one other. Byte i of what it wrote, in either heap, is byte_of(i). A SET of value
 * v promises the first promised[v] bytes in each heap, and ADDs up to v the first of promised_by_sum. */
struct Stream {
    struct Bytes {
        uint64_t of[2];
    };
    std::map<uint64_t, Bytes> promised_by_sum[2];
    uint64_t n_bytes[2] = {};
    std::vector<Bytes> promised{{}};
    uint64_t last[2] = {}; /* value in the word of each heap */
    uint64_t seen[2] = {};
    uint64_t added[2] = {}, seen_sum[2] = {};
};

struct Job {
    explicit Job(const Case& of) : c(of), rig(of.rig), random(of.rig.seed)
    {
        for (int r = 0; r < kRanks; r++) {
            for (uint64_t i = 0; i < kRegionBytes; i++)
                for (bool gpu : {false, true}) rig.rank(r).at(gpu, kOwnOff)[i] = byte_of(i);
            rig.rank(r).in->on_copied = [this, r] { look(r); };
            if (FakeNic* nic = rig.rank(r).nic)
                nic->on_deliver = [this](int dst, const pmx::Op&) { look(dst); };
        }
    }

    /* A signal that has come to dst is seen now, and so must be its data. */
    void look(int dst)
    {
        for (int src = 0; src < kRanks; src++) {
            Stream& stream = streams[src][dst];
            for (bool gpu : {false, true}) {
                uint64_t words = kWordsOff + static_cast<uint64_t>(src) * 64;
                uint64_t value = rig.rank(dst).word(gpu, words), sum = rig.rank(dst).word(gpu, words + 8);
                if (value != stream.seen[gpu]) look_for(src, dst, stream.promised[value]);
                /* ADDs that nothing orders may leave one out. */
                auto bytes = stream.promised_by_sum[gpu].find(sum);
                bool in_turn = gpu || rig.config.order == PMX_ORDER_ORDERED;
                if (sum != stream.seen_sum[gpu] && in_turn && bytes != stream.promised_by_sum[gpu].end())
                    look_for(src, dst, bytes->second);
                stream.seen[gpu] = value;
                stream.seen_sum[gpu] = sum;
            }
        }
    }
    void look_for(int src, int dst, const Stream::Bytes& promised)
    {
        for (bool gpu : {false, true})
            if (!holds(rig.rank(dst).at(gpu, static_cast<uint64_t>(src) * kRegionBytes), promised.of[gpu]))
                n_early++;
    }
    static bool holds(const char* data, uint64_t n_bytes)
    {
        for (uint64_t i = 0; i < n_bytes; i++)
            if (data[i] != byte_of(i)) return false;
        return true;
    }

    bool coin() { return random() % 2; }

    /* One call of the kernel of src. */
    void call(int src)
    {
        StagingRig::Rank& rank = rig.rank(src);
        int dst = static_cast<int>(random() % kRanks); /* itself, too */
        if (rank.faults.failed(dst)) return;
        Stream& stream = streams[src][dst];
        bool from_gpu = coin(), to_gpu = coin(), word_gpu = coin();
        uint64_t words = kWordsOff + static_cast<uint64_t>(src) * 64;
        uint64_t n_bytes = random() % 8 == 0 ? 0 : 1 + random() % (random() % 8 == 0 ? 3000 : 400);
        switch (random() % 8) {
            case 0:
                get(src, dst, from_gpu, to_gpu, n_bytes);
                return;
            case 1:
                pmx::fence(pmx::thread, rank.device, dst);
                return;
            case 2:
                pmx::signal_add(pmx::thread, rank.device, rank.word_sym(word_gpu, kSumOff), n_bytes, dst);
                sums[dst][word_gpu] += n_bytes;
                return;
            default:
                break;
        }
        uint64_t& sent = stream.n_bytes[to_gpu];
        if (sent + n_bytes > kRegionBytes) return;
        const char* from = rank.sym(from_gpu, kOwnOff + sent);
        char* to = rank.sym(to_gpu, static_cast<uint64_t>(src) * kRegionBytes + sent);
        sent += n_bytes;
        switch (random() % 4) {
            case 0:
                pmx::put(pmx::thread, rank.device, to, from, n_bytes, dst);
                return;
            case 1:
                pmx::put_signal(pmx::thread, rank.device, to, from, n_bytes,
                                rank.word_sym(word_gpu, words + 8), n_bytes + 1, PMX_SIGNAL_ADD, dst);
                stream.added[word_gpu] += n_bytes + 1;
                stream.promised_by_sum[word_gpu][stream.added[word_gpu]] = {
                    {stream.n_bytes[0], stream.n_bytes[1]}};
                return;
            default:
                stream.last[word_gpu] = stream.promised.size();
                stream.promised.push_back({{stream.n_bytes[0], stream.n_bytes[1]}});
                pmx::put_signal(pmx::thread, rank.device, to, from, n_bytes, rank.word_sym(word_gpu, words),
                                stream.last[word_gpu], PMX_SIGNAL_SET, dst);
        }
    }

    void get(int rank, int from_rank, bool from_gpu, bool to_gpu, uint64_t n_bytes)
    {
        uint64_t& got = n_got[rank][to_gpu];
        if (got + n_bytes > kLandBytes) return;
        uint64_t from = random() % (kRegionBytes - n_bytes);
        StagingRig::Rank& here = rig.rank(rank);
        pmx::get(pmx::thread, here.device, here.sym(to_gpu, kLandOff + got),
                 here.sym(from_gpu, kOwnOff + from), n_bytes, from_rank);
        gets.push_back({rank, from_rank, to_gpu, got, from, n_bytes});
        got += n_bytes;
    }

    void look_all()
    {
        for (int r = 0; r < kRanks; r++) look(r);
    }

    bool run()
    {
        for (int i = 0; i < c.n_calls; i++) {
            if (i == c.n_calls / 2 && c.failing >= 0 && !rig.world) rig.kill(c.failing);
            for (int src = 0; src < kRanks; src++)
                if (src != rig.dead) call(src);
            for (uint64_t n = random() % 4 == 0 ? random() % 60 : 0; n > 0; n--) {
                rig.turn();
                look_all();
            }
        }
        return rig.run([this] { look_all(); });
    }

    /* Bytes, words and sums, when all is complete. */
    bool all_there()
    {
        bool ok = true;
        for (int src = 0; src < kRanks; src++)
            for (int dst = 0; dst < kRanks; dst++)
                for (bool gpu : {false, true})
                    if (src != rig.dead && dst != rig.dead) ok = ok && arrived(src, dst, gpu);
        for (const Get& get : gets)
            if (get.rank != rig.dead && get.from_rank != rig.dead) ok = ok && has_got(get);
        for (int dst = 0; dst < kRanks && rig.dead < 0; dst++)
            for (bool gpu : {false, true}) ok = ok && rig.rank(dst).word(gpu, kSumOff) == sums[dst][gpu];
        return ok;
    }
    bool arrived(int src, int dst, bool gpu)
    {
        const Stream& stream = streams[src][dst];
        StagingRig::Rank& rank = rig.rank(dst);
        uint64_t words = kWordsOff + static_cast<uint64_t>(src) * 64;
        bool in_turn = gpu || rig.config.order == PMX_ORDER_ORDERED;
        return holds(rank.at(gpu, static_cast<uint64_t>(src) * kRegionBytes), stream.n_bytes[gpu]) &&
               rank.word(gpu, words + 8) == stream.added[gpu] &&
               (!in_turn || rank.word(gpu, words) == stream.last[gpu]);
    }

    struct Get {
        int rank, from_rank;
        bool to_gpu;
        uint64_t to, from, n_bytes;
    };
    bool has_got(const Get& get)
    {
        const char* data = rig.rank(get.rank).at(get.to_gpu, kLandOff + get.to);
        for (uint64_t i = 0; i < get.n_bytes; i++)
            if (data[i] != byte_of(get.from + i)) return false;
        return true;
    }

    const Case c;
    StagingRig rig;
    std::mt19937 random;
    Stream streams[kRanks][kRanks];
    uint64_t sums[kRanks][2] = {};
    uint64_t n_got[kRanks][2] = {};
    std::vector<Get> gets;
    int n_early = 0;
};

/* nullptr: all as it should be. */
const char* verdict(const Case& c)
{
    Job job(c);
    if (!job.run()) return "it stands still";
    if (job.n_early != 0) return "a signal is seen before its data";
    if (!job.all_there()) return "not everything takes place exactly once";
    for (int r = 0; r < kRanks; r++) {
        StagingRig::Rank& rank = job.rig.rank(r);
        if (rank.in->wrong || rank.out->wrong) return "a copy that has nothing to do with GPU memory";
        if (rank.faults.job_failed()) return "the job has failed";
        if (job.rig.dead < 0 && rank.counters().errors != 0) return "errors";
        if (!pmx::stalls(c.rig.order) && rank.counters().stalls != 0)
            return "a mode stalls that never should";
    }
    return nullptr;
}

const char* net_name(StagingRigConfig::Net net)
{
    return net == StagingRigConfig::Net::any_order  ? "any order"
           : net == StagingRigConfig::Net::in_order ? "in order"
                                                    : "softnic";
}

bool allowed(StagingRigConfig::Net net, pmx_order_t order)
{
    return order != PMX_ORDER_ORDERED || net != StagingRigConfig::Net::any_order;
}

/* Each mode over each network, with many operations, so that none is left out by chance. */
bool every_mode_holds()
{
    using Net = StagingRigConfig::Net;
    bool ok = true;
    for (pmx_order_t order :
         {PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED, PMX_ORDER_ORDERED})
        for (Net net : {Net::any_order, Net::in_order, Net::softnic})
            for (uint32_t seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u}) {
                if (!allowed(net, order)) continue;
                Case c = {
                    .rig = {.net = net, .size = kRanks, .refuse_percent = 5, .order = order, .seed = seed},
                    .n_calls = 100,
                    .failing = -1};
                const char* wrong = verdict(c);
                if (!wrong) continue;
                std::printf("%s over %s, seed %u: %s\n", pmx::order_name(order), net_name(net), seed, wrong);
                ok = false;
            }
    return ok;
}

}  // namespace

int main()
{
    using namespace rc;
    using Net = StagingRigConfig::Net;
    bool ok = check("signals come after their data in either memory, in every mode", [] {
        Case c;
        c.rig.size = kRanks;
        c.rig.net = *gen::element(Net::any_order, Net::in_order, Net::softnic);
        c.rig.order =
            *gen::element(PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED, PMX_ORDER_ORDERED);
        c.rig.signals = *gen::element<int>(PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED);
        c.rig.n_slots = *gen::element(2u, 3u, 16u);
        c.rig.slot_bytes = *gen::element<uint64_t>(64, 200, 1000);
        c.rig.max_put_bytes = *gen::element<uint64_t>(1024, UINT64_MAX);
        c.rig.queue_depth = *gen::element<size_t>(1, 3, 64);
        c.rig.refuse_percent = *gen::element(0, 20, 60);
        c.rig.seed = *gen::arbitrary<uint32_t>();
        c.n_calls = *gen::inRange(1, 200);
        c.failing = *gen::element(-1, -1, 2);
        const char* wrong = allowed(c.rig.net, c.rig.order) ? verdict(c) : nullptr;
        if (wrong) RC_FAIL(wrong);
    });
    return every_mode_holds() && ok ? 0 : 1;
}
