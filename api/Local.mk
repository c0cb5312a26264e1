# SPDX-License-Identifier: BSD-3-Clause
# What is made of the table of calls.

api_reader = $(top_srcdir)/api/calls.awk
api_table = $(top_srcdir)/api/calls.def
api_programs = api/calls.awk api/map.awk api/profile.awk api/profile_header.awk api/prototypes.awk
EXTRA_DIST += api/calls.def $(api_programs)

# The headers of each library.
libpmx_headers = pmx.h pmx_rma.h pmx_atomics.h pmx_team.h pmx_device_scope.h pmx_gpu.h
if HAVE_MPI
libpmx_headers += pmx_mpi.h
endif
libpmx_moe_headers = pmx_moe.h

api_run = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -f $(api_reader) -f
api_into = $(api_table) >$@.new && mv $@.new $@

api_made = api/libpmx.map api/libpmx.ld api/libpmx_moe.map api/libpmx_moe.ld include/pmx_profile.h
CLEANFILES += $(api_made)
$(api_made): $(api_table) $(api_programs) config.status

api/libpmx.map:
	$(api_run) $(top_srcdir)/api/map.awk -v header='$(libpmx_headers)' -v prefix=PMX_ $(api_into)
api/libpmx.ld:
	$(api_run) $(top_srcdir)/api/profile.awk -v header='$(libpmx_headers)' $(api_into)
api/libpmx_moe.map:
	$(api_run) $(top_srcdir)/api/map.awk -v header='$(libpmx_moe_headers)' -v prefix=PMX_MOE_ $(api_into)
api/libpmx_moe.ld:
	$(api_run) $(top_srcdir)/api/profile.awk -v header='$(libpmx_moe_headers)' $(api_into)

nodist_include_HEADERS = include/pmx_profile.h
include/pmx_profile.h:
	$(api_run) $(top_srcdir)/api/profile_header.awk $(api_into)
