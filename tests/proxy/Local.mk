# SPDX-License-Identifier: BSD-3-Clause

engine_sources = \
	proxy/command_queue.cc \
	proxy/engine.cc \
	proxy/engine_failure.cc \
	proxy/engine_order.cc \
	proxy/engine_post.cc \
	proxy/engine_report.cc \
	proxy/heartbeat.cc \
	proxy/order.cc \
	proxy/peer_state.cc \
	tests/cmocka_cxx.h \
	tests/proxy/engine_rig.h \
	tests/proxy/fake_nic.h

if HAVE_CMOCKA
check_PROGRAMS += tests/proxy/engine_test tests/proxy/heartbeat_test tests/proxy/queue_threads_test tests/proxy/atomic_threads_test \
	tests/proxy/proxy_thread_test
TESTS += tests/proxy/engine_test tests/proxy/heartbeat_test tests/proxy/queue_threads_test tests/proxy/atomic_threads_test \
	tests/proxy/proxy_thread_test
if HAVE_TSAN
check_PROGRAMS += tests/proxy/queue_threads_tsan tests/proxy/engine_tsan tests/proxy/atomic_threads_tsan \
	tests/proxy/proxy_thread_tsan
TESTS += tests/proxy/queue_threads_tsan tests/proxy/engine_tsan tests/proxy/atomic_threads_tsan \
	tests/proxy/proxy_thread_tsan
endif
endif
tests_proxy_engine_test_SOURCES = tests/proxy/engine_test.cc tests/cmocka_cxx.h tests/proxy/engine_rig.h
tests_proxy_engine_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_proxy_heartbeat_test_SOURCES = tests/proxy/heartbeat_test.cc tests/cmocka_cxx.h tests/proxy/engine_rig.h
tests_proxy_heartbeat_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_proxy_queue_threads_test_SOURCES = tests/proxy/queue_threads_test.cc
tests_proxy_queue_threads_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)

