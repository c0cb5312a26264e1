# SPDX-License-Identifier: BSD-3-Clause

libpmxcore_la_SOURCES += device/launch.cc device/stream.h
if HAVE_NVCC
dist_libpmxcore_la_SOURCES = device/stream.cu
else
libpmxcore_la_SOURCES += device/stream_none.cc
endif
