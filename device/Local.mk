# SPDX-License-Identifier: BSD-3-Clause

libpmxcore_la_SOURCES += device/launch.cc
