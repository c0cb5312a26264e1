/* SPDX-License-Identifier: BSD-3-Clause */
/* atomic_word.h: one atomic operation of a CPU on a word of the heap. What all ways to a word end in, so that they are
 * atomic to each other. */
#pragma once

#include <cstdint>

namespace pmx {

enum class WordOp : uint32_t { set, add, bit_and, bit_or, bit_xor, fetch, compare_swap };
/* Numbers of 4 or 8 bytes. */
enum class WordType : uint32_t { u32, u64, f32, f64 };

inline unsigned word_bytes(WordType type) { return type == WordType::u32 || type == WordType::f32 ? 4 : 8; }

struct WordOperation {
    WordOp op;
    WordType type;
    uint64_t operand;  /* the bits of a number of that type, as the expected one */
    uint64_t expected; /* compare_swap */
};

/* Returns the bits of the word before; acquires and releases. word: aligned to its size. */
uint64_t apply(void* word, const WordOperation& operation);

}  // namespace pmx
