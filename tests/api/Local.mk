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

api_scripts = tests/api/api.test tests/api/team.test tests/api/rma.test tests/api/atomic.test tests/api/job.test tests/api/uid.test tests/api/profile.test
EXTRA_DIST += tests/api/profile.c
dist_check_SCRIPTS += $(api_scripts)
TESTS += $(api_scripts)
EXTRA_DIST += tests/api/fabrics.sh
