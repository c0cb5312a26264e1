# SPDX-License-Identifier: BSD-3-Clause
# The tests of runtime/.

if HAVE_CMOCKA
check_PROGRAMS += tests/runtime/errors_test tests/runtime/params_test tests/runtime/siphash_test tests/runtime/checked_test
TESTS += tests/runtime/errors_test tests/runtime/params_test tests/runtime/siphash_test tests/runtime/checked_test
endif
tests_runtime_errors_test_SOURCES = tests/runtime/errors_test.cc
tests_runtime_errors_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_runtime_params_test_SOURCES = tests/runtime/params_test.cc
tests_runtime_params_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_runtime_checked_test_SOURCES = tests/runtime/checked_test.cc
tests_runtime_checked_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_runtime_siphash_test_SOURCES = tests/runtime/siphash_test.cc
tests_runtime_siphash_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)

if HAVE_RAPIDCHECK
check_PROGRAMS += tests/runtime/offset_allocator_property
TESTS += tests/runtime/offset_allocator_property
endif
tests_runtime_offset_allocator_property_SOURCES = tests/runtime/offset_allocator_property.cc
tests_runtime_offset_allocator_property_LDADD = libpmxcore.la $(RAPIDCHECK_LIBS)

if HAVE_MPI
check_PROGRAMS += tests/runtime/bootstrap_ranks
endif
tests_runtime_bootstrap_ranks_SOURCES = tests/runtime/bootstrap_ranks.cc
tests_runtime_bootstrap_ranks_LDADD = libpmxcore.la
dist_check_SCRIPTS += tests/runtime/bootstrap.test
TESTS += tests/runtime/bootstrap.test

# Machines of other kinds, as hwloc would show them; what is expected stands beside each case.
topology_cases = \
	tests/runtime/topology/bind-off \
	tests/runtime/topology/bound-apart \
	tests/runtime/topology/cpuset \
	tests/runtime/topology/laptop \
	tests/runtime/topology/memoryless-half \
	tests/runtime/topology/nic-by-name \
	tests/runtime/topology/nic-near-cores \
	tests/runtime/topology/nic-near-gpu \
	tests/runtime/topology/nic-on-second-socket \
	tests/runtime/topology/no-such-cpu \
	tests/runtime/topology/one-rank-two-cores \
	tests/runtime/topology/threads-only \
	tests/runtime/topology/three-hosts \
	tests/runtime/topology/two-sockets
check_PROGRAMS += tests/runtime/topology_cases
tests_runtime_topology_cases_SOURCES = tests/runtime/topology_cases.cc
tests_runtime_topology_cases_LDADD = libpmxcore.la
dist_check_SCRIPTS += tests/runtime/topology.test
TESTS += tests/runtime/topology.test
EXTRA_DIST += $(topology_cases:=.case) $(topology_cases:=.expected) tests/runtime/topology/nic-on-second-socket.xml \
	tests/runtime/topology/three-nics.xml
