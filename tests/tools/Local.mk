# SPDX-License-Identifier: BSD-3-Clause
# The tests of tools/.
EXTRA_DIST += tests/tools/files.h tests/tools/hf_directory.h tests/tools/hf_models.h tests/tools/refuse.h tests/tools/tools.sh

tools_unit_tests = tests/tools/checkpoint_models_test tests/tools/checkpoint_test tests/tools/readers_test tests/tools/report_test
tools_scripts = \
	tests/tools/info.test tests/tools/moe_bad_input.test tests/tools/moe_checkpoint.test tests/tools/moe_device.test \
	tests/tools/moe_lost_host.test tests/tools/moe_json.test tests/tools/moe_killed_rank.test tests/tools/moe_order_points.test tests/tools/moe_places.test \
	tests/tools/moe_presets.test tests/tools/moe_tokens.test
dist_check_SCRIPTS += $(tools_scripts)

if HAVE_CLI11
if HAVE_OPENBLAS
check_PROGRAMS += tests/tools/json_flat tests/tools/write_inputs
TESTS += $(tools_scripts)
if HAVE_CMOCKA
check_PROGRAMS += $(tools_unit_tests)
TESTS += $(tools_unit_tests)
endif
endif
endif

tools_libs = libpmxtools.la libpmx_moe.la libpmx.la
tests_tools_checkpoint_test_SOURCES = tests/tools/checkpoint_test.cc
tests_tools_checkpoint_test_LDADD = $(tools_libs) $(CMOCKA_LIBS)
tests_tools_checkpoint_models_test_SOURCES = tests/tools/checkpoint_models_test.cc
tests_tools_checkpoint_models_test_LDADD = $(tools_libs) $(CMOCKA_LIBS)
tests_tools_readers_test_SOURCES = tests/tools/readers_test.cc
tests_tools_readers_test_LDADD = $(tools_libs) $(CMOCKA_LIBS)
tests_tools_report_test_SOURCES = tests/tools/report_test.cc
tests_tools_report_test_LDADD = $(tools_libs) $(CMOCKA_LIBS)
tests_tools_json_flat_SOURCES = tests/tools/json_flat.cc
tests_tools_json_flat_LDADD = $(tools_libs)
tests_tools_write_inputs_SOURCES = tests/tools/write_inputs.cc

# pmx_perf.
perf_scripts = tests/tools/perf.test tests/tools/perf_bad_input.test tests/tools/perf_rate.test
dist_check_SCRIPTS += $(perf_scripts)
if HAVE_CLI11
TESTS += $(perf_scripts)
endif

# pmx_sim.
dist_check_SCRIPTS += tests/tools/sim.test
if HAVE_CLI11
TESTS += tests/tools/sim.test
endif
