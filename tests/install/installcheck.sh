#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make installcheck: programs in C, C++ and Fortran are built outside of the tree with what pkg-config says of the
# installed pmx, and run as one rank; tools and man pages are where they belong.
. "${top_srcdir:?run make installcheck}/tests/lib.sh"
need pkg-config

root=${DESTDIR-}
export PKG_CONFIG_PATH="$root$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
if [ -n "$root" ]; then export PKG_CONFIG_SYSROOT_DIR=$root; fi
export LD_LIBRARY_PATH="$root$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
cd "$scratch" || exit 99

# build_with PROGRAM SOURCE MODULE COMPILER...
build_with() {
    local program=$1 text=$2 module=$3 flags
    shift 3
    flags=$(pkg-config --cflags --libs "$module") || fail "pkg-config does not find the installed $module"
    # shellcheck disable=SC2086  # flags
    "$@" -Wall -Wextra $SANITIZE_FLAGS -o "$program" "$source/tests/install/$text" $flags -pthread ||
        fail "$text does not build with: $flags"
}
# says TEXT COMMAND...: the command succeeds and prints exactly TEXT
says() {
    local want=$1 got status
    shift
    got=$(timeout -k 5 60 "$@")
    status=$?
    [ "$status" -eq 0 ] || fail "$* ended with $status"
    [ "$got" = "$want" ] || fail "$* printed '$got', not '$want'"
    echo "$got"
}

[ "$(pkg-config --modversion pmx)" = "$VERSION" ] || fail "pmx.pc does not say $VERSION"
# shellcheck disable=SC2086  # a compiler with arguments
build_with hello_c hello.c pmx $CC -std=c11
# shellcheck disable=SC2086
build_with hello_cxx hello.cc pmx $CXX -std=c++20
says "pmx $VERSION rank 0 of 1 saw 3" ./hello_c
says "3 blocks added 3" ./hello_cxx

# shellcheck disable=SC2086
build_with hello_shmem hello_shmem.c pmx-shmem $CC -std=c11
says "OpenSHMEM 1.5, PE 0 of 1 saw 3" ./hello_shmem

if [ -e "$root$libdir/pkgconfig/pmx-fortran.pc" ]; then
    # shellcheck disable=SC2086
    build_with hello_f hello.f90 pmx-fortran $FC
    says "pmx $VERSION rank 0 of 1 saw 3" ./hello_f
    [ -s "$root$includedir/pmx.f90" ] || fail "the source of module pmx is not installed"
fi

if [ -e "$root$libdir/pkgconfig/pmx-moe.pc" ]; then
    # shellcheck disable=SC2086
    build_with shape shape.c pmx-moe $CC -std=c11
    says "4 ranks 0, 3 ranks -1, heap some" ./shape
fi

for tool in $bin_PROGRAMS; do
    "$root$bindir/${tool##*/}" --version >version || fail "installed ${tool##*/} --version failed"
    grep -qF "$VERSION" version || fail "installed ${tool##*/} --version says: $(cat version)"
done

n_pages=0
for page in $man_MANS; do
    page=${page##*/}
    installed=$root$mandir/man${page##*.}/$page
    [ -s "$installed" ] || fail "there is no man page $installed"
    if command -v mandoc >/dev/null; then
        (cd "$root$mandir" && mandoc -T ascii "$installed") >text 2>&1 || fail "mandoc cannot read $installed"
        [ -s text ] || fail "$installed is empty"
    fi
    n_pages=$((n_pages + 1))
done
echo "installed pmx $VERSION works: $n_pages man pages, tools: ${bin_PROGRAMS:-none}"
