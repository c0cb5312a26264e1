# SPDX-License-Identifier: BSD-3-Clause

# The libfabric transport, or what stands in for it.
if HAVE_LIBFABRIC
libpmxcore_la_SOURCES += \
	proxy/transport_ofi.cc \
	proxy/transport_ofi.h \
	proxy/transport_ofi_address.cc \
	proxy/transport_ofi_endpoint.cc \
	proxy/transport_ofi_endpoint.h \
	proxy/transport_ofi_impl.h \
	proxy/transport_ofi_message.cc \
	proxy/transport_ofi_probe.cc \
	proxy/transport_ofi_slots.h \
	proxy/transport_ofi_table.cc \
	proxy/transport_ofi_table.h
else
libpmxcore_la_SOURCES += proxy/transport_ofi_none.cc proxy/transport_ofi.h
endif
