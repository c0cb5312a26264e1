# SPDX-License-Identifier: BSD-3-Clause
# What a rank is: bootstrap, topology, heap, parameters, errors.

libpmxcore_la_SOURCES += \
	runtime/api_atomic.cc \
	runtime/api_checks.h \
	runtime/api_context.cc \
	runtime/api_gpu.cc \
	runtime/api_group.cc \
	runtime/api_job.cc \
	runtime/api_life.cc \
	runtime/api_memory.cc \
	runtime/api_params.cc \
	runtime/api_query.cc \
	runtime/api_put.cc \
	runtime/api_rma.cc \
	runtime/api_team.cc \
	runtime/api_wait.cc \
	runtime/atomics.cc \
	runtime/atomics.h \
	runtime/bootstrap.cc \
	runtime/bootstrap.h \
	runtime/bootstrap_uid.cc \
	runtime/bootstrap_uid.h \
	runtime/bounce.cc \
	runtime/bounce.h \
	runtime/checked.cc \
	runtime/checked.h \
	runtime/collectives.cc \
	runtime/collectives.h \
	runtime/context.h \
	runtime/contexts.cc \
	runtime/dump.cc \
	runtime/dump.h \
	runtime/errors.cc \
	runtime/errors.def \
	runtime/errors.h \
	runtime/failures.cc \
	runtime/failures.h \
	runtime/gpu.h \
	runtime/gpu_ranks.cc \
	runtime/gpu_soft.cc \
	runtime/groups.h \
	runtime/heap.h \
	runtime/log.cc \
	runtime/log.h \
	runtime/machine.cc \
	runtime/machine.h \
	runtime/network.cc \
	runtime/network.h \
	runtime/offset_allocator.cc \
	runtime/offset_allocator.h \
	runtime/params.cc \
	runtime/params.def \
	runtime/params.h \
	runtime/params_sources.cc \
	runtime/params_table.h \
	runtime/peer_watch.cc \
	runtime/peer_watch.h \
	runtime/reduce.cc \
	runtime/reduce.h \
	runtime/registrations.cc \
	runtime/registrations.h \
	runtime/runtime.cc \
	runtime/runtime.h \
	runtime/shrink.cc \
	runtime/shrink.h \
	runtime/siphash.cc \
	runtime/siphash.h \
	runtime/socket.cc \
	runtime/socket.h \
	runtime/team.cc \
	runtime/team.h \
	runtime/team_broadcast.cc \
	runtime/team_collectives.h \
	runtime/team_gather.cc \
	runtime/team_reduce.cc \
	runtime/teams.cc \
	runtime/teams.h \
	runtime/topology.cc \
	runtime/topology.h \
	runtime/uid.cc \
	runtime/uid.h \
	runtime/watch_board.cc \
	runtime/watch_board.h
if HAVE_MPI
libpmxcore_la_SOURCES += runtime/bootstrap_mpi.cc
else
libpmxcore_la_SOURCES += runtime/bootstrap_self.cc
endif

# Kernels of a GPU, or what says that there are none.
if HAVE_NVCC
libpmxcore_la_SOURCES += runtime/gpu_cuda.cc runtime/gpu_memory.cc runtime/gpu_memory.h
else
libpmxcore_la_SOURCES += runtime/gpu_cuda_none.cc
endif
