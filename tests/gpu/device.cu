/* SPDX-License-Identifier: BSD-3-Clause */
/* The device tests as kernels of a GPU. */
#include "cases.cc"
