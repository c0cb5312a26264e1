# SPDX-License-Identifier: BSD-3-Clause
# What is made of the table of calls.

api_reader = $(top_srcdir)/api/calls.awk
api_table = $(top_srcdir)/api/calls.def
api_programs = api/calls.awk api/map.awk api/profile.awk api/profile_header.awk api/prototypes.awk \
	api/fortran.awk api/fortran_types.awk api/fortran_module.awk api/synopsis.awk api/errors.awk
EXTRA_DIST += api/calls.def $(api_programs) api/pmx.f90.in api/pmx_moe.f90.in

# The headers of each library, but for that of blocks in C++.
libpmx_headers = pmx.h pmx_job.h pmx_rma.h pmx_team.h pmx_atomics.h pmx_gpu.h
if HAVE_MPI
libpmx_headers += pmx_mpi.h
endif
libpmx_moe_headers = pmx_moe.h pmx_moe_gpu.h

api_run = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -f $(api_reader) -f
api_into = $(api_table) >$@.new && mv $@.new $@

api_made = api/libpmx.map api/libpmx.ld api/libpmx_moe.map api/libpmx_moe.ld include/pmx_profile.h \
	include/pmx.f90 include/pmx_moe.f90
CLEANFILES += $(api_made)
$(api_made): $(api_table) $(api_programs) Makefile

api/libpmx.map:
	$(api_run) $(top_srcdir)/api/map.awk -v header='pmx_device_scope.h $(libpmx_headers)' -v prefix=PMX_ $(api_into)
api/libpmx.ld:
	$(api_run) $(top_srcdir)/api/profile.awk -v header='pmx_device_scope.h $(libpmx_headers)' $(api_into)
api/libpmx_moe.map:
	$(api_run) $(top_srcdir)/api/map.awk -v header='$(libpmx_moe_headers)' -v prefix=PMX_MOE_ $(api_into)
api/libpmx_moe.ld:
	$(api_run) $(top_srcdir)/api/profile.awk -v header='$(libpmx_moe_headers)' $(api_into)

nodist_include_HEADERS = include/pmx_profile.h
include/pmx_profile.h:
	$(api_run) $(top_srcdir)/api/profile_header.awk $(api_into)

# The Fortran modules. Their source is installed too: a module is of one compiler.
api_fortran = $(top_srcdir)/api/fortran.awk -f $(top_srcdir)/api/fortran_types.awk -f $(top_srcdir)/api/fortran_module.awk \
	-v include=$(top_srcdir)/include -v template=
include/pmx.f90: api/pmx.f90.in $(include_HEADERS)
	$(api_run) $(api_fortran)$(top_srcdir)/api/pmx.f90.in -v header='$(libpmx_headers)' $(api_into)
include/pmx_moe.f90: api/pmx_moe.f90.in include/pmx_moe.h
	$(api_run) $(api_fortran)$(top_srcdir)/api/pmx_moe.f90.in -v header=pmx_moe.h -v uses=pmx.h $(api_into)

nodist_libpmx_fortran_la_SOURCES = include/pmx.f90
libpmx_fortran_la_LIBADD = libpmx.la
libpmx_fortran_la_LDFLAGS = $(AM_LDFLAGS) $(DEFS_LDFLAGS) -version-info $(LIBPMX_VERSION_INFO)
nodist_libpmx_moe_fortran_la_SOURCES = include/pmx_moe.f90
libpmx_moe_fortran_la_LIBADD = libpmx_fortran.la libpmx_moe.la
libpmx_moe_fortran_la_LDFLAGS = $(AM_LDFLAGS) $(DEFS_LDFLAGS) -version-info $(LIBPMX_MOE_VERSION_INFO)
include/pmx.mod: include/pmx.lo
include/pmx_moe.mod: include/pmx_moe.lo
include/pmx_moe.lo: include/pmx.lo

if HAVE_FORTRAN
lib_LTLIBRARIES += libpmx_fortran.la
nodist_include_HEADERS += include/pmx.f90 include/pmx.mod
pkgconfig_DATA += pmx-fortran.pc
if HAVE_OPENBLAS
lib_LTLIBRARIES += libpmx_moe_fortran.la
nodist_include_HEADERS += include/pmx_moe.f90 include/pmx_moe.mod
pkgconfig_DATA += pmx-moe-fortran.pc
endif
endif
CLEANFILES += include/pmx.mod include/pmx_moe.mod
