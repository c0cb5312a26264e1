/* SPDX-License-Identifier: BSD-3-Clause */
/* The tests of several ranks as kernels of a GPU. */
#include "ranks.cc"
