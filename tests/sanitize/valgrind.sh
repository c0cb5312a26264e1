# SPDX-License-Identifier: BSD-3-Clause
# make check-valgrind: the programs among TEST... under valgrind's memcheck: no wrong address, no use of what was never
# written, nothing lost.
. "${top_srcdir:?run by make check-valgrind}/tests/lib.sh" || exit 99
need valgrind
grep -q '^SANITIZE_FLAGS = *-' "$build/Makefile" && skip "the build has a sanitizer"
# One thread at a time, and some fifty times slower: fewer cases of each property.
export RC_PARAMS=max_success=5
n_run=0 n_bad=0
for name in "$@"; do
    case $name in
    *.test | *_tsan) continue ;;
    esac
    [ -x "$build/$name" ] || continue
    status=0
    (cd "$build" && timeout -k 5 "${PMX_TEST_LIMIT_S:-600}" "$BASH" "$build/libtool" --mode=execute valgrind -q --fair-sched=yes \
        --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite \
        "$build/$name") >"$scratch/said" 2>&1 || status=$?
    n_run=$((n_run + 1))
    case $status in
    0) echo "PASS $name" ;;
    77) echo "SKIP $name" ;;
    *)
        echo "FAIL $name: status $status"
        grep -E '^==|FAILED' "$scratch/said" | head -n 60
        n_bad=$((n_bad + 1))
        ;;
    esac
done
[ "$n_run" -gt 0 ] || skip "no unit test is built"
[ "$n_bad" -eq 0 ] || fail "$n_bad of $n_run programs"
echo "$n_run programs"
