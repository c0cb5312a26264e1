/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_table.h: what pmx knows of each libfabric provider before it asks: preference and quirks. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace pmx {

/* How a signal reaches the target's word.
 * message: SET and ADD are small messages; the target applies each with one CPU atomic and acknowledges.
 *          For providers over a byte stream, which may place the first bytes of a write now and the rest
 *          later, so that a waiter would see a torn word.
 * write:   SET is an RMA write of 8 bytes, ADD a message. For providers that place 8 aligned bytes with one
 *          access, but whose atomics are a plain read, add and write by whoever makes progress, so that
 *          adds of two ranks, or of a rank and a CPU, get lost.
 * atomic:  SET is an RMA write, ADD a native atomic. For NICs that do them. */
enum class SignalPath : uint8_t { message, write, atomic };

struct OfiRow {
    std::string name;
    SignalPath signals;
    bool ask_fence;       /* FI_FENCE exists there, and is safe to use */
    const char* env_name; /* a libfabric variable that pmx sets unless the user did; or nullptr */
    const char* env_value;
    size_t max_cq_data = 8; /* at most so many bytes go along with a write, whatever the provider grants */
};

/* Best first. */
std::span<const OfiRow> ofi_table();

/* The row of this name; a provider without one gets the cautious choices. */
OfiRow ofi_row(const std::string& name);

/* Sets the variables of the table. libfabric reads them once, so this comes before the first call of it.
 * May be called again. */
void ofi_set_environment();

}  // namespace pmx
