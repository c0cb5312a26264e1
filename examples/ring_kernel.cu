/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring as kernels of a GPU. */
#include "ring_gpu.cc"
