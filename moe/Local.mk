# SPDX-License-Identifier: BSD-3-Clause
libpmx_moe_core_la_SOURCES += \
	moe/activation.cc moe/activation.h \
	moe/agree.cc moe/agree.h \
	moe/bf16.h \
	moe/capacity.cc moe/capacity.h \
	moe/combine.cc moe/combine.h \
	moe/config.cc moe/config.h \
	moe/contexts.cc moe/contexts.h \
	moe/create.cc moe/create.h \
	moe/dispatch.cc \
	moe/error.h \
	moe/expert_map.cc moe/expert_map.h \
	moe/experts.cc \
	moe/forward.cc \
	moe/kernel.cc moe/kernel.h \
	moe/layer.cc moe/layer.h \
	moe/layout.cc moe/layout.h \
	moe/mlp.cc moe/mlp.h \
	moe/plan.cc moe/plan.h \
	moe/presets.cc moe/presets.def \
	moe/reference.cc moe/reference.h \
	moe/reference_router.cc \
	moe/router.cc moe/router.h \
	moe/schedule.cc moe/schedule.h \
	moe/shared.cc moe/shared.h \
	moe/tasks.cc moe/tasks.h \
	moe/versions.h \
	moe/weights.cc
# The loops over elements pay for full vectorising, which -O2 alone leaves out.
libpmx_moe_core_la_CXXFLAGS = $(AM_CXXFLAGS) $(VECTORIZE_CXXFLAGS)

# The kernel of a GPU.
if HAVE_NVCC
libpmx_moe_gpu_la_SOURCES += \
	moe/cuda/kernel.cu moe/cuda/kernel.h \
	moe/cuda/layer.cc moe/cuda/layer.h \
	moe/cuda/maps.cc moe/cuda/maps.h \
	moe/cuda/memory.h \
	moe/cuda/places.cu moe/cuda/places.h \
	moe/cuda/plan.cu moe/cuda/plan.h \
	moe/cuda/weights.cc
libpmx_moe_gpu_la_LIBADD = $(CUDA_LIBS)
else
libpmx_moe_gpu_la_SOURCES += moe/cuda/layer_none.cc
endif
moe_kernel_headers = moe/cuda/combine.h moe/cuda/move.h moe/cuda/multiply.h moe/cuda/pipe.h moe/cuda/produce.h moe/cuda/ptx.h \
	moe/cuda/queue.h moe/cuda/schedule.h moe/cuda/state.h moe/cuda/wgmma.h
EXTRA_DIST += $(moe_kernel_headers)
# nvcc's objects have no dependency files.
moe/cuda/kernel.lo moe/cuda/places.lo moe/cuda/plan.lo: $(kernel_headers) $(moe_kernel_headers) moe/cuda/kernel.h \
	moe/cuda/places.h moe/cuda/plan.h moe/config.h moe/expert_map.h moe/layout.h moe/plan.h include/pmx_cuda.h include/pmx_gpu.h include/pmx_moe.h
