# SPDX-License-Identifier: BSD-3-Clause
# The Fortran modules.

if HAVE_FORTRAN
check_PROGRAMS += tests/fortran/calls tests/fortran/no_ierror
endif
tests_fortran_calls_SOURCES = tests/fortran/calls.f90
tests_fortran_calls_LDADD = libpmx_fortran.la libpmx.la
tests/fortran/calls.$(OBJEXT): include/pmx.mod
tests_fortran_no_ierror_SOURCES = tests/fortran/no_ierror.f90
tests_fortran_no_ierror_LDADD = libpmx_fortran.la libpmx.la
tests/fortran/no_ierror.$(OBJEXT): include/pmx.mod

CLEANFILES += include/checks.mod
EXTRA_DIST += tests/fortran/layout.awk tests/fortran/comm.f90
dist_check_SCRIPTS += tests/fortran/fortran.test
TESTS += tests/fortran/fortran.test
