# SPDX-License-Identifier: BSD-3-Clause
# Random operations with random faults, against a model.

check_PROGRAMS += tests/soak/soak_ranks
tests_soak_soak_ranks_SOURCES = tests/soak/soak_ranks.cc tests/api/check.h
tests_soak_soak_ranks_LDADD = libpmx.la
dist_check_SCRIPTS += tests/soak/soak.test
TESTS += tests/soak/soak.test
EXTRA_DIST += tests/soak/soak.sh tests/soak/long.sh

.PHONY: soak
soak: all tests/soak/soak_ranks
	$(AM_V_GEN)$(AM_TESTS_ENVIRONMENT) $(BASH_PATH) $(srcdir)/tests/soak/long.sh
