# SPDX-License-Identifier: BSD-3-Clause
# What pmx_device.h promises to kernels. The cases are one source: device_host runs them on host blocks, device_gpu on
# a GPU (77 where there is none). run.sh builds and runs all of it without this Makefile.

device_cases = tests/gpu/bodies.h tests/gpu/machine.h tests/gpu/world.h
check_PROGRAMS += tests/gpu/device_host
TESTS += tests/gpu/device_host
tests_gpu_device_host_SOURCES = $(device_cases) \
	tests/gpu/cases.cc tests/gpu/machine_host.cc tests/gpu/world.cc tests/proxy/fake_nic.h
tests_gpu_device_host_LDADD = libpmxcore.la

rank_cases = tests/gpu/rank_bodies.h tests/gpu/rank_streams.h
check_PROGRAMS += tests/gpu/ranks_host
tests_gpu_ranks_host_SOURCES = $(device_cases) $(rank_cases) tests/gpu/ranks.cc tests/gpu/machine_host.cc
tests_gpu_ranks_host_LDADD = libpmxcore.la
dist_check_SCRIPTS += tests/gpu/ranks.test tests/gpu/direct_verbs.test
TESTS += tests/gpu/ranks.test
if HAVE_VERBS
TESTS += tests/gpu/direct_verbs.test
endif

EXTRA_DIST += tests/gpu/run.sh tests/gpu/rate.cu
dist_check_SCRIPTS += tests/gpu/headers.test
TESTS += tests/gpu/headers.test
if HAVE_NVCC
check_PROGRAMS += tests/gpu/device_gpu tests/gpu/link tests/gpu/ranks_gpu
TESTS += tests/gpu/device_gpu tests/gpu/link
check_LTLIBRARIES += libpmx_gpu_link.la
AM_TESTS_ENVIRONMENT += NVCC='$(NVCC)'; export NVCC; NVCC_FLAGS='$(NVCC_FLAGS)'; export NVCC_FLAGS;
endif
tests_gpu_device_gpu_SOURCES = $(device_cases) \
	tests/gpu/device.cu tests/gpu/machine_gpu.cc tests/gpu/world.cc
tests_gpu_device_gpu_CPPFLAGS = $(AM_CPPFLAGS) $(CUDA_CFLAGS)
tests_gpu_device_gpu_LDADD = libpmxcore.la $(CUDA_LIBS)
tests_gpu_ranks_gpu_SOURCES = $(device_cases) $(rank_cases) tests/gpu/ranks_device.cu tests/gpu/machine_gpu.cc
tests_gpu_ranks_gpu_CPPFLAGS = $(AM_CPPFLAGS) $(CUDA_CFLAGS)
tests_gpu_ranks_gpu_LDADD = libpmxcore.la $(CUDA_LIBS)
libpmx_gpu_link_la_SOURCES = tests/gpu/library.cu tests/gpu/library.h
nodist_EXTRA_libpmx_gpu_link_la_SOURCES = cxx.cc
tests_gpu_link_SOURCES = tests/gpu/link.cc
tests_gpu_link_CPPFLAGS = $(AM_CPPFLAGS) $(CUDA_CFLAGS)
tests_gpu_link_LDADD = libpmx_gpu_link.la libpmxcore.la $(CUDA_LIBS)

# nvcc's objects have no dependency files.
kernel_headers = include/pmx.h include/pmx_atomic.h include/pmx_command.h include/pmx_device.h \
	include/pmx_device_copy.h include/pmx_device_ctx.h include/pmx_device_group.h include/pmx_device_push.h include/pmx_device_scope.h include/pmx_device_word.h include/pmx_ptx.h
tests/gpu/device.o tests/gpu/library.lo tests/gpu/ranks_device.o: $(kernel_headers)
tests/gpu/ranks_device.o: tests/gpu/ranks.cc $(device_cases) $(rank_cases) include/pmx_gpu.h include/pmx_cuda.h
device/stream.lo: $(kernel_headers) device/stream.h
tests/gpu/device.o: tests/gpu/cases.cc $(device_cases)
tests/gpu/library.lo: tests/gpu/library.h
