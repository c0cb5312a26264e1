/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "pmx_device.h"

/* The text of what became of the launch. */
const char* library_launch(const pmx_device_ctx_t& ctx);
