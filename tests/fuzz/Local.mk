# SPDX-License-Identifier: BSD-3-Clause
# Readers of what comes from outside, given bytes that nobody meant for them. Each has the entry of libFuzzer; driver.cc
# stands in for that in make check.

fuzz_driver = tests/fuzz/driver.cc tests/fuzz/expect.h
check_PROGRAMS += tests/fuzz/params tests/fuzz/join tests/fuzz/commands
tests_fuzz_params_SOURCES = tests/fuzz/params.cc $(fuzz_driver)
tests_fuzz_params_LDADD = libpmxcore.la
tests_fuzz_join_SOURCES = tests/fuzz/join.cc $(fuzz_driver)
tests_fuzz_join_LDADD = libpmxcore.la
tests_fuzz_commands_SOURCES = tests/fuzz/commands.cc tests/proxy/engine_rig.h tests/proxy/fake_nic.h $(fuzz_driver)
tests_fuzz_commands_LDADD = libpmxcore.la

if HAVE_CLI11
if HAVE_OPENBLAS
check_PROGRAMS += tests/fuzz/json tests/fuzz/safetensors tests/fuzz/options
endif
endif
tests_fuzz_json_SOURCES = tests/fuzz/json.cc $(fuzz_driver)
tests_fuzz_json_LDADD = libpmxtools.la libpmx_moe.la libpmx.la
tests_fuzz_safetensors_SOURCES = tests/fuzz/safetensors.cc $(fuzz_driver)
tests_fuzz_safetensors_LDADD = libpmxtools.la libpmx_moe.la libpmx.la
tests_fuzz_options_SOURCES = tests/fuzz/options.cc $(fuzz_driver)
tests_fuzz_options_LDADD = libpmxtools.la libpmx_moe.la libpmx.la

dist_check_SCRIPTS += tests/fuzz/fuzz.test
TESTS += tests/fuzz/fuzz.test
EXTRA_DIST += tests/fuzz/fuzz.sh tests/fuzz/corpus

.PHONY: fuzz
fuzz: all
	$(AM_V_GEN)$(AM_TESTS_ENVIRONMENT) $(BASH_PATH) $(srcdir)/tests/fuzz/fuzz.sh
