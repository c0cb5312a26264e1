# SPDX-License-Identifier: BSD-3-Clause
# Man pages. A name that shares a page with others is a file with one line, ".so man3/PAGE.3".
# The pages of tools and libraries that are not built are installed too.

dist_man_MANS += \
	man/pmx_info.1 \
	man/pmx_moe.1 \
	man/pmx_perf.1 \
	man/pmx_sim.1 \
	man/pmx-device.3 \
	man/pmx_abi_version.3 \
	man/pmx_abort.3 \
	man/pmx_aligned_alloc.3 \
	man/pmx_allgather.3 \
	man/pmx_allgatherv.3 \
	man/pmx_allreduce.3 \
	man/pmx_alltoall.3 \
	man/pmx_async_error.3 \
	man/pmx_atomic_cswap.3 \
	man/pmx_atomic_fetch.3 \
	man/pmx_atomic_fetch_op.3 \
	man/pmx_atomic_op.3 \
	man/pmx_barrier.3 \
	man/pmx_barrier_on_stream.3 \
	man/pmx_block_get.3 \
	man/pmx_block_sync.3 \
	man/pmx_broadcast.3 \
	man/pmx_calloc.3 \
	man/pmx_counters_get.3 \
	man/pmx_counters_reset.3 \
	man/pmx_ctx_create.3 \
	man/pmx_ctx_free.3 \
	man/pmx_ctx_query.3 \
	man/pmx_cuda_report.3 \
	man/pmx_deregister.3 \
	man/pmx_device_handle.3 \
	man/pmx_dump.3 \
	man/pmx_error_class.3 \
	man/pmx_error_handler_set.3 \
	man/pmx_error_report.3 \
	man/pmx_error_string.3 \
	man/pmx_fence.3 \
	man/pmx_fence_rank.3 \
	man/pmx_finalize.3 \
	man/pmx_free.3 \
	man/pmx_get.3 \
	man/pmx_get_nbi.3 \
	man/pmx_get_value_64.3 \
	man/pmx_gpu_fit.3 \
	man/pmx_gpu_handle.3 \
	man/pmx_gpu_heap_query.3 \
	man/pmx_gpu_malloc.3 \
	man/pmx_gpu_ptr.3 \
	man/pmx_gpu_query.3 \
	man/pmx_group_begin.3 \
	man/pmx_group_commit.3 \
	man/pmx_group_put.3 \
	man/pmx_group_signal.3 \
	man/pmx_heap_query.3 \
	man/pmx_iget.3 \
	man/pmx_init.3 \
	man/pmx_init_comm.3 \
	man/pmx_init_fcomm.3 \
	man/pmx_init_thread.3 \
	man/pmx_init_uid.3 \
	man/pmx_initialized.3 \
	man/pmx_iput.3 \
	man/pmx_last_error_detail.3 \
	man/pmx_launch.3 \
	man/pmx_launch_gpu.3 \
	man/pmx_malloc.3 \
	man/pmx_moe_check.3 \
	man/pmx_moe_combine_begin.3 \
	man/pmx_moe_combine_end.3 \
	man/pmx_moe_counters_get.3 \
	man/pmx_moe_counters_reset.3 \
	man/pmx_moe_create.3 \
	man/pmx_moe_dispatch_begin.3 \
	man/pmx_moe_dispatch_end.3 \
	man/pmx_moe_forward.3 \
	man/pmx_moe_forward_routed.3 \
	man/pmx_moe_free.3 \
	man/pmx_moe_gpu_bytes.3 \
	man/pmx_moe_gpu_counters_get.3 \
	man/pmx_moe_gpu_counters_reset.3 \
	man/pmx_moe_gpu_create.3 \
	man/pmx_moe_gpu_forward_routed.3 \
	man/pmx_moe_gpu_free.3 \
	man/pmx_moe_gpu_set_weights.3 \
	man/pmx_moe_gpu_status.3 \
	man/pmx_moe_gpu_times_get.3 \
	man/pmx_moe_heap_bytes.3 \
	man/pmx_moe_load_get.3 \
	man/pmx_moe_preset.3 \
	man/pmx_moe_preset_list.3 \
	man/pmx_moe_reference.3 \
	man/pmx_moe_reference_layer.3 \
	man/pmx_moe_route.3 \
	man/pmx_moe_set_weights.3 \
	man/pmx_node_rank.3 \
	man/pmx_node_size.3 \
	man/pmx_param_get.3 \
	man/pmx_param_list.3 \
	man/pmx_param_set.3 \
	man/pmx_ptr.3 \
	man/pmx_put.3 \
	man/pmx_put_nbi.3 \
	man/pmx_put_signal.3 \
	man/pmx_put_signal_nbi.3 \
	man/pmx_put_signal_on_stream.3 \
	man/pmx_put_value_64.3 \
	man/pmx_quiet.3 \
	man/pmx_quiet_on_stream.3 \
	man/pmx_quiet_rank.3 \
	man/pmx_rank.3 \
	man/pmx_register.3 \
	man/pmx_signal_add.3 \
	man/pmx_signal_fetch.3 \
	man/pmx_signal_set.3 \
	man/pmx_signal_test.3 \
	man/pmx_signal_test_all.3 \
	man/pmx_signal_test_any.3 \
	man/pmx_signal_test_some.3 \
	man/pmx_signal_wait.3 \
	man/pmx_signal_wait_all.3 \
	man/pmx_signal_wait_any.3 \
	man/pmx_signal_wait_on_stream.3 \
	man/pmx_signal_wait_some.3 \
	man/pmx_size.3 \
	man/pmx_team_barrier.3 \
	man/pmx_team_free.3 \
	man/pmx_team_rank.3 \
	man/pmx_team_shrink.3 \
	man/pmx_team_size.3 \
	man/pmx_team_split_color.3 \
	man/pmx_team_split_strided.3 \
	man/pmx_team_sync.3 \
	man/pmx_team_translate.3 \
	man/pmx_team_world.3 \
	man/pmx_topology_query.3 \
	man/pmx_transport_query.3 \
	man/pmx_uid_create.3 \
	man/pmx_version.3 \
	man/pmx_wait_until.3 \
	man/pmx-environment.7 \
	man/pmx-errors.7 \
	man/pmx-fault-tolerance.7 \
	man/pmx-fortran.7 \
	man/pmx-gpu.7 \
	man/pmx-internals.7 \
	man/pmx-moe.7 \
	man/pmx-ordering.7 \
	man/pmx-shmem.7 \
	man/pmx-verbs.7 \
	man/pmx.7

