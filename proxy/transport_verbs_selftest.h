/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_selftest.h: what a device is made to do to itself before pmx believes it. */
#pragma once

#include <string>

#include "transport_verbs_impl.h"

namespace pmx {

/* Opens the device as rank 0 of one, connected to itself, and tries each kind of operation, then what it
 * promises to keep in order. caps_out: what is left; why_out: what was chosen and what is not kept. */
Status verbs_self_test(const VerbsConfig& verbs, const std::string& device, TransportCaps& caps_out,
                       std::string& why_out);

}  // namespace pmx
