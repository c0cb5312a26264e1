# SPDX-License-Identifier: BSD-3-Clause
# Measurements that are kept, and no tests. Results go into the source tree, bench/results/.

EXTRA_DIST += bench/verbs.sh bench/verbs.jq bench/results/verbs.jsonl

bench-verbs: tools/pmx_perf
	$(BASH_PATH) $(srcdir)/bench/verbs.sh
.PHONY: bench-verbs

# Latency beside MPI and UCX; make check builds the programs.
EXTRA_DIST += bench/latency/latency.sh bench/latency/latency.jq bench/results/latency.jsonl
check_PROGRAMS += bench/latency/pmx
bench_latency_pmx_SOURCES = bench/latency/pmx.c bench/latency/samples.h
bench_latency_pmx_LDADD = libpmx.la
if HAVE_MPI
check_PROGRAMS += bench/latency/mpi
bench_latency_programs = bench/latency/mpi
endif
bench_latency_mpi_SOURCES = bench/latency/mpi.c bench/latency/samples.h
bench_latency_mpi_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CFLAGS)
bench_latency_mpi_LDADD = $(MPI_LIBS)

bench-latency: bench/latency/pmx $(bench_latency_programs)
	$(BASH_PATH) $(srcdir)/bench/latency/latency.sh
.PHONY: bench-latency
