# SPDX-License-Identifier: BSD-3-Clause
# Figures of the GPU: put_signal between two ranks of it, beside a floor and beside NVSHMEM; rates of the queues. make
# check builds the programs, run.sh runs them on a machine with a GPU, from what bundle.sh has collected.

EXTRA_DIST += bench/gpu/bundle.sh bench/gpu/job.sh bench/gpu/json.awk bench/gpu/moe.sh bench/gpu/moe_torch.py bench/gpu/perf.awk bench/gpu/perf.sh bench/gpu/run.sh bench/gpu/table.awk \
	bench/nvshmem/build.sh bench/nvshmem/put_signal.cu
if HAVE_NVCC
check_PROGRAMS += bench/gpu/put_signal bench/gpu/rate
endif
bench_gpu_put_signal_SOURCES = bench/gpu/put_signal.cu bench/gpu/pingpong.h
bench_gpu_put_signal_LINK = $(CXXLINK)
bench_gpu_put_signal_LDADD = libpmx.la $(CUDA_LIBS)
bench_gpu_rate_SOURCES = tests/gpu/rate.cu tests/gpu/machine.h tests/gpu/world.h \
	tests/gpu/machine_gpu.cc tests/gpu/world.cc
bench_gpu_rate_CPPFLAGS = $(AM_CPPFLAGS) $(CUDA_CFLAGS)
bench_gpu_rate_LDADD = libpmxcore.la $(CUDA_LIBS)
bench/gpu/put_signal.o: $(kernel_headers) include/pmx_cuda.h include/pmx_gpu.h bench/gpu/pingpong.h
tests/gpu/rate.o: $(kernel_headers) tests/gpu/machine.h
