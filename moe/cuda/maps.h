/* SPDX-License-Identifier: BSD-3-Clause */
/* maps.h: descriptions of matrices for the copies that load boxes of them. */
#pragma once

#include <cuda.h>

#include <cstdint>

namespace pmx::moe::gpu {

/* Boxes have 64 columns and come in the 128-byte swizzle. base, first, second: memory of the GPU, aligned to 16;
 * n_columns: a multiple of 8. */

/* The row-major matrix [n_rows, n_columns] of bf16 at base, part of one with row_columns columns, loaded in boxes of
 * box_rows rows. */
int make_map(const void* base, uint64_t n_rows, uint64_t n_columns, uint64_t row_columns, uint32_t box_rows,
             CUtensorMap* map_out);
/* Two matrices of the same shape, first at the lower address, with their rows in turn: n_group_rows of first, the same
 * of second, the next of first; loaded in boxes of n_groups such pairs. n_rows: a multiple of n_group_rows. */
int make_map_in_turn(const void* first, const void* second, uint64_t n_rows, uint64_t n_columns, uint32_t n_group_rows,
                     uint32_t n_groups, CUtensorMap* map_out);

}  // namespace pmx::moe::gpu
