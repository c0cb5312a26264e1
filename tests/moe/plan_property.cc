/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan of a call and its tiles, over random shapes and routings. */
#include <rapidcheck.h>

#include <algorithm>
#include <set>
#include <vector>

#include "moe/plan.h"
#include "moe/tasks.h"
#include "tests/moe/model.h"

namespace {

struct Case {
    pmx::moe::Shape shape;
    int n_tokens;
    std::vector<int32_t> ids;
    std::vector<float> weights;
    std::vector<int32_t> experts; /* [places] */
    int rank;

    pmx::moe::Plan plan() const
    {
        pmx::moe::ExpertMap map(shape);
        RC_ASSERT(map.set(shape, experts.data()) == 0);
        pmx::moe::Plan made(shape);
        made.make(shape, map, rank, {ids.data(), weights.data(), n_tokens});
        return made;
    }
};

Case any_case()
{
    const int n_ranks = *rc::gen::inRange(1, 6), n_local = *rc::gen::inRange(1, 6);
    const int places = n_ranks * n_local, experts = *rc::gen::inRange(1, places + 1),
              top_k = *rc::gen::inRange(1, std::min(experts, 8) + 1);
    const int n_tokens = *rc::gen::inRange(0, 41);
    pmx_moe_config_t c = model::config(16, 16, experts, top_k, 40, PMX_MOE_BF16);
    c.tile_rows = *rc::gen::inRange(1, 9);
    c.physical_experts = places;
    c.capacity = *rc::gen::inRange(0, 20);
    c.drop = *rc::gen::element(PMX_MOE_DROP_LOWEST, PMX_MOE_DROP_LATEST);
    Case one{{}, n_tokens, {}, {}, {}, *rc::gen::inRange(0, n_ranks)};
    RC_ASSERT(pmx::moe::check_config(&c, n_ranks, &one.shape) == 0);
    for (int p = 0; p < places; p++) one.experts.push_back(p < experts ? p : *rc::gen::inRange(-1, experts));
    for (int p = places - 1; p > 0; p--)
        std::swap(one.experts[(size_t)p], one.experts[(size_t)*rc::gen::inRange(0, p + 1)]);
    for (int i = 0; i < n_tokens * top_k; i++) one.weights.push_back((float)*rc::gen::inRange(0, 5) / 4);
    /* Few of the experts get most of the rows; a fifth of the choices is masked. */
    const int n_liked = *rc::gen::inRange(top_k, experts + 1);
    for (int t = 0; t < n_tokens; t++) {
        std::vector<int32_t> all((size_t)n_liked);
        for (int e = 0; e < n_liked; e++) all[(size_t)e] = e;
        for (int j = 0; j < top_k; j++) std::swap(all[(size_t)j], all[(size_t)*rc::gen::inRange(j, n_liked)]);
        for (int j = 0; j < top_k; j++) one.ids.push_back(*rc::gen::inRange(0, 5) ? all[(size_t)j] : -1);
    }
    return one;
}

/* Whether the choice is kept, by counting those of its expert that come before it. */
bool kept(const Case& one, size_t i)
{
    if (one.ids[i] < 0) return false;
    int before = 0;
    for (size_t j = 0; j < one.ids.size(); j++) {
        if (j == i || one.ids[j] != one.ids[i]) continue;
        const bool better = !one.shape.drop_latest && one.weights[j] != one.weights[i]
                                ? one.weights[j] > one.weights[i]
                                : j < i;
        before += better;
    }
    return before < one.shape.capacity;
}

void rows_are_sorted_by_place_then_token()
{
    const Case one = any_case();
    const pmx::moe::Plan plan = one.plan();
    uint64_t n_dropped = 0;
    std::vector<std::pair<int32_t, uint32_t>> rows(plan.n_rows());
    std::set<uint32_t> used;
    for (size_t i = 0; i < one.ids.size(); i++) {
        uint32_t row = plan.choice_row[i], token = (uint32_t)i / (uint32_t)one.shape.top_k;
        RC_ASSERT((row != pmx::moe::kNoRow) == kept(one, i));
        n_dropped += one.ids[i] >= 0 && !kept(one, i);
        if (row == pmx::moe::kNoRow) continue;
        const int32_t place = plan.choice_place[i];
        RC_ASSERT(one.experts[(size_t)place] == one.ids[i]);
        RC_ASSERT(row < rows.size() && used.insert(row).second);
        RC_ASSERT(plan.row_choice[row] == i);
        RC_ASSERT(row >= plan.first_row[(size_t)place] && row < plan.first_row[(size_t)place + 1]);
        rows[row] = {place, token};
    }
    RC_ASSERT(used.size() == rows.size() && plan.n_dropped == n_dropped);
    RC_ASSERT(std::is_sorted(rows.begin(), rows.end()));
}

void even_tiles_are_as_many_as_full_ones_and_none_is_empty()
{
    const size_t most = 16 * (size_t)*rc::gen::inRange(1, 33), n_rows = (size_t)*rc::gen::inRange(1, 40000);
    const size_t n_tiles = pmx::moe::n_even_tiles(n_rows, most), rows = pmx::moe::even_tile_rows(n_rows, most);
    RC_ASSERT(n_tiles == n_rows / most + (n_rows % most != 0));
    RC_ASSERT(rows > 0 && rows <= most && rows % 16 == 0);
    RC_ASSERT(rows * (n_tiles - 1) < n_rows && n_rows <= rows * n_tiles);
}

void tiles_of_a_region_have_slots_of_their_own()
{
    const Case one = any_case();
    const pmx::moe::Plan plan = one.plan();
    for (int dst = 0; dst < one.shape.n_ranks; dst++) {
        std::set<size_t> slots;
        for (int j = 0; j < one.shape.local_experts; j++) {
            const int e = dst * one.shape.local_experts + j;
            const size_t first = plan.region_row(one.shape, e), n_rows = plan.n_rows(e);
            RC_ASSERT(first + n_rows <= one.shape.region_rows);
            for (size_t row = 0; row < n_rows; row += (size_t)one.shape.tile_rows) {
                size_t slot = pmx::moe::tile_slot(one.shape, first, j, row / (size_t)one.shape.tile_rows);
                RC_ASSERT(slot < one.shape.region_tiles && slots.insert(slot).second);
            }
        }
    }
}

/* Added tiles come out once each, in parts of one expert that fit the scratch memory, remote ones first. */
void tasks_come_out_once_and_remote_first()
{
    const Case one = any_case();
    pmx::moe::TaskQueue tasks(one.shape);
    tasks.reset((unsigned)*rc::gen::inRange(1, 5));
    std::set<uint32_t> added;
    size_t n_remote = 0;
    const uint32_t n = (uint32_t)*rc::gen::inRange<size_t>(0, one.shape.region_tiles + 1);
    for (uint32_t i = 0; i < n; i++) {
        const int32_t src = *rc::gen::inRange(0, one.shape.n_ranks),
                      e = *rc::gen::inRange(0, one.shape.local_experts);
        const uint32_t n_rows = (uint32_t)*rc::gen::inRange(1, one.shape.tile_rows + 1);
        tasks.add_tile({src, e, 0, n_rows, i}, src != 0);
        n_remote += src != 0;
        added.insert(i);
    }
    std::vector<pmx::moe::Tile> out((size_t)one.shape.tile_rows);
    while (unsigned n_taken = tasks.take_tiles(out.data())) {
        RC_ASSERT(n_taken <= out.size());
        uint32_t n_rows = 0;
        for (unsigned i = 0; i < n_taken; i++) {
            RC_ASSERT(added.erase(out[i].slot) == 1u);
            RC_ASSERT(out[i].local_expert == out[0].local_expert);
            RC_ASSERT((out[i].src != 0) == (n_remote > 0));
            n_rows += out[i].n_rows;
        }
        if (n_remote > 0) n_remote -= n_taken;
        RC_ASSERT(n_rows <= (uint32_t)one.shape.tile_rows);
    }
    RC_ASSERT(added.empty() && !tasks.may_have_work());
}

}  // namespace

int main()
{
    bool ok = rc::check("rows are sorted by place, then token", rows_are_sorted_by_place_then_token);
    ok &= rc::check("even tiles are as many as full ones, and none is empty",
                    even_tiles_are_as_many_as_full_ones_and_none_is_empty);
    ok &= rc::check("tiles of a region have slots of their own", tiles_of_a_region_have_slots_of_their_own);
    ok &= rc::check("tasks come out once, and remote ones first", tasks_come_out_once_and_remote_first);
    return ok ? 0 : 1;
}
