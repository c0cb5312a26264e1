/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_table.h: what pmx knows of each libfabric provider before it asks: preference and quirks. */
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pmx {

/* How a signal reaches the target's word.
 * write: SET is an RMA write of 8 bytes, ADD a native atomic. For providers that place 8 aligned bytes
 *        with one access: NICs, and software that copies out of one packet or one shared buffer.
 * message: SET and ADD are small messages; the target applies each with one CPU atomic and acknowledges.
 *        For providers over a byte stream, which may place the first bytes of a write now and the rest
 *        later, so that a waiter would see a torn word. */
enum class SignalPath : uint8_t { write, message };

struct OfiRow {
    std::string name;
    SignalPath signals;
    bool ask_fence;        /* FI_FENCE exists there */
    const char* env_name;  /* a libfabric variable that pmx sets unless the user did; or nullptr */
    const char* env_value;
};

/* Best first. */
std::span<const OfiRow> ofi_table();

/* The row of this name; a provider without one gets the cautious choices. */
OfiRow ofi_row(const std::string& name);

/* Sets the variables of the table. libfabric reads them once, so this comes before the first call of it.
 * May be called again. */
void ofi_set_environment();

}  // namespace pmx
