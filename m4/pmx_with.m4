dnl SPDX-License-Identifier: BSD-3-Clause
dnl The one way in which configure looks for a package.
dnl
dnl PMX_WITH(NAME, VAR, MODULES, HEADER, LIBS, PROGRAM, DEFAULT, GIVES, [FALLBACK])
dnl
dnl   NAME      of --with-NAME[=yes|no|auto|DIR]
dnl   VAR       VAR_CFLAGS and VAR_LIBS are set; given by the caller, they are used as they are
dnl   MODULES   pkg-config modules, tried in order, one must do
dnl   HEADER    must be in DIR/include when DIR is given
dnl   LIBS      linker flags when pkg-config knows no such module
dnl   PROGRAM   C++ source that must compile and link
dnl   DEFAULT   auto: off when missing; yes: pmx cannot do without it
dnl   GIVES     what the package is good for, for --help and the table
dnl   FALLBACK  shell code that may set pmx_cflags and pmx_libs when pkg-config knows no such module
dnl
dnl Results: pmx_have_VAR (yes|no), pmx_why_VAR (where it was found or why it is off), conditional
dnl HAVE_VAR, and HAVE_VAR in config.h. What was asked for and is not there ends configure.
AC_DEFUN([PMX_WITH], [
  AC_REQUIRE([PKG_PROG_PKG_CONFIG])
  AC_ARG_WITH([$1],
    [AS_HELP_STRING([--with-$1@<:@=yes|no|auto|DIR@:>@], [$8 @<:@$7@:>@])],
    [], [with_[]AS_TR_SH([$1])=$7])
  AC_ARG_VAR([$2][_CFLAGS], [compiler flags for $1, instead of those of pkg-config])
  AC_ARG_VAR([$2][_LIBS], [linker flags for $1, instead of those of pkg-config])
  AS_VAR_COPY([pmx_asked], [with_]AS_TR_SH([$1]))
  pmx_have_$2=no
  AS_CASE([$pmx_asked],
    [no], [m4_if([$7], [yes],
             [AC_MSG_ERROR([pmx cannot do without $1 ($8)])],
             [pmx_why_$2="switched off with --without-$1"])],
    [
      AC_MSG_CHECKING([for $1])
      pmx_dir=
      AS_CASE([$pmx_asked], [yes|auto], [], [pmx_dir=$pmx_asked])
      pmx_cflags= pmx_libs="$5" pmx_from="the compiler's own paths" pmx_bad=
      AS_IF([test -n "$$2[]_CFLAGS$$2[]_LIBS"],
        [pmx_cflags=$$2[]_CFLAGS pmx_libs=$$2[]_LIBS pmx_from="$2[]_CFLAGS and $2[]_LIBS"],
        [test -n "$pmx_dir" && test ! -d "$pmx_dir"],
        [pmx_bad="there is no directory $pmx_dir"],
        [
          AS_IF([test -n "$pmx_dir"],
            [pmx_libdir=$pmx_dir/lib
             for pmx_try in "$pmx_dir/lib64" "$pmx_dir/lib/`$CC -print-multiarch 2>/dev/null`" "$pmx_dir/lib"; do
               AS_IF([ls "$pmx_try"/*.so "$pmx_try"/*.a >/dev/null 2>&1], [pmx_libdir=$pmx_try])
             done
             pmx_pc="env PKG_CONFIG_LIBDIR=$pmx_dir/lib/pkgconfig:$pmx_dir/lib64/pkgconfig:$pmx_libdir/pkgconfig:$pmx_dir/share/pkgconfig $PKG_CONFIG"],
            [pmx_pc=$PKG_CONFIG])
          pmx_found=no
          for pmx_module in $3; do
            AS_IF([test -n "$PKG_CONFIG" && test $pmx_found = no && $pmx_pc --exists $pmx_module 2>/dev/null],
              [pmx_found=yes
               pmx_cflags=`$pmx_pc --cflags $pmx_module`
               pmx_libs=`$pmx_pc --libs $pmx_module`
               pmx_from="$pmx_module `$pmx_pc --modversion $pmx_module`"])
          done
          AS_IF([test $pmx_found = no],
            [$9
             AS_IF([test -n "$pmx_dir" && test -z "$pmx_cflags"],
               [AS_IF([test -f "$pmx_dir/include/$4"],
                  [pmx_cflags="-I$pmx_dir/include"
                   AS_IF([test -n "$pmx_libs"], [pmx_libs="-L$pmx_libdir -Wl,-rpath,$pmx_libdir $pmx_libs"])
                   pmx_from=$pmx_dir],
                  [pmx_bad="there is no $4 in $pmx_dir/include"])])])
        ])
      AS_IF([test -z "$pmx_bad"],
        [pmx_save_CPPFLAGS=$CPPFLAGS pmx_save_LIBS=$LIBS
         CPPFLAGS="$pmx_cflags $CPPFLAGS" LIBS="$pmx_libs $LIBS"
         AC_LINK_IFELSE([AC_LANG_SOURCE([$6])],
           [pmx_have_$2=yes],
           [pmx_bad="a program with <$4> does not compile and link (config.log says why)"])
         CPPFLAGS=$pmx_save_CPPFLAGS LIBS=$pmx_save_LIBS])
      AS_IF([test $pmx_have_$2 = yes],
        [$2[]_CFLAGS=$pmx_cflags $2[]_LIBS=$pmx_libs pmx_why_$2=$pmx_from
         AC_DEFINE([HAVE_$2], [1], [Define to 1 if $1 is used.])
         AC_MSG_RESULT([yes ($pmx_from)])],
        [pmx_why_$2=$pmx_bad
         AC_MSG_RESULT([no: $pmx_bad])
         AS_IF([test "$pmx_asked" != auto],
           [AC_MSG_ERROR([$1 ($8) cannot be used: $pmx_bad. Install it, name its place with --with-$1=DIR[]m4_if([$7], [yes], [], [, or say --without-$1])])])])
    ])
  AM_CONDITIONAL([HAVE_$2], [test $pmx_have_$2 = yes])
])
