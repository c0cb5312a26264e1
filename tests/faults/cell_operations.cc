/* SPDX-License-Identifier: BSD-3-Clause */
/* The operations of the fault matrix. Each rank does the same with all others; all data can be checked. */
#include <cstdlib>
#include <cstring>

#include "cell.h"
#include "config.h"
#if HAVE_OPENBLAS
#include "pmx_moe.h"
#endif

namespace cell {

namespace {

constexpr int kRounds = 24;
constexpr size_t kBytes = 2048;

char pattern(int from, int round, size_t i)
{
    return static_cast<char>(from * 31 + round * 7 + static_cast<int>(i) + 1);
}

/* For each sender and round a buffer, and for each sender a word that counts rounds. */
class Transfers : public Operation {
public:
    Transfers()
        : out_(static_cast<char*>(sym(kRounds * kBytes))),
          in_(static_cast<char*>(sym(static_cast<size_t>(state.size) * kRounds * kBytes))),
          signals_(static_cast<uint64_t*>(sym(static_cast<size_t>(state.size) * 64)))
    {
        for (int round = 0; round < kRounds; round++)
            for (size_t i = 0; i < kBytes; i++) source(round)[i] = pattern(state.rank, round, i);
    }
    void check() override
    {
        for (int from = 0; from < state.size; from++) {
            if (from == state.rank) continue;
            int err = pmx_signal_wait(PMX_CTX_DEFAULT, word(from), PMX_CMP_GE, last_value(), from, kWaitNs,
                                      nullptr);
            note("signal_wait", err);
            if (!err) note_data("what the signal announced", arrived(from));
        }
    }

protected:
    char* source(int round) { return out_ + static_cast<size_t>(round) * kBytes; }
    char* target(int from, int round) { return in_ + static_cast<size_t>(from * kRounds + round) * kBytes; }
    uint64_t* word(int from) { return signals_ + from * 8; }
    virtual uint64_t last_value() const { return kRounds; }
    virtual bool arrived(int from)
    {
        for (int round = 0; round < kRounds; round++)
            for (size_t i = 0; i < kBytes; i++)
                if (target(from, round)[i] != pattern(from, round, i)) return false;
        return true;
    }
    template <typename Do>
    void each_other(Do what)
    {
        for (int step = 1; step < state.size; step++) what((state.rank + step) % state.size);
    }

