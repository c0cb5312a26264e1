/* SPDX-License-Identifier: BSD-3-Clause */
/* Property test: OffsetAllocator against a naive model that keeps the allocated ranges in a sorted map. */
#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "runtime/offset_allocator.h"

using pmx::OffsetAllocator;

namespace {

constexpr uint64_t kGranule = OffsetAllocator::kGranuleBytes;

struct Step {
    bool is_free;
    uint64_t n_bytes;   /* to allocate */
    uint64_t alignment; /* to allocate */
    uint64_t pick;      /* to free: which of the allocated ranges */
};

void showValue(const Step& step, std::ostream& os)
{
    if (step.is_free)
        os << "free(#" << step.pick << ")";
    else
        os << "allocate(" << step.n_bytes << ", " << step.alignment << ")";
}

uint64_t round_up(uint64_t n, uint64_t unit) { return (n + unit - 1) / unit * unit; }

class Model {
public:
    explicit Model(uint64_t heap_bytes) : heap_bytes_(heap_bytes / kGranule * kGranule) {}

    struct Extents {
        uint64_t largest;  /* of the free extents */
        bool fits = false; /* some free extent holds the request */
    };
    Extents free_extents(uint64_t n_bytes, uint64_t alignment) const
    {
        Extents result{0, false};
        uint64_t at = 0;
        const auto look = [&](uint64_t end) {
            result.largest = std::max(result.largest, end - at);
            const uint64_t start = round_up(at, std::max(alignment, kGranule));
            if (start <= end && end - start >= round_up(n_bytes, kGranule)) result.fits = true;
        };
        for (const auto& [off, size] : ranges_) {
            look(off);
            at = off + size;
        }
        look(heap_bytes_);
        return result;
    }
    /* false: it overlaps a range, or lies outside the heap. */
    bool add(uint64_t off, uint64_t n_bytes)
    {
        const uint64_t size = round_up(n_bytes, kGranule);
        if (off > heap_bytes_ || size > heap_bytes_ - off) return false;
        const auto next = ranges_.lower_bound(off);
        if (next != ranges_.end() && next->first < off + size) return false;
        if (next != ranges_.begin() && std::prev(next)->first + std::prev(next)->second > off) return false;
        ranges_.emplace(off, size);
        used_ += size;
        return true;
    }
    bool empty() const { return ranges_.empty(); }
    uint64_t pick(uint64_t which) const { return std::next(ranges_.begin(), which % ranges_.size())->first; }
    void remove(uint64_t off)
    {
        used_ -= ranges_.at(off);
        ranges_.erase(off);
    }
    uint64_t used_bytes() const { return used_; }
    uint64_t heap_bytes() const { return heap_bytes_; }

private:
    uint64_t heap_bytes_;
    uint64_t used_ = 0;
    std::map<uint64_t, uint64_t> ranges_; /* offset -> bytes */
};

void allocate_and_compare(OffsetAllocator& allocator, Model& model, const Step& step)
{
    const auto extents = model.free_extents(step.n_bytes, step.alignment);
    const uint64_t promised = OffsetAllocator::must_succeed_bytes(step.n_bytes, step.alignment);
    const uint64_t largest = allocator.largest_free_bytes();
    uint64_t off = 7;
    const bool done = allocator.allocate(step.n_bytes, step.alignment, off);
    if (!done) {
        RC_ASSERT(off == 7u);
        RC_ASSERT(extents.largest < promised); /* failure only where the promise allows it */
        return;
    }
    RC_ASSERT(extents.fits);
    RC_ASSERT(off % step.alignment == 0u);
    RC_ASSERT(off % kGranule == 0u);
    RC_ASSERT(model.add(off, step.n_bytes));
    if (step.alignment <= kGranule) RC_ASSERT(step.n_bytes <= largest);
}

/* largest_free_bytes() bytes can be had and one more cannot. */
void probe_largest(OffsetAllocator& allocator)
{
    const uint64_t largest = allocator.largest_free_bytes();
    uint64_t off = 0;
    RC_ASSERT(!allocator.allocate(largest + 1, 64, off));
    if (largest == 0) return;
    RC_ASSERT(allocator.allocate(largest, 64, off));
    RC_ASSERT(allocator.free(off));
    RC_ASSERT(allocator.largest_free_bytes() >= largest); /* another block may head the class now */
}

void run(uint64_t heap_bytes, const std::vector<Step>& steps, unsigned check_every)
{
    OffsetAllocator allocator(heap_bytes), twin(heap_bytes);
    Model model(heap_bytes);
    unsigned n_steps = 0;
    for (const Step& step : steps) {
        if (!step.is_free) {
            allocate_and_compare(allocator, model, step);
            uint64_t unused = 0;
            (void)twin.allocate(step.n_bytes, step.alignment, unused);
        } else if (!model.empty()) {
            const uint64_t off = model.pick(step.pick);
            RC_ASSERT(!allocator.free(off + kGranule / 2));
            RC_ASSERT(allocator.free(off));
            RC_ASSERT(!allocator.free(off));
            RC_ASSERT(twin.free(off)); /* the same calls gave the same offsets */
            model.remove(off);
        }
        RC_ASSERT(allocator.used_bytes() == model.used_bytes());
        RC_ASSERT(twin.used_bytes() == model.used_bytes());
        if (++n_steps % check_every != 0) continue;
        RC_ASSERT(allocator.check());
        probe_largest(allocator);
        probe_largest(twin);
    }
    while (!model.empty()) {
        const uint64_t off = model.pick(steps.size() + model.used_bytes());
        RC_ASSERT(allocator.free(off));
        model.remove(off);
        if (++n_steps % check_every == 0) RC_ASSERT(allocator.check());
    }
    /* One block again: the whole heap can be had, at any alignment. */
    RC_ASSERT(allocator.check());
    RC_ASSERT(allocator.used_bytes() == 0u);
    RC_ASSERT(allocator.largest_free_bytes() == model.heap_bytes());
    uint64_t off = 7;
    if (model.heap_bytes() == 0) return;
    RC_ASSERT(allocator.allocate(model.heap_bytes(), 4096, off));
    RC_ASSERT(off == 0u);
}

/* Sizes from one byte to more than the heap, often at the bounds of size classes. */
uint64_t draw_bytes(std::mt19937_64& random, uint64_t heap_bytes)
{
    const uint64_t magnitude = uint64_t{1} << random() % std::bit_width(heap_bytes + 1);
    switch (random() % 4) {
        case 0:
            return 1 + random() % magnitude;
        case 1:
            return magnitude + random() % 3;
        case 2:
            return kGranule * (1 + random() % 130) - random() % 2;
        default:
            return magnitude + magnitude / 64 * (random() % 64) + random() % 66;
    }
}

std::vector<Step> draw_steps(uint64_t seed, uint64_t heap_bytes, size_t n_steps, unsigned free_percent)
{
    std::mt19937_64 random(seed);
    std::vector<Step> steps;
    for (size_t i = 0; i < n_steps; ++i) {
        const bool is_free = random() % 100 < free_percent;
        steps.push_back({is_free, draw_bytes(random, heap_bytes), uint64_t{1} << random() % 13, random()});
    }
    return steps;
}

bool every_step_keeps_the_promise()
{
    return rc::check("every step keeps the promise of offset_allocator.h", [] {
        const auto heap_bytes = *rc::gen::inRange<uint64_t>(0, 1 << 20);
        const auto steps = *rc::gen::container<std::vector<Step>>(rc::gen::construct<Step>(
            rc::gen::weightedElement<bool>({{3, false}, {2, true}}),
            rc::gen::oneOf(rc::gen::inRange<uint64_t>(1, 300), rc::gen::inRange<uint64_t>(1, 1 << 18),
                           rc::gen::map(rc::gen::inRange<uint64_t>(6, 20),
                                        [](uint64_t n) { return uint64_t{1} << n; })),
            rc::gen::map(rc::gen::inRange<uint64_t>(0, 13), [](uint64_t n) { return uint64_t{1} << n; }),
            rc::gen::inRange<uint64_t>(0, 64)));
        run(heap_bytes, steps, 1);
    });
}

bool long_runs_keep_the_promise()
{
    return rc::check("long runs in large heaps keep it too", [] {
        const auto seed = *rc::gen::arbitrary<uint64_t>();
        const auto heap_bytes =
            *rc::gen::element<uint64_t>(100 << 20, 256 << 20, (uint64_t{1} << 40) + 12345);
        const auto free_percent = *rc::gen::inRange(20u, 60u);
        run(heap_bytes, draw_steps(seed, heap_bytes, 1500, free_percent), 64);
    });
}

bool bad_requests_are_refused()
{
    return rc::check("bad requests are refused and change nothing", [] {
        OffsetAllocator allocator(1 << 20);
        uint64_t off = 7;
        const auto alignment = *rc::gen::arbitrary<uint64_t>();
        if (!std::has_single_bit(alignment) || alignment > 4096)
            RC_ASSERT(!allocator.allocate(1, alignment, off));
        RC_ASSERT(!allocator.allocate(0, 64, off));
        RC_ASSERT(!allocator.allocate((1 << 20) + 1, 64, off));
        RC_ASSERT(!allocator.allocate(UINT64_MAX - *rc::gen::inRange<uint64_t>(0, 8192), 64, off));
        RC_ASSERT(!allocator.allocate(64, 8192, off));
        RC_ASSERT(!allocator.free(*rc::gen::arbitrary<uint64_t>()));
        RC_ASSERT(off == 7u);
        RC_ASSERT(allocator.used_bytes() == 0u);
        RC_ASSERT(allocator.check());
    });
}

}  // namespace

int main()
{
    setenv("RC_PARAMS", "max_success=300", 0);
    bool passed = every_step_keeps_the_promise();
    passed = long_runs_keep_the_promise() && passed;
    passed = bad_requests_are_refused() && passed;
    return passed ? 0 : 1;
}
