# SPDX-License-Identifier: BSD-3-Clause

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
