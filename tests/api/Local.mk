# SPDX-License-Identifier: BSD-3-Clause
# The C API over real jobs.

check_PROGRAMS += tests/api/api_ranks
tests_api_api_ranks_SOURCES = tests/api/api_ranks.cc
tests_api_api_ranks_LDADD = libpmx.la

api_scripts = tests/api/api.test tests/api/profile.test
EXTRA_DIST += tests/api/profile.c
dist_check_SCRIPTS += $(api_scripts)
TESTS += $(api_scripts)