dist_check_SCRIPTS += \
	tests/man/budget.test \
	tests/man/environment.test \
	tests/man/errors.test \
	tests/man/facts.test \
	tests/man/pages.test \
	tests/man/programs.test \
	tests/man/synopsis.test
TESTS += \
	tests/man/budget.test \
	tests/man/environment.test \
	tests/man/errors.test \
	tests/man/facts.test \
	tests/man/pages.test \
	tests/man/programs.test \
	tests/man/synopsis.test
EXTRA_DIST += man/update.sed man/fortran.sh README.md CONTRIBUTING.md

# Brings the list of pmx-environment(7) up to date with runtime/params.def, and the Fortran part of SYNOPSIS in section 3
# with api/calls.def.
.PHONY: update-man
update-man: tools/pmx_info
	$(AM_V_GEN)$(MKDIR_P) man && tools/pmx_info --params-roff >man/params.roff && \
	$(SED) -f $(top_srcdir)/man/update.sed $(top_srcdir)/man/pmx-environment.7 >man/new.7 && \
	mv man/new.7 $(top_srcdir)/man/pmx-environment.7 && \
	rm man/params.roff
	$(AM_V_at)for page in `grep -L '^\.so ' $(top_srcdir)/man/*.3`; do \
	  sh $(top_srcdir)/man/fortran.sh $(AWK) $(top_srcdir) $$page >man/new.3 && \
	  if cmp -s man/new.3 $$page; then rm man/new.3; else mv man/new.3 $$page; fi || exit 1; \
	done
