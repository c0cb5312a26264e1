/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/reduce.h"

#include <complex>
#include <cstdint>
#include <type_traits>

namespace pmx {

namespace {

/* Sums and products wrap, also those of signed integers. */
template <typename T>
T combine(pmx_op_t op, T a, T b)
{
    if constexpr (std::is_integral_v<T>) {
        uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
        switch (op) {
            case PMX_OP_SUM: return static_cast<T>(x + y);
            case PMX_OP_PROD: return static_cast<T>(x * y);
            case PMX_OP_AND: return static_cast<T>(x & y);
            case PMX_OP_OR: return static_cast<T>(x | y);
            case PMX_OP_XOR: return static_cast<T>(x ^ y);
            default: break;
        }
    } else {
        if (op == PMX_OP_SUM) return a + b;
        if (op == PMX_OP_PROD) return a * b;
    }
    if constexpr (std::is_arithmetic_v<T>) return op == PMX_OP_MIN ? (b < a ? b : a) : (a < b ? b : a);
    return a;
}

/* The inner loop has a fixed number of turns that do not depend on each other, which the compiler makes into vectors; out
 * may be a or b, but overlaps them in no other way. */
template <pmx_op_t op, typename T>
void combine_each(T* out, const T* a, const T* b, size_t n_elems)
{
    constexpr size_t kAtOnce = 16;
    size_t i = 0;
    for (; i + kAtOnce <= n_elems; i += kAtOnce)
#pragma GCC ivdep
        for (size_t k = i; k < i + kAtOnce; k++) out[k] = combine(op, a[k], b[k]);
    for (; i < n_elems; i++) out[i] = combine(op, a[i], b[i]);
}

template <typename T>
void combine_all(pmx_op_t op, void* out, const void* a, const void* b, size_t n_elems)
{
    auto each = [&]<pmx_op_t constant>() {
        combine_each<constant>(static_cast<T*>(out), static_cast<const T*>(a), static_cast<const T*>(b), n_elems);
    };
    switch (op) {
        case PMX_OP_SUM: return each.template operator()<PMX_OP_SUM>();
        case PMX_OP_PROD: return each.template operator()<PMX_OP_PROD>();
        case PMX_OP_MIN: return each.template operator()<PMX_OP_MIN>();
        case PMX_OP_MAX: return each.template operator()<PMX_OP_MAX>();
        case PMX_OP_AND: return each.template operator()<PMX_OP_AND>();
        case PMX_OP_OR: return each.template operator()<PMX_OP_OR>();
        case PMX_OP_XOR: return each.template operator()<PMX_OP_XOR>();
    }
}

struct TypeRow {
    size_t n_bytes;
    bool is_integer, is_complex;
    void (*combine_all)(pmx_op_t, void*, const void*, const void*, size_t);
};

template <typename T>
constexpr TypeRow row{sizeof(T), std::is_integral_v<T>, !std::is_arithmetic_v<T>, combine_all<T>};

/* In the order of pmx_type_t. */
constexpr TypeRow kTypes[] = {row<int8_t>,   row<int16_t>,  row<int32_t>,  row<int64_t>,     row<uint8_t>,
                              row<uint16_t>, row<uint32_t>, row<uint64_t>, row<float>,       row<double>,
                              row<long double>, row<std::complex<float>>, row<std::complex<double>>};
static_assert(std::size(kTypes) == PMX_DOUBLE_COMPLEX + 1);

}  // namespace

size_t type_bytes(int type)
{
    return type >= 0 && type < static_cast<int>(std::size(kTypes)) ? kTypes[type].n_bytes : 0;
}

bool reduce_allowed(int type, int op)
{
    if (type_bytes(type) == 0 || op < PMX_OP_SUM || op > PMX_OP_XOR) return false;
    if (op >= PMX_OP_AND) return kTypes[type].is_integer;
    return op <= PMX_OP_PROD || !kTypes[type].is_complex;
}

void reduce(pmx_type_t type, pmx_op_t op, void* out, const void* a, const void* b, size_t n_elems)
{
    kTypes[type].combine_all(op, out, a, b, n_elems);
}

}  // namespace pmx
