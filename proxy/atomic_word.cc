/* SPDX-License-Identifier: BSD-3-Clause */
#include "atomic_word.h"

#include <bit>
#include <type_traits>

namespace pmx {

namespace {

template <typename Bits>
Bits compare_swap(Bits* word, Bits expected, Bits value)
{
    __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return expected;
}

template <typename Bits, typename Float>
Bits add_float(Bits* word, Bits operand)
{
    Bits before = __atomic_load_n(word, __ATOMIC_RELAXED);
    for (;;) {
        Bits after = std::bit_cast<Bits>(std::bit_cast<Float>(before) + std::bit_cast<Float>(operand));
        Bits seen = compare_swap(word, before, after);
        if (seen == before) return before;
        before = seen;
    }
}

template <typename Bits, typename Float>
Bits apply_to(Bits* word, const WordOperation& operation, bool is_float)
{
    Bits operand = static_cast<Bits>(operation.operand);
    switch (operation.op) {
        case WordOp::set: return __atomic_exchange_n(word, operand, __ATOMIC_ACQ_REL);
        case WordOp::add:
            return is_float ? add_float<Bits, Float>(word, operand) : __atomic_fetch_add(word, operand, __ATOMIC_ACQ_REL);
        case WordOp::bit_and: return __atomic_fetch_and(word, operand, __ATOMIC_ACQ_REL);
        case WordOp::bit_or: return __atomic_fetch_or(word, operand, __ATOMIC_ACQ_REL);
        case WordOp::bit_xor: return __atomic_fetch_xor(word, operand, __ATOMIC_ACQ_REL);
        case WordOp::fetch: return __atomic_load_n(word, __ATOMIC_ACQUIRE);
        case WordOp::compare_swap: return compare_swap(word, static_cast<Bits>(operation.expected), operand);
    }
    return 0;
}

}  // namespace

uint64_t apply(void* word, const WordOperation& operation)
{
    bool is_float = operation.type == WordType::f32 || operation.type == WordType::f64;
    if (word_bytes(operation.type) == 4) return apply_to<uint32_t, float>(static_cast<uint32_t*>(word), operation, is_float);
    return apply_to<uint64_t, double>(static_cast<uint64_t*>(word), operation, is_float);
}

}  // namespace pmx
