# SPDX-License-Identifier: BSD-3-Clause
# The OpenSHMEM layer, on the public interface of pmx. Its prototypes, generics, entry points and version script are made
# of shmem/calls.def.

libpmx_shmem_la_SOURCES = \
	shmem/active.cc shmem/active.h \
	shmem/api.h \
	shmem/atomic.cc shmem/atomic.h \
	shmem/collective.cc shmem/collective.h \
	shmem/context.cc shmem/context.h \
	shmem/globals.cc shmem/globals.h \
	shmem/job.cc shmem/job.h \
	shmem/life.cc \
	shmem/lock.cc \
	shmem/memory.cc \
	shmem/old.h \
	shmem/rma.cc shmem/rma.h \
	shmem/signal.cc shmem/signal.h \
	shmem/size.cc shmem/size.h \
	shmem/team.cc shmem/team.h \
	shmem/wait.h
nodist_libpmx_shmem_la_SOURCES = shmem/entries.cc
# The headers that are made lie in the build tree.
shmem_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/include
libpmx_shmem_la_CPPFLAGS = $(shmem_cppflags)
libpmx_shmem_la_LIBADD = libpmx.la
libpmx_shmem_la_LDFLAGS = $(AM_LDFLAGS) $(DEFS_LDFLAGS) -version-info $(LIBPMX_SHMEM_VERSION_INFO) \
	-Wl,--version-script=shmem/libpmx_shmem.map
EXTRA_libpmx_shmem_la_DEPENDENCIES = shmem/libpmx_shmem.map
lib_LTLIBRARIES += libpmx_shmem.la
pkgconfig_DATA += pmx-shmem.pc

shmem_programs = shmem/calls.awk shmem/header.awk shmem/generic.awk shmem/entries.awk shmem/map.awk
shmem_headers = include/shmem_calls.h include/shmem_generic.h include/pshmem.h
shmem_made = $(shmem_headers) shmem/entries.cc shmem/libpmx_shmem.map
EXTRA_DIST += shmem/calls.def $(shmem_programs)
include_HEADERS += include/shmem.h include/shmem_old.h include/shmemx.h
nodist_include_HEADERS += $(shmem_headers)
BUILT_SOURCES += $(shmem_headers)
CLEANFILES += $(shmem_made)

$(shmem_made): $(top_srcdir)/shmem/calls.def $(shmem_programs) Makefile
$(libpmx_shmem_la_OBJECTS): $(shmem_headers)
shmem_run = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -f $(top_srcdir)/shmem/calls.awk -f $(top_srcdir)/shmem
shmem_into = $(top_srcdir)/shmem/calls.def >$@.new && mv $@.new $@
include/shmem_calls.h:
	$(shmem_run)/header.awk $(shmem_into)
include/pshmem.h:
	$(shmem_run)/header.awk -v prefix=p $(shmem_into)
include/shmem_generic.h:
	$(shmem_run)/generic.awk $(shmem_into)
shmem/entries.cc:
	$(shmem_run)/entries.awk $(shmem_into)
shmem/libpmx_shmem.map:
	$(shmem_run)/map.awk $(shmem_into)
