dnl SPDX-License-Identifier: BSD-3-Clause
dnl PMX_FORTRAN: the compiler for the Fortran modules. Call it behind AC_PROG_FC.
dnl
dnl Results: FC, FC_MODINC and FC_MODOUT (flags for the folder of modules), pmx_have_FORTRAN (yes|no), pmx_why_FORTRAN,
dnl conditional HAVE_FORTRAN. It must know assumed rank (Fortran 2018). What was asked for and is not there ends configure.
AC_DEFUN([PMX_FORTRAN], [
  AC_ARG_ENABLE([fortran], [AS_HELP_STRING([--enable-fortran], [Fortran modules @<:@auto@:>@])], [],
    [enable_fortran=auto])
  AS_CASE([$enable_fortran], [yes|no|auto], [],
    [AC_MSG_ERROR([--enable-fortran=$enable_fortran: must be yes, no or auto])])
  pmx_have_FORTRAN=no FC_MODINC= FC_MODOUT=
  AS_IF([test $enable_fortran = no], [pmx_why_FORTRAN="switched off with --disable-fortran"],
    [test -z "$FC"], [pmx_why_FORTRAN="there is no Fortran compiler"],
    [
      AC_LANG_PUSH([Fortran])
      AC_FC_SRCEXT([f90], [], [:])
      AC_FC_MODULE_FLAG([], [:])
      AC_FC_MODULE_OUTPUT_FLAG([], [:])
      AC_MSG_CHECKING([whether $FC knows assumed rank])
      AC_LINK_IFELSE([[
      module pmx_conftest
        use, intrinsic :: iso_c_binding
        implicit none
      contains
        subroutine address(buffer, address_out)
          type(*), dimension(..), target, asynchronous, intent(in) :: buffer
          type(c_ptr), intent(out) :: address_out
          if (is_contiguous(buffer)) address_out = c_loc(buffer)
        end subroutine
      end module
      program main
        use pmx_conftest
        implicit none
        integer(c_int64_t) :: words(4)
        type(c_ptr) :: here
        call address(words, here)
        call address(words(2), here)
      end program
      ]],
        [pmx_have_FORTRAN=yes pmx_why_FORTRAN=$FC],
        [pmx_why_FORTRAN="$FC does not compile assumed rank (config.log says why)"])
      rm -f pmx_conftest.mod
      AC_MSG_RESULT([$pmx_have_FORTRAN])
      AC_LANG_POP([Fortran])
      AS_IF([test $pmx_have_FORTRAN = yes && test -z "$FC_MODINC$FC_MODOUT"],
        [pmx_have_FORTRAN=no pmx_why_FORTRAN="$FC has no flag for the folder of modules"])
    ])
  AS_IF([test $enable_fortran = yes && test $pmx_have_FORTRAN = no],
    [AC_MSG_ERROR([--enable-fortran: $pmx_why_FORTRAN])])
  AM_CONDITIONAL([HAVE_FORTRAN], [test $pmx_have_FORTRAN = yes])
])
