# SPDX-License-Identifier: BSD-3-Clause
EXTRA_DIST += tests/moe/model.h tests/moe/thread_ranks.h tests/moe/unit.h

moe_unit_tests = \
	tests/moe/bf16_test tests/moe/config_test tests/moe/gpu_refused_test tests/moe/protocol_test tests/moe/reference_test \
	tests/moe/router_test
moe_scripts = tests/moe/flip.test tests/moe/layer.test tests/moe/presets.test
dist_check_SCRIPTS += $(moe_scripts)

dist_check_SCRIPTS += tests/moe/layer_hosts.test tests/moe/layer_verbs.test tests/moe/layer_verbs_rxm.test
if HAVE_OPENBLAS
if HAVE_VERBS
TESTS += tests/moe/layer_verbs.test tests/moe/layer_verbs_rxm.test
endif
if HAVE_LIBFABRIC
TESTS += tests/moe/layer_hosts.test
endif
check_PROGRAMS += tests/moe/layer_check
TESTS += $(moe_scripts)
if HAVE_CMOCKA
check_PROGRAMS += $(moe_unit_tests)
TESTS += $(moe_unit_tests)
endif
if HAVE_RAPIDCHECK
check_PROGRAMS += tests/moe/plan_property
TESTS += tests/moe/plan_property
endif
endif

moe_ranks = tests/moe/thread_ranks.cc
moe_unit_libs = libpmx_moe_core.la $(CMOCKA_LIBS)

tests_moe_bf16_test_SOURCES = tests/moe/bf16_test.cc
tests_moe_bf16_test_LDADD = $(CMOCKA_LIBS)
tests_moe_config_test_SOURCES = tests/moe/config_test.cc $(moe_ranks)
tests_moe_config_test_LDADD = $(moe_unit_libs)
tests_moe_gpu_refused_test_SOURCES = tests/moe/gpu_refused_test.cc
tests_moe_gpu_refused_test_LDADD = libpmx_moe.la libpmx.la $(CMOCKA_LIBS)
tests_moe_protocol_test_SOURCES = tests/moe/protocol_test.cc $(moe_ranks)
tests_moe_protocol_test_LDADD = $(moe_unit_libs)
tests_moe_reference_test_SOURCES = tests/moe/reference_test.cc $(moe_ranks)
tests_moe_reference_test_LDADD = $(moe_unit_libs)
tests_moe_router_test_SOURCES = tests/moe/router_test.cc $(moe_ranks)
tests_moe_router_test_LDADD = $(moe_unit_libs)
tests_moe_plan_property_SOURCES = tests/moe/plan_property.cc $(moe_ranks)
tests_moe_plan_property_LDADD = libpmx_moe_core.la $(RAPIDCHECK_LIBS)
tests_moe_layer_check_SOURCES = tests/moe/layer_check.cc
tests_moe_layer_check_LDADD = libpmx_moe_core.la libpmx.la

# The blocks and the ranks of the protocol test are threads of one process: all of it under ThreadSanitizer.
if HAVE_OPENBLAS
if HAVE_CMOCKA
if HAVE_TSAN
check_PROGRAMS += tests/moe/protocol_tsan
TESTS += tests/moe/protocol_tsan
endif
endif
endif
tests_moe_protocol_tsan_SOURCES = $(tests_moe_protocol_test_SOURCES) $(libpmx_moe_core_la_SOURCES)
tests_moe_protocol_tsan_CPPFLAGS = $(libpmx_moe_core_la_CPPFLAGS)
tests_moe_protocol_tsan_CXXFLAGS = $(AM_CXXFLAGS) $(TSAN_CXXFLAGS)
tests_moe_protocol_tsan_LDFLAGS = $(AM_LDFLAGS) $(TSAN_CXXFLAGS)
tests_moe_protocol_tsan_LDADD = $(OPENBLAS_LIBS) $(CMOCKA_LIBS)
