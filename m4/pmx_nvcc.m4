dnl SPDX-License-Identifier: BSD-3-Clause
dnl PMX_NVCC: the compiler for kernels. Call it behind PMX_WITH([cuda]).
dnl
dnl Results: NVCC, NVCC_FLAGS (architectures and language), pmx_have_NVCC (yes|no), pmx_why_NVCC, conditional HAVE_NVCC.
dnl nvcc is that of --with-cuda=DIR, of the variable NVCC, of the PATH, or of /usr/local/cuda. Machine code is made for
dnl --with-nvcc-gencode; by default for those of 80, 90a and 100 that nvcc knows, and PTX of the last of them, which
dnl newer GPUs compile at start.
AC_DEFUN([PMX_NVCC], [
  AC_ARG_VAR([NVCC], [compiler for kernels])
  AC_ARG_WITH([nvcc-gencode],
    [AS_HELP_STRING([--with-nvcc-gencode=FLAGS], [options of nvcc that choose GPUs, such as "-gencode
      arch=compute_90a,code=sm_90a" @<:@sm_80, sm_90a, sm_100 and PTX, as far as nvcc knows them@:>@])],
    [], [with_nvcc_gencode=auto])
  pmx_have_NVCC=no
  AS_CASE([$with_cuda], [yes|auto|no], [pmx_nvcc_path=$PATH:/usr/local/cuda/bin], [pmx_nvcc_path=$with_cuda/bin])
  AS_IF([test $pmx_have_CUDA = no], [pmx_why_NVCC=$pmx_why_CUDA],
    [test -n "$SANITIZE_FLAGS"], [pmx_why_NVCC="the whole build has a sanitizer"],
    [
      AC_PATH_PROG([NVCC], [nvcc], [no], [$pmx_nvcc_path])
      dnl nvcc wants the compiler without ccache and the like before it.
      for pmx_word in $CXX; do
        AS_CASE([$pmx_word], [*ccache|*distcc], [], [break])
      done
      NVCC_FLAGS="$CXX20_FLAG -ccbin $pmx_word"
      AS_IF([test "$NVCC" = no], [pmx_why_NVCC="there is no nvcc in $pmx_nvcc_path"],
        [
          AS_CASE([$with_nvcc_gencode], [yes|no|''], [AC_MSG_ERROR([--with-nvcc-gencode needs options of nvcc])])
          AS_IF([test "$with_nvcc_gencode" = auto],
            [
              AC_MSG_CHECKING([which GPUs $NVCC compiles for])
              pmx_gencode= pmx_last=
              for pmx_arch in 80 90a 100; do
                AS_IF([PMX_NVCC_TRY([-gencode arch=compute_$pmx_arch,code=sm_$pmx_arch])],
                  [pmx_gencode="$pmx_gencode -gencode arch=compute_$pmx_arch,code=sm_$pmx_arch" pmx_last=$pmx_arch])
              done
              AS_CASE([$pmx_last], [''], [], [90a], [pmx_last=90])
              AS_IF([test -n "$pmx_last"], [pmx_gencode="$pmx_gencode -gencode arch=compute_$pmx_last,code=compute_$pmx_last"])
              AC_MSG_RESULT([${pmx_gencode:-none that pmx needs}])
            ],
            [pmx_gencode=$with_nvcc_gencode])
          AC_MSG_CHECKING([whether $NVCC compiles what kernels of pmx need])
          AS_IF([test -n "$pmx_gencode" && PMX_NVCC_TRY([$pmx_gencode])],
            [pmx_have_NVCC=yes
             pmx_why_NVCC="$NVCC`AS_ECHO(["$pmx_gencode"]) | $SED 's/-gencode *arch=[[^,]]*,code=/ /g; s/  */ /g'`"
             NVCC_FLAGS="$NVCC_FLAGS $pmx_gencode"],
            [pmx_why_NVCC="$NVCC does not compile C++20 with 16-byte stores for $pmx_gencode (config.log says why)"
             AS_IF([test "$with_nvcc_gencode" != auto],
               [AC_MSG_ERROR([--with-nvcc-gencode: $pmx_why_NVCC])])])
          AC_MSG_RESULT([$pmx_have_NVCC])
        ])
    ])
  AC_SUBST([NVCC_FLAGS])
  AM_CONDITIONAL([HAVE_NVCC], [test $pmx_have_NVCC = yes])
])

dnl PMX_NVCC_TRY(GENCODE): a shell condition, whether a kernel with the newest instruction of pmx_ptx.h compiles.
AC_DEFUN([PMX_NVCC_TRY], [{
  cat >conftest.cu <<_ACEOF
template <typename T> concept Word = sizeof(T) == 8;
template <Word T> __global__ void kernel(T *p, T low, T high)
{
    asm volatile("{ .reg .b128 v; mov.b128 v, {%1, %2}; st.relaxed.sys.b128 @<:@%0@:>@, v; }" :: "l"(p), "l"(low), "l"(high));
}
template __global__ void kernel(unsigned long long *, unsigned long long, unsigned long long);
_ACEOF
  AS_ECHO(["$NVCC $NVCC_FLAGS $1 -c conftest.cu"]) >&AS_MESSAGE_LOG_FD
  $NVCC $NVCC_FLAGS $1 -c conftest.cu -o conftest.$ac_objext >&AS_MESSAGE_LOG_FD 2>&1
}])