tests_proxy_proxy_thread_test_SOURCES = tests/proxy/proxy_thread_test.cc
tests_proxy_proxy_thread_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_proxy_proxy_thread_tsan_SOURCES = tests/proxy/proxy_thread_test.cc proxy/proxy_thread.cc $(engine_sources)
tests_proxy_proxy_thread_tsan_CXXFLAGS = $(AM_CXXFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_proxy_thread_tsan_LDFLAGS = $(AM_LDFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_proxy_thread_tsan_LDADD = $(CMOCKA_LIBS)

tests_proxy_queue_threads_tsan_SOURCES = tests/proxy/queue_threads_test.cc $(engine_sources)
tests_proxy_queue_threads_tsan_CXXFLAGS = $(AM_CXXFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_queue_threads_tsan_LDFLAGS = $(AM_LDFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_queue_threads_tsan_LDADD = $(CMOCKA_LIBS)
tests_proxy_atomic_threads_test_SOURCES = tests/proxy/atomic_threads_test.cc
tests_proxy_atomic_threads_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_proxy_atomic_threads_tsan_SOURCES = tests/proxy/atomic_threads_test.cc proxy/atomic_server.cc proxy/atomic_word.cc \
	runtime/atomics.cc runtime/bounce.cc $(engine_sources)
tests_proxy_atomic_threads_tsan_CXXFLAGS = $(AM_CXXFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_atomic_threads_tsan_LDFLAGS = $(AM_LDFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_atomic_threads_tsan_LDADD = $(CMOCKA_LIBS)
tests_proxy_engine_tsan_SOURCES = tests/proxy/engine_test.cc $(engine_sources)
tests_proxy_engine_tsan_CXXFLAGS = $(AM_CXXFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_engine_tsan_LDFLAGS = $(AM_LDFLAGS) $(TSAN_CXXFLAGS)
tests_proxy_engine_tsan_LDADD = $(CMOCKA_LIBS)

if HAVE_RAPIDCHECK
check_PROGRAMS += tests/proxy/engine_order_test tests/proxy/arrivals_property
TESTS += tests/proxy/engine_order_test tests/proxy/arrivals_property
endif
tests_proxy_arrivals_property_SOURCES = tests/proxy/arrivals_property.cc
tests_proxy_arrivals_property_LDADD = libpmxcore.la $(RAPIDCHECK_LIBS)
tests_proxy_engine_order_test_SOURCES = tests/proxy/engine_order_test.cc tests/proxy/engine_rig.h
tests_proxy_engine_order_test_LDADD = libpmxcore.la $(RAPIDCHECK_LIBS)

# The libfabric transport, on each provider of a plain machine.
ofi_tests = \
	tests/proxy/ofi_tcp_rxm.test tests/proxy/ofi_net.test tests/proxy/ofi_sockets.test \
	tests/proxy/ofi_udp_rxd.test tests/proxy/ofi_shm.test
dist_check_SCRIPTS += $(ofi_tests)
if HAVE_LIBFABRIC
check_PROGRAMS += tests/proxy/ofi_pair
TESTS += $(ofi_tests)
endif
tests_proxy_ofi_pair_SOURCES = \
	tests/proxy/ofi_cases.h \
	tests/proxy/ofi_counted.cc \
	tests/proxy/ofi_order.cc \
	tests/proxy/ofi_pair.cc \
	tests/proxy/ofi_world.cc \
	tests/proxy/ofi_world.h
tests_proxy_ofi_pair_LDADD = libpmxcore.la

# The software NIC, in virtual time.
if HAVE_CMOCKA
check_PROGRAMS += tests/proxy/softnic_test
TESTS += tests/proxy/softnic_test
endif
tests_proxy_softnic_test_SOURCES = tests/proxy/softnic_test.cc tests/proxy/softnic_rig.h
tests_proxy_softnic_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
if HAVE_RAPIDCHECK
check_PROGRAMS += tests/proxy/softnic_order_test
TESTS += tests/proxy/softnic_order_test
endif
tests_proxy_softnic_order_test_SOURCES = tests/proxy/softnic_order_test.cc tests/proxy/softnic_rig.h
tests_proxy_softnic_order_test_LDADD = libpmxcore.la $(RAPIDCHECK_LIBS)
dist_check_SCRIPTS += tests/proxy/softnic.test
if HAVE_OPENBLAS
TESTS += tests/proxy/softnic.test
endif


# One set of promises, over every transport.
EXTRA_DIST += tests/proxy/conformance.sh
conformance_scripts = \
	tests/proxy/conformance_shm.test \
	tests/proxy/conformance_softnic.test
conformance_network_scripts = \
	tests/proxy/conformance_net.test \
	tests/proxy/conformance_ofi_shm.test \
	tests/proxy/conformance_sockets.test \
	tests/proxy/conformance_tcp_rxm.test \
	tests/proxy/conformance_udp_rxd.test
dist_check_SCRIPTS += $(conformance_scripts) $(conformance_network_scripts)
check_PROGRAMS += tests/proxy/conformance
TESTS += $(conformance_scripts)
if HAVE_LIBFABRIC
TESTS += $(conformance_network_scripts)
endif
tests_proxy_conformance_SOURCES = \
	tests/proxy/conformance.cc tests/proxy/conformance.h \
	tests/proxy/conformance_effect.cc \
	tests/proxy/conformance_order.cc
tests_proxy_conformance_LDADD = libpmxcore.la

# The verbs transport. Where there is no device, the scripts run in a virtual machine that has two.
verbs_scripts = tests/proxy/conformance_verbs.test
verbs_unit_scripts = tests/proxy/verbs.test
dist_check_SCRIPTS += $(verbs_scripts) $(verbs_unit_scripts)
if HAVE_VERBS
TESTS += $(verbs_scripts)
if HAVE_CMOCKA
check_PROGRAMS += $(verbs_unit_tests)
TESTS += $(verbs_unit_tests) $(verbs_unit_scripts)
endif
endif
verbs_unit_tests = tests/proxy/verbs_test tests/proxy/verbs_channel_test tests/proxy/verbs_gpu_test
tests_proxy_verbs_gpu_test_SOURCES = tests/proxy/verbs_gpu_test.cc tests/proxy/verbs_rig.h tests/cmocka_cxx.h
tests_proxy_verbs_gpu_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_proxy_verbs_test_SOURCES = tests/proxy/verbs_test.cc tests/proxy/verbs_rig.h tests/cmocka_cxx.h
tests_proxy_verbs_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
tests_proxy_verbs_channel_test_SOURCES = tests/proxy/verbs_channel_test.cc tests/proxy/verbs_rig.h tests/cmocka_cxx.h
tests_proxy_verbs_channel_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)

# The staging transport, over NICs that know host memory only.
if HAVE_CMOCKA
check_PROGRAMS += tests/proxy/staging_test
TESTS += tests/proxy/staging_test
endif
tests_proxy_staging_test_SOURCES = tests/proxy/staging_test.cc tests/proxy/staging_rig.h tests/cmocka_cxx.h
tests_proxy_staging_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
if HAVE_RAPIDCHECK
check_PROGRAMS += tests/proxy/staging_order_test
TESTS += tests/proxy/staging_order_test
endif
tests_proxy_staging_order_test_SOURCES = tests/proxy/staging_order_test.cc tests/proxy/staging_rig.h
tests_proxy_staging_order_test_LDADD = libpmxcore.la $(RAPIDCHECK_LIBS)
