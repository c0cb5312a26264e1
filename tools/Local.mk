# SPDX-License-Identifier: BSD-3-Clause
# The tools. pmx_info reaches into the library, so it carries its own copy; pmx_moe uses what is installed.

if HAVE_CLI11
bin_PROGRAMS += tools/pmx_info
tools_pmx_info_SOURCES = \
	tools/info_sections.cc tools/info_sections.h \
	tools/info_watch.cc tools/info_watch.h \
	tools/launcher.cc tools/launcher.h \
	tools/pmx_info.cc
# Flags of its own give its copy of launcher.o a name of its own.
tools_pmx_info_CXXFLAGS = $(AM_CXXFLAGS)
tools_pmx_info_LDADD = libpmxcore.la

# pmx_perf drives the engine and libfabric by itself, so it carries its own copy, too.
bin_PROGRAMS += tools/pmx_perf
tools_pmx_perf_SOURCES = \
	tools/command_line.h \
	tools/gather.cc tools/gather.h \
	tools/launcher.cc tools/launcher.h \
	tools/perf_bodies.h \
	tools/perf_engine.cc tools/perf_engine.h \
	tools/perf_fan.cc tools/perf_fan.h \
	tools/perf_job.cc tools/perf_job.h \
	tools/perf_job_rows.cc \
	tools/perf_kernels.cc tools/perf_kernels.h \
	tools/perf_machine.h \
	tools/perf_null_transport.h \
	tools/perf_ops.cc tools/perf_ops.h \
	tools/perf_options.cc tools/perf_options.h \
	tools/perf_path.cc tools/perf_path.h \
	tools/perf_rate.cc tools/perf_rate.h \
	tools/perf_report.cc tools/perf_report.h \
	tools/perf_run.h \
	tools/perf_soft.cc \
	tools/perf_tables.cc \
	tools/progress.cc tools/progress.h \
	tools/pmx_perf.cc
if HAVE_LIBFABRIC
tools_pmx_perf_SOURCES += tools/perf_raw.cc
else
tools_pmx_perf_SOURCES += tools/perf_raw_none.cc
endif
if HAVE_NVCC
tools_pmx_perf_SOURCES += tools/perf_gpu.cu
else
tools_pmx_perf_SOURCES += tools/perf_gpu_none.cc
endif
tools/perf_gpu.o: $(kernel_headers) include/pmx_cuda.h include/pmx_gpu.h tools/perf_bodies.h tools/perf_machine.h \
	tools/perf_run.h
tools_pmx_perf_CXXFLAGS = $(AM_CXXFLAGS)
tools_pmx_perf_LDADD = libpmxcore.la

# So does pmx_sim: engines and software NICs.
bin_PROGRAMS += tools/pmx_sim
tools_pmx_sim_SOURCES = \
	tools/command_line.h \
	tools/launcher.cc tools/launcher.h \
	tools/numeric.h \
	tools/pmx_sim.cc \
	tools/progress.cc tools/progress.h \
	tools/shape.cc tools/shape.h \
	tools/sim_cluster.cc tools/sim_cluster.h \
	tools/sim_fan.cc \
	tools/sim_moe.cc \
	tools/sim_options.cc tools/sim_options.h \
	tools/sim_paper.cc tools/sim_paper.h \
	tools/sim_report.cc tools/sim_report.h \
	tools/sim_result.cc tools/sim_result.h \
	tools/strict_json.cc tools/strict_json.h
tools_pmx_sim_CXXFLAGS = $(AM_CXXFLAGS)
tools_pmx_sim_LDADD = libpmxcore.la

if HAVE_OPENBLAS
# What pmx_moe is made of, for its tests too.
noinst_LTLIBRARIES += libpmxtools.la
libpmxtools_la_SOURCES = \
	tools/checkpoint.cc tools/checkpoint.h \
	tools/checkpoint_config.cc tools/checkpoint_config.h \
	tools/command_line.h \
	tools/gather.cc tools/gather.h \
	tools/generator.cc tools/generator.h \
	tools/launcher.cc tools/launcher.h \
	tools/mapped_file.cc tools/mapped_file.h \
	tools/moe_check.cc tools/moe_check.h \
	tools/moe_device.h \
	tools/moe_host.cc \
	tools/moe_inputs.cc tools/moe_inputs.h \
	tools/moe_job.cc tools/moe_job.h \
	tools/moe_measure.cc \
	tools/moe_options.cc tools/moe_options.h \
	tools/moe_report.cc tools/moe_report.h \
	tools/model.cc tools/model.h \
	tools/npy.cc tools/npy.h \
	tools/numeric.h \
	tools/progress.cc tools/progress.h \
	tools/safetensors.cc tools/safetensors.h \
	tools/shape.cc tools/shape.h \
	tools/stored_matrix.cc tools/stored_matrix.h \
	tools/strict_json.cc tools/strict_json.h \
	tools/weights.cc tools/weights.h
libpmxtools_la_LIBADD = libpmx_moe.la libpmx.la
if HAVE_NVCC
libpmxtools_la_SOURCES += tools/moe_gpu.cc
libpmxtools_la_LIBADD += $(CUDA_LIBS)
else
libpmxtools_la_SOURCES += tools/moe_gpu_none.cc
endif

bin_PROGRAMS += tools/pmx_moe
tools_pmx_moe_SOURCES = tools/pmx_moe.cc
tools_pmx_moe_LDADD = libpmxtools.la libpmx_moe.la libpmx.la
endif
endif
