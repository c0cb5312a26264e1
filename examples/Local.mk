# SPDX-License-Identifier: BSD-3-Clause
# Built and run by make check; for reading, they are not installed.

check_PROGRAMS += examples/ring examples/ring_blocks
examples_ring_SOURCES = examples/ring.c
examples_ring_LDADD = libpmx.la
examples_ring_blocks_SOURCES = examples/ring_blocks.cc
examples_ring_blocks_LDADD = libpmx.la

if HAVE_OPENBLAS
check_PROGRAMS += examples/moe
endif
examples_moe_SOURCES = examples/moe.c
examples_moe_LDADD = libpmx_moe.la libpmx.la -lm

dist_check_SCRIPTS += examples/examples.test
TESTS += examples/examples.test
