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
	CC='$(CC)'; export CC; CXX='$(CXX)'; export CXX; FC='$(FC)'; export FC; MPI_CFLAGS='$(MPI_CFLAGS)'; export MPI_CFLAGS; \
	include_HEADERS='$(include_HEADERS) $(nodist_include_HEADERS)'; export include_HEADERS; \
	libpmx_headers='$(libpmx_headers)'; export libpmx_headers; \
	libpmx_moe_headers='$(libpmx_moe_headers)'; export libpmx_moe_headers; \
	OPENBLAS_NUM_THREADS=1; export OPENBLAS_NUM_THREADS; \
	TSAN_OPTIONS=halt_on_error=1:exitcode=66; export TSAN_OPTIONS;

EXTRA_DIST += tests/lib.sh tests/prototypes.sh
tree_tests = \
	tests/style.test tests/shellcheck.test tests/headers.test tests/symbols.test tests/ranks.test
dist_check_SCRIPTS += $(tree_tests)
TESTS += $(tree_tests)

# Uses the installed pmx as a user would; DESTDIR is respected. The programs are made in the build tree.
EXTRA_DIST += tests/install/installcheck.sh tests/install/hello.c tests/install/hello.cc tests/install/hello.f90 tests/install/hello_shmem.c tests/install/shape.c
installcheck-local:
	$(AM_V_GEN)$(AM_TESTS_ENVIRONMENT) \
	DESTDIR='$(DESTDIR)' bindir='$(bindir)' libdir='$(libdir)' mandir='$(mandir)' \
	includedir='$(includedir)' man_MANS='$(dist_man_MANS)' bin_PROGRAMS='$(bin_PROGRAMS)' \
	SANITIZE_FLAGS='$(SANITIZE_FLAGS)' VERSION='$(VERSION)' $(BASH_PATH) $(srcdir)/tests/install/installcheck.sh

mostlyclean-local:
	rm -rf tests/scratch.* tests/.one-at-a-time
