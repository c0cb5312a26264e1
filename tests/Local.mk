# SPDX-License-Identifier: BSD-3-Clause
# How tests are run, and the tests of the tree as a whole.
#
# A test is a program (exit 0 pass, 77 skip, 99 broken set-up) or a bash script NAME.test that sources
# tests/lib.sh; the fragments below tests/ add to TESTS, check_PROGRAMS and dist_check_SCRIPTS:
#
#   check_PROGRAMS += tests/runtime/heap_test
#   TESTS += tests/runtime/heap_test
#   tests_runtime_heap_test_SOURCES = tests/runtime/heap_test.cc
#   tests_runtime_heap_test_LDADD = libpmxcore.la $(CMOCKA_LIBS)
#
#   dist_check_SCRIPTS += tests/runtime/init.test
#   TESTS += tests/runtime/init.test
#
# A program under ThreadSanitizer compiles the sources that it is about a second time. With flags of its
# own Automake gives its objects names of their own, so the two copies do not meet. It must not link
# libpmxcore.la, nor use MPI, which is not instrumented:
#
#   if HAVE_TSAN
#   check_PROGRAMS += tests/proxy/queue_tsan
#   TESTS += tests/proxy/queue_tsan
#   endif
#   tests_proxy_queue_tsan_SOURCES = tests/proxy/queue_test.cc proxy/queue.cc
#   tests_proxy_queue_tsan_CXXFLAGS = $(AM_CXXFLAGS) $(TSAN_CXXFLAGS)
#   tests_proxy_queue_tsan_LDFLAGS = $(AM_LDFLAGS) $(TSAN_CXXFLAGS)
#   tests_proxy_queue_tsan_LDADD = $(CMOCKA_LIBS)

TEST_EXTENSIONS = .test
TEST_LOG_COMPILER = $(BASH_PATH)
AM_TESTS_ENVIRONMENT = \
	abs_top_builddir='$(abs_top_builddir)'; export abs_top_builddir; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	CC='$(CC)'; export CC; CXX='$(CXX)'; export CXX; \
	OPENBLAS_NUM_THREADS=1; export OPENBLAS_NUM_THREADS; \
	TSAN_OPTIONS=halt_on_error=1:exitcode=66; export TSAN_OPTIONS;

EXTRA_DIST += tests/lib.sh
