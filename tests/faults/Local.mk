# SPDX-License-Identifier: BSD-3-Clause
# What pmx does when something goes wrong.

check_PROGRAMS += tests/faults/cell
tests_faults_cell_SOURCES = \
	tests/faults/cell.cc tests/faults/cell.h tests/faults/cell_faults.cc tests/faults/cell_operations.cc
tests_faults_cell_LDADD = libpmx.la $(MPI_LIBS)
if HAVE_OPENBLAS
tests_faults_cell_LDADD += libpmx_moe.la
endif

check_PROGRAMS += tests/faults/bad_input
tests_faults_bad_input_SOURCES = tests/faults/bad_input.cc
tests_faults_bad_input_LDADD = libpmx.la

check_PROGRAMS += tests/faults/diagnosis
tests_faults_diagnosis_SOURCES = tests/faults/diagnosis.cc
tests_faults_diagnosis_LDADD = libpmx.la

check_PROGRAMS += tests/faults/shrink_threads
TESTS += tests/faults/shrink_threads
tests_faults_shrink_threads_SOURCES = tests/faults/shrink_threads.cc
tests_faults_shrink_threads_LDADD = libpmxcore.la

check_PROGRAMS += tests/faults/shrink_ranks
tests_faults_shrink_ranks_SOURCES = tests/faults/shrink_ranks.cc tests/api/check.h
tests_faults_shrink_ranks_LDADD = libpmx.la

check_PROGRAMS += tests/faults/check_ranks
tests_faults_check_ranks_SOURCES = tests/faults/check_ranks.cc tests/api/check.h
tests_faults_check_ranks_LDADD = libpmx.la

# The fault matrix: by make check-faults; faults.test is a part of it.
EXTRA_DIST += tests/faults/matrix.sh tests/faults/all.sh
faults_scripts = tests/faults/faults.test tests/faults/faults_hosts.test tests/faults/faults_verbs.test \
	tests/faults/bad_input.test tests/faults/diagnosis.test tests/faults/shrink.test tests/faults/check.test tests/faults/watch.test
dist_check_SCRIPTS += $(faults_scripts)
TESTS += $(faults_scripts)

check-faults: all tests/faults/cell
	$(AM_V_GEN)$(AM_TESTS_ENVIRONMENT) $(BASH_PATH) $(srcdir)/tests/faults/all.sh
.PHONY: check-faults
CLEANFILES += faults.txt
