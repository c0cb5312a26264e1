/* SPDX-License-Identifier: BSD-3-Clause */
/* What is refused, with which line; and where the cells of a layer lie. */
#include <functional>
#include <string>

#include "moe/layout.h"
#include "tests/moe/model.h"
#include "tests/moe/unit.h"

namespace {

using pmx::moe::ArrivalWord;

pmx_moe_config_t good() { return model::config(64, 48, 8, 2, 16, PMX_MOE_BF16); }

void a_bad_value_is_refused_with_its_rule(void**)
{
    struct Case {
        std::function<void(pmx_moe_config_t&)> spoil;
        int n_ranks;
        const char* detail;
    };
    const Case cases[] = {
        {[](auto& c) { c.hidden = 40; }, 2, "hidden is 40: must be a multiple of 16, 16 to 65536"},
        {[](auto& c) { c.hidden = 0; }, 2, "hidden is 0: must be a multiple of 16, 16 to 65536"},
        {[](auto& c) { c.intermediate = 65552; }, 2,
         "intermediate is 65552: must be a multiple of 16, 16 to 65536"},
        {[](auto& c) { c.experts = 0; }, 2, "experts is 0: must be 1 to 4096"},
        {[](auto& c) { c.experts = 9; }, 2,
         "9 experts do not divide over 2 ranks: experts must be a multiple of ranks"},
        {[](auto& c) { c.experts = 4; }, 8,
         "4 experts do not divide over 8 ranks: experts must be a multiple of ranks"},
        {[](auto& c) { c.top_k = 0; }, 2, "top_k is 0: must be 1 to 64"},
        {[](auto& c) { c.top_k = 9; }, 2, "top_k is 9: must be at most the 8 experts"},
        {[](auto& c) { c.max_tokens = -1; }, 2, "max_tokens is -1: must be 1 to 1048576"},
        {[](auto& c) { c.dtype = (pmx_moe_dtype_t)2; }, 2, "dtype is 2: must be 0 to 1"},
        {[](auto& c) { c.renormalise = 2; }, 2, "renormalise is 2: must be 0 to 1"},
        {[](auto& c) { c.tile_rows = 1025; }, 2, "tile_rows is 1025: must be 0 to 1024"},
        {[](auto& c) { c.n_blocks = 1; }, 2, "n_blocks is 1: must be 2 to 1024, or 0"},
        {[](auto& c) { c.activation = (pmx_moe_activation_t)8; }, 2, "activation is 8: must be 0 to 7"},
        {[](auto& c) { c.scores = (pmx_moe_scores_t)-1; }, 2, "scores is -1: must be 0 to 3"},
        {[](auto& c) { c.groups = 9; }, 2, "groups is 9: must be 0 to 8"},
        {[](auto& c) { c.groups = 3; }, 2, "groups is 3: must divide the 8 experts"},
        {[](auto& c) { c.groups = 4; }, 2, "groups_kept is 0: must be 1 to groups, 4"},
        {[](auto& c) { c.groups_kept = 1; }, 2, "groups_kept is 1: must be 0 without groups"},
        {[](auto& c) { c.groups = 8, c.groups_kept = 1; }, 2,
         "top_k is 2: must be at most the 1 experts of the groups kept"},
        {[](auto& c) { c.scale = -1; }, 2, "scale is -1: must be a number above 0, or 0 for 1"},
        {[](auto& c) { c.scale = INFINITY; }, 2, "scale is inf: must be a number above 0, or 0 for 1"},
        {[](auto& c) { c.weight_on_input = 2; }, 2, "weight_on_input is 2: must be 0 to 1"},
        {[](auto& c) { c.shared_intermediate = 8; }, 2,
         "shared_intermediate is 8: must be a multiple of 16, 16 to 65536"},
        {[](auto& c) { c.capacity = -1; }, 2, "capacity is -1: must be 0 to 1048576"},
        {[](auto& c) { c.drop = (pmx_moe_drop_t)2; }, 2, "drop is 2: must be 0 to 1"},
        {[](auto& c) { c.physical_experts = 7; }, 2, "physical_experts is 7: must be 8 to 8192"},
        {[](auto& c) { c.physical_experts = 10; }, 4,
         "physical_experts is 10: must be a multiple of the 4 ranks"},
        {[](auto&) {}, 0, "ranks is 0: must be 1 to 4096"},
    };
    for (const Case& one : cases) {
        pmx_moe_config_t c = good();
        one.spoil(c);
        assert_int_equal(pmx_moe_check(&c, one.n_ranks), PMX_ERR_ARGUMENT);
        assert_string_equal(pmx_last_error_detail(), one.detail);
        size_t n_bytes = 7;
        assert_int_equal(pmx_moe_heap_bytes(&c, one.n_ranks, &n_bytes), PMX_ERR_ARGUMENT);
        assert_int_equal(n_bytes, 7);
    }
    pmx_moe_config_t c = good();
    assert_int_equal(pmx_moe_check(&c, 2), PMX_SUCCESS);
    c.size_bytes = 4;
    assert_int_equal(pmx_moe_check(&c, 2), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_moe_check(nullptr, 2), PMX_ERR_ARGUMENT);
}

/* A program that was compiled with the first pmx_moe.h, and one with a later one. */
void an_older_and_a_newer_caller_are_understood(void**)
{
    pmx_moe_config_t old = good();
    old.size_bytes = offsetof(pmx_moe_config_t, activation);
    memset((char*)&old + old.size_bytes, 0x5a, sizeof old - old.size_bytes);
    pmx::moe::Shape shape;
    assert_int_equal(pmx::moe::check_config(&old, 2, &shape), 0);
    assert_int_equal(shape.activation, PMX_MOE_SWIGLU);
    assert_true(shape.scale == 1.0f && shape.groups == 1 && !shape.weight_on_input);
    old.size_bytes--;
    assert_int_equal(pmx_moe_check(&old, 2), PMX_ERR_ARGUMENT);

    struct {
        pmx_moe_config_t known;
        int more[2];
    } later{good(), {0, 0}};
    later.known.size_bytes = sizeof later;
    assert_int_equal(pmx_moe_check(&later.known, 2), PMX_SUCCESS);
    later.more[1] = 1;
    assert_int_equal(pmx_moe_check(&later.known, 2), PMX_ERR_ARGUMENT);
    assert_non_null(strstr(pmx_last_error_detail(), "must be 0"));
}

/* Each can be made on one rank, keeps what is the caller's, and has the fields of its row. */
void presets_are_good_configs(void**)
{
    const char* name = nullptr;
    int n = 0;
    for (; pmx_moe_preset_list(n, &name) == PMX_SUCCESS; n++) {
        pmx_moe_config_t c{};
        c.size_bytes = sizeof c;
        c.max_tokens = 77;
        c.capacity = 5;
        assert_int_equal(pmx_moe_preset(name, &c), PMX_SUCCESS);
        assert_int_equal(c.max_tokens, 77);
        assert_int_equal(c.capacity, 5);
        assert_int_equal(pmx_moe_check(&c, 1), PMX_SUCCESS);
    }
    assert_true(n >= 13);
    pmx_moe_config_t c{};
    c.size_bytes = sizeof c;
    assert_int_equal(pmx_moe_preset("deepseek-v3", &c), PMX_SUCCESS);
    assert_true(c.hidden == 7168 && c.intermediate == 2048 && c.experts == 256 && c.top_k == 8);
    assert_true(c.scores == PMX_MOE_SIGMOID && c.groups == 8 && c.groups_kept == 4 && c.scale == 2.5f);
    assert_true(c.renormalise == 1 && c.shared_intermediate == 2048 && c.activation == PMX_MOE_SWIGLU);
    assert_int_equal(pmx_moe_preset("llama4-scout", &c), PMX_SUCCESS);
    assert_true(c.weight_on_input == 1 && c.groups == 0 && c.scale == 1.0f && c.renormalise == 0);
    const pmx_moe_config_t before = c;
    assert_int_equal(pmx_moe_preset("gpt-9", &c), PMX_ERR_ARGUMENT);
    assert_non_null(strstr(pmx_last_error_detail(), "preset \"gpt-9\": must be one of the"));
    assert_memory_equal(&before, &c, sizeof c);
    c.size_bytes--;
    assert_int_equal(pmx_moe_preset("olmoe", &c), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_moe_preset_list(-1, &name), PMX_ERR_ARGUMENT);
    assert_int_equal(pmx_moe_preset_list(0, nullptr), PMX_ERR_ARGUMENT);
}

/* 60 experts over 8 ranks need places that stay empty. */
void places_need_not_be_full(void**)
{
    pmx_moe_config_t c = model::config(64, 48, 60, 4, 16, PMX_MOE_BF16);
    assert_int_equal(pmx_moe_check(&c, 8), PMX_ERR_ARGUMENT);
    c.physical_experts = 64;
    assert_int_equal(pmx_moe_check(&c, 8), PMX_SUCCESS);
}

/* With a capacity the heap is smaller: a rank sends no expert more. */
void a_capacity_saves_heap(void**)
{
    pmx_moe_config_t c = good();
    size_t all = 0, limited = 0;
    assert_int_equal(pmx_moe_heap_bytes(&c, 2, &all), 0);
    c.capacity = 3;
    assert_int_equal(pmx_moe_heap_bytes(&c, 2, &limited), 0);
    assert_true(limited < all);
}

void parts_do_not_overlap_and_fill_the_heap_bytes(void**)
{
    for (int n_ranks : {1, 2, 4, 8})
        for (int top_k : {1, 2, 8})
            for (int tile_rows : {1, 5, 64}) {
                pmx_moe_config_t c = good();
                c.top_k = top_k;
                c.tile_rows = tile_rows;
                c.capacity = tile_rows == 5 ? 3 : 0;
                c.physical_experts = top_k == 2 ? 16 : 0;
                pmx::moe::Shape shape;
                assert_int_equal(pmx::moe::check_config(&c, n_ranks, &shape), 0);
                pmx::moe::Layout layout = pmx::moe::make_layout(shape);
                size_t end = 0, n_bytes = 0;
                for (const auto& part : layout.parts) {
                    assert_true(part.off >= end);
                    assert_int_equal(part.off % part.alignment, 0);
                    assert_true(part.n_bytes() > 0);
                    end = part.off + part.n_bytes();
                }
                assert_int_equal(pmx_moe_heap_bytes(&c, n_ranks, &n_bytes), 0);
                assert_int_equal(n_bytes, layout.total_bytes);
                assert_true(n_bytes >= end && n_bytes < end + 64);
            }
}

/* Each cell that an address can name lies in its part, and no two share a byte. */
void every_cell_has_a_place_of_its_own(void**)
{
    pmx_moe_config_t c = good();
    c.tile_rows = 3;
    const int n_ranks = 4;
    pmx::moe::Shape shape;
    assert_int_equal(pmx::moe::check_config(&c, n_ranks, &shape), 0);
    const size_t total = pmx::moe::make_layout(shape).total_bytes;
    std::vector<char> owners(total);
    pmx::moe::Cells cells(shape, owners.data());
    auto claim = [&](const void* cell, size_t n_bytes) {
        size_t off = (size_t)((const char*)cell - owners.data());
        assert_true(off + n_bytes <= total);
        for (size_t i = off; i < off + n_bytes; i++) {
            assert_int_equal(owners[i], 0);
            owners[i] = 1;
        }
    };
    for (size_t row = 0; row < shape.max_rows(); row++) claim(cells.dispatch_send(row), shape.row_bytes);
    for (int r = 0; r < n_ranks; r++) {
        for (size_t row = 0; row < shape.region_rows; row++)
            for (const char* cell :
                 {cells.dispatch_recv(r, row), cells.expert_out(r, row), cells.combine_recv(r, row)})
                claim(cell, shape.row_bytes);
        for (size_t slot = 0; slot < shape.region_tiles; slot++) claim(cells.combine_signal(r, slot), 8);
        for (uint64_t call : {6, 7})
            for (int e = 0; e < shape.local_experts; e++) claim(cells.dispatch_signal(call, r, e), 8);
    }
}

void arrival_words_keep_their_parts_apart(void**)
{
    const uint64_t most_rows = UINT64_C(1) << 26, most = UINT64_C(1) << 20;
    for (uint64_t call : {UINT64_C(1), UINT64_C(65534), UINT64_C(65535), UINT64_C(65536), ~UINT64_C(0)}) {
        uint64_t word = ArrivalWord::make(call, most_rows, most);
        assert_true(ArrivalWord::arrived(word, call));
        assert_true(word >> 48 != 0);
        assert_false(ArrivalWord::arrived(word, call + 2));
        assert_false(ArrivalWord::arrived(0, call));
        assert_int_equal(ArrivalWord::first_row(word), most_rows);
        assert_int_equal(ArrivalWord::n_rows(word), most);
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_value_is_refused_with_its_rule),
        cmocka_unit_test(an_older_and_a_newer_caller_are_understood),
        cmocka_unit_test(presets_are_good_configs),
        cmocka_unit_test(places_need_not_be_full),
        cmocka_unit_test(a_capacity_saves_heap),
        cmocka_unit_test(parts_do_not_overlap_and_fill_the_heap_bytes),
        cmocka_unit_test(every_cell_has_a_place_of_its_own),
        cmocka_unit_test(arrival_words_keep_their_parts_apart),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
