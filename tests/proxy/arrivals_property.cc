/* SPDX-License-Identifier: BSD-3-Clause */
/* A counted stream against a naive model: whatever the order of arrival, each signal comes out once, in the
 * order of the numbers, when nothing before it is missing; also where only the low bits of a number are
 * known. */
#include <rapidcheck.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "arrivals.h"

namespace {

using pmx::ArrivalStream;
using pmx::ArrivedSignal;

struct Event {
    uint64_t seq;
    bool signal;
};

/* Keeps everything, and looks at all of it each time. */
class Model {
public:
    explicit Model(uint64_t first) : next_(first) {}

    bool arrive(const Event& event)
    {
        if (event.seq < next_) return false;
        return (event.signal ? signals_ : puts_).insert(event.seq).second;
    }
    /* The signals that may be applied now. */
    std::vector<uint64_t> drain()
    {
        std::vector<uint64_t> out;
        for (;; next_++) {
            if (signals_.count(next_))
                out.push_back(next_);
            else if (!puts_.count(next_))
                return out;
        }
    }
    uint64_t first_missing() const { return next_; }

private:
    uint64_t next_;
    std::set<uint64_t> puts_, signals_;
};

std::vector<uint64_t> drain(ArrivalStream& stream)
{
    std::vector<uint64_t> out;
    ArrivedSignal signal;
    while (stream.next(signal)) {
        RC_ASSERT(signal.dst_off == 8 * signal.seq);
        RC_ASSERT(signal.value == ~signal.seq);
        RC_ASSERT(signal.add == (signal.seq % 3 == 0));
        out.push_back(signal.seq);
    }
    return out;
}

void arrive(ArrivalStream& stream, Model& model, const Event& event, unsigned bits)
{
    const bool is_new = model.arrive(event);
    const uint64_t seq = event.seq, low = bits < 64 ? seq & ((uint64_t{1} << bits) - 1) : seq;
    if (event.signal)
        stream.signal(
            {seq, 8 * seq, ~seq, seq, seq % 3 == 0}); /* a second one may be parked, and is dropped later */
    else
        RC_ASSERT(stream.put(low, bits) == is_new);
    RC_ASSERT(drain(stream) == model.drain());
    RC_ASSERT(stream.first_missing() == model.first_missing());
}

/* n events from first on, none further from its place than half of what the low bits can tell apart, some of
 * them twice. */
std::vector<Event> arrivals(uint64_t first, size_t n, size_t window, unsigned duplicate_percent)
{
    std::vector<std::pair<uint64_t, Event>> order;
    const unsigned signal_percent = *rc::gen::inRange(0u, 101u);
    for (uint64_t seq = first; seq < first + n; seq++) {
        const Event event = {seq, *rc::gen::inRange(0u, 100u) < signal_percent};
        order.push_back({seq + *rc::gen::inRange<uint64_t>(0, window), event});
        if (*rc::gen::inRange(0u, 100u) < duplicate_percent)
            order.push_back({seq + *rc::gen::inRange<uint64_t>(0, window), event});
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Event> events;
    for (const auto& [place, event] : order) events.push_back(event);
    return events;
}

void any_order_of_arrival()
{
    const unsigned bits = *rc::gen::element(8u, 9u, 16u, 24u, 64u);
    const size_t window = *rc::gen::inRange<size_t>(1, bits == 8 ? 64 : 128);
    const size_t n = *rc::gen::inRange<size_t>(1, 600); /* past the wrap of 8 and 9 bits */
    ArrivalStream stream;
    Model model(0);
    for (const Event& event : arrivals(0, n, window, 10)) arrive(stream, model, event, bits);
    RC_ASSERT(stream.first_missing() == n);
    RC_ASSERT(stream.n_parked() <= n); /* second copies of signals, which next() will drop */
}

/* Far ahead of what is missing: the stream grows. */
void a_long_gap_is_kept()
{
    const uint64_t n = *rc::gen::inRange<uint64_t>(2, 20000);
    ArrivalStream stream;
    Model model(0);
    for (uint64_t seq = n; seq-- > 1;) arrive(stream, model, {seq, seq % 7 == 0}, 24);
    RC_ASSERT(stream.first_missing() == 0u);
    arrive(stream, model, {0, false}, 24);
    RC_ASSERT(stream.first_missing() == n);
    RC_ASSERT(stream.n_parked() == 0u);
}

/* Where the 24 bits of a write's data begin again at 0. */
bool over_the_wrap_of_24_bits()
{
    constexpr uint64_t kFirst = (uint64_t{1} << 24) - 300;
    ArrivalStream begun;
    for (uint64_t seq = 0; seq < kFirst; seq++)
        if (!begun.put(seq, 24)) return false;
    return rc::check("over the wrap of 24 bits", [&] {
        ArrivalStream stream = begun;
        Model model(kFirst);
        for (const Event& event : arrivals(kFirst, 600, 256, 10)) arrive(stream, model, event, 24);
        RC_ASSERT(stream.first_missing() == kFirst + 600);
    });
}

/* Streams of one rank, and of two, know nothing of each other; forgetting is for one rank. */
void streams_are_apart()
{
    pmx::Arrivals arrivals(3);
    const auto rank = *rc::gen::inRange(0, 3);
    const auto stream = *rc::gen::inRange(0u, 256u);
    arrivals.stream(rank, stream).put(0, 24);
    for (int r = 0; r < 3; r++)
        for (uint32_t s : {0u, stream, 255u})
            RC_ASSERT(arrivals.stream(r, s).first_missing() == (r == rank && s == stream ? 1u : 0u));
    arrivals.forget((rank + 1) % 3);
    RC_ASSERT(arrivals.stream(rank, stream).first_missing() == 1u);
    arrivals.forget(rank);
    RC_ASSERT(arrivals.stream(rank, stream).first_missing() == 0u);
}

}  // namespace

int main()
{
    bool ok = rc::check("any order of arrival", any_order_of_arrival);
    ok &= rc::check("a long gap is kept", a_long_gap_is_kept);
    ok &= rc::check("streams are apart", streams_are_apart);
    ok &= over_the_wrap_of_24_bits();
    return ok ? 0 : 1;
}
