# SPDX-License-Identifier: BSD-3-Clause
# The tests under AddressSanitizer with LeakSanitizer and UndefinedBehaviorSanitizer, in a build of its own below this one,
# and the unit tests under valgrind. The scripts say what runs; tests/api/Local.mk has check-tsan.

EXTRA_DIST += tests/sanitize/sanitize.sh tests/sanitize/valgrind.sh tests/sanitize/leaks.supp

.PHONY: check-sanitize check-valgrind
check-sanitize:
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) MAKE='$(MAKE)' $(BASH_PATH) $(srcdir)/tests/sanitize/sanitize.sh $(TESTS)
check-valgrind: $(check_PROGRAMS)
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) $(BASH_PATH) $(srcdir)/tests/sanitize/valgrind.sh $(TESTS)
