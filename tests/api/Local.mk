# SPDX-License-Identifier: BSD-3-Clause
# The C API over real jobs.

check_PROGRAMS += tests/api/api_ranks tests/api/team_ranks tests/api/rma_ranks tests/api/atomic_ranks tests/api/job_ranks tests/api/uid_ranks
tests_api_api_ranks_SOURCES = tests/api/api_ranks.cc tests/api/check.h
tests_api_api_ranks_LDADD = libpmx.la
tests_api_team_ranks_SOURCES = tests/api/team_ranks.cc tests/api/check.h
tests_api_team_ranks_LDADD = libpmx.la
tests_api_rma_ranks_SOURCES = tests/api/rma_ranks.cc tests/api/check.h
tests_api_rma_ranks_LDADD = libpmx.la
tests_api_atomic_ranks_SOURCES = tests/api/atomic_ranks.cc tests/api/check.h
tests_api_atomic_ranks_LDADD = libpmx.la
tests_api_job_ranks_SOURCES = tests/api/job_ranks.cc tests/api/check.h
tests_api_job_ranks_LDADD = libpmx.la
tests_api_uid_ranks_SOURCES = tests/api/uid_ranks.cc tests/api/check.h
tests_api_uid_ranks_LDADD = libpmx.la

check_PROGRAMS += tests/api/threads_test
TESTS += tests/api/threads_test
tests_api_threads_test_SOURCES = tests/api/threads_test.cc tests/api/check.h
tests_api_threads_test_LDADD = libpmx.la

# With all of the library a second time, which takes minutes: not in make check.
CLEANFILES += tests/api/threads_tsan$(EXEEXT)
EXTRA_PROGRAMS = tests/api/threads_tsan
tests_api_threads_tsan_SOURCES = $(tests_api_threads_test_SOURCES) $(libpmxcore_la_SOURCES)
tests_api_threads_tsan_CXXFLAGS = $(AM_CXXFLAGS) $(TSAN_CXXFLAGS)
tests_api_threads_tsan_LDFLAGS = $(AM_LDFLAGS) $(TSAN_CXXFLAGS)
tests_api_threads_tsan_LDADD = $(libpmxcore_la_LIBADD)
if HAVE_NVCC
tests_api_threads_tsan_LDADD += device/stream.lo
endif
.PHONY: check-tsan
tsan_jobs = 'shm auto'
if HAVE_LIBFABRIC
tsan_jobs += 'ofi proxy' 'ofi callers'
endif
if HAVE_TSAN
check-tsan: tests/api/threads_tsan
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) for how in $(tsan_jobs); do \
	    PMX_OFI_PROVIDER='tcp;ofi_rxm' FI_TCP_IFACE=lo tests/api/threads_tsan $$how || exit; \
	done; echo 'threads: no data race'
else
check-tsan:
	$(AM_V_at)echo 'SKIP: no ThreadSanitizer: configure says why'; exit 77
endif

api_scripts = tests/api/api.test tests/api/team.test tests/api/rma.test tests/api/atomic.test tests/api/job.test tests/api/uid.test tests/api/profile.test
EXTRA_DIST += tests/api/profile.c
dist_check_SCRIPTS += $(api_scripts)
TESTS += $(api_scripts)
EXTRA_DIST += tests/api/fabrics.sh
