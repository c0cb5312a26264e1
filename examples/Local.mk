# SPDX-License-Identifier: BSD-3-Clause
# Built and run by make check; for reading, they are not installed.

check_PROGRAMS += examples/ring examples/halo examples/ring_blocks examples/ring_gpu
examples_ring_SOURCES = examples/ring.c
examples_ring_LDADD = libpmx.la
examples_halo_SOURCES = examples/halo.c
examples_halo_LDADD = libpmx.la
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

if HAVE_FORTRAN
check_PROGRAMS += examples/ring_f examples/halo_f
if HAVE_OPENBLAS
check_PROGRAMS += examples/moe_f
endif
endif
examples_ring_f_SOURCES = examples/ring_f.f90
examples_ring_f_LDADD = libpmx_fortran.la libpmx.la
examples/ring_f.$(OBJEXT): include/pmx.mod
examples_halo_f_SOURCES = examples/halo_f.f90
examples_halo_f_LDADD = libpmx_fortran.la libpmx.la
examples/halo_f.$(OBJEXT): include/pmx.mod
examples_moe_f_SOURCES = examples/moe_f.f90
examples_moe_f_LDADD = libpmx_moe_fortran.la libpmx_moe.la libpmx_fortran.la libpmx.la
examples/moe_f.$(OBJEXT): include/pmx_moe.mod
CLEANFILES += include/moe_weights.mod

dist_check_SCRIPTS += examples/examples.test
TESTS += examples/examples.test

# Of OpenSHMEM.
check_PROGRAMS += examples/shmem/shift examples/shmem/ring examples/shmem/pi
examples_shmem_shift_SOURCES = examples/shmem/shift.c
examples_shmem_shift_CPPFLAGS = $(shmem_cppflags)
examples_shmem_shift_LDADD = libpmx_shmem.la libpmx.la
examples_shmem_ring_SOURCES = examples/shmem/ring.c
examples_shmem_ring_CPPFLAGS = $(shmem_cppflags)
examples_shmem_ring_LDADD = libpmx_shmem.la libpmx.la
examples_shmem_pi_SOURCES = examples/shmem/pi.c
examples_shmem_pi_CPPFLAGS = $(shmem_cppflags)
examples_shmem_pi_LDADD = libpmx_shmem.la libpmx.la
$(examples_shmem_shift_OBJECTS) $(examples_shmem_ring_OBJECTS) $(examples_shmem_pi_OBJECTS): $(shmem_headers)
