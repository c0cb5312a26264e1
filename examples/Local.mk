# SPDX-License-Identifier: BSD-3-Clause
# Built and run by make check; for reading, they are not installed.

check_PROGRAMS += examples/ring examples/ring_blocks examples/ring_gpu
examples_ring_SOURCES = examples/ring.c
examples_ring_LDADD = libpmx.la
examples_ring_blocks_SOURCES = examples/ring_blocks.cc
examples_ring_blocks_LDADD = libpmx.la
examples_ring_gpu_SOURCES = examples/ring_gpu.cc
examples_ring_gpu_LDADD = libpmx.la

# The same source for a GPU.
if HAVE_NVCC
check_PROGRAMS += examples/ring_gpu_cuda
endif
examples_ring_gpu_cuda_SOURCES = examples/ring_kernel.cu
examples_ring_gpu_cuda_LINK = $(CXXLINK)
examples_ring_gpu_cuda_LDADD = libpmx.la $(CUDA_LIBS)
examples/ring_kernel.o: examples/ring_gpu.cc

if HAVE_OPENBLAS
check_PROGRAMS += examples/moe
endif
examples_moe_SOURCES = examples/moe.c
examples_moe_LDADD = libpmx_moe.la libpmx.la -lm

dist_check_SCRIPTS += examples/examples.test
TESTS += examples/examples.test
