# SPDX-License-Identifier: BSD-3-Clause
# The OpenSHMEM layer.

shmem_pes = tests/shmem/rma_pes tests/shmem/globals_pes tests/shmem/globals_fixed tests/shmem/globals_other \
	tests/shmem/endings_pes tests/shmem/atomic_pes tests/shmem/wait_pes tests/shmem/team_pes \
	tests/shmem/active_pes tests/shmem/threads_pes
check_PROGRAMS += $(shmem_pes)
shmem_test_libs = libpmx_shmem.la libpmx.la

tests_shmem_rma_pes_SOURCES = tests/shmem/rma_pes.c tests/shmem/check.h
tests_shmem_rma_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_rma_pes_LDADD = $(shmem_test_libs)
tests_shmem_atomic_pes_SOURCES = tests/shmem/atomic_pes.c tests/shmem/check.h
tests_shmem_atomic_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_atomic_pes_LDADD = $(shmem_test_libs)
tests_shmem_wait_pes_SOURCES = tests/shmem/wait_pes.c tests/shmem/check.h
tests_shmem_wait_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_wait_pes_LDADD = $(shmem_test_libs)
tests_shmem_team_pes_SOURCES = tests/shmem/team_pes.c tests/shmem/check.h
tests_shmem_team_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_team_pes_LDADD = $(shmem_test_libs)
tests_shmem_active_pes_SOURCES = tests/shmem/active_pes.c tests/shmem/check.h
tests_shmem_active_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_active_pes_LDADD = $(shmem_test_libs)
tests_shmem_threads_pes_SOURCES = tests/shmem/threads_pes.c tests/shmem/check.h
tests_shmem_threads_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_threads_pes_LDADD = $(shmem_test_libs)
tests_shmem_endings_pes_SOURCES = tests/shmem/endings_pes.c
tests_shmem_endings_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_endings_pes_LDADD = $(shmem_test_libs)
tests_shmem_globals_pes_SOURCES = tests/shmem/globals_pes.c tests/shmem/check.h
tests_shmem_globals_pes_CPPFLAGS = $(shmem_cppflags)
tests_shmem_globals_pes_LDADD = $(shmem_test_libs)
# The same, loaded at a fixed address.
tests_shmem_globals_fixed_SOURCES = $(tests_shmem_globals_pes_SOURCES)
tests_shmem_globals_fixed_CPPFLAGS = $(shmem_cppflags)
tests_shmem_globals_fixed_CFLAGS = $(AM_CFLAGS) -fno-pie
tests_shmem_globals_fixed_LDFLAGS = $(AM_LDFLAGS) -XCClinker -no-pie
tests_shmem_globals_fixed_LDADD = $(shmem_test_libs)
tests_shmem_globals_other_SOURCES = $(tests_shmem_globals_pes_SOURCES)
tests_shmem_globals_other_CPPFLAGS = $(shmem_cppflags) -DOTHER_LAYOUT
tests_shmem_globals_other_LDADD = $(shmem_test_libs)
$(tests_shmem_rma_pes_OBJECTS) $(tests_shmem_endings_pes_OBJECTS) $(tests_shmem_globals_pes_OBJECTS) \
$(tests_shmem_globals_fixed_OBJECTS) $(tests_shmem_atomic_pes_OBJECTS) $(tests_shmem_wait_pes_OBJECTS) $(tests_shmem_team_pes_OBJECTS) \
$(tests_shmem_active_pes_OBJECTS) $(tests_shmem_threads_pes_OBJECTS) $(tests_shmem_globals_other_OBJECTS): $(shmem_headers)

if HAVE_CMOCKA
check_PROGRAMS += tests/shmem/size_test
TESTS += tests/shmem/size_test
endif
tests_shmem_size_test_SOURCES = tests/shmem/size_test.cc shmem/size.cc
tests_shmem_size_test_CXXFLAGS = $(AM_CXXFLAGS) $(CMOCKA_CFLAGS)
tests_shmem_size_test_LDADD = $(CMOCKA_LIBS)

shmem_scripts = tests/shmem/table.test tests/shmem/rma.test tests/shmem/atomic.test tests/shmem/wait.test tests/shmem/team.test tests/shmem/active.test tests/shmem/threads.test \
	tests/shmem/globals.test tests/shmem/endings.test \
	tests/shmem/examples.test
dist_check_SCRIPTS += $(shmem_scripts)
TESTS += $(shmem_scripts)
EXTRA_DIST += tests/shmem/fabrics.sh
