/* SPDX-License-Identifier: BSD-3-Clause */
/* Atomic operations: at once on words that this rank maps, else by the proxy of their owner. */
#include "runtime/api_checks.h"

namespace pmx {

namespace {

using Device = const pmx_device_ctx_t&;

Status check_atomic(Device device, const void* word, int type, const char* what, int rank)
{
    if (type != PMX_INT32 && type != PMX_UINT32 && type != PMX_INT64 && type != PMX_UINT64 && type != PMX_FLOAT &&
        type != PMX_DOUBLE)
        return fail(PMX_ERR_ARGUMENT, "type is {}, allowed {}, {} and {}..{}", type, int{PMX_INT32}, int{PMX_INT64},
                    int{PMX_UINT32}, int{PMX_DOUBLE});
    PMX_TRY(check_rank(device, what, rank));
    uint64_t off = static_cast<uint64_t>(static_cast<const char*>(word) - device.heap_base);
    unsigned n_bytes = type == PMX_INT32 || type == PMX_UINT32 || type == PMX_FLOAT ? 4 : 8;
    if (off % n_bytes == 0 && off <= device.heap_bytes - n_bytes) return {};
    return fail(PMX_ERR_ADDRESS, "{} is not a word of {} bytes, aligned to them, of the symmetric heap of host memory",
                word, n_bytes);
}

Status check_value(const char* what, const void* value)
{
    return value ? Status() : fail(PMX_ERR_ARGUMENT, "{} is NULL", what);
}

Status check_op(int type, int op)
{
    PMX_TRY(check_choice("op", op, PMX_ATOMIC_XOR));
    if (op < PMX_ATOMIC_AND || (type != PMX_FLOAT && type != PMX_DOUBLE)) return {};
    return fail(PMX_ERR_ARGUMENT, "op {} is not one for type {}: see pmx_atomic_t", op, type);
}

WordType word_type(pmx_type_t type)
{
    if (type == PMX_FLOAT) return WordType::f32;
    if (type == PMX_DOUBLE) return WordType::f64;
    return type == PMX_INT32 || type == PMX_UINT32 ? WordType::u32 : WordType::u64;
}

constexpr WordOp kOps[] = {WordOp::set, WordOp::add, WordOp::bit_and, WordOp::bit_or, WordOp::bit_xor};

uint64_t load_bits(WordType type, const void* value)
{
    uint64_t bits = 0; /* little-endian, as all machines that pmx runs on */
    std::memcpy(&bits, value, word_bytes(type));
    return bits;
}

int perform(Device device, const void* word, int rank, const WordOperation& operation, void* before_out)
{
    if (int err = detail::check(device, rank)) return err;
    uint64_t before = 0;
    if (void* direct = ptr(device, word, rank)) {
        before = apply(direct, operation);
    } else if (int err = runtime()->atomics->ask(device, rank, {detail::heap_off(device, word), operation}, before)) {
        return err;
    }
    if (before_out) std::memcpy(before_out, &before, word_bytes(operation.type));
    return PMX_SUCCESS;
}

/* Those that a signal does need no answer. */
bool is_signal(pmx_type_t type, pmx_atomic_t op)
{
    bool word = type == PMX_INT64 || type == PMX_UINT64;
    return (word && op <= PMX_ATOMIC_ADD) || (type == PMX_DOUBLE && op == PMX_ATOMIC_SET);
}

}  // namespace

}  // namespace pmx

using namespace pmx;

extern "C" int pmx_atomic_op(pmx_ctx_t ctx, void* dst_sym, pmx_type_t type, pmx_atomic_t op, const void* value,
                             int dst_rank)
{
    return call(
        "atomic_op", ctx,
        [=](Device device) {
            PMX_TRY(check_atomic(device, dst_sym, type, "dst_rank", dst_rank));
            PMX_TRY(check_op(type, op));
            return check_value("value", value);
        },
        [=](Device device) {
            WordType word = word_type(type);
            uint64_t operand = load_bits(word, value);
            if (is_signal(type, op) && !ptr(device, dst_sym, dst_rank))
                return signal(thread, device, static_cast<uint64_t*>(dst_sym), operand,
                              op == PMX_ATOMIC_ADD ? PMX_SIGNAL_ADD : PMX_SIGNAL_SET, dst_rank);
            return perform(device, dst_sym, dst_rank, {kOps[op], word, operand, 0}, nullptr);
        });
}

extern "C" int pmx_atomic_fetch_op(pmx_ctx_t ctx, void* dst_sym, pmx_type_t type, pmx_atomic_t op, const void* value,
                                   int dst_rank, void* before_out)
{
    return call(
        "atomic_fetch_op", ctx,
        [=](Device device) {
            PMX_TRY(check_atomic(device, dst_sym, type, "dst_rank", dst_rank));
            PMX_TRY(check_op(type, op));
            PMX_TRY(check_value("value", value));
            return check_value("before_out", before_out);
        },
        [=](Device device) {
            WordType word = word_type(type);
            return perform(device, dst_sym, dst_rank, {kOps[op], word, load_bits(word, value), 0}, before_out);
        });
}

extern "C" int pmx_atomic_cswap(pmx_ctx_t ctx, void* dst_sym, pmx_type_t type, const void* expected, const void* value,
                                int dst_rank, void* before_out)
{
    return call(
        "atomic_cswap", ctx,
        [=](Device device) {
            PMX_TRY(check_atomic(device, dst_sym, type, "dst_rank", dst_rank));
            PMX_TRY(check_value("expected", expected));
            PMX_TRY(check_value("value", value));
            return check_value("before_out", before_out);
        },
        [=](Device device) {
            WordType word = word_type(type);
            return perform(device, dst_sym, dst_rank,
                           {WordOp::compare_swap, word, load_bits(word, value), load_bits(word, expected)}, before_out);
        });
}

extern "C" int pmx_atomic_fetch(pmx_ctx_t ctx, const void* src_sym, pmx_type_t type, int src_rank, void* value_out)
{
    return call(
        "atomic_fetch", ctx,
        [=](Device device) {
            PMX_TRY(check_atomic(device, src_sym, type, "src_rank", src_rank));
            return check_value("value_out", value_out);
        },
        [=](Device device) {
            return perform(device, src_sym, src_rank, {WordOp::fetch, word_type(type), 0, 0}, value_out);
        });
}
