# SPDX-License-Identifier: BSD-3-Clause
# What a rank is: bootstrap, topology, heap, parameters, errors.

libpmxcore_la_SOURCES += \
	runtime/api_params.cc \
	runtime/bootstrap.cc \
	runtime/bootstrap.h \
	runtime/errors.cc \
	runtime/errors.def \
	runtime/errors.h \
	runtime/log.cc \
	runtime/log.h \
	runtime/offset_allocator.cc \
	runtime/offset_allocator.h \
	runtime/params.cc \
	runtime/params.def \
	runtime/params.h \
	runtime/params_sources.cc \
	runtime/params_table.h
if HAVE_MPI
libpmxcore_la_SOURCES += runtime/bootstrap_mpi.cc
else
libpmxcore_la_SOURCES += runtime/bootstrap_self.cc
endif
