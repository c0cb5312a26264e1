# SPDX-License-Identifier: BSD-3-Clause
# What programs have compiled in, and link with.

EXTRA_DIST += tests/abi/print.sh tests/abi/pinned
abi_scripts = tests/abi/abidiff.test tests/abi/pinned.test
dist_check_SCRIPTS += $(abi_scripts)
TESTS += $(abi_scripts)

# Pins what is there now. At a release also writes what abidiff compares with later:   make update-abi RELEASE=1
.PHONY: update-abi
update-abi:
	$(AM_V_GEN)$(MKDIR_P) tests/abi/now && sh $(top_srcdir)/tests/abi/print.sh $(AWK) '$(CC)' $(top_srcdir) tests/abi/now \
	  '$(libpmx_headers)' >tests/abi/now/values && { echo '# SPDX-License-Identifier: BSD-3-Clause' && \
	  cat tests/abi/now/values; } >$(top_srcdir)/tests/abi/pinned && rm -r tests/abi/now
	$(AM_V_at)test -z '$(RELEASE)' || for library in libpmx libpmx_moe; do \
	  abidw --headers-dir $(top_srcdir)/include --drop-private-types --exported-interfaces-only --no-show-locs \
	    --no-comp-dir-path --out-file $(top_srcdir)/tests/abi/$$library.abi .libs/$$library.so || exit 1; \
	done
