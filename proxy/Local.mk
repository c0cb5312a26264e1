# SPDX-License-Identifier: BSD-3-Clause

libpmxcore_la_SOURCES += \
	proxy/atomic_server.cc \
	proxy/atomic_server.h \
	proxy/atomic_word.cc \
	proxy/atomic_word.h \
	proxy/arrivals.cc \
	proxy/arrivals.h \
	proxy/clock.h \
	proxy/command_queue.cc \
	proxy/command_queue.h \
	proxy/copy_engine.h \
	proxy/counters.h \
	proxy/engine.cc \
	proxy/engine.h \
	proxy/engine_failure.cc \
	proxy/engine_order.cc \
	proxy/engine_post.cc \
	proxy/engine_report.cc \
	proxy/faults.h \
	proxy/heap_map.h \
	proxy/heartbeat.cc \
	proxy/heartbeat.h \
	proxy/lane.h \
	proxy/order.cc \
	proxy/order.h \
	proxy/peer_state.cc \
	proxy/peer_state.h \
	proxy/proxy_thread.cc \
	proxy/proxy_thread.h \
	proxy/self_test.cc \
	proxy/self_test.h \
	proxy/self_test_order.cc \
	proxy/staging.cc \
	proxy/staging.h \
	proxy/staging_adds.cc \
	proxy/staging_adds.h \
	proxy/staging_core.h \
	proxy/staging_layout.h \
	proxy/staging_receiver.cc \
	proxy/staging_receiver.h \
	proxy/staging_sender.cc \
	proxy/staging_sender.h \
	proxy/staging_sender_post.cc \
	proxy/status.h \
	proxy/transport.h \
	proxy/transport_shm.cc \
	proxy/transport_shm.h \
	proxy/transport_softnic.cc \
	proxy/transport_softnic.h \
	proxy/transport_softnic_draw.cc \
	proxy/transport_softnic_faults.cc \
	proxy/transport_softnic_faults.h \
	proxy/transport_softnic_nic.cc \
	proxy/transport_softnic_nic.h \
	proxy/transport_softnic_profile.cc \
	proxy/transport_softnic_profile.h \
	proxy/transport_softnic_world.cc \
	proxy/transport_softnic_world.h

# The libfabric transport, or what stands in for it.
if HAVE_LIBFABRIC
libpmxcore_la_SOURCES += \
	proxy/transport_ofi.cc \
	proxy/transport_ofi.h \
	proxy/transport_ofi_address.cc \
	proxy/transport_ofi_arrivals.cc \
	proxy/transport_ofi_data.h \
	proxy/transport_ofi_endpoint.cc \
	proxy/transport_ofi_endpoint.h \
	proxy/transport_ofi_impl.h \
	proxy/transport_ofi_message.cc \
	proxy/transport_ofi_post.cc \
	proxy/transport_ofi_probe.cc \
	proxy/transport_ofi_selftest.cc \
	proxy/transport_ofi_selftest.h \
	proxy/transport_ofi_slots.h \
	proxy/transport_ofi_table.cc \
	proxy/transport_ofi_table.h
else
libpmxcore_la_SOURCES += proxy/transport_ofi_none.cc proxy/transport_ofi.h
endif

# The verbs transport, or what stands in for it.
if HAVE_VERBS
libpmxcore_la_SOURCES += \
	proxy/transport_verbs.cc \
	proxy/transport_verbs.h \
	proxy/transport_verbs_address.cc \
	proxy/transport_verbs_device.cc \
	proxy/transport_verbs_device.h \
	proxy/transport_verbs_events.cc \
	proxy/transport_verbs_events.h \
	proxy/transport_verbs_impl.h \
	proxy/transport_verbs_message.cc \
	proxy/transport_verbs_post.cc \
	proxy/transport_verbs_probe.cc \
	proxy/transport_verbs_resources.cc \
	proxy/transport_verbs_resources.h \
	proxy/transport_verbs_stream.cc
else
libpmxcore_la_SOURCES += proxy/transport_verbs_none.cc proxy/transport_verbs.h
endif