    char *out_, *in_;
    uint64_t* signals_;
};

struct Put final : Transfers {
    void begin() override
    {
        for (int round = 0; round < kRounds; round++)
            each_other([&](int to) {
                note("put_nbi",
                     pmx_put_nbi(PMX_CTX_DEFAULT, target(state.rank, round), source(round), kBytes, to));
            });
    }
    void announce() override
    {
        each_other([&](int to) {
            note("fence_rank", pmx_fence_rank(PMX_CTX_DEFAULT, to));
            note("signal_set", pmx_signal_set(PMX_CTX_DEFAULT, word(state.rank), kRounds, to));
        });
    }
};

/* The first half before the fault, where it strikes between data and signal. */
struct PutSignal final : Transfers {
    void send(int first, int last)
    {
        for (int round = first; round < last; round++)
            each_other([&](int to) {
                note("put_signal_nbi",
                     pmx_put_signal_nbi(PMX_CTX_DEFAULT, target(state.rank, round), source(round), kBytes,
                                        word(state.rank), 1, PMX_SIGNAL_ADD, to));
            });
    }
    void begin() override { send(0, kRounds / 2); }
    void announce() override { send(kRounds / 2, kRounds); }
};

struct Group final : Transfers {
    std::vector<pmx_group_t> groups;
    void begin() override
    {
        each_other([&](int to) {
            pmx_group_t group = nullptr;
            int err = pmx_group_begin(PMX_CTX_DEFAULT, to, &group);
            note("group_begin", err);
            groups.push_back(err ? nullptr : group);
            for (int round = 0; round < kRounds && !err; round++)
                note("group_put", pmx_group_put(group, target(state.rank, round), source(round), kBytes));
        });
    }
    void announce() override
    {
        for (pmx_group_t group : groups) {
            if (!group) continue;
            note("group_signal", pmx_group_signal(group, word(state.rank), kRounds, PMX_SIGNAL_SET));
            note("group_commit", pmx_group_commit(group));
        }
    }
};

/* From the source of the others into the own target; the signals only tell that this rank has taken all. */
struct Get final : Transfers {
    void take(int first, int last)
    {
        for (int round = first; round < last; round++)
            each_other([&](int from) {
                note("get_nbi",
                     pmx_get_nbi(PMX_CTX_DEFAULT, target(from, round), source(round), kBytes, from));
            });
    }
    void begin() override { take(0, kRounds / 2); }
    void announce() override { take(kRounds / 2, kRounds); }
    void check() override
    {
        each_other([&](int to) {
            note("signal_set", pmx_signal_set(PMX_CTX_DEFAULT, word(state.rank), kRounds, to));
        });
        Transfers::check();
    }
    bool arrived(int from) override { return may_fail() || Transfers::arrived(from); }
};

/* Additions to one word of each rank; nothing is lost and nothing is counted twice. */
struct Atomic final : Transfers {
    void add(int n)
    {
        for (int i = 0; i < n; i++)
            each_other([&](int to) {
                note("signal_add", pmx_signal_add(PMX_CTX_DEFAULT, word(state.rank), 1, to));
            });
    }
    void begin() override { add(kRounds / 2); }
    void announce() override { add(kRounds - kRounds / 2); }
    bool arrived(int from) override { return *static_cast<volatile uint64_t*>(word(from)) == kRounds; }
};

struct Barrier final : Operation {
    void begin() override { note("barrier", pmx_barrier()); }
    void announce() override { note("barrier", pmx_barrier()); }
    void check() override { note("barrier", pmx_barrier()); }
};

#if HAVE_OPENBLAS
/* A small layer in fp32; twice the same input gives twice the same result. */
class Layer final : public Operation {
public:
    Layer()
        : weights_(kExperts * kSide * kSide),
          experts_(kExperts, weights_.data()),
          x_(kTokens * kSide),
          first_(x_.size()),
          y_(x_.size())
    {
        for (size_t i = 0; i < weights_.size(); i++) weights_[i] = 0.01f * static_cast<float>(i % 23) - 0.1f;
        for (size_t i = 0; i < x_.size(); i++)
            x_[i] = 0.1f * static_cast<float>((i * 13 + static_cast<size_t>(state.rank)) % 17) - 0.7f;
        pmx_moe_config_t config{};
        config.size_bytes = sizeof config;
        config.hidden = config.intermediate = kSide;
        config.experts = kExperts;
        config.top_k = 2;
        config.max_tokens = kTokens;
        config.dtype = PMX_MOE_FP32;
        config.renormalise = 1;
        config.n_blocks = 2;
        note("moe_create", pmx_moe_create(&config, &moe_));
        pmx_moe_weights_t weights{};
        weights.size_bytes = sizeof weights;
        weights.router = weights_.data();
        weights.gate = weights.up = weights.down = experts_.data();
        note("moe_set_weights", pmx_moe_set_weights(moe_, &weights));
        note("moe_forward", pmx_moe_forward(moe_, x_.data(), kTokens, first_.data()));
    }
    void announce() override
    {
        for (int i = 0; i < 3; i++) {
            int err = pmx_moe_forward(moe_, x_.data(), kTokens, y_.data());
            note("moe_forward", err);
            if (err) return;
            note_data("the same result",
                      std::memcmp(y_.data(), first_.data(), y_.size() * sizeof y_[0]) == 0);
        }
    }
    void check() override { announce(); }

private:
    static constexpr int kSide = 32, kExperts = 8, kTokens = 9;
    std::vector<float> weights_;
    std::vector<const void*> experts_; /* all the same; the layer keeps the pointers */
    std::vector<float> x_, first_, y_;
    pmx_moe_t moe_ = nullptr;
};
#endif

}  // namespace

std::unique_ptr<Operation> make_operation(const std::string& name)
{
    if (name == "put") return std::make_unique<Put>();
    if (name == "put_signal") return std::make_unique<PutSignal>();
    if (name == "group") return std::make_unique<Group>();
    if (name == "get") return std::make_unique<Get>();
    if (name == "atomic") return std::make_unique<Atomic>();
    if (name == "barrier") return std::make_unique<Barrier>();
#if HAVE_OPENBLAS
    if (name == "moe") return std::make_unique<Layer>();
#endif
    return nullptr;
}

}  // namespace cell
